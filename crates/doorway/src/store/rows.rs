//! Rows of the tables as Rust values, and back.

use base::Reach;
use chain::{ActionHash, AgentPubKey, Item, Record, record};
use db::rusqlite::{self, types::Type};
use doorway_core::projector::{Cursor, Version};

use super::{Row, VersionRow};

/// The columns of [`Row`], in the order in which [`row`] reads them.
pub(super) const COLUMNS: &str = "items.id, items.kind, items.author, items.seq, items.action, items.reach, \
     items.title, items.slug, items.course, items.summary, items.language, items.licence, items.tags, \
     items.created_at_us, items.changed_at_us, items.is_withdrawn";

/// Number of those columns.
pub(super) const COLUMNS_LEN: usize = 16;

/// Reads an item.
pub(super) fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let reach: u8 = row.get(5)?;
    let tags: String = row.get(12)?;
    Ok(Row {
        id: row.get(0)?,
        kind: row.get(1)?,
        author: row.get(2)?,
        seq: row.get(3)?,
        action: row.get(4)?,
        reach: Reach::ALL
            .get(usize::from(reach))
            .copied()
            .unwrap_or_default(),
        title: row.get(6)?,
        slug: row.get(7)?,
        course: row.get(8)?,
        summary: row.get(9)?,
        language: row.get(10)?,
        licence: row.get(11)?,
        tags: serde_json::from_str(&tags).map_err(|error| damaged(12, error))?,
        created_at_us: row.get(13)?,
        changed_at_us: row.get(14)?,
        is_withdrawn: row.get(15)?,
    })
}

/// Reads a version: `seq, change, hash, at_us, action, signature, entry`.
pub(super) fn version(row: &rusqlite::Row<'_>) -> rusqlite::Result<VersionRow> {
    let action: Option<Vec<u8>> = row.get(4)?;
    let signature: Option<Vec<u8>> = row.get(5)?;
    let entry: Option<Vec<u8>> = row.get(6)?;
    let record: Option<Record> = action
        .zip(signature)
        .map(|(action, signature)| record::decode(&action, &signature, entry.as_deref()))
        .transpose()
        .map_err(|error| damaged(4, error))?;
    Ok(VersionRow {
        seq: row.get(0)?,
        change: row.get(1)?,
        hash: row.get(2)?,
        at_us: row.get(3)?,
        record,
    })
}

/// Reads a cursor: `agent, seq, hash, at_us, is_closed`.
pub(super) fn cursor(row: &rusqlite::Row<'_>) -> rusqlite::Result<(AgentPubKey, Cursor)> {
    let agent: String = row.get(0)?;
    let hash: String = row.get(2)?;
    let cursor = Cursor {
        seq: row.get(1)?,
        hash: ActionHash::try_from(hash).map_err(|error| damaged(2, error))?,
        timestamp: base::Timestamp(row.get(3)?),
        is_closed: row.get(4)?,
    };
    let agent = AgentPubKey::try_from(agent).map_err(|error| damaged(0, error))?;
    Ok((agent, cursor))
}

/// What an item's columns say, taken from its content.
pub(super) struct Described<'a> {
    pub(super) title: &'a str,
    pub(super) slug: String,
    pub(super) course: &'a str,
    pub(super) summary: &'a str,
    pub(super) language: &'a str,
    pub(super) licence: &'a str,
    pub(super) tags: &'a [String],
    /// The words to search in besides title and summary.
    pub(super) words: Option<String>,
}

/// Describes a version. A blob's manifest has the blob's hash for a slug.
pub(super) fn describe(version: &Version) -> Described<'_> {
    match &version.content {
        Item::Content(content) => Described {
            title: &content.title,
            slug: content.slug.clone(),
            course: &content.course,
            summary: &content.summary,
            language: &content.language,
            licence: &content.licence,
            tags: &content.tags,
            words: Some(super::words::words(&content.body)),
        },
        Item::Path(path) => Described {
            title: &path.title,
            slug: path.slug.clone(),
            course: "",
            summary: &path.summary,
            language: &path.language,
            licence: &path.licence,
            tags: &path.tags,
            words: Some(path.tags.join(" ")),
        },
        Item::BlobManifest(manifest) => Described {
            title: &manifest.name,
            slug: manifest.id().to_string(),
            course: "",
            summary: &manifest.media_type,
            language: "",
            licence: "",
            tags: &[],
            words: None,
        },
        Item::Profile(profile) => Described {
            title: &profile.name,
            slug: String::new(),
            course: "",
            summary: &profile.about,
            language: "",
            licence: "",
            tags: &[],
            words: None,
        },
    }
}

/// Returns the number that stands for a reach in the table.
pub(super) fn reach_number(reach: Reach) -> u8 {
    Reach::ALL
        .iter()
        .position(|other| *other == reach)
        .and_then(|index| u8::try_from(index).ok())
        .expect("every reach is in the list of all")
}

fn damaged(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}
