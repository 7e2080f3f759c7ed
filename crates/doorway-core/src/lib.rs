//! What a doorway decides: how records become the projection, which records it takes, what it may keep hot,
//! how lists continue, and who may do what.
//!
//! Invariant: no I/O, no clock, no randomness; the same inputs give the same outputs in the same order.
//! Shells fetch, store and answer; they take no decision of their own.

pub mod address;
pub mod cache;
pub mod disclosure;
pub mod intake;
pub mod list;
pub mod projector;
pub mod session;
