//! What this crate says about bytes that others wrote, and about its own pages.
#![allow(
    clippy::disallowed_methods,
    reason = "these tests read recordings, pages and the committed package"
)]

mod facts;
mod golden;
mod package;
mod page;
mod person;
mod vectors;
