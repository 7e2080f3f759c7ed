//! Writes HTML from the parser's events.
//!
//! Invariants: one stack holds everything that is open, so whatever was opened is closed in order;
//! a frame that an author's tag or a div opened never outlives the block it stands in; no more than
//! [`DEPTH_MAX`] frames are written, deeper ones leave only their content.

mod blocks;
mod footnotes;
mod inline;
mod tags;

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;
use std::ops::Range;

use pulldown_cmark::{BrokenLink, CowStr, Event, LinkType, Parser, Tag};

use super::blocks::{Marker, Placed, Prepared, options};
use super::callout::{self, Kind, Title};
use super::code::Budget;
use super::ids::Ids;
use super::media::{Exhibit, Library};
use super::{DEPTH_MAX, Heading, Media, attributes};
use crate::pages::strings::CalloutWords;
use footnotes::Footnotes;

/// What link references in cells may unfold to in a short body, in bytes; a longer body may unfold
/// to its own length, which is the bound that the parser keeps for the rest.
const EXPANSION_LEN_MIN: usize = 100_000;

/// What the writer leaves behind.
pub(super) struct Written {
    pub(super) html: String,
    pub(super) headings: Vec<Heading>,
    pub(super) plain_text: String,
}

/// Writes a prepared body.
pub(super) fn write(prepared: &Prepared, media: &[Media], words: &CalloutWords) -> Written {
    let mut writer = Writer {
        library: Library::new(media),
        words,
        out: String::with_capacity(prepared.text.len() * 2),
        kept: Vec::new(),
        open: Vec::new(),
        frames: 0,
        plain: String::with_capacity(prepared.text.len()),
        headings: Vec::new(),
        ids: Ids::new(),
        budget: Budget::new(),
        footnotes: Footnotes::default(),
        references: HashMap::new(),
        awaiting: None,
        paragraph: None,
        heading: None,
        exhibit: None,
        player: None,
        code: None,
        html: None,
        dropping: None,
        skip_to: 0,
        last_level: 1,
        divs: 0,
        links: 0,
        expansion_left: prepared.text.len().max(EXPANSION_LEN_MIN),
        shift: u8::from(prepared.has_top_heading),
        in_cell: false,
        alignments: Vec::new(),
        column: 0,
        in_table_head: false,
    };
    writer.run(prepared);
    writer.finish()
}

/// Something that has been opened and must be closed.
struct Open {
    what: What,
    /// What closes it; empty where the frame was left out.
    close: Cow<'static, str>,
    is_framed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    /// A block or mark of Markdown; the parser closes it.
    Markdown,
    /// A fenced div; a line of colons closes it.
    Div,
    /// An author's tag of this name; another tag closes it.
    Raw(String),
}

/// A div whose title may come with the next event.
struct Awaiting {
    kind: Kind,
    id: Option<String>,
    what: What,
}

/// A paragraph in the making: one that holds only pictures becomes figures.
struct Paragraph {
    figures: Vec<String>,
    has_text: bool,
    /// Depth of the stack inside it, to tell its own pictures from those within links.
    depth: usize,
}

struct HeadingDraft {
    level: u8,
    id: Option<String>,
    plain_start: usize,
    is_title: bool,
}

struct ExhibitDraft {
    exhibit: Exhibit,
    plain_start: usize,
    /// Pictures inside a picture's description count as description.
    inner: usize,
}

struct CodeDraft {
    info: String,
    text: String,
}

struct Writer<'w> {
    library: Library<'w>,
    words: &'w CalloutWords,
    out: String,
    /// Outer outputs, while a part is written that is placed later.
    kept: Vec<String>,
    open: Vec<Open>,
    frames: usize,
    plain: String,
    headings: Vec<Heading>,
    ids: Ids,
    budget: Budget,
    footnotes: Footnotes,
    /// Link references of the whole body, for the cells of grid tables.
    references: HashMap<String, (String, String)>,
    awaiting: Option<Awaiting>,
    paragraph: Option<Paragraph>,
    heading: Option<HeadingDraft>,
    exhibit: Option<ExhibitDraft>,
    /// A player whose source stands in a tag inside it.
    player: Option<Exhibit>,
    code: Option<CodeDraft>,
    html: Option<String>,
    /// Name of the element whose content is being left out.
    dropping: Option<String>,
    /// Source before this offset was an attribute list and has been read.
    skip_to: usize,
    last_level: u8,
    divs: u8,
    links: u8,
    /// Bytes that link references in cells of grid tables may still unfold to.
    expansion_left: usize,
    shift: u8,
    in_cell: bool,
    alignments: Vec<pulldown_cmark::Alignment>,
    column: usize,
    in_table_head: bool,
}

impl Writer<'_> {
    /// Writes one text with its markers: the body, or a cell of a grid table.
    fn run<'p>(&mut self, part: &'p Prepared) {
        let references = std::mem::take(&mut self.references);
        let left = Cell::new(self.expansion_left);
        let callback = |link: BrokenLink<'p>| -> Option<(CowStr<'p>, CowStr<'p>)> {
            let behind = &part.text[link.span.end..];
            if link.link_type == LinkType::Shortcut && behind.starts_with('{') {
                // `[text]{#id}` is a place to link to.
                attributes::parse(behind)?;
                return Some(("".into(), "".into()));
            }
            let (target, title) = references.get(&link.reference.to_lowercase())?;
            left.set(left.get().checked_sub(target.len() + title.len())?);
            Some((target.clone().into(), title.clone().into()))
        };
        let parser = Parser::new_with_broken_link_callback(&part.text, options(), Some(callback));
        if part
            .markers
            .iter()
            .any(|placed| matches!(placed.marker, Marker::Table(_)))
        {
            for (label, link) in parser.reference_definitions().iter() {
                let title = link.title.as_deref().unwrap_or_default();
                self.references.insert(
                    label.to_lowercase(),
                    (link.dest.to_string(), title.to_owned()),
                );
            }
        }
        for (event, range) in parser.into_offset_iter() {
            self.event(part, event, range);
        }
        self.expansion_left = self.expansion_left.min(left.get());
        self.references = references;
    }

    fn event(&mut self, part: &Prepared, event: Event<'_>, range: Range<usize>) {
        if self.awaiting.is_some()
            && self.heading.is_none()
            && !matches!(event, Event::Start(Tag::Heading { .. }))
        {
            self.open_callout(None);
        }
        match event {
            Event::Start(tag) => self.start(part, tag, range),
            Event::End(tag) => self.end(part, tag, range),
            Event::Html(html) => {
                if let Some(block) = &mut self.html {
                    block.push_str(&html);
                }
            }
            other => self.leaf(part, other, range),
        }
    }

    /// Acts on a marker that stood in an HTML block.
    fn marker(&mut self, placed: &Placed) {
        self.leave_table();
        match &placed.marker {
            Marker::Open { name, id } => {
                let kind = Kind::named(name);
                self.await_title(kind, id.clone(), What::Div);
            }
            Marker::Close => self.close_div(),
            Marker::Table(grid) => self.grid(grid),
        }
    }

    fn await_title(&mut self, kind: Kind, id: Option<String>, what: What) {
        let takes_title = kind.takes_title();
        self.awaiting = Some(Awaiting { kind, id, what });
        if !takes_title {
            self.open_callout(None);
        }
    }

    fn open_callout(&mut self, title: Option<&Title>) {
        let Some(Awaiting { kind, id, what }) = self.awaiting.take() else {
            return;
        };
        let id = id
            .as_deref()
            .and_then(super::ids::written)
            .map(|id| self.ids.claim(id));
        let (html, close) = callout::open(&kind, id.as_deref(), title, self.words);
        if self.push(what, &html, close) {
            self.divs = self.divs.saturating_add(1);
        } else if let Some(title) = title {
            // The frame is left out, its words are not.
            self.out.push_str("<p><strong>");
            self.out.push_str(&title.html);
            self.out.push_str("</strong></p>\n");
        }
    }

    fn close_div(&mut self) {
        let inner = self
            .open
            .iter()
            .rev()
            .take_while(|open| open.what != What::Markdown);
        let Some(at) = inner.clone().position(|open| open.what == What::Div) else {
            return;
        };
        for _ in 0..=at {
            self.pop();
        }
    }

    /// Opens a frame unless too many are open; returns whether it did.
    fn push(&mut self, what: What, html: &str, close: impl Into<Cow<'static, str>>) -> bool {
        if self.frames < DEPTH_MAX {
            self.push_framed(what, html, close.into());
            return true;
        }
        self.push_unframed(what);
        false
    }

    fn push_framed(&mut self, what: What, html: &str, close: Cow<'static, str>) {
        self.out.push_str(html);
        self.frames += 1;
        self.open.push(Open {
            what,
            close,
            is_framed: true,
        });
    }

    fn push_unframed(&mut self, what: What) {
        self.open.push(Open {
            what,
            close: Cow::Borrowed(""),
            is_framed: false,
        });
    }

    /// Opens what must not be left out because its parts belong together.
    fn push_always(&mut self, html: &str, close: &'static str) {
        self.push_framed(What::Markdown, html, Cow::Borrowed(close));
    }

    fn pop(&mut self) {
        let Some(open) = self.open.pop() else {
            return;
        };
        self.out.push_str(&open.close);
        if !open.is_framed {
            return;
        }
        self.frames -= 1;
        match open.close.as_ref() {
            callout::SECTION_END | callout::DETAILS_END => self.divs = self.divs.saturating_sub(1),
            "</a>" => self.links = self.links.saturating_sub(1),
            _ => {}
        }
    }

    /// Closes the innermost block or mark of Markdown with everything opened inside it.
    fn pop_markdown(&mut self) {
        self.flush_player();
        while self
            .open
            .last()
            .is_some_and(|open| open.what != What::Markdown)
        {
            self.pop();
        }
        self.pop();
    }

    /// Sends what follows into a buffer of its own.
    fn keep(&mut self) {
        self.kept.push(std::mem::take(&mut self.out));
    }

    /// Returns what went into the buffer.
    fn take_kept(&mut self) -> String {
        let outer = self.kept.pop().unwrap_or_default();
        std::mem::replace(&mut self.out, outer)
    }

    fn break_plain(&mut self) {
        if !self.plain.is_empty() && !self.plain.ends_with('\n') {
            self.plain.push('\n');
        }
    }

    fn finish(mut self) -> Written {
        self.flush_player();
        if self.awaiting.is_some() {
            self.open_callout(None);
        }
        while !self.open.is_empty() {
            self.pop();
        }
        self.write_footnotes();
        Written {
            html: self.out,
            headings: self.headings,
            plain_text: self.plain.trim().to_owned(),
        }
    }
}
