//! A resumable upload, as tus 1.0 has it (tus.io, protocol 1.0.0: core, creation, creation-defer-length, checksum,
//! expiration, termination).
//!
//! [`Upload`] is one of them, from its creation until its bytes are a blob or it is forgotten. The shell writes what
//! comes to a staged file, hashes, and keeps [`Snapshot`] beside it; after a restart it goes on from there.
//!
//! # Invariants
//! The offset only grows, never beyond the length, and counts only bytes that the shell said are on stable storage.
//! A chunk with a checksum counts as a whole and only when it has that checksum; of a chunk without one, what arrived
//! before a break counts.
//! One appender at a time: whoever has the newest [`Turn`]. A turn that says nothing for `turn_for` may be taken over,
//! and then nothing that comes by it counts.
//! When all bytes are there, they are to be finished once ([`Upload::poll_finish`]), and again only after that failed
//! or the process died; after it was stored nothing changes any more.
//! An upload that nobody appends to expires, but not while somebody has a turn or it is being finished.
//!
//! Times are [`SlowTime`](crate::clock::SlowTime), so that a clock that jumps never ends an upload early.
//! It does not know hashes, files or HTTP.

mod append;
mod checksum;
mod header;
mod length;
mod machine;
mod metadata;
mod snapshot;

pub use append::{Append, AppendError, EndError, Ended, Fenced, Progress, TookError, Turn};
pub use checksum::{Algorithm, Checksum, ChecksumError};
pub use header::{HeaderError, number};
pub use length::{CreateError, Creation, Length, Limits};
pub use machine::{Finish, Phase, TerminateError, Upload};
pub use metadata::{Metadata, MetadataError};
pub use snapshot::{RestoreError, Snapshot, SnapshotPhase};

#[cfg(test)]
mod tests;
