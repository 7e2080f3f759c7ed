//! The whole program, run as people run it.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests prepare their own files, read the environment, and fail by panicking"
)]

mod blob;
mod collect;
mod conductor;
mod copies;
mod documents;
mod help;
mod home;
mod load;
mod loss;
mod member;
mod node;
mod privacy;
mod publish;
mod refusals;
mod relay;
mod steward;
mod tls;
mod up;
mod vault;
mod verify;
mod wire;
