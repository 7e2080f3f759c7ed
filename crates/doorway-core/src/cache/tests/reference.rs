//! Random use against a map that keeps every answer and a list of everything that ever changed.

use std::collections::BTreeMap;

use base::Duration;
use proptest::prelude::*;

use super::desk::{Begun, Desk, item, made};
use crate::cache::{Freshness, Limits, Outcome, Tag};

/// One step of a run; questions and things are few, so that they meet.
#[derive(Clone, Debug)]
enum Step {
    /// Ask, and have the answer made when it is missing.
    Ask { question: u8 },
    /// Finish one of the answers that are being made.
    Finish {
        which: usize,
        bytes: u64,
        tags: Vec<u8>,
        is_absent: bool,
    },
    /// Something changes.
    Change { tags: Vec<u8> },
    /// Time passes.
    Wait { secs: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let tags = || prop::collection::vec(0_u8..6, 0..4);
    let step = prop_oneof![
        4 => (0_u8..12).prop_map(|question| Step::Ask { question }),
        3 => (0_usize..3, 0_u64..40, tags(), prop::bool::weighted(0.2))
            .prop_map(|(which, bytes, tags, is_absent)| Step::Finish { which, bytes, tags, is_absent }),
        1 => tags().prop_map(|tags| Step::Change { tags }),
        1 => (0_u64..200).prop_map(|secs| Step::Wait { secs }),
    ];
    prop::collection::vec(step, 0..200)
}

fn tag(number: u8) -> Tag {
    if number == 0 {
        Tag::Lists
    } else {
        item(number)
    }
}

/// An answer as the reference remembers it.
#[derive(Clone, Debug)]
struct Kept {
    value: u32,
    tags: Vec<Tag>,
    /// Seconds since the start when it was begun.
    begun: u64,
    /// How many changes there had been then.
    changes: usize,
}

/// Everything that was ever answered and changed, beside the cache that is compared with it.
struct Run {
    desk: Desk,
    limits: Limits,
    secs: u64,
    /// Whether the limits are so wide that nothing may be missing.
    is_whole: bool,
    under_way: Vec<(u8, Begun, u64, usize)>,
    answers: BTreeMap<u8, Kept>,
    changes: Vec<Vec<Tag>>,
}

impl Run {
    fn has_changed(&self, kept: &Kept) -> bool {
        let mut changed = self.changes[kept.changes..].iter().flatten();
        changed.any(|tag| kept.tags.contains(tag))
    }

    fn ask(&mut self, question: u8) -> Result<(), TestCaseError> {
        let text = question.to_string();
        let found = self.desk.hit(&text);
        let right = self
            .answers
            .get(&question)
            .filter(|kept| !self.has_changed(kept));
        if let Some((value, freshness)) = found {
            let right = right.filter(|kept| kept.value == value);
            prop_assert!(right.is_some(), "{value} is wrong");
            let age = self.secs - right.map_or(0, |kept| kept.begun);
            let ttl = self.limits.ttl.as_secs();
            match freshness {
                Freshness::Fresh => prop_assert!(age <= ttl + ttl / 10),
                Freshness::Stale => prop_assert!(age >= ttl - ttl / 10),
            }
        } else if self.is_whole
            && let Some(kept) = right
        {
            let age = self.secs - kept.begun;
            prop_assert!(age >= 270, "{kept:?} is missing");
        }
        let count = self.desk.begun.len();
        self.desk.ask(&text);
        if let Some(begun) = self.desk.begun.get(count) {
            let begun = (question, *begun, self.secs, self.changes.len());
            self.under_way.push(begun);
        }
        Ok(())
    }

    fn finish(&mut self, which: usize, value: u32, bytes: u64, tags: Option<Vec<Tag>>) {
        if self.under_way.is_empty() {
            return;
        }
        let which = which % self.under_way.len();
        let (question, begun, secs, changes) = self.under_way.remove(which);
        let index = self
            .desk
            .begun
            .iter()
            .position(|one| one.fill == begun.fill);
        let index = index.expect("it was begun");
        let count = self.desk.begun.len();
        match tags {
            None => self.desk.fill(index, Outcome::Absent),
            Some(tags) => {
                let kept = Kept {
                    value,
                    tags: tags.clone(),
                    begun: secs,
                    changes,
                };
                let count = self.desk.kept.len();
                self.desk.fill(index, made(value, bytes, tags));
                if self.desk.kept.len() > count {
                    self.answers.insert(question, kept);
                }
            }
        }
        // Those who asked after a change have it made again.
        for begun in &self.desk.begun[count..] {
            let begun = (question, *begun, self.secs, self.changes.len());
            self.under_way.push(begun);
        }
    }

    fn step(&mut self, number: u32, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Ask { question } => self.ask(question)?,
            Step::Finish {
                which,
                bytes,
                tags,
                is_absent,
            } => {
                let tags = tags.into_iter().map(tag).collect();
                self.finish(which, number, bytes, (!is_absent).then_some(tags));
            }
            Step::Change { tags } => {
                let tags: Vec<Tag> = tags.into_iter().map(tag).collect();
                self.desk.change(&tags);
                self.changes.push(tags);
            }
            Step::Wait { secs } => {
                self.secs += secs;
                self.desk.wait(secs);
            }
        }
        let tally = self.desk.cache.tally();
        prop_assert!(tally.entries <= self.limits.entries_max);
        prop_assert!(tally.absent <= self.limits.absent_entries_max);
        prop_assert!(tally.bytes <= self.limits.bytes_max);
        Ok(())
    }
}

fn check(limits: Limits, steps: Vec<Step>, is_whole: bool) -> Result<(), TestCaseError> {
    let mut run = Run {
        desk: Desk::new(limits.clone()),
        limits,
        secs: 0,
        is_whole,
        under_way: Vec::new(),
        answers: BTreeMap::new(),
        changes: Vec::new(),
    };
    (0..)
        .zip(steps)
        .try_for_each(|(number, step)| run.step(number, step))
}

/// Limits under which nothing is forgotten or given up.
fn wide() -> Limits {
    let long = Duration::from_secs(1_000_000);
    Limits {
        fill_time_max: long,
        fill_keep_max: long,
        wait_max: long,
        stale_if_error: long,
        ..Limits::default()
    }
}

proptest! {
    #[test]
    fn wide_cache_is_the_reference(steps in steps()) {
        check(wide(), steps, true)?;
    }

    #[test]
    fn narrow_cache_forgets_and_never_lies(
        steps in steps(),
        entries_max in 0_usize..5,
        absent_entries_max in 0_usize..3,
        tags_remembered_max in 0_usize..4,
    ) {
        let limits = Limits {
            entries_max,
            absent_entries_max,
            bytes_max: 60,
            entry_bytes_max: 30,
            tags_remembered_max,
            ..Limits::default()
        };
        check(limits, steps, false)?;
    }
}
