//! The scrub: reads everything there is, slowly, and finds what has rotted before somebody needs it.
//!
//! [`Scrub`] is one pass over the blobs in the order of their hashes, and then over the log in which small things are
//! written down. It asks for a page of blobs, has each checked, one at a time and no faster than its budget of bytes per
//! second, asks for what is damaged to be put aside, has the log read piece by piece, and ends with a report. It tells
//! its position after each page of blobs, so that the next run goes on from there; the log is read from its start.
//!
//! # Invariants
//! Every blob that was there when the pass began and is there when it ends is checked exactly once, unless reading it
//! failed `retries_max` times in a row after the first: then it is counted as unread, and the pass goes on.
//! At most one thing is asked for at a time. Answers to anything else are ignored.
//! With a budget of B bytes per second, what is checked in any span of T seconds is at most B × T bytes and one blob.
//! What is damaged is asked to be put aside, `retries_max` times more if that fails, and named in the report, which
//! names a bounded number and counts all. What could be made again from what is sound is named as mended.
//! A pass is whole only when the list and the log both came to their ends.
//! A pass ends, whatever fails: with a report that says whether it is whole.
//!
//! It does not know how a blob is checked, and repairs nothing.

mod machine;
mod terms;

pub use machine::Scrub;
pub use terms::{Call, Checked, Fault, Input, Item, Output, Position, Report, Terms};

#[cfg(test)]
mod tests;
