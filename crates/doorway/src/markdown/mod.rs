//! Makes a page's HTML from a content's Markdown.
//!
//! [`render`] is a pure function: the same body, media and language give the same bytes, on every
//! machine. A verifier renders a signed body again and compares, so nothing here reads a clock,
//! an environment or a hash map in its own order.
//!
//! Invariants: whatever the body holds, the result is balanced HTML without scripts, styles, event
//! handlers and addresses other than http, https, mailto and this host; call-outs carry words;
//! heading levels never skip one; ids are unique. Work is linear in the length of the body.
//!
//! Bounds: blocks and inline marks may nest [`DEPTH_MAX`] deep; what nests deeper loses its frame
//! and keeps its content. Code beyond the limits in [`code`] is shown plain.
//!
//! Does not know the page around the text, nor whether a link leads anywhere.

mod attributes;
mod blocks;
mod callout;
mod code;
mod escape;
mod grid;
mod ids;
mod links;
mod media;
mod raw;
mod sanitize;
mod writer;

use crate::pages::strings::Language;

/// How deep blocks and inline marks may nest before their frames are left out.
pub const DEPTH_MAX: usize = 32;

/// Words a person reads in a minute; between the 200 of a learner and the 250 of a novel.
const WORDS_PER_MINUTE: usize = 220;

/// A blob that a text may refer to as `/store/<hash>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// SHA-256 of the bytes, 64 hexadecimal digits in lower case.
    pub hash: String,
    /// Media type such as `image/png`; videos and sounds get a player.
    pub media_type: String,
    /// Width in pixels, where known.
    pub width: Option<u32>,
    /// Height in pixels, where known.
    pub height: Option<u32>,
    /// The file's name, shown where a player has no other label.
    pub name: String,
}

/// A heading of the text itself; titles of call-outs are not counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// Level on the page, 2 to 6; the page's title is the only first level.
    pub level: u8,
    /// The element's id.
    pub id: String,
    /// Its text without marks.
    pub text: String,
}

/// A rendered body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Sanitised HTML for the inside of an `article`.
    pub html: String,
    /// The text's own headings, in order.
    pub headings: Vec<Heading>,
    /// The words alone, a line per block, for full-text search and for descriptions.
    pub plain_text: String,
    /// Reading time in minutes, rounded up; 0 for an empty body.
    pub minutes: u32,
}

/// Renders a body with English call-out words.
#[must_use]
pub fn render(body: &str, media: &[Media]) -> Rendered {
    render_in(body, media, "en")
}

/// Renders a body with call-out words in its own language.
///
/// `language` is a BCP 47 tag such as `de-CH`; a language without a catalogue gets English words.
#[must_use]
pub fn render_in(body: &str, media: &[Media], language: &str) -> Rendered {
    let words = &Language::of_tag(language).strings().callouts;
    let prepared = blocks::prepare(body);
    let written = writer::write(&prepared, media, words);
    let minutes = written
        .plain_text
        .split_whitespace()
        .count()
        .div_ceil(WORDS_PER_MINUTE);
    Rendered {
        html: sanitize::clean(&written.html)
            .trim_matches(is_blank)
            .to_owned(),
        headings: written.headings,
        plain_text: written.plain_text,
        minutes: u32::try_from(minutes).unwrap_or(u32::MAX),
    }
}

/// A byte order mark is nothing to see either, and a parser takes the first one away.
fn is_blank(character: char) -> bool {
    character.is_whitespace() || character == '\u{FEFF}'
}

#[cfg(test)]
mod tests;
