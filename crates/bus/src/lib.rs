//! Fan-out of hints between the processes of a community: in one process, over Redis, or over NATS.
//!
//! A hint says that something may be new; the truth is in a store, where everybody looks it up.
//! Hints may be lost, doubled or late, and nothing breaks by that.
//!
//! # Invariants
//!
//! * Nobody who publishes waits for the network, and every queue has a bound.
//! * Whoever may have missed a hint is told: [`Message::Lagged`] comes after the subscription stands (again), so that
//!   what is read from the store after it misses nothing that is hinted later.
//! * A server that cannot be reached is no error of start; [`Health`] tells it, and the bus goes on trying.
//! * A password in an address is neither logged nor shown.
//!
//! It knows nothing about what the hints say.

mod bus;
mod drive;
mod hub;
mod limits;
mod link;
mod nats;
mod outbox;
mod redis;
mod subscription;
mod target;
mod topic;

pub use bus::{Backend, Bus, Health, PublishError};
pub use hub::SubscribeError;
pub use limits::Limits;
pub use subscription::{Message, Subscription};
pub use topic::{Topic, TopicError};
