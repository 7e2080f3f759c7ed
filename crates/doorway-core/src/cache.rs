//! The hot cache: answers that everybody may see, kept in memory until something that they show changes, and the
//! readers who wait for answers that are being made.
//!
//! [`Cache`] is the machine; [`Cache::hit`] is its short way for answers that are here.
//!
//! # Invariants
//! Only what is [`Shared`] is kept, and that mark is made of [`Reach::Commons`](base::Reach::Commons) alone; so the
//! cache answers the questions of anonymous readers and no others.
//! Nobody gets an answer that was begun before a change of what it shows and after whose change they asked, neither
//! fresh nor stale; nor is such an answer kept.
//! Per question one answer is made at a time. The exceptions are answers that take longer than
//! [`Limits::fill_time_max`], and questions whose answers cannot be kept.
//! Every reader who waits is answered within [`Limits::wait_max`], whatever happens to whom they wait for.
//! Entries, bytes, readers and answers in the making stay within [`Limits`].
//! Time flows forward only: when the clock goes back, no time has passed.
//!
//! Which entry makes room is decided by SIEVE: Zhang, Yang, Yue, Vigfusson, Rashmi, "SIEVE is Simpler than LRU: an
//! Efficient Turn-Key Eviction Algorithm for Web Caches", NSDI 2024. A hit sets one bit and moves nothing.
//! Questions come from strangers, so they are hashed with a secret key: SipHash-1-3, Aumasson and Bernstein 2012.
//! The order of the hash table is never seen.
//!
//! It does not know what answers are made of, and makes none.

mod changes;
mod machine;
mod sieve;
mod table;
mod terms;

pub use machine::{Cache, Hit};
pub use terms::{
    Answer, EntryId, FillId, Freshness, Hashed, Input, Key, KeyRef, Limits, Outcome, Output,
    Purpose, ReaderId, Seeds, Shared, Tag, Tally,
};

#[cfg(test)]
mod tests;
