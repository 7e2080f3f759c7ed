//! How far a blob is safe: accepted, durable, verified, each with its evidence; what still has to get further; and
//! who waits for it.
//!
//! A tier is claimed only with the evidence in hand. *Accepted*: on stable storage of this machine, proven by the log's
//! sequence number. *Durable*: any one failure domain may vanish, proven by signed receipts of other machines.
//! *Verified*: the manifest is committed and every shard was audited.
//!
//! This release has the machinery of the first tier alone. The shapes of the others are here so that interfaces need
//! not change, but nothing can make them: their types have no constructor. So no program can call durable what is not.
//!
//! # Invariants
//! Tiers are ordered, and evidence of a higher tier contains that of the lower ones.
//! [`Queue`] has every blob that is not more than accepted, the newest first, and no other; it holds a bounded number
//! of them in memory and names what is to be read from the index.
//! Each of those who wait is answered once, with the tier that the blob really has, at the latest when its time is up.

mod evidence;
mod queue;
mod waits;

pub use evidence::{
    Accepted, Audit, Durable, Evidence, Lack, ParseTierError, Receipt, Tier, Verified,
};
pub use queue::{Fetch, Limits as QueueLimits, Page, Queue, Queued};
pub use waits::{Input, Limits as WaitLimits, Output, WaitId, Waits};

#[cfg(test)]
mod tests;
