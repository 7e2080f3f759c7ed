//! A vault behind a real socket on a real disk.
#![allow(
    clippy::disallowed_methods,
    reason = "tests prepare their own files and tasks"
)]

mod socket;
