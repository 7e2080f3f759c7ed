//! Keeps members' keys for them, and signs with them what may be signed, and nothing else.
//!
//! A key lies on the disk sealed under what the person has and what the server has; both are needed to open it.
//! An unlocked key lies in locked memory, for an hour at most.
//! Before something is signed, it is written to a log and synced: so of one place in a chain one action is signed, for
//! ever, and whoever owns the key can read what was signed.
//!
//! # Invariants
//! * No schedule of crashes, lost replies and repeated questions makes the vault sign two actions of one agent with one
//!   sequence number. Asked for the same action again, it gives the same signature.
//! * It signs only what it parsed: actions that continue the agent's chain, grants, and answers to challenges.
//! * Put back from a backup, or copied, it signs nothing until it was told what was signed last.
//! * Seeds are wiped from memory when a key is locked, and are never printed, logged or sent anywhere.

mod arena;
mod body;
pub mod bundle;
pub mod core;
pub mod envelope;
mod error;
mod harden;
pub mod history;
mod keeper;
pub mod paper;
pub mod password;
pub mod request;
mod server_key;
mod signer;
pub mod socket;
mod state;
mod store;

pub use envelope::{NewSlot, Secret, ServerKey};
pub use error::{ChangeError, HistoryError, OpenError, ServerKeyError, SignError, UnlockError};
pub use harden::harden;
pub use request::Request;
pub use server_key::{CREDENTIAL, FILE};
pub use signer::HostedSigner;
pub use store::{Config, Enrolled, Listed, ListedSlot, Stat, ToldHead, Vault};
