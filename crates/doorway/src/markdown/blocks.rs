//! Finds the blocks that CommonMark does not know (the Carpentries' fenced divs, grid tables) and
//! makes a text of which the Markdown parser sees them as markers.
//!
//! A marker is an empty HTML comment on a line of its own. What it stands for is kept beside the
//! text by byte offset, so a comment that an author writes is never taken for one.
//!
//! Invariants: one pass to learn where code is, one pass over the lines; lines inside code keep
//! their bytes. Does not know what a div's name means.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::attributes::{self, Attributes};
use super::grid::{self, Grid};

/// The line that stands for a marker.
pub(super) const MARKER: &str = "<!--:-->";

/// What the writer does when it meets a marker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    /// A fenced div starts.
    Open { name: String, id: Option<String> },
    /// The innermost open div ends.
    Close,
    /// A grid table stands here.
    Table(Grid),
}

/// A marker and the place in [`Prepared::text`] where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) range: Range<usize>,
    pub(super) marker: Marker,
    /// The line as the author wrote it, should the parser take the marker for code after all.
    pub(super) line: String,
}

/// A text that the Markdown parser can read, and what its markers stand for.
pub(super) struct Prepared {
    pub(super) text: String,
    pub(super) markers: Vec<Placed>,
    /// Whether a first-level heading stands in it; the page's title is the only one allowed.
    pub(super) has_top_heading: bool,
}

/// Returns the extensions of CommonMark that pages may use.
pub(super) fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_DEFINITION_LIST
        | Options::ENABLE_MATH
        | Options::ENABLE_GFM
}

/// Prepares a body for the parser.
pub(super) fn prepare(body: &str) -> Prepared {
    let body = normalize(body);
    let outline = Outline::of(&body);
    let mut out = Prepared {
        text: String::with_capacity(body.len()),
        markers: Vec::new(),
        has_top_heading: outline.has_top,
    };
    let lines: Vec<(usize, &str)> = lines_of(&body).collect();
    let mut verbatim = outline.verbatim.iter().peekable();
    let mut nested = outline.nested.iter().peekable();
    let mut idx = 0;
    while idx < lines.len() {
        let (start, line) = lines[idx];
        while verbatim.next_if(|range| range.end <= start).is_some() {}
        while nested.next_if(|range| range.end <= start).is_some() {}
        let is_verbatim = verbatim
            .peek()
            .is_some_and(|range| range.start < start + line.len().max(1));
        if is_verbatim {
            out.push_line(line);
            idx += 1;
            continue;
        }
        let is_nested = nested.peek().is_some_and(|range| range.start <= start);
        let (prefix, rest) = split_prefix(line);
        if let Some(marker) = fence(rest) {
            out.push_marker(prefix, is_nested, marker, line);
            idx += 1;
        } else if grid::is_border(rest) {
            idx += out.push_grid(&lines[idx..], prefix, is_nested);
        } else {
            if !is_attribute_line(rest) {
                out.push_line(line);
            }
            idx += 1;
        }
    }
    out
}

impl Prepared {
    /// Returns the marker that stands within `range`.
    pub(super) fn marker_in(&self, range: &Range<usize>) -> Option<&Placed> {
        self.markers_in(range).first()
    }

    /// Returns all markers that stand within `range`, in order.
    pub(super) fn markers_in(&self, range: &Range<usize>) -> &[Placed] {
        let first = self
            .markers
            .partition_point(|placed| placed.range.start < range.start);
        let end = self
            .markers
            .partition_point(|placed| placed.range.start < range.end);
        &self.markers[first..end.max(first)]
    }

    fn push_line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// A blank line first ends whatever paragraph, list or table stands above.
    fn push_marker(&mut self, prefix: &str, is_nested: bool, marker: Marker, line: &str) {
        self.text.push_str(prefix.trim_end());
        self.text.push('\n');
        // Outside of lists four blanks would make the marker code.
        let quote_end = prefix.rfind('>').map_or(0, |at| at + 1);
        self.text.push_str(if is_nested {
            prefix
        } else {
            &prefix[..quote_end]
        });
        let start = self.text.len();
        self.text.push_str(MARKER);
        self.markers.push(Placed {
            range: start..self.text.len(),
            marker,
            line: line.trim_start().to_owned(),
        });
        self.text.push('\n');
    }

    /// Takes the table that starts with `lines`, or its first line as text when it is none.
    fn push_grid(&mut self, lines: &[(usize, &str)], prefix: &str, is_nested: bool) -> usize {
        let inner: Vec<&str> = lines
            .iter()
            .map(|(_, line)| split_prefix(line).1)
            .take_while(|rest| rest.starts_with(['+', '|']))
            .collect();
        match grid::parse(&inner) {
            Some(table) => {
                self.push_marker(prefix, is_nested, Marker::Table(table), lines[0].1);
                self.push_line(prefix.trim_end());
            }
            None => {
                for (_, line) in &lines[..inner.len()] {
                    self.push_line(line);
                }
            }
        }
        inner.len()
    }
}

/// What a first look at the whole body tells.
struct Outline {
    /// Code, comments and preformatted HTML, in order and apart from each other.
    verbatim: Vec<Range<usize>>,
    /// The outermost lists, footnotes and definition lists: indentation means something there.
    nested: Vec<Range<usize>>,
    has_top: bool,
}

impl Outline {
    fn of(body: &str) -> Self {
        let mut outline = Self {
            verbatim: Vec::new(),
            nested: Vec::new(),
            has_top: false,
        };
        let mut depth = 0_u32;
        for (event, range) in Parser::new_ext(body, options()).into_offset_iter() {
            match event {
                Event::Start(Tag::CodeBlock(kind)) => outline.push_code(body, &kind, range),
                Event::Start(Tag::HtmlBlock) if is_raw_block(&body[range.clone()]) => {
                    outline.verbatim.push(range)
                }
                Event::Start(Tag::Heading {
                    level: HeadingLevel::H1,
                    ..
                }) => outline.has_top = true,
                Event::Start(Tag::List(_) | Tag::FootnoteDefinition(_) | Tag::DefinitionList) => {
                    if depth == 0 {
                        outline.nested.push(range);
                    }
                    depth += 1;
                }
                Event::End(
                    TagEnd::List(_) | TagEnd::FootnoteDefinition | TagEnd::DefinitionList,
                ) => depth -= 1,
                _ => {}
            }
        }
        outline
    }

    /// Indented code counts from its first full line.
    fn push_code(&mut self, body: &str, kind: &CodeBlockKind<'_>, range: Range<usize>) {
        let start = match kind {
            CodeBlockKind::Fenced(_) => range.start,
            CodeBlockKind::Indented => body[..range.start].rfind('\n').map_or(0, |at| at + 1),
        };
        self.verbatim.push(start..range.end);
    }
}

/// HTML that does not end at a blank line.
fn is_raw_block(block: &str) -> bool {
    let block = block.trim_start();
    let name: String = block
        .chars()
        .skip(1)
        .take(8)
        .flat_map(char::to_lowercase)
        .collect();
    ["!", "?", "pre", "script", "style", "textarea"]
        .iter()
        .any(|start| name.starts_with(start))
}

/// One kind of line end, no byte order mark.
fn normalize(body: &str) -> String {
    body.strip_prefix('\u{FEFF}')
        .unwrap_or(body)
        .replace("\r\n", "\n")
        .replace('\r', "\n")
}

fn lines_of(body: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    body.split('\n').map(move |line| {
        let at = start;
        start += line.len() + 1;
        (at, line)
    })
}

/// Splits the blanks and quote marks from the front of a line.
fn split_prefix(line: &str) -> (&str, &str) {
    let end = line
        .find(|character| !matches!(character, ' ' | '\t' | '>'))
        .unwrap_or(line.len());
    line.split_at(end)
}

/// Reads a line of three or more colons, with or without a name.
fn fence(line: &str) -> Option<Marker> {
    let rest = line.trim_start_matches(':');
    if line.len() - rest.len() < 3 {
        return None;
    }
    let inner = rest.trim().trim_end_matches(':').trim_end();
    if inner.is_empty() {
        return Some(Marker::Close);
    }
    let name_len = inner
        .find(|character: char| !is_name(character))
        .unwrap_or(inner.len());
    let (name, tail) = inner.split_at(name_len);
    let tail = tail.trim_start();
    let found = if tail.is_empty() {
        Attributes::default()
    } else {
        let (found, len) = attributes::parse(tail)?;
        tail[len..].trim().is_empty().then_some(found)?
    };
    let name = if name.is_empty() {
        found.classes.first().cloned().unwrap_or_default()
    } else {
        name.to_owned()
    };
    Some(Marker::Open { name, id: found.id })
}

fn is_name(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '-' | '_' | '.')
}

/// kramdown puts attributes of a whole block on a line below it; they mean nothing here.
fn is_attribute_line(rest: &str) -> bool {
    rest.starts_with("{:")
        && attributes::parse(rest).is_some_and(|(_, len)| rest[len..].trim().is_empty())
}
