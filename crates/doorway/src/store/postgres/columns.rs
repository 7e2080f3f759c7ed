//! What the columns of a version hold, made before the transaction begins: the words of long pages take a while.

use doorway_core::projector::{Change, Version};

use super::text::clean;
use crate::store::described::{self, Described};
use crate::store::lexemes;

/// The columns of one version.
pub(super) struct Columns {
    pub(super) id: String,
    pub(super) action: String,
    pub(super) kind: &'static str,
    pub(super) seq: i64,
    pub(super) at_us: i64,
    pub(super) reach: i16,
    pub(super) title: String,
    pub(super) slug: String,
    pub(super) course: String,
    pub(super) summary: String,
    pub(super) language: String,
    pub(super) licence: String,
    /// In JSON.
    pub(super) tags: String,
    /// The hash of the blob that holds the body.
    pub(super) spilled: Option<String>,
    pub(super) words: Option<Words>,
}

/// The words of a version.
pub(super) struct Words {
    /// Those that snippets are cut from.
    pub(super) body: String,
    /// All, in the form in which the server reads a `tsvector`.
    pub(super) vector: String,
}

/// Returns the columns of a change that may add or replace something.
pub(super) fn of(change: &Change) -> Option<Columns> {
    match change {
        Change::Put(version) => Some(of_version(version)),
        Change::Withdraw { .. } | Change::Skip { .. } => None,
    }
}

fn of_version(version: &Version) -> Columns {
    let Described {
        title,
        slug,
        course,
        summary,
        language,
        licence,
        tags,
    } = described::describe(version);
    let words = described::words_of(&version.content).map(|body| Words {
        vector: lexemes::tsvector(&[(title, 'A'), (summary, 'B'), (&body, 'D')]),
        body: owned(&body),
    });
    let tags: Vec<String> = tags.iter().map(|tag| owned(tag)).collect();
    Columns {
        id: version.item.to_string(),
        action: version.action.to_string(),
        kind: version.content.kind(),
        seq: version.seq.into(),
        at_us: version.at.as_micros(),
        reach: described::reach_number(version.content.reach()).into(),
        title: owned(title),
        slug: owned(&slug),
        course: owned(course),
        summary: owned(summary),
        language: owned(language),
        licence: owned(licence),
        tags: described::tags(&tags),
        spilled: version.spilled.as_ref().map(ToString::to_string),
        words,
    }
}

fn owned(text: &str) -> String {
    clean(text).into_owned()
}
