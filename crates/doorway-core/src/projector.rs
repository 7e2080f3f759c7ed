//! How the records of many chains become the projection: what to fetch, what to store, whom to stop following.
//!
//! [`Projector`] is the machine, [`merge()`] is the decision that the store takes inside its own transaction.
//! What is true is in two places only: the chains, which [`Output::Fetch`] reads, and the store's cursors, which each
//! [`Batch`] names before and after. Nudges are hints and may all be lost.
//!
//! # Invariants
//! Every record of a followed chain reaches the store exactly once, in the order of its chain, whatever the order of
//! nudges, pages and completions; a process that dies anywhere goes on from the store's cursors.
//! A record is in a batch only when the whole chain before it was verified.
//! Per agent there is at most one fetch and at most one batch in flight.
//!
//! It does not know how pages travel, what a store is made of, or who may read what it stores.

mod batch;
mod machine;
mod merge;
mod page;
mod step;
mod terms;

pub use batch::{BULK_RECORDS_MIN, Batch, Change, Cursor, Skip, Version};
pub use machine::Projector;
pub use merge::{Known, Merge, merge};
pub use terms::{FetchFault, Fetched, Input, Limits, Output, Report, Stall};
