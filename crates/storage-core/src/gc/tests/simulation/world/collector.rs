//! The shell of a collection, one small step at a time, and what is checked when something goes.

use base::ContentHash;

use super::super::super::super::{Item, Keep, Limits, Mark, Plan, Report, Verdict, recheck};
use super::{World, children};

/// Where a collection is.
pub(super) enum Collector {
    Marking(Marking),
    Sweeping(Sweeping),
}

/// Tags are read a page at a time, and folders.
pub(super) struct Marking {
    mark: Mark,
    after: Option<u8>,
    has_all_tags: bool,
}

/// Blobs are judged a page at a time; what is to be done waits for the writer.
pub(super) struct Sweeping {
    plan: Plan,
    report: Report,
    after: Option<ContentHash>,
    has_all: bool,
    waiting: Vec<(Item, Verdict)>,
}

impl Collector {
    pub(super) const fn phase(&self) -> &'static str {
        match self {
            Self::Marking(_) => "crash during the mark",
            Self::Sweeping(_) => "crash during the sweep",
        }
    }
}

impl World<'_> {
    pub(super) fn begin_collection(&mut self) {
        self.read_clock();
        if self.store.drop_expired() {
            self.mark("lease expired");
        }
        let (coming, seen) = (self.store.coming(), self.store.seen());
        let mut mark = Mark::begin(coming, seen, self.terms, Limits::default());
        let roots = self.store.other_roots();
        roots.iter().for_each(|root| mark.add(root));
        self.note(&format!("collection {coming} begins"));
        self.collector = Some(Collector::Marking(Marking {
            mark,
            after: None,
            has_all_tags: false,
        }));
    }

    /// Does the next part; returns whether there is more.
    pub(super) fn step_collection(&mut self) -> bool {
        let next = match self.collector.take() {
            None => None,
            Some(Collector::Marking(marking)) => self.step_mark(marking),
            Some(Collector::Sweeping(sweeping)) => self.step_sweep(sweeping),
        };
        self.collector = next;
        self.collector.is_some()
    }

    fn step_mark(&mut self, mut marking: Marking) -> Option<Collector> {
        if !marking.has_all_tags {
            let page = self.store.tags_after(marking.after, 2);
            page.iter().for_each(|(_, root)| marking.mark.add(root));
            marking.after = page.last().map(|(name, _)| *name).or(marking.after);
            marking.has_all_tags = page.is_empty();
            return Some(Collector::Marking(marking));
        }
        if let Some(folder) = marking.mark.poll_folder() {
            let is_there = self.store.items.contains_key(&folder);
            if !is_there || !self.is_calm && self.dice.chance(30) {
                self.mark("folder unreadable");
                marking.mark.take_unreadable(&folder);
            } else {
                marking.mark.take_children(&folder, children(folder));
            }
            return Some(Collector::Marking(marking));
        }
        let plan = marking.mark.finish().ok()?;
        Some(Collector::Sweeping(Sweeping {
            report: Report::new(&plan, false),
            plan,
            after: None,
            has_all: false,
            waiting: Vec::new(),
        }))
    }

    fn step_sweep(&mut self, mut sweeping: Sweeping) -> Option<Collector> {
        let has_room = sweeping.waiting.len() < 4 || self.dice.chance(500);
        if !sweeping.has_all && has_room {
            self.scan(&mut sweeping);
        } else if !sweeping.waiting.is_empty() {
            let idx = self.dice.index(sweeping.waiting.len());
            let (item, planned) = sweeping.waiting.swap_remove(idx);
            let done = self.write(&sweeping.plan, &item, planned);
            sweeping.report.note(&item, planned, done);
        }
        let is_over = sweeping.has_all && sweeping.waiting.is_empty();
        if is_over {
            let Report {
                scanned,
                trashed,
                purged,
                ..
            } = &sweeping.report;
            self.note(&format!(
                "scanned {scanned:?}, trashed {trashed:?}, purged {purged:?}"
            ));
        }
        (!is_over).then_some(Collector::Sweeping(sweeping))
    }

    fn scan(&mut self, sweeping: &mut Sweeping) {
        let after = sweeping.after;
        let items = self.store.items.values();
        let later = items.filter(|item| after.is_none_or(|after| after < item.hash));
        let page: Vec<Item> = later.take(3).copied().collect();
        sweeping.has_all = page.is_empty();
        sweeping.after = page.last().map(|item| item.hash).or(after);
        for item in page {
            let verdict = sweeping.plan.verdict(&item);
            if let Verdict::Keep(keep) = verdict {
                self.mark_kept(item.hash, keep);
                sweeping.report.note(&item, verdict, verdict);
            } else {
                sweeping.waiting.push((item, verdict));
            }
        }
    }

    fn mark_kept(&mut self, hash: ContentHash, keep: Keep) {
        let now = self.queue.now();
        let mark = match keep {
            Keep::Young => "kept: young",
            Keep::TouchedSince => "kept: touched since",
            Keep::InTrash => "kept in the trash",
            Keep::Gone | Keep::Changed => "changed",
            Keep::Reachable if self.store.tagged().contains(&hash) => "kept by a tag",
            Keep::Reachable if self.store.uploads.contains(&hash) => "kept by an upload",
            Keep::Reachable if self.store.leased(now).contains(&hash) => "kept by a lease",
            Keep::Reachable if self.store.reachable(now).contains(&hash) => "kept by a folder",
            Keep::Reachable => "kept once more",
        };
        self.mark(mark);
    }

    /// The writer does what still holds, and the world checks it.
    fn write(&mut self, plan: &Plan, item: &Item, planned: Verdict) -> Verdict {
        self.read_clock();
        let (now, hash) = (self.queue.now(), item.hash);
        let current = self.store.items.get(&hash).copied();
        let done = recheck(plan, planned, current.as_ref());
        self.note(&format!("{} {done:?}", hash.as_bytes()[0]));
        match done {
            Verdict::Keep(_) => self.mark("withdrawn by the writer"),
            Verdict::Restore => self.store.touch(now, hash),
            Verdict::Trash => {
                self.check_needless(plan, hash);
                let touched = self.store.touched(&hash);
                let age = self.store.at_most_since(now, &touched);
                assert!(self.terms.grace <= age, "trashed while it was young");
                self.store.trash(now, &hash, plan.generation());
                self.mark("trashed");
            }
            Verdict::Purge => {
                self.check_needless(plan, hash);
                let trashed = self.store.trashed(&hash);
                let age = self.store.at_most_since(now, &trashed);
                assert!(self.terms.trash_for <= age, "purged early");
                self.store.purge(&hash);
                self.mark("purged");
            }
        }
        done
    }

    fn check_needless(&self, plan: &Plan, hash: ContentHash) {
        let number = hash.as_bytes()[0];
        let reachable = self.store.reachable(self.queue.now());
        assert!(!reachable.contains(&hash), "{number} goes and is reachable");
        let touched = self.store.touched(&hash).generation;
        assert!(
            touched < plan.generation(),
            "{number} goes and was touched since"
        );
    }
}
