//! The whole program, run as people run it.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests prepare their own files, read the environment, and fail by panicking"
)]

mod documents;
mod help;
mod home;
mod loss;
mod member;
mod privacy;
mod publish;
mod refusals;
mod relay;
mod up;
mod verify;
