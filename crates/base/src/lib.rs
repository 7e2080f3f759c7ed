//! Words that every other crate uses: hashes, time, reach, error codes and the contract of a core.
//!
//! Invariant: no I/O, no clock, no randomness, no async runtime; builds for the browser.

mod code;
mod hash;
mod machine;
mod problem;
mod reach;
mod time;

pub use code::{Code, Kind};
pub use hash::{ContentHash, ContentHasher, ParseHashError};
pub use machine::Machine;
pub use problem::{Place, Problem, told};
pub use reach::{ParseReachError, Reach, Reader};
pub use time::{Duration, Timestamp};
