//! A doorway in this process, asked through its router: what it answers to right and to wrong requests.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests fail by panicking and prepare their own folders"
)]

mod between;
mod blobs;
mod chains;
mod clock;
mod copies;
mod damage;
mod edge;
mod events;
mod fallback;
mod faults;
mod follow;
mod harness;
mod hostile;
mod hot;
mod kept;
mod lease;
mod pages;
mod reach;
mod ready_blobs;
mod restart;
mod routes;
mod sign_up;
mod store;
mod tokens;
