//! What is garbage: mark and sweep, with touch generations.
//!
//! The writer of a store counts: every change has a [`Generation`], and each blob of a namespace carries that of its
//! last touch. A collection begins with the generation that the writer will give next. It marks what roots lead to
//! ([`Mark`]), judges every blob ([`Plan::verdict`]), and the writer judges again with the blob as it is at that moment
//! ([`recheck`]) before it acts. What was touched since the collection began is kept, so nothing that happens between
//! the scan and the sweep can be lost, however long it takes.
//!
//! A blob goes in two steps. First into the trash, where whoever puts or touches it brings it back. In a later
//! collection, when it has lain there for `trash_for`, it is purged.
//!
//! # Invariants
//! A blob that a root leads to when the mark reads the roots, or that was put or touched after the mark began, is
//! neither trashed nor purged.
//! No collection purges what it trashed itself, so a blob is judged twice, by marks that began at different times.
//! Ages are [`SlowTime`]: a clock that jumps makes the grace, the leases and the trash last longer, or by a small jump
//! forward shorter by no more than that jump; see [`crate::clock`]. A restart ends every plan: generations of a plan
//! mean nothing to another run.
//! Where a folder cannot be read, nobody knows what it keeps: then nothing is trashed and nothing purged.
//!
//! # What the engine owes
//! Whatever makes a blob reachable touches it, through the writer: putting it, also where it is there already, saying
//! that it is there (`have`), tagging it, giving it a lease, beginning an upload that names it. A tag or a lease of a
//! folder touches the folder's children too. A touch brings back what is in the trash.
//! Roots are read after [`Mark::begin`].
//!
//! It does not know how blobs are stored, nor what several namespaces share; a collection is of one namespace.

mod item;
mod mark;
mod plan;
mod report;

pub use item::{Generation, Item, State};
pub use mark::{Halt, Holds, Limits, Mark, Root, Terms};
pub use plan::{Keep, Plan, Verdict, recheck};
pub use report::Report;

#[cfg(test)]
mod tests;
