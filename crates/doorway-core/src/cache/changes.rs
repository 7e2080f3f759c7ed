//! What changed while answers were being made.
//!
//! Changes are counted; each tag has the numbers of its changes for as long as somebody makes an answer.
//!
//! Invariant: what was forgotten counts as changed, never as unchanged.

use std::collections::{BTreeMap, VecDeque};

use super::Tag;

/// The changes since the oldest answer in the making was begun.
#[derive(Clone, Debug)]
pub(super) struct Changes {
    tags_remembered_max: usize,
    generation: u64,
    /// Up to this change nothing is remembered.
    floor: u64,
    log: VecDeque<(u64, Tag)>,
    by_tag: BTreeMap<Tag, VecDeque<u64>>,
}

impl Changes {
    pub(super) const fn new(tags_remembered_max: usize) -> Self {
        Self {
            tags_remembered_max,
            generation: 0,
            floor: 0,
            log: VecDeque::new(),
            by_tag: BTreeMap::new(),
        }
    }

    /// Returns the number of the last change.
    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }

    /// Notes a change.
    pub(super) fn note(&mut self, tags: &[Tag]) {
        self.generation += 1;
        for tag in tags {
            self.log.push_back((self.generation, tag.clone()));
            self.by_tag
                .entry(tag.clone())
                .or_default()
                .push_back(self.generation);
        }
        while self.log.len() > self.tags_remembered_max {
            self.forget_first();
        }
    }

    /// Notes that everything may have changed.
    pub(super) fn note_everything(&mut self) {
        self.generation += 1;
        self.forget_all();
    }

    /// Forgets everything, because nobody makes anything.
    pub(super) fn forget_all(&mut self) {
        self.log.clear();
        self.by_tag.clear();
        self.floor = self.generation;
    }

    /// Returns the number of the first change of any of the tags after `begun`.
    pub(super) fn first_after(&self, begun: u64, tags: &[Tag]) -> Option<u64> {
        if begun < self.floor {
            return Some(begun + 1);
        }
        let first = |tag: &Tag| {
            let numbers = self.by_tag.get(tag)?;
            let index = numbers.partition_point(|number| *number <= begun);
            numbers.get(index).copied()
        };
        tags.iter().filter_map(first).min()
    }

    fn forget_first(&mut self) {
        let Some((number, tag)) = self.log.pop_front() else {
            return;
        };
        self.floor = number;
        if let Some(numbers) = self.by_tag.get_mut(&tag) {
            numbers.pop_front();
            if numbers.is_empty() {
                self.by_tag.remove(&tag);
            }
        }
    }
}
