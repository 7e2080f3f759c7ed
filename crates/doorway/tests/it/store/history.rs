//! Histories of several authors, drawn from a number: what they write, change, take back, and how it comes in batches.

use base::{ContentHash, Reach, Timestamp};
use chain::kind::{Content, Path, Profile, ReachWord};
use chain::{ActionHash, EntryVisibility, Item, Record, Write, record};
use doorway::store::Apply;
use doorway_core::address::{self, Claim};
use doorway_core::projector::{Batch, Change, Cursor, Skip, Version};

use super::answers::Topics;
use crate::harness::{Person, manifest};

/// Words with accents, capitals, other alphabets, and signs within.
const WORDS: [&str; 17] = [
    "bread",
    "Brot",
    "BREAD",
    "crème",
    "Ärzte",
    "ärger",
    "naïve",
    "sour-dough",
    "example.org",
    "3.14",
    "don't",
    "хлеб",
    "Хлебный",
    "パン",
    "loaf",
    "loaves",
    "salt",
];

/// What is searched for.
const TEXTS: [&str; 20] = [
    "bread",
    "br",
    "b r",
    "creme",
    "CRÈME",
    "arz",
    "ärz",
    "org",
    "example",
    "14",
    "don",
    "don't",
    "хлеб",
    "パ",
    "sour dough",
    "loa salt",
    "",
    "!!",
    "\"loaf\" OR zzz",
    "about",
];

/// Numbers that follow from the first one (SplitMix64).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }

    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn text(&mut self, len: usize) -> String {
        let words: Vec<&str> = (0..len).map(|_| self.pick(&WORDS)).collect();
        words.join(" ")
    }
}

/// An author with what their records mean.
struct Writer {
    person: Person,
    changes: Vec<Change>,
    /// Places in the chain of records that made an item.
    made: Vec<usize>,
    batched: usize,
}

/// What several authors wrote.
pub(super) struct History {
    pub(super) dice: Dice,
    writers: Vec<Writer>,
    pub(super) topics: Topics,
    claims: u64,
}

impl History {
    pub(super) fn new(seed: u64, authors: u8, writes: usize) -> Self {
        let writer = |seed| Writer {
            person: Person::new(seed),
            changes: Vec::new(),
            made: Vec::new(),
            batched: 0,
        };
        let writers: Vec<Writer> = (1..=authors).map(writer).collect();
        let mut history = Self {
            dice: Dice(seed),
            topics: Topics {
                agents: writers.iter().map(|one| one.person.key().clone()).collect(),
                texts: TEXTS.to_vec(),
                ..Topics::default()
            },
            writers,
            claims: 0,
        };
        for _ in 0..writes {
            history.write();
        }
        history
    }

    /// Lets somebody write something.
    fn write(&mut self) {
        let who = self.dice.below(self.writers.len());
        let (dice, writer) = (&mut self.dice, &mut self.writers[who]);
        let made = (!writer.made.is_empty()).then(|| dice.pick(&writer.made.clone()));
        match (dice.below(12), made) {
            (0..=4, _) | (_, None) => {
                let item = item(dice);
                writer.create(item);
            }
            (5..=7, Some(index)) => {
                let item = newer(dice, &writer.content_at(index));
                let original = writer.person.chain[index].clone();
                writer.update(&original, item);
            }
            (8, Some(_)) => {
                // Another kind, a version that is not the first, or something of somebody else.
                let item = item(dice);
                let other = dice.below(self.writers.len());
                let chain = &self.writers[other].person.chain;
                let app: Vec<&Record> = chain.iter().filter(|one| is_content(one)).collect();
                if let Some(last) = app.last().map(|one| (*one).clone()) {
                    self.writers[who].update(&last, item);
                }
            }
            (9 | 10, Some(index)) => writer.delete(index),
            _ => writer.keep_to_oneself(item(dice)),
        }
        self.note(who);
    }

    /// Remembers what can be asked about the newest change.
    fn note(&mut self, who: usize) {
        match self.writers[who].changes.last() {
            Some(Change::Put(version)) => {
                self.topics.items.insert(version.item.to_string());
                self.topics.addresses.extend(address::of(&version.content));
                self.topics
                    .hashes
                    .extend(version.spilled.as_ref().map(ToString::to_string));
                if let Item::BlobManifest(blob) = &version.content {
                    self.topics.hashes.insert(blob.id().to_string());
                }
            }
            Some(Change::Withdraw { item, .. }) => {
                self.topics.items.insert(item.to_string());
            }
            Some(Change::Skip { .. }) | None => {}
        }
    }

    /// Returns the next batch of somebody; nothing when all is batched.
    pub(super) fn next(&mut self, epoch: u64) -> Option<Apply> {
        let len = 1 + self.dice.below(9);
        self.next_of(epoch, len)
    }

    /// Returns the next batch of somebody, with `len` records while there are so many.
    pub(super) fn next_of(&mut self, epoch: u64, len: usize) -> Option<Apply> {
        let waiting: Vec<usize> = (0..self.writers.len())
            .filter(|who| self.writers[*who].batched < self.writers[*who].person.chain.len())
            .collect();
        if waiting.is_empty() {
            return None;
        }
        let who = self.dice.pick(&waiting);
        let batch = self.writers[who].batch(len);
        let mut claims = Vec::new();
        for address in address::claims(&batch) {
            self.claims += 1;
            let number = self.claims + 50 - self.dice.below(50) as u64;
            claims.push(Claim { address, number });
        }
        Some(Apply {
            epoch,
            at: Timestamp::from_secs(1_700_001_000 + i64::try_from(self.claims).unwrap()),
            batch,
            claims,
        })
    }

    /// All batches that are left.
    pub(super) fn rest(&mut self, epoch: u64) -> Vec<Apply> {
        std::iter::from_fn(|| self.next(epoch)).collect()
    }
}

impl Writer {
    fn create(&mut self, item: Item) {
        self.made.push(self.person.chain.len());
        self.person.create(&item);
        self.put(item, None);
    }

    fn update(&mut self, original: &Record, item: Item) {
        self.person.write(Write::Update {
            original: original.action_address().clone(),
            original_entry: original.action().entry_hash().unwrap().clone(),
            envelope: item.seal().unwrap().envelope,
            visibility: EntryVisibility::Public,
        });
        self.put(item, Some(original.action_address().clone()));
    }

    /// Notes that the newest record is a version of an item.
    fn put(&mut self, content: Item, original: Option<ActionHash>) {
        let record = self.person.chain.last().unwrap();
        let action = record.action_address().clone();
        let spilled = content.seal().unwrap().spilled;
        self.changes.push(Change::Put(Box::new(Version {
            is_first: original.is_none(),
            item: original.unwrap_or_else(|| action.clone()),
            action,
            seq: record.action().action_seq(),
            author: self.person.key().clone(),
            at: record::timestamp(record),
            content,
            spilled: spilled.map(|body| ContentHash::of(&body)),
        })));
    }

    fn delete(&mut self, index: usize) {
        self.person.delete(index);
        let record = self.person.chain.last().unwrap();
        self.changes.push(Change::Withdraw {
            item: self.person.chain[index].action_address().clone(),
            action: record.action_address().clone(),
            author: self.person.key().clone(),
            seq: record.action().action_seq(),
            at: record::timestamp(record),
        });
    }

    fn keep_to_oneself(&mut self, item: Item) {
        self.person.write(Write::Create {
            envelope: item.seal().unwrap().envelope,
            visibility: EntryVisibility::Private,
        });
        let record = self.person.chain.pop().unwrap();
        self.changes.push(Change::Skip {
            action: record.action_address().clone(),
            seq: record.action().action_seq(),
            reason: Skip::Private,
        });
        self.person.chain.push(record::withhold(&record));
    }

    /// What the record at `index` said.
    fn content_at(&self, index: usize) -> Item {
        let action = self.person.chain[index].action_address();
        let found = self.changes.iter().find_map(|change| match change {
            Change::Put(version) if version.action == *action => Some(version.content.clone()),
            _ => None,
        });
        found.unwrap()
    }

    /// Takes the next records.
    fn batch(&mut self, len: usize) -> Batch {
        let chain = &self.person.chain;
        let end = (self.batched + len).min(chain.len());
        let records = chain[self.batched..end].to_vec();
        let seqs = u32::try_from(self.batched).unwrap()..u32::try_from(end).unwrap();
        let last = records.last().unwrap();
        let batch = Batch {
            agent: self.person.key().clone(),
            after: seqs.start.checked_sub(1),
            cursor: Cursor {
                seq: last.action().action_seq(),
                hash: last.action_address().clone(),
                timestamp: record::timestamp(last),
                is_closed: false,
            },
            changes: self
                .changes
                .iter()
                .filter(|change| seqs.contains(&change.seq()))
                .cloned()
                .collect(),
            records,
        };
        self.batched = end;
        batch
    }
}

fn is_content(record: &Record) -> bool {
    record.action().action_seq() > 3 && record.action().entry_hash().is_some()
}

/// Something of any kind, for anybody.
fn item(dice: &mut Dice) -> Item {
    let reach = dice.pick(&Reach::ALL);
    match dice.below(10) {
        0 => Item::Profile(Profile {
            name: dice.text(1),
            about: dice.text(3),
            reach: ReachWord(reach),
        }),
        1 => manifest(dice.text(1).as_bytes(), "text/plain", reach),
        2 | 3 => Item::Path(Path {
            title: dice.text(2),
            slug: dice.pick(&["c1", "c2"]).to_owned(),
            summary: dice.text(2),
            language: "en".to_owned(),
            tags: vec![dice.text(1), dice.text(1)],
            reach: ReachWord(reach),
            ..Path::default()
        }),
        _ => content(dice, reach),
    }
}

fn content(dice: &mut Dice, reach: Reach) -> Item {
    let len = dice.below(30);
    let mut body = dice.text(len);
    if dice.below(25) == 0 {
        // Too long for an entry.
        body.push_str(&" filler".repeat(10_000));
    }
    Item::Content(Content {
        title: format!("About {}", dice.text(1)),
        slug: dice.pick(&["a", "b", "b-1", "b.1", "c"]).to_owned(),
        course: dice.pick(&["", "c1", "c2"]).to_owned(),
        summary: dice.text(2),
        body,
        language: dice.pick(&["en", "de"]).to_owned(),
        licence: "CC0".to_owned(),
        tags: vec!["Zopf \"1\"\\".to_owned(), dice.text(1)],
        reach: ReachWord(reach),
        ..Content::default()
    })
}

/// Something of the same kind, mostly.
fn newer(dice: &mut Dice, before: &Item) -> Item {
    for _ in 0..40 {
        let next = item(dice);
        if next.kind() == before.kind() {
            return next;
        }
    }
    before.clone()
}
