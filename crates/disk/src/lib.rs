//! Files that hold state: opened, written and synced here and nowhere else.
//!
//! Exceptions are databases, which open their own files, and folders that a person publishes, which are only read.
//!
//! # Invariants
//!
//! * A file that is visible under its name is whole: it was written under another name, synced and renamed, and the
//!   folder was synced before the caller was told. Files that can be made again are not synced
//!   ([`Folder::write_derived`]).
//! * A temporary file that nobody writes any more is gone after the next [`Folder::open`].
//! * Every read has a limit.
//!
//! It does not know what the bytes mean, and it blocks: call it from a thread that may wait.
#![allow(
    clippy::disallowed_methods,
    reason = "this crate is where state files are opened"
)]

mod block;
mod error;
mod faulty;
mod file;
mod folder;
mod lock;
pub mod log;
mod medium;
mod name;
mod real;
mod secret;
mod staged;

pub use block::{BLOCK_ALIGN, Block};
pub use error::{LockError, NameError, OpenError, ReadError, SecretError, WriteError};
pub use faulty::{Faults, FaultyDisk};
pub use file::{File, read_path};
pub use folder::{Folder, Mode};
pub use lock::{Holder, Lock};
pub use medium::{Disk, DiskFile, read_exact_at};
pub use real::RealDisk;
pub use staged::Staged;
