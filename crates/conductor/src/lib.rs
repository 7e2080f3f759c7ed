//! Hosts source chains: the contract of every engine, and the embedded engine.
//!
//! [`Conductor`] is what the layers above know. [`Embedded`] keeps chains in one SQLite file, in Holochain's own
//! format. Readers of chains follow two sources: nudges, which may be lost, and [`Conductor::chain`], which is the truth.
//!
//! # Invariants
//! * A record is stored only after the whole link from the record before it was verified, and is never changed.
//! * There is one record for each place of a chain; the database's key makes a second one impossible.
//! * An action is on stable storage before its signer sees it, so that a crash can neither brick a chain nor fork it.
//!
//! It does not know what a kind of content means, who may see it, or where keys are kept.

pub mod conformance;
mod contract;
mod embedded;
mod fault;
mod id;
pub mod protocol;
pub mod remote;
pub mod server;
mod socket;
pub mod wire;

pub use contract::{
    Capabilities, ChainPage, Conductor, Custody, DnaUse, Erasure, Health, Hosted, Nudge, Origin,
    Provision, Remnant, Reply, SignedCall, State,
};
pub use embedded::{Config, Embedded, Limits};
pub use fault::{CallFault, Fault, OpenError};
pub use id::{AppId, CellId, ConductorId, MalformedId};
