//! A cache with somebody who asks it and notes what it says.

use std::collections::BTreeMap;

use base::{Duration, Machine as _, Reach, Timestamp};
use chain::ActionHash;

use crate::cache::{
    Answer, Cache, EntryId, FillId, Freshness, Input, Key, Limits, Outcome, Output, Purpose,
    ReaderId, Seeds, Shared, Tag,
};

/// A fill that was asked for.
#[derive(Clone, Copy)]
pub(super) struct Begun {
    pub(super) fill: FillId,
    pub(super) maker: ReaderId,
    pub(super) purpose: Purpose,
}

/// What a reader heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Found(u32, Freshness),
    Absent,
    Failed(&'static str),
    Lost,
    TimedOut,
    Overloaded,
}

pub(super) struct Desk {
    pub(super) cache: Cache<u32, &'static str>,
    pub(super) now: Timestamp,
    pub(super) begun: Vec<Begun>,
    pub(super) heard: BTreeMap<ReaderId, Heard>,
    pub(super) kept: Vec<EntryId>,
    readers: u64,
}

pub(super) fn key(text: &str) -> Key {
    Key {
        class: "page",
        text: text.to_owned(),
    }
}

pub(super) fn item(byte: u8) -> Tag {
    Tag::Item(ActionHash::from_raw_32(vec![byte; 32]))
}

/// An answer that everybody may see.
pub(super) fn made(value: u32, bytes: u64, tags: Vec<Tag>) -> Outcome<u32, &'static str> {
    Outcome::Made {
        value,
        shared: Shared::of(Reach::Commons),
        bytes,
        tags,
    }
}

impl Desk {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            cache: Cache::new(limits, Seeds::default()),
            now: Timestamp::from_secs(1_800_000_000),
            begun: Vec::new(),
            heard: BTreeMap::new(),
            kept: Vec::new(),
            readers: 0,
        }
    }

    pub(super) fn tell(&mut self, input: Input<u32, &'static str>) {
        self.cache.handle(self.now, input);
        while let Some(output) = self.cache.poll_output() {
            match output {
                Output::Fill {
                    fill,
                    maker,
                    purpose,
                } => self.begun.push(Begun {
                    fill,
                    maker,
                    purpose,
                }),
                Output::Kept { entry, .. } => self.kept.push(entry),
                Output::Answer { reader, answer } => {
                    let heard = match answer {
                        Answer::Found { value, freshness } => Heard::Found(value, freshness),
                        Answer::Absent => Heard::Absent,
                        Answer::Failed(failure) => Heard::Failed(failure),
                        Answer::Lost => Heard::Lost,
                        Answer::TimedOut => Heard::TimedOut,
                        Answer::Overloaded => Heard::Overloaded,
                    };
                    let before = self.heard.insert(reader, heard);
                    assert_eq!(before, None, "{reader:?} heard twice");
                }
            }
        }
    }

    pub(super) fn ask(&mut self, text: &str) -> ReaderId {
        self.readers += 1;
        let reader = ReaderId(self.readers);
        let key = key(text);
        self.tell(Input::Ask { reader, key });
        reader
    }

    /// Tells what came of the fill that was asked for as the `index`th.
    pub(super) fn fill(&mut self, index: usize, outcome: Outcome<u32, &'static str>) {
        let fill = self.begun[index].fill;
        self.tell(Input::Filled { fill, outcome });
    }

    pub(super) fn drop_fill(&mut self, index: usize) {
        let fill = self.begun[index].fill;
        self.tell(Input::Dropped { fill });
    }

    /// Asks and answers in one go.
    pub(super) fn keep(&mut self, text: &str, value: u32, bytes: u64, tags: Vec<Tag>) {
        let count = self.begun.len();
        self.ask(text);
        assert_eq!(self.begun.len(), count + 1, "{text} was there");
        self.fill(count, made(value, bytes, tags));
    }

    pub(super) fn change(&mut self, tags: &[Tag]) {
        let tags = tags.to_vec();
        self.tell(Input::Changed { tags });
    }

    pub(super) fn hit(&mut self, text: &str) -> Option<(u32, Freshness)> {
        let key = key(text);
        let hit = self
            .cache
            .hit(self.now, &Seeds::default().hashed(key.borrowed()))?;
        Some((hit.value, hit.freshness))
    }

    pub(super) fn wait(&mut self, secs: u64) {
        self.now = self.now + Duration::from_secs(secs);
    }

    pub(super) fn jump_back(&mut self, secs: u64) {
        self.now = self.now - Duration::from_secs(secs);
    }
}
