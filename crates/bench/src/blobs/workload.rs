//! The workloads, in files that the harness of the peers includes as they are: the same loops over every store.
//!
//! The clients make their content themselves, random and incompressible, and wait for each acknowledgement before they
//! go on. One process runs one workload over one store in one folder and prints one JSON line.

mod arguments;
mod content;
mod peer;
mod work;

pub(super) use arguments::Arguments;
pub(super) use content::Content;
pub(super) use peer::{Counters, Id, Peer};
pub(super) use work::run;
