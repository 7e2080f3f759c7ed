//! A vault behind a Unix socket: calls and replies as bytes, the server and the client.
//!
//! A connection begins with the eight bytes `CHVAULT` and a version from the client.
//! Then calls and replies take turns; each is a length of four bytes, little endian, and as many bytes.
//!
//! # Invariants
//! The server looks at who stands at the other end before it reads anything, and talks to its own user and those that
//! it was told of alone. It opens no network, and no length is believed before it was compared with its limit.

mod call;
mod client;
mod codec;
mod server;

pub use call::{ACTIONS_MAX, Call, Reply};
pub use client::Remote;
pub use server::{Admitted, Limits, serve};

/// What a client sends first: the name of the protocol and its version.
const HELLO: &[u8; 8] = b"CHVAULT\x01";

/// Most bytes of a call or a reply.
const FRAME_BYTES_MAX: usize = 512 * 1_024;
