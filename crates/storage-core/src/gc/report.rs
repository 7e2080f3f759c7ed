//! What a collection did, or would do: for people.

use super::{Generation, Item, Keep, Plan, Verdict};
use crate::sum::Sum;

/// Counts of one collection. A dry run fills it in the same way and changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The generation with which it began.
    pub generation: Generation,
    /// Whether nothing was changed.
    pub is_dry: bool,
    /// All blobs that were looked at.
    pub scanned: Sum,
    /// Kept, because something leads to them.
    pub reachable: Sum,
    /// Kept, because they were put or touched after it began.
    pub touched_since: Sum,
    /// Kept, because they were put or touched not long ago.
    pub young: Sum,
    /// Still in the trash.
    pub in_trash: Sum,
    /// Gone, or no longer as they were scanned.
    pub changed: Sum,
    /// Brought back from the trash.
    pub restored: Sum,
    /// Put into the trash.
    pub trashed: Sum,
    /// Removed for ever.
    pub purged: Sum,
    /// Those of the kept that were to be trashed or purged when they were scanned.
    pub withdrawn: Sum,
}

impl Report {
    /// Starts with nothing counted.
    #[must_use]
    pub const fn new(plan: &Plan, is_dry: bool) -> Self {
        Self {
            generation: plan.generation(),
            is_dry,
            scanned: Sum::ZERO,
            reachable: Sum::ZERO,
            touched_since: Sum::ZERO,
            young: Sum::ZERO,
            in_trash: Sum::ZERO,
            changed: Sum::ZERO,
            restored: Sum::ZERO,
            trashed: Sum::ZERO,
            purged: Sum::ZERO,
            withdrawn: Sum::ZERO,
        }
    }

    /// Counts one blob: what was planned for it, and what was done. In a dry run both are what was planned.
    pub const fn note(&mut self, item: &Item, planned: Verdict, done: Verdict) {
        self.scanned.add(item.bytes);
        let is_kept = matches!(done, Verdict::Keep(_));
        if is_kept && matches!(planned, Verdict::Trash | Verdict::Purge) {
            self.withdrawn.add(item.bytes);
        }
        let part = match done {
            Verdict::Keep(Keep::Reachable) => &mut self.reachable,
            Verdict::Keep(Keep::TouchedSince) => &mut self.touched_since,
            Verdict::Keep(Keep::Young) => &mut self.young,
            Verdict::Keep(Keep::InTrash) => &mut self.in_trash,
            Verdict::Keep(Keep::Gone | Keep::Changed) => &mut self.changed,
            Verdict::Restore => &mut self.restored,
            Verdict::Trash => &mut self.trashed,
            Verdict::Purge => &mut self.purged,
        };
        part.add(item.bytes);
    }
}
