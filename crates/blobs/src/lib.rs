//! Blobs by their hash: a log of records is the truth, an index is derived from it, large blobs are files.
//!
//! `log/` holds the segments of the log, `large/ab/abcd…` the blobs of more than 1 MiB with the lists of their groups,
//! `index.redb` what was derived, `tmp/` what is on its way in, `damaged/` what is no longer used, and `format` the
//! version of all this.
//!
//! # Invariants
//!
//! * A blob that is visible is whole, is on stable storage and had its hash when it was stored.
//! * Nothing is called stored before that.
//! * No byte is given out that was not compared with the blob's hash since it came from the disk: once, when its chunk
//!   enters the memory, and not on every read.
//! * A blob is visible in the namespaces that it was put into, and in no other.
//! * Without the index the log gives the same answers.
//! * A folder has one owner at a time.
//!
//! It does not know who may store or read, what a blob is for, or whether anybody still needs it.

mod blob;
mod collect;
mod compact;
mod damage;
mod fill;
mod listing;
mod names;
mod open;
mod scrub;
mod store;
mod tally;
mod tiers;
mod upload;
mod usage;
mod verify;

mod cache;
mod checkpoint;
mod core;
mod draft;
mod error;
mod files;
mod flights;
mod groups;
mod index;
mod known;
mod layers;
mod pieces;
mod rows;
#[cfg(test)]
mod scratch;
mod sieve;
mod space;
mod view;
mod writer;

pub use blob::Blob;
pub use collect::{GcError, GcOptions};
pub use compact::{CompactError, Compacted};
pub use disk::log::OnCorruption;
pub use error::{OpenError, PutError, ReadError, WriteError, cause_of};
pub use index::IndexError;
pub use listing::{Graded, Listed};
pub use names::{HAVE_MAX, Tagged};
pub use scrub::{ScrubOptions, Scrubbed};
pub use store::{Blobs, Limits, Opening};
pub use tally::Tally;
pub use tiers::{Lease, Queued, Ready, Status};
pub use upload::{Ack, Put, Stored, Upload};
pub use verify::Verdict;

/// How many bytes are read, checked and kept at once.
pub const CHUNK_BYTES: usize = 256 * 1_024;
