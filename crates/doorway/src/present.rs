//! Where things are found: the addresses of items, and rows as the views that lists show.

use api::Summary;
use base::Reach;
use chain::kind::{BlobManifest, Content, Path, Profile};
use doorway_core::address::Address;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::store::{Row, Wanted};

/// What stays as it is in a segment of an address (RFC 3986 `unreserved`).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Returns a text as one segment of an address.
pub(crate) fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// Returns the page for people, relative to the doorway.
pub(crate) fn page_of(row: &Row) -> String {
    match row.kind.as_str() {
        Content::KIND if row.course.is_empty() => format!("/pages/{}", segment(&row.slug)),
        Content::KIND => format!("/courses/{}/{}", segment(&row.course), segment(&row.slug)),
        Path::KIND => format!("/courses/{}", segment(&row.slug)),
        BlobManifest::KIND => format!("/store/{}", row.slug),
        Profile::KIND => author_page(&row.author),
        _ => String::new(),
    }
}

/// Returns the page of an author.
pub(crate) fn author_page(author: &str) -> String {
    format!("/authors/{author}")
}

/// Returns the address of an item with its proof.
pub(crate) fn proof_of(row: &Row) -> String {
    format!("/api/v1/cache/{}/{}?proof=1", row.kind, row.id)
}

/// Returns a row as lists show it.
pub(crate) fn summary(row: &Row) -> Summary {
    Summary {
        id: row.id.clone(),
        r#type: row.kind.clone(),
        title: row.title.clone(),
        slug: row.slug.clone(),
        course: row.course.clone(),
        summary: row.summary.clone(),
        language: row.language.clone(),
        licence: row.licence.clone(),
        tags: row.tags.clone(),
        author: row.author.clone(),
        reach: row.reach.as_str().to_owned(),
        changed_at_us: row.changed_at_us,
        url: page_of(row),
    }
}

/// Returns the narrowest reach of rows that are shown together; nothing at all is for everybody.
pub(crate) fn narrowest<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Reach {
    rows.into_iter()
        .map(|row| row.reach)
        .min()
        .unwrap_or(Reach::Commons)
}

/// Reads a kind in an address: its name, whatever the case of its letters.
pub(crate) fn kind_of(text: &str) -> Option<&'static str> {
    let kinds = [Content::KIND, Path::KIND, BlobManifest::KIND, Profile::KIND];
    kinds
        .into_iter()
        .find(|kind| kind.eq_ignore_ascii_case(text))
}

/// What an address asks for.
pub(crate) enum Sought {
    /// An item by its id, or an author's profile.
    Item(Wanted),
    /// Whatever stands at an address.
    Address(Address),
}

/// Reads an item in an address: its id, or the slug of a page that stands alone, of a course, or of a blob.
pub(crate) fn wanted(kind: &'static str, text: &str) -> Sought {
    if chain::ActionHash::try_from(text).is_ok() {
        return Sought::Item(Wanted::Id(text.to_owned()));
    }
    if kind == Profile::KIND {
        return Sought::Item(Wanted::Profile(text.to_owned()));
    }
    Sought::Address(Address {
        kind,
        course: String::new(),
        slug: text.to_owned(),
    })
}
