//! What must be in the store, by what a process said before it died.
//!
//! A line `+ CLIENT CHANGE` says that a change begins, a line `= CLIENT yes` or `= CLIENT no` that it was acknowledged,
//! and whether it found what it was to change. A change that began and was not acknowledged was made or was not.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use anyhow::Context as _;
use base::ContentHash;

/// Whether a blob can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visible {
    Yes,
    No,
    Maybe,
}

/// What is known of a blob.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// What its bytes are made from.
    pub(super) number: u64,
    pub(super) bytes: usize,
    pub(super) visible: Visible,
    pub(super) is_leased: bool,
    /// Whether its bytes were compared one by one before.
    pub(super) is_compared: bool,
    /// The round in which it was last said to change.
    changed_in: u64,
}

/// What keeps a blob that is put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    Nothing,
    Lease,
    Tag(String),
}

/// A change of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Put {
        hash: ContentHash,
        number: u64,
        bytes: usize,
        keep: Keep,
    },
    Tag {
        hash: ContentHash,
        name: String,
    },
    Untag {
        name: String,
    },
    Trash {
        hash: ContentHash,
    },
    Restore {
        hash: ContentHash,
    },
}

/// For how many rounds a blob is looked at in each after it was last said to change.
const RECENT_ROUNDS: u64 = 3;

/// The books of all rounds.
#[derive(Debug, Default)]
pub(super) struct Books {
    round: u64,
    pub(super) blobs: BTreeMap<ContentHash, Known>,
    /// What each name may name.
    pub(super) tags: BTreeMap<String, Vec<Option<ContentHash>>>,
    under_way: BTreeMap<u64, Change>,
    /// What was said in this round.
    said: Vec<String>,
}

impl std::fmt::Display for Change {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Put {
                hash,
                number,
                bytes,
                keep,
            } => {
                write!(formatter, "put {hash} {number} {bytes} ")?;
                match keep {
                    Keep::Nothing => formatter.write_str("nothing"),
                    Keep::Lease => formatter.write_str("lease"),
                    Keep::Tag(name) => write!(formatter, "tag:{name}"),
                }
            }
            Self::Tag { hash, name } => write!(formatter, "tag {hash} {name}"),
            Self::Untag { name } => write!(formatter, "untag {name}"),
            Self::Trash { hash } => write!(formatter, "trash {hash}"),
            Self::Restore { hash } => write!(formatter, "restore {hash}"),
        }
    }
}

impl FromStr for Change {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let hash = |word: &str| word.parse::<ContentHash>().context("a hash");
        let words: Vec<&str> = text.split(' ').collect();
        Ok(match words.as_slice() {
            ["put", of, number, bytes, keep] => Self::Put {
                hash: hash(of)?,
                number: number.parse()?,
                bytes: bytes.parse()?,
                keep: match (*keep, keep.strip_prefix("tag:")) {
                    (_, Some(name)) => Keep::Tag(name.to_owned()),
                    ("lease", None) => Keep::Lease,
                    (_, None) => Keep::Nothing,
                },
            },
            ["tag", of, name] => Self::Tag {
                hash: hash(of)?,
                name: (*name).to_owned(),
            },
            ["untag", name] => Self::Untag {
                name: (*name).to_owned(),
            },
            ["trash", of] => Self::Trash { hash: hash(of)? },
            ["restore", of] => Self::Restore { hash: hash(of)? },
            _ => anyhow::bail!("{text:?} is no change"),
        })
    }
}

impl Books {
    /// Enters a line; returns the bytes of the change when it was acknowledged.
    pub(super) fn enter(&mut self, line: &str) -> anyhow::Result<Option<u64>> {
        let told = || format!("the line {line:?}");
        self.said.push(line.to_owned());
        let (sign, rest) = line.split_once(' ').with_context(told)?;
        let (client, rest) = rest.split_once(' ').with_context(told)?;
        let client = client.parse().with_context(told)?;
        match sign {
            "+" => {
                let change = rest.parse().with_context(told)?;
                let before = self.under_way.insert(client, change);
                anyhow::ensure!(
                    before.is_none(),
                    "client {client} makes two changes at once"
                );
                Ok(None)
            }
            "=" => {
                let change = self.under_way.remove(&client).with_context(told)?;
                Ok(Some(if rest == "yes" { self.made(change) } else { 0 }))
            }
            _ => anyhow::bail!(told()),
        }
    }

    /// Ends a round: what is under way was made or was not. With a collection, what nothing keeps may be gone.
    /// Returns how many changes were under way.
    pub(super) fn end_round(&mut self, is_collected: bool) -> u64 {
        let under_way = std::mem::take(&mut self.under_way);
        let count = under_way.len() as u64;
        for change in under_way.into_values() {
            self.may_be_made(change);
        }
        if is_collected {
            let held = self
                .tags
                .values()
                .filter_map(|values| match values.as_slice() {
                    [Some(hash)] => Some(*hash),
                    _ => None,
                });
            let held: BTreeSet<ContentHash> = held.collect();
            for (hash, known) in &mut self.blobs {
                if known.visible == Visible::Yes && !known.is_leased && !held.contains(hash) {
                    known.visible = Visible::Maybe;
                }
            }
        }
        count
    }

    /// Begins a round.
    pub(super) fn begin_round(&mut self) {
        self.round += 1;
        self.said.clear();
    }

    /// Returns the blobs to look at: all, or those that changed lately, and those of which it is not known whether they
    /// are there.
    pub(super) fn due(&self, is_whole: bool) -> Vec<ContentHash> {
        let is_due = |known: &Known| {
            is_whole
                || known.visible == Visible::Maybe
                || known.changed_in + RECENT_ROUNDS > self.round
        };
        let due = self.blobs.iter().filter(|(_, known)| is_due(known));
        due.map(|(hash, _)| *hash).collect()
    }

    /// Returns how many blobs there are, and how many bytes they have, when none may be there or not.
    pub(super) fn live(&self) -> (u64, u64) {
        let live = self.blobs.values();
        let live = live.filter(|known| known.visible == Visible::Yes);
        live.fold((0, 0), |(blobs, bytes), known| {
            (blobs + 1, bytes + known.bytes as u64)
        })
    }

    /// Returns the lines of this round that name a blob, for whoever looks for a fault.
    pub(super) fn said_of(&self, hash: &ContentHash) -> Vec<&str> {
        let hash = hash.to_string();
        let lines = self.said.iter().map(String::as_str);
        lines.filter(|line| line.contains(&hash)).collect()
    }

    fn made(&mut self, change: Change) -> u64 {
        match change {
            Change::Put {
                hash,
                number,
                bytes,
                keep,
            } => {
                let known = self.known(hash, number, bytes);
                known.visible = Visible::Yes;
                match keep {
                    Keep::Nothing => {}
                    Keep::Lease => known.is_leased = true,
                    Keep::Tag(name) => drop(self.tags.insert(name, vec![Some(hash)])),
                }
                return bytes as u64;
            }
            Change::Tag { hash, name } => {
                self.set(hash, Visible::Yes);
                self.tags.insert(name, vec![Some(hash)]);
            }
            Change::Untag { name } => drop(self.tags.insert(name, vec![None])),
            Change::Trash { hash } => self.set(hash, Visible::No),
            Change::Restore { hash } => self.set(hash, Visible::Yes),
        }
        0
    }

    fn may_be_made(&mut self, change: Change) {
        match change {
            Change::Put {
                hash,
                number,
                bytes,
                keep,
            } => {
                self.known(hash, number, bytes);
                self.may_be(hash, Visible::Yes);
                if let Keep::Tag(name) = keep {
                    self.may_name(name, Some(hash));
                }
            }
            Change::Tag { hash, name } => {
                self.may_be(hash, Visible::Yes);
                self.may_name(name, Some(hash));
            }
            Change::Untag { name } => self.may_name(name, None),
            Change::Trash { hash } => self.may_be(hash, Visible::No),
            Change::Restore { hash } => self.may_be(hash, Visible::Yes),
        }
    }

    fn known(&mut self, hash: ContentHash, number: u64, bytes: usize) -> &mut Known {
        let known = self.blobs.entry(hash).or_insert(Known {
            number,
            bytes,
            visible: Visible::No,
            is_leased: false,
            is_compared: false,
            changed_in: 0,
        });
        known.changed_in = self.round;
        known
    }

    fn set(&mut self, hash: ContentHash, visible: Visible) {
        if let Some(known) = self.blobs.get_mut(&hash) {
            known.visible = visible;
            known.changed_in = self.round;
        }
    }

    fn may_be(&mut self, hash: ContentHash, visible: Visible) {
        if let Some(known) = self.blobs.get_mut(&hash)
            && known.visible != visible
        {
            known.visible = Visible::Maybe;
            known.changed_in = self.round;
        }
    }

    fn may_name(&mut self, name: String, value: Option<ContentHash>) {
        let values = self.tags.entry(name).or_insert_with(|| vec![None]);
        if !values.contains(&value) {
            values.push(value);
        }
    }
}
