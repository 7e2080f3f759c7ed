//! Random use against a map that keeps every answer and a list of everything that ever changed.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Admission, Answer, Cache, Key, Limits, Lookup, START, Tag, Ticket, found, item, key};
use base::{Duration, Timestamp};

/// One step of a run; questions and things are few, so that they meet.
#[derive(Clone, Debug)]
enum Step {
    /// Look up, and begin to make the answer when it is missing.
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
    value: Option<u32>,
    tags: Vec<Tag>,
    begun: Timestamp,
    /// How many changes there had been when it was begun.
    changes: usize,
}

/// Everything that was ever answered and changed, beside the cache that is compared with it.
struct Run {
    cache: Cache<u32>,
    limits: Limits,
    /// Whether the limits are so wide that nothing may be missing.
    is_whole: bool,
    now: Timestamp,
    begun: Vec<(Key, Ticket, Timestamp, usize)>,
    answers: BTreeMap<Key, Kept>,
    changes: Vec<Vec<Tag>>,
}

impl Run {
    fn has_changed(&self, kept: &Kept) -> bool {
        self.changes[kept.changes..]
            .iter()
            .flatten()
            .any(|tag| kept.tags.contains(tag))
    }

    fn ask(&mut self, question: u8) -> Result<(), TestCaseError> {
        let key = key(&question.to_string());
        let found = self.cache.look_up(self.now, &key);
        let expect = self.answers.get(&key).filter(|kept| {
            let ttl = if kept.value.is_some() {
                self.limits.ttl
            } else {
                self.limits.absent_ttl
            };
            !self.has_changed(kept) && self.now < kept.begun + ttl
        });
        let expect = expect.map(|kept| kept.value);
        match found {
            Lookup::Hit(value) => prop_assert_eq!(Some(Some(value)), expect, "a wrong answer"),
            Lookup::Absent => prop_assert_eq!(Some(None), expect, "a wrong nothing"),
            Lookup::Miss(ticket) => {
                prop_assert!(
                    !self.is_whole || expect.is_none(),
                    "{:?} is missing",
                    expect
                );
                self.begun.push((key, ticket, self.now, self.changes.len()));
            }
        }
        Ok(())
    }

    fn finish(&mut self, which: usize, answer: Answer<u32>) -> Result<(), TestCaseError> {
        if self.begun.is_empty() {
            return Ok(());
        }
        let (key, ticket, begun, changes) = self.begun.remove(which % self.begun.len());
        let (value, tags) = match &answer {
            Answer::Found { value, tags, .. } => (Some(*value), tags.clone()),
            Answer::Absent => (None, vec![Tag::Lists]),
        };
        let kept = Kept {
            value,
            tags,
            begun,
            changes,
        };
        let has_changed = self.has_changed(&kept);
        let admission = self.cache.admit(ticket, key.clone(), answer);
        prop_assert!(
            !(has_changed && admission == Admission::Kept),
            "it was outdated"
        );
        prop_assert!(
            !self.is_whole || (admission == Admission::Kept) != has_changed,
            "{:?}",
            admission
        );
        if admission == Admission::Kept {
            self.answers.insert(key, kept);
        }
        Ok(())
    }

    fn step(&mut self, number: u32, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Ask { question } => self.ask(question)?,
            Step::Finish {
                which,
                is_absent: true,
                ..
            } => self.finish(which, Answer::Absent)?,
            Step::Finish {
                which,
                bytes,
                tags,
                is_absent: false,
            } => {
                self.finish(
                    which,
                    found(number, bytes, tags.into_iter().map(tag).collect()),
                )?;
            }
            Step::Change { tags } => {
                let tags: Vec<Tag> = tags.into_iter().map(tag).collect();
                self.cache.invalidate(&tags);
                self.changes.push(tags);
            }
            Step::Wait { secs } => self.now = self.now + Duration::from_secs(secs),
        }
        prop_assert!(self.cache.len() <= self.limits.entries_max);
        prop_assert!(self.cache.bytes() <= self.limits.bytes_max);
        Ok(())
    }
}

fn check(limits: Limits, steps: Vec<Step>, is_whole: bool) -> Result<(), TestCaseError> {
    let mut run = Run {
        cache: Cache::new(limits.clone()),
        limits,
        is_whole,
        now: START,
        begun: Vec::new(),
        answers: BTreeMap::new(),
        changes: Vec::new(),
    };
    (0..)
        .zip(steps)
        .try_for_each(|(number, step)| run.step(number, step))
}

proptest! {
    #[test]
    fn wide_cache_is_the_reference(steps in steps()) {
        check(Limits::default(), steps, true)?;
    }

    #[test]
    fn narrow_cache_forgets_and_never_lies(
        steps in steps(),
        entries_max in 0_usize..5,
        tags_remembered_max in 0_usize..4,
    ) {
        let limits = Limits { entries_max, bytes_max: 60, entry_bytes_max: 30, tags_remembered_max, ..Limits::default() };
        check(limits, steps, false)?;
    }
}
