//! Who owns an address: whoever used it first here, in the order of arrival. An author's own clock has no say in it.
//!
//! The shell keeps the claims, durable and beside what else belongs to the community, so that a projection that is made
//! anew gives the same answers.

use std::collections::BTreeSet;

use chain::Item;

use crate::projector::{Batch, Change};

/// A place under which people find something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// The kind of what stands there.
    pub kind: &'static str,
    /// Slug of the course; empty for what stands alone.
    pub course: String,
    /// Its own slug.
    pub slug: String,
}

/// That an author used an address, with the place of this in the order of arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The address.
    pub address: Address,
    /// Smaller numbers came first.
    pub number: u64,
}

/// Returns the address that an item claims for its author.
#[must_use]
pub fn of(item: &Item) -> Option<Address> {
    let (course, slug) = match item {
        Item::Content(content) => (content.course.clone(), content.slug.clone()),
        Item::Path(path) => (String::new(), path.slug.clone()),
        Item::BlobManifest(_) | Item::Profile(_) => return None,
    };
    let kind = item.kind();
    // What was withheld has no address.
    (!slug.is_empty()).then_some(Address { kind, course, slug })
}

/// Returns the addresses that a batch claims for its author. Claim them before the batch is stored.
#[must_use]
pub fn claims(batch: &Batch) -> BTreeSet<Address> {
    batch.changes.iter().filter_map(claim).collect()
}

fn claim(change: &Change) -> Option<Address> {
    match change {
        Change::Put(version) => of(&version.content),
        Change::Withdraw { .. } | Change::Skip { .. } => None,
    }
}
