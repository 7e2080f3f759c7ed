//! Who writes the projection: one process at a time, whatever clocks and networks do.
//!
//! [`Lease`] is the machine that each process runs which wants to write; [`GrantTable`] is what the store decides, as a
//! pure fold that every store's own implementation must equal.
//!
//! A grant has an [`Epoch`], a number that grows whenever somebody else gets the grant or it had run out. Every write
//! names the epoch of its writer, and the store refuses it when that is not the current one, in the same transaction.
//! So safety never depends on a clock: a process that was asleep for an hour may believe what it likes, its writes are
//! refused. Clocks decide only how soon a dead writer is replaced, and how soon one stops that has lost the grant.
//!
//! # Invariants
//! The epochs of the writes that a store takes never decrease, and at any time it takes those of one epoch alone.
//! An epoch belongs to one [`HolderId`] for ever.
//! A machine stops by its own estimate before the store lets the grant run out, as long as its clock runs as fast as
//! the store's; it counts from before the request was sent.
//! Whoever has lost the grant goes on asking for it.
//!
//! It does not know what is written, nor what a store is made of.

mod grant;
mod machine;
mod terms;

pub use grant::{GrantTable, Reply, Request};
pub use machine::Lease;
pub use terms::{Call, Epoch, HolderId, Input, Limits, Output, State, Stop};

#[cfg(test)]
mod tests;
