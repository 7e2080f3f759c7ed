//! The storage service: blobs over HTTP, for those who may.
//!
//! It gives the face its routes and its tasks; the face owns the listener and opens the engine.
//!
//! # Invariants
//!
//! * Nothing is acknowledged before it is on stable storage, and no answer names a tier that was not reached.
//! * What one may not see is answered like what is not there: 404.
//! * A request that fails leaves no part of a blob visible and gives back the room that it took.
//! * The path of a small blob waits for nothing but the log: no file, no database, no other thread of this crate.
//!
//! It does not know where blobs lie (`blobs` does) and who is a member ([`Authority`] does).

mod authority;
mod collecting;
mod config;
mod metrics;
mod permits;
mod replace;
mod routes;
mod service;
mod sse;
mod tending;
mod uploads;
mod writers;

pub use authority::{Admittance, Authority};
pub use config::Config;
pub use metrics::{RequestKind, RequestOutcome, StorageMetrics};
pub use service::{Engines, Storage};
pub use tending::watch;
pub use writers::Writers;
