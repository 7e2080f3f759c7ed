//! What the columns of a projection hold, the same in every store.

use base::Reach;
use chain::kind::Opened;
use chain::{ActionHash, EnvelopeRef, Item, record};
use doorway_core::event::{Changed, What};
use doorway_core::lease::{Epoch, GrantTable, Reply};
use doorway_core::projector::Version;
use serde::{Deserialize, Serialize};

use super::Sight;

/// Most versions of one item that are read at once.
pub(crate) const VERSIONS_MAX: u32 = 1_000;

/// Most claimants of one address that are looked at.
pub(crate) const CLAIMANTS_MAX: u32 = 100;

/// Bytes of records after which a page of a chain ends.
pub(crate) const CHAIN_BYTES_MAX: usize = 16 * 1_024 * 1_024;

/// Most matches that a search counts.
pub(crate) const COUNTED_MAX: u32 = 1_000;

/// Most pages of one course; the tree of a course has no more nodes.
pub(crate) const PAGES_MAX: u32 = 10_000;

/// Most names of a blob that are looked at.
pub(crate) const NAMES_MAX: u32 = 100;

/// Returns what the two parameters of a visible row stand for: the number of the narrowest reach of other people's
/// things, and the reader's own key.
pub(crate) fn eyes(sight: &Sight) -> (u8, String) {
    let floor = reach_number(sight.reader().floor());
    (floor, sight.key.clone().unwrap_or_default())
}

/// Returns who holds the lease under which epoch, when it is not held under `epoch`.
pub(crate) fn fence(table: &GrantTable, epoch: u64) -> Option<(String, u64)> {
    match table.check(Epoch(epoch)) {
        Reply::Accepted => None,
        _ => {
            let holder = table.holder().map(|holder| holder.0.clone());
            Some((holder.unwrap_or_default(), table.epoch().0))
        }
    }
}

/// What an item's columns say, taken from its content.
pub(crate) struct Described<'a> {
    pub(crate) title: &'a str,
    pub(crate) slug: String,
    pub(crate) course: &'a str,
    pub(crate) summary: &'a str,
    pub(crate) language: &'a str,
    pub(crate) licence: &'a str,
    pub(crate) tags: &'a [String],
}

/// Describes a version. A blob's manifest has the blob's hash for a slug.
pub(crate) fn describe(version: &Version) -> Described<'_> {
    match &version.content {
        Item::Content(content) => Described {
            title: &content.title,
            slug: content.slug.clone(),
            course: &content.course,
            summary: &content.summary,
            language: &content.language,
            licence: &content.licence,
            tags: &content.tags,
        },
        Item::Path(path) => Described {
            title: &path.title,
            slug: path.slug.clone(),
            course: "",
            summary: &path.summary,
            language: &path.language,
            licence: &path.licence,
            tags: &path.tags,
        },
        Item::BlobManifest(manifest) => Described {
            title: &manifest.name,
            slug: manifest.id().to_string(),
            course: "",
            summary: &manifest.media_type,
            language: "",
            licence: "",
            tags: &[],
        },
        Item::Profile(profile) => Described {
            title: &profile.name,
            slug: String::new(),
            course: "",
            summary: &profile.about,
            language: "",
            licence: "",
            tags: &[],
        },
    }
}

/// Tells whether an item can be found by its words.
pub(crate) const fn is_searched(item: &Item) -> bool {
    match item {
        Item::Content(_) | Item::Path(_) => true,
        Item::BlobManifest(_) | Item::Profile(_) => false,
    }
}

/// Returns the words to search in besides title and summary; nothing for what is not searched.
pub(crate) fn words_of(item: &Item) -> Option<String> {
    match item {
        Item::Content(content) => Some(super::words::words(&content.body)),
        Item::Path(path) => Some(path.tags.join(" ")),
        Item::BlobManifest(_) | Item::Profile(_) => None,
    }
}

/// Returns the same words for the entry of a record that was projected; nothing when a blob holds the text.
pub(crate) fn words_in(entry: &[u8]) -> Option<String> {
    let entry = record::decode_entry(entry).ok()?;
    let envelope = EnvelopeRef::from_entry(&entry).ok()?;
    match Item::open_ref(envelope).ok()? {
        Opened::Item(item) => words_of(&item),
        Opened::Spilled { .. } => None,
    }
}

/// Returns the number that stands for a reach in the table.
pub(crate) fn reach_number(reach: Reach) -> u8 {
    Reach::ALL
        .iter()
        .position(|other| *other == reach)
        .and_then(|index| u8::try_from(index).ok())
        .expect("every reach is in the list of all")
}

/// Returns the reach for which a number stands in the table; the narrowest for a number that stands for none.
pub(crate) fn reach_of(number: u8) -> Reach {
    Reach::ALL
        .get(usize::from(number))
        .copied()
        .unwrap_or_default()
}

/// Returns tags as they stand in a column.
pub(crate) fn tags(tags: &[String]) -> String {
    serde_json::to_string(tags).expect("texts can be said in JSON")
}

/// One change of an event, as it stands in a column.
#[derive(Serialize, Deserialize)]
struct Stored {
    item: String,
    kind: String,
    what: String,
    course: String,
    slug: String,
}

/// Returns the changes of an event as they stand in a column.
pub(crate) fn changes(changes: &[Changed]) -> String {
    let stored = changes.iter().map(|changed| Stored {
        item: changed.item.to_string(),
        kind: changed.kind.clone(),
        what: changed.what.as_str().to_owned(),
        course: changed.course.clone(),
        slug: changed.slug.clone(),
    });
    let stored: Vec<Stored> = stored.collect();
    serde_json::to_string(&stored).expect("texts can be said in JSON")
}

/// Reads the changes of an event.
pub(crate) fn changes_of(text: &str) -> Result<Vec<Changed>, serde_json::Error> {
    use serde::de::Error as _;
    let stored: Vec<Stored> = serde_json::from_str(text)?;
    let read = |stored: Stored| {
        let item = ActionHash::try_from(stored.item);
        let what = What::find(&stored.what);
        Ok(Changed {
            item: item.map_err(|error| serde_json::Error::custom(format!("{error:?}")))?,
            kind: stored.kind,
            what: what.ok_or_else(|| serde_json::Error::custom("not a change"))?,
            course: stored.course,
            slug: stored.slug,
        })
    };
    stored.into_iter().map(read).collect()
}
