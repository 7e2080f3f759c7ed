//! What a batch changes, gathered so that each table is written once: the core's word on every change, in order.

use std::collections::{BTreeMap, HashMap};

use doorway_core::event::{self, Changed};
use doorway_core::projector::{Batch, Change, Known, Merge, Skip, Version, merge};

use super::columns::Columns;

/// What a batch changes.
#[derive(Default)]
pub(super) struct Gathered<'a> {
    /// Items with a new newest version, each once.
    pub(super) drafts: Vec<Draft<'a>>,
    /// Items that were there before and are withdrawn now.
    pub(super) withdrawn: Vec<String>,
    /// New versions.
    pub(super) versions: Vec<Noted>,
    /// Versions whose text is in a blob.
    pub(super) bodies: Vec<&'a Columns>,
    /// How many records were not projected, by reason.
    pub(super) skips: BTreeMap<Skip, i64>,
    /// Which ones.
    pub(super) skipped: Vec<(u32, Skip)>,
    /// What everybody can see of it.
    pub(super) changed: Vec<Changed>,
}

/// An item as it stands after the batch.
pub(super) struct Draft<'a> {
    pub(super) columns: &'a Columns,
    /// When its first version was signed.
    pub(super) created_at_us: i64,
    /// Whether the batch brought the item.
    pub(super) is_new: bool,
    pub(super) is_withdrawn: bool,
}

/// A version to be noted.
pub(super) struct Noted {
    pub(super) item: String,
    pub(super) seq: i64,
    pub(super) change: &'static str,
    pub(super) hash: String,
    pub(super) at_us: i64,
}

/// Gathers what a batch changes; `columns` has one place for each change, `known` is what the store holds of its items.
pub(super) fn gather<'a>(
    batch: &'a Batch,
    columns: &'a [Option<Columns>],
    mut known: HashMap<String, Known>,
) -> Gathered<'a> {
    let mut gathered = Gathered::default();
    let mut places = HashMap::new();
    for (change, columns) in batch.changes.iter().zip(columns) {
        let id = change.item().map(ToString::to_string).unwrap_or_default();
        let before = known.get(&id);
        let verdict = merge(before, change);
        gathered
            .changed
            .extend(event::changed(before, change, verdict));
        match (verdict, change, columns) {
            (Merge::Insert | Merge::Replace, Change::Put(version), Some(columns)) => {
                let is_first = verdict == Merge::Insert;
                gathered.put(&mut places, columns, is_first);
                let after = after(known.remove(&id), version);
                known.insert(id, after);
            }
            (
                Merge::Withdraw,
                Change::Withdraw {
                    action, seq, at, ..
                },
                _,
            ) => {
                if let Some(known) = known.get_mut(&id) {
                    (known.seq, known.is_withdrawn) = (*seq, true);
                }
                let noted = Noted {
                    item: id.clone(),
                    seq: i64::from(*seq),
                    change: "delete",
                    hash: action.to_string(),
                    at_us: at.as_micros(),
                };
                gathered.versions.push(noted);
                gathered.withdraw(&places, id);
            }
            (Merge::Skip(reason), ..) => {
                *gathered.skips.entry(reason).or_default() += 1;
                gathered.skipped.push((change.seq(), reason));
            }
            (Merge::Insert | Merge::Replace | Merge::Withdraw, ..) => {
                unreachable!("the core gives each change a verdict of its own kind")
            }
        }
    }
    gathered
}

impl<'a> Gathered<'a> {
    fn put(&mut self, places: &mut HashMap<&'a str, usize>, columns: &'a Columns, is_first: bool) {
        self.versions.push(Noted {
            item: columns.id.clone(),
            seq: columns.seq,
            change: if is_first { "create" } else { "update" },
            hash: columns.action.clone(),
            at_us: columns.at_us,
        });
        if columns.spilled.is_some() {
            self.bodies.push(columns);
        }
        let place = *places.entry(&columns.id).or_insert(self.drafts.len());
        match self.drafts.get_mut(place) {
            Some(draft) => draft.columns = columns,
            None => self.drafts.push(Draft {
                columns,
                created_at_us: columns.at_us,
                is_new: is_first,
                is_withdrawn: false,
            }),
        }
    }

    fn withdraw(&mut self, places: &HashMap<&'a str, usize>, id: String) {
        let draft = places
            .get(id.as_str())
            .map(|place| &mut self.drafts[*place]);
        let is_new = draft.as_ref().is_some_and(|draft| draft.is_new);
        if let Some(draft) = draft {
            draft.is_withdrawn = true;
        }
        if !is_new {
            self.withdrawn.push(id);
        }
    }
}

/// What is known of an item once a version of it is stored.
fn after(before: Option<Known>, version: &Version) -> Known {
    let (course, slug) = event::place(&version.content);
    let kind = match &before {
        Some(before) if !before.is_unknown_kind() => before.kind.clone(),
        Some(_) | None => version.content.kind().to_owned(),
    };
    Known {
        author: before.map_or_else(|| version.author.clone(), |before| before.author),
        kind,
        seq: version.seq,
        is_withdrawn: false,
        reach: version.content.reach(),
        course,
        slug,
    }
}
