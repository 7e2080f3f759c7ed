//! A storage service in this process, asked over sockets: what it answers to right and to wrong requests.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests fail by panicking and prepare their own folders"
)]

mod adopting;
mod corpus;
mod damage;
mod faults;
mod first_piece;
mod full;
mod harness;
mod holding;
mod lists;
mod namespaces;
mod put;
mod read;
mod readonly;
mod resume;
mod routes;
mod tend;
mod tokens;
mod tus;
