//! What this crate says about bytes that others wrote, and about its own pages.
#![allow(
    clippy::disallowed_methods,
    reason = "these tests read the committed corpus and the pages of the protocols"
)]

mod blob_records;
mod corpus;
mod segment_page;
