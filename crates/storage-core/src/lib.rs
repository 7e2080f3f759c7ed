//! What a blob store decides: names, what is garbage, who may store how much, what to compact and to check,
//! how far a blob is safe, how an upload goes on, and what a folder is.
//!
//! Invariant: no I/O, no clock, no randomness; the same inputs give the same outputs in the same order.
//! The engine reads, writes and hashes; it takes no decision of its own.

pub mod access;
pub mod clock;
pub mod compaction;
pub mod folder;
pub mod gc;
pub mod namespace;
pub mod quota;
pub mod scrub;
pub mod tag;
pub mod tier;
pub mod upload;

mod name;
mod sum;

pub use sum::Sum;
