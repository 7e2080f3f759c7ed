//! What a doorway decides: how records become the projection, which records it takes, what it may keep hot,
//! how lists continue, and who may do what.
//!
//! Invariant: no I/O, no clock, no randomness; the same inputs give the same outputs in the same order.
//! Shells fetch, store and answer; they take no decision of their own.

pub mod address;
pub mod admission;
pub mod cache;
pub mod disclosure;
pub mod event;
pub mod guard;
pub mod intake;
pub mod lease;
pub mod list;
pub mod outbox;
pub mod projector;
pub mod question;
pub mod session;
pub mod sign_up;

mod steady;
