//! Pages for people, made on the server: they read well without JavaScript, on an old phone, on
//! paper, by ear.
//!
//! One function per kind of page takes the [`model::Site`] and a plain model and returns the whole
//! document. Invariants: one first-level heading per page, no heading level skipped by the frame,
//! no script, no inline style, every link has words, every state has a word beside its colour.
//!
//! Addresses that the frame itself uses: `/`, `/join`, `/search?q=`, `/openapi.json`, `/errors/CH-xxxx` and
//! everything in [`assets`]. All others come with the models. Does not know the projection.

pub mod assets;
mod author;
mod course;
mod home;
mod join;
mod layout;
pub mod mark;
pub mod model;
mod page;
mod parts;
mod problem;
mod proof;
mod search;
mod status;
pub mod strings;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

pub use author::author;
pub use course::course;
pub use home::home;
pub use join::join;
pub use page::page;
pub use parts::PLACES_SHOWN_MAX;
pub use problem::{not_found, notice, problem};
pub use proof::{history, proof};
pub use search::search;
pub use status::status;

/// What may stand in a query's value as it is (RFC 3986 §2.3).
const QUERY_VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Returns a text as the value of a query, for `/search?q=…`.
#[must_use]
pub fn query_value(text: &str) -> String {
    utf8_percent_encode(text, QUERY_VALUE).to_string()
}

#[cfg(test)]
mod tests;
