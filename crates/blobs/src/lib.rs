//! Blobs by their hash: plain files in a folder.
//!
//! A blob with the hash `abcd…` is the file `ab/cd…`.
//!
//! # Invariants
//!
//! * A blob that is visible is whole, is on stable storage and had its hash when it was stored.
//! * Nothing is called stored before that.
//! * A folder has one owner at a time.
//!
//! It does not know who may store or read, what a blob is for, or whether anybody still needs it.

mod blob;
mod error;
mod listing;
mod store;
mod upload;
mod verify;

pub use blob::Blob;
pub use error::{OpenError, PutError, ReadError};
pub use listing::Listed;
pub use store::{Blobs, Limits};
pub use upload::{Stored, Upload};
pub use verify::Verdict;
