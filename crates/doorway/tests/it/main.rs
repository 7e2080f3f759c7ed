//! A doorway in this process, asked through its router: what it answers to right and to wrong requests.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests fail by panicking and prepare their own folders"
)]

mod blobs;
mod chains;
mod faults;
mod harness;
mod hot;
mod pages;
mod reach;
mod restart;
mod routes;
mod store;
mod tokens;
