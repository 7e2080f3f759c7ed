//! Blobs by their hash: plain files in a folder.
//!
//! A blob with the hash `abcd…` is the file `ab/cd…`. Of one that is longer than a chunk there is a sidecar
//! `digests/ab/cd…` with the digests of its chunks; it may be removed at any time and is made again.
//!
//! # Invariants
//!
//! * A blob that is visible is whole, is on stable storage and had its hash when it was stored.
//! * Nothing is called stored before that.
//! * No byte is given out that was not compared with the blob's hash since it came from the disk: once, when its chunk
//!   enters the memory, and not on every read.
//! * A folder has one owner at a time.
//!
//! It does not know who may store or read, what a blob is for, or whether anybody still needs it.

mod blob;
mod cache;
mod digests;
mod error;
mod fill;
mod flights;
mod listing;
mod sieve;
mod store;
mod upload;
mod verify;

pub use blob::Blob;
pub use digests::CHUNK_BYTES;
pub use error::{OpenError, PutError, ReadError};
pub use listing::Listed;
pub use store::{Blobs, Limits};
pub use upload::{Stored, Upload};
pub use verify::Verdict;
