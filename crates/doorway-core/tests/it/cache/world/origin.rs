//! Where answers come from: things with versions, and questions that show some of them.

use base::Reach;
use chain::ActionHash;
use doorway_core::cache::{Outcome, Shared, Tag};

/// How many things there are; the first stands for all lists.
pub(crate) const THINGS: usize = 5;

/// What an answer weighs.
pub(crate) const BYTES: u64 = 300;

/// The question whose answer is too heavy at times.
const HEAVY: u64 = 6;

/// The question that has an answer at times only.
const FICKLE: u64 = 7;

/// The question whose answer is not for everybody at times.
const NARROW: u64 = 8;

/// An answer: what it shows, as of when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) question: u64,
    pub(crate) versions: Vec<(u64, u64)>,
}

/// The things and how often each changed.
#[derive(Default)]
pub(crate) struct Origin {
    versions: [u64; THINGS],
}

pub(crate) fn tag(thing: u64) -> Tag {
    if thing == 0 {
        Tag::Lists
    } else {
        Tag::Item(ActionHash::from_raw_32(vec![thing as u8; 32]))
    }
}

impl Origin {
    pub(crate) fn change(&mut self, thing: u64) {
        self.versions[thing as usize] += 1;
    }

    pub(crate) fn version(&self, thing: u64) -> u64 {
        self.versions[thing as usize]
    }

    /// Reads what a question shows: one thing or two, and the lists when its number is even.
    pub(crate) fn read(&self, question: u64) -> Seen {
        let mut things = vec![1 + question % 4];
        if question > 9 {
            things.push(1 + (question + 1) % 4);
        }
        if question.is_multiple_of(2) || question == FICKLE {
            things.push(0);
        }
        let versions = things.into_iter().map(|thing| (thing, self.version(thing)));
        Seen {
            question,
            versions: versions.collect(),
        }
    }

    pub(crate) fn outcome(&self, question: u64, seen: Seen) -> Outcome<Seen, &'static str> {
        let lists = seen.versions.iter().find(|(thing, _)| *thing == 0);
        let lists = lists.map_or(0, |(_, version)| *version);
        if question == FICKLE && is_gone(lists) {
            return Outcome::Absent;
        }
        let is_odd = lists % 2 == 1;
        let reach = if question == NARROW && is_odd {
            Reach::Private
        } else {
            Reach::Commons
        };
        let is_heavy = question == HEAVY && is_odd;
        Outcome::Made {
            shared: Shared::of(reach),
            bytes: if is_heavy { 5_000 } else { BYTES },
            tags: seen.versions.iter().map(|(thing, _)| tag(*thing)).collect(),
            value: seen,
        }
    }

    /// There was nothing at some moment since what had been told when the reader asked.
    pub(crate) fn check_absent(&self, question: u64, told: &[u64; THINGS]) {
        assert_eq!(question, FICKLE);
        let mut versions = told[0]..=self.versions[0];
        assert!(versions.any(is_gone), "it was there all the time");
    }
}

const fn is_gone(lists: u64) -> bool {
    lists.is_multiple_of(2)
}
