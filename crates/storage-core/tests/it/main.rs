//! What this crate says about headers that others wrote.
#![allow(
    clippy::disallowed_methods,
    reason = "these tests read the committed corpus"
)]

mod upload_corpus;
