//! Canonical bytes: formats that are written to disks and sent between programs, as pure codecs.
//!
//! # Invariants
//!
//! * One value has one encoding, and a decoder takes no other.
//! * A decoder bounds every length before it believes it, and never panics, whatever the bytes are.
//! * Every format carries a version; bytes of a newer version are told apart from damaged ones.
//!
//! It does no I/O, draws no randomness and reads no clock, so that a browser can write the same bytes.

pub mod blobs;
pub mod folder;
pub mod segment;
