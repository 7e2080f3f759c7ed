//! What one consumer of the event log gets: first what it has missed, then what happens, each event once and in order.
//!
//! [`Outbox`] is one machine per open stream. It reads the log as fast as its consumer drains, and when it has caught
//! up it takes events as they are announced. What is true is in the log alone; announcements may be lost, doubled, late
//! or out of order. A gap makes it read the log, and without announcements it looks there from time to time.
//!
//! # Invariants
//! Between two snapshots a consumer gets each event after its cursor exactly once, in the order of the log, until the
//! stream is closed.
//! At most `pending_items_max` items are handed out and not drained, and one more where a snapshot is sent; the log is
//! read only when there is room.
//! A consumer whose cursor cannot be continued is told so, and goes on from a snapshot.
//! A consumer that drains nothing for too long is cut off and told so.
//!
//! It does not know what an event says, how a stream is written, or who may read it.

mod cursor;
mod machine;
mod terms;

pub use cursor::{EventCursor, LogId, Malformed};
pub use machine::Outbox;
pub use terms::{Close, Input, Limits, Output, Page, Phase, Position, Reset};

#[cfg(test)]
mod tests;
