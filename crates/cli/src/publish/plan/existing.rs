//! What an author's own chain says at the moment: its items that were not withdrawn, each in its newest version.
//!
//! A fold over records in the order of the chain. Invariants: an item is known by its first action, updates of updates
//! included; a withdrawn item stays withdrawn; what is no content of this version is passed over.
//! Trusts that the chain was verified. Does not fetch the bodies of long items: see [`Existing::unread`].

use std::collections::{BTreeMap, BTreeSet};

use base::ContentHash;
use chain::kind::{BlobRef, Content, Opened};
use chain::{ActionData, ActionHash, EntryHash, EntryVisibility, Envelope, Item, Record, record};

use super::{Key, key_of};

/// What the chain says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Existing {
    /// All items by the order of their first actions; withdrawn ones leave a gap.
    items: BTreeMap<usize, Live>,
    by_key: BTreeMap<Key, BTreeSet<usize>>,
    /// Every action that belongs to an item.
    by_action: BTreeMap<ActionHash, usize>,
    /// Which blobs any version of a page showed, by course and slug.
    shown: BTreeSet<(String, String, ContentHash)>,
    count: usize,
}

/// An item that was not withdrawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Live {
    /// Its first action.
    pub(crate) original: ActionHash,
    /// The entry of its first action.
    pub(crate) original_entry: EntryHash,
    /// Whether its entries leave the author's machine.
    pub(crate) visibility: EntryVisibility,
    /// What its newest version says.
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Read(Item),
    /// The body is a blob that was not supplied.
    Unread {
        envelope: Envelope,
        hash: ContentHash,
    },
}

impl Live {
    /// Returns what the newest version says, when it could be read.
    pub(crate) const fn item(&self) -> Option<&Item> {
        match &self.state {
            State::Read(item) => Some(item),
            State::Unread { .. } => None,
        }
    }
}

impl Existing {
    /// Folds the records of one chain, in the order of the chain.
    pub(crate) fn fold<'r>(records: impl Iterator<Item = &'r Record>) -> Self {
        let mut existing = Self::default();
        for record in records {
            existing.apply(record);
        }
        existing
    }

    /// Returns the hashes of the blobs that hold the bodies of long items; give each to [`Existing::supply`].
    pub(crate) fn unread(&self) -> Vec<ContentHash> {
        let hashes = self.items.values().filter_map(|live| match &live.state {
            State::Unread { hash, .. } => Some(*hash),
            State::Read(_) => None,
        });
        hashes.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Takes the body of a long item; bytes that no item asked for change nothing.
    pub(crate) fn supply(&mut self, body: &[u8]) {
        let wanted = ContentHash::of(body);
        let mut read = Vec::new();
        for (idx, live) in &mut self.items {
            if let State::Unread { envelope, hash } = &live.state
                && *hash == wanted
                && let Ok(item) = Item::open_spilled(envelope, body)
            {
                live.state = State::Read(item.clone());
                read.push((*idx, item));
            }
        }
        for (idx, item) in read {
            self.note(idx, &item);
        }
    }

    /// Returns the items under a key, the oldest first.
    pub(crate) fn of(&self, key: &Key) -> impl Iterator<Item = &Live> {
        let found = self.by_key.get(key).into_iter().flatten();
        found.filter_map(|idx| self.items.get(idx))
    }

    /// Returns all pages that could be read.
    pub(crate) fn pages(&self) -> impl Iterator<Item = (&Content, &Live)> {
        self.items.values().filter_map(|live| match live.item() {
            Some(Item::Content(content)) => Some((content, live)),
            Some(Item::Path(_) | Item::BlobManifest(_) | Item::Profile(_)) | None => None,
        })
    }

    /// Returns the slugs of all courses, for people who look for one.
    pub(crate) fn courses(&self) -> Vec<&str> {
        let slugs = self.by_key.keys().filter_map(|key| match key {
            Key::Course(slug) => Some(slug.as_str()),
            Key::Blob(_) | Key::Page { .. } => None,
        });
        slugs.collect()
    }

    /// Returns every blob that a version of the course's pages, or of the one named page, ever showed.
    pub(super) fn ever_shown(&self, course: &str, page: Option<&str>) -> BTreeSet<ContentHash> {
        let meant = self
            .shown
            .iter()
            .filter(|(home, slug, _)| home == course && page.is_none_or(|page| page == slug));
        meant.map(|(_, _, hash)| *hash).collect()
    }

    fn apply(&mut self, record: &Record) {
        let action = record.action();
        match &action.data {
            ActionData::Create(data) => {
                let Some(state) = read(record) else { return };
                let idx = self.count;
                self.count += 1;
                self.by_action.insert(record.action_address().clone(), idx);
                let live = Live {
                    original: record.action_address().clone(),
                    original_entry: data.entry_hash.clone(),
                    visibility: *data.entry_type.visibility(),
                    state: state.clone(),
                };
                self.items.insert(idx, live);
                self.note_state(idx, &state);
            }
            ActionData::Update(data) => {
                let found = self.by_action.get(&data.original_action_address).copied();
                let (Some(idx), Some(state)) = (found, read(record)) else {
                    return;
                };
                self.by_action.insert(record.action_address().clone(), idx);
                self.forget(idx);
                let Some(live) = self.items.get_mut(&idx) else {
                    return;
                };
                live.state = state.clone();
                self.note_state(idx, &state);
            }
            ActionData::Delete(data) => {
                let Some(idx) = self.by_action.get(&data.deletes_address).copied() else {
                    return;
                };
                self.forget(idx);
                self.items.remove(&idx);
            }
            _ => {}
        }
    }

    fn note_state(&mut self, idx: usize, state: &State) {
        if let State::Read(item) = state {
            self.note(idx, item);
        }
    }

    fn note(&mut self, idx: usize, item: &Item) {
        if let Some(key) = key_of(item) {
            self.by_key.entry(key).or_default().insert(idx);
        }
        if let Item::Content(content) = item {
            let shown = content.blobs.iter().map(BlobRef::id);
            let shown = shown.map(|hash| (content.course.clone(), content.slug.clone(), hash));
            self.shown.extend(shown);
        }
    }

    /// Takes an item away from its key, before its newest version changes.
    fn forget(&mut self, idx: usize) {
        let Some(key) = self.items.get(&idx).and_then(Live::item).and_then(key_of) else {
            return;
        };
        if let Some(items) = self.by_key.get_mut(&key) {
            items.remove(&idx);
            if items.is_empty() {
                self.by_key.remove(&key);
            }
        }
    }
}

/// Reads the item of a record; `None` for entries that are no content of ours, or that are not here.
fn read(record: &Record) -> Option<State> {
    let envelope = Envelope::from_entry(record::present(record)?).ok()?;
    match Item::open(&envelope).ok()? {
        Opened::Item(item) => Some(State::Read(item)),
        Opened::Spilled { hash, .. } => Some(State::Unread { envelope, hash }),
    }
}
