//! Finds in a Markdown text what publishing must know: links with the exact bytes of their addresses, anchors, the
//! first heading, and what no page may hold.
//!
//! Invariants: nothing in code counts; every range lies on character borders of the text; the destinations are those
//! that a CommonMark parser with the doorway's extensions sees. Lines of fenced divs (`:::`) count as blank, because
//! the doorway makes blocks of them. Does not know what is behind an address.

mod address;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, LinkType, OffsetIter, Options, Parser, Tag, TagEnd};

use super::html;
use address::{destination, find, label_end};

/// What was found in a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outline {
    /// Links, images and media in the order of their addresses in the text.
    pub(crate) links: Vec<Link>,
    /// What fragments of addresses may name.
    pub(crate) anchors: BTreeSet<String>,
    /// The first heading of the first level that stands in no list or quote.
    pub(crate) top: Option<TopHeading>,
    /// Scripts: where, and what a person sees there.
    pub(crate) scripts: Vec<(usize, String)>,
    /// Elements that no doorway shows: where, and their names.
    pub(crate) dropped: Vec<(usize, String)>,
}

/// A link, an image, a definition of a link, or an attribute of raw HTML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// The address without escapes.
    pub(crate) dest: String,
    /// Where the address stands; `None` when it is written so that it cannot be replaced.
    pub(crate) place: Option<Range<usize>>,
    /// Where a person finds it.
    pub(crate) offset: usize,
    /// How an address is written there.
    pub(crate) form: Form,
    /// What to delete so that the link is gone and its text stays.
    pub(crate) frame: Vec<Range<usize>>,
}

/// How an address is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As Markdown does.
    Markdown,
    /// As the value of an attribute, in quotes.
    Attribute,
}

/// A heading that can be a page's title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TopHeading {
    /// Its text without marks.
    pub(crate) text: String,
    /// Where it stands.
    pub(crate) range: Range<usize>,
    /// Whether nothing stands above it.
    pub(crate) is_first: bool,
}

/// Attributes that hold addresses.
const ADDRESSES: [(&str, &[&str]); 6] = [
    ("a", &["href"]),
    ("img", &["src"]),
    ("video", &["src", "poster"]),
    ("audio", &["src"]),
    ("source", &["src"]),
    ("track", &["src"]),
];

/// Elements that authors expect to see and that no doorway shows.
const DROPPED: [&str; 8] = [
    "iframe", "object", "embed", "form", "style", "link", "meta", "base",
];

/// Longest anchor made of a heading, in characters; the doorway's own limit.
const ANCHOR_CHARS_MAX: usize = 80;

/// The extensions of CommonMark that the doorway's pages use.
fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_DEFINITION_LIST
        | Options::ENABLE_MATH
        | Options::ENABLE_GFM
}

/// Looks through a text whose line ends are `\n`.
pub(crate) fn outline(body: &str) -> Outline {
    let text = without_fences(body);
    let mut reader = Reader {
        text: &text,
        outline: Outline::default(),
        open: Vec::new(),
        depth: 0,
        heading: None,
        anchors: BTreeMap::new(),
        definitions: BTreeMap::new(),
        saw_block: false,
    };
    let mut events = Parser::new_ext(&text, options()).into_offset_iter();
    while let Some((event, range)) = events.next() {
        reader.event(event, range, &events);
    }
    reader.written_anchors(body);
    let Reader {
        mut outline,
        definitions,
        ..
    } = reader;
    outline.links.extend(definitions.into_values());
    outline
        .links
        .sort_by_key(|link| link.place.as_ref().map_or(link.offset, |place| place.start));
    outline
}

/// Makes lines that start with three colons blank; every other byte keeps its place.
fn without_fences(body: &str) -> String {
    let mut text = String::with_capacity(body.len());
    for line in body.split_inclusive('\n') {
        let rest = line.trim_start_matches([' ', '\t', '>']);
        if rest.starts_with(":::") {
            let kept = line.len() - rest.len();
            text.push_str(&line[..kept]);
            text.extend(
                rest.bytes()
                    .map(|byte| if byte == b'\n' { '\n' } else { ' ' }),
            );
        } else {
            text.push_str(line);
        }
    }
    text
}

/// A link whose end has not come yet.
struct Open {
    start: usize,
    /// Where its text ends, as far as it is known.
    text_end: usize,
    link_type: LinkType,
    dest: String,
    /// Where its definition stands, for links that have one.
    definition: Option<Range<usize>>,
}

/// A heading whose end has not come yet.
struct OpenHeading {
    text: String,
    is_top: bool,
    is_first: bool,
    id: Option<String>,
}

struct Reader<'t> {
    text: &'t str,
    outline: Outline,
    open: Vec<Open>,
    /// How many blocks are open around the current one.
    depth: u32,
    heading: Option<OpenHeading>,
    /// How often each anchor was wanted so far.
    anchors: BTreeMap<String, u32>,
    /// Links that are written as definitions, by the place of the definition.
    definitions: BTreeMap<usize, Link>,
    saw_block: bool,
}

impl Reader<'_> {
    fn event(&mut self, event: Event<'_>, range: Range<usize>, events: &OffsetIter<'_>) {
        if let Some(open) = self.open.last_mut() {
            let is_inside = range.start > open.start;
            if is_inside {
                open.text_end = open.text_end.max(range.end);
            }
        }
        match event {
            Event::Start(tag) => self.start(tag, range, events),
            Event::End(tag) => self.end(tag, range),
            Event::Text(text)
            | Event::Code(text)
            | Event::InlineMath(text)
            | Event::DisplayMath(text) => {
                if let Some(heading) = &mut self.heading {
                    heading.text.push_str(&text);
                }
            }
            Event::SoftBreak | Event::HardBreak => {
                if let Some(heading) = &mut self.heading {
                    heading.text.push(' ');
                }
            }
            Event::InlineHtml(_) => self.html(range),
            // Blocks of HTML are read as a whole when they start.
            Event::Html(_)
            | Event::FootnoteReference(_)
            | Event::Rule
            | Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: Range<usize>, events: &OffsetIter<'_>) {
        let is_first = !self.saw_block;
        match tag {
            Tag::Link {
                link_type,
                dest_url,
                id,
                ..
            } => {
                self.open_link(
                    range.start,
                    1,
                    link_type,
                    &dest_url,
                    definition(events, link_type, &id),
                );
                return;
            }
            Tag::Image {
                link_type,
                dest_url,
                id,
                ..
            } => {
                self.open_link(
                    range.start,
                    2,
                    link_type,
                    &dest_url,
                    definition(events, link_type, &id),
                );
                return;
            }
            Tag::Emphasis | Tag::Strong | Tag::Strikethrough => return,
            Tag::Heading { level, id, .. } => {
                self.heading = Some(OpenHeading {
                    text: String::new(),
                    is_top: level == HeadingLevel::H1 && self.depth == 0,
                    is_first,
                    id: id.map(|id| id.to_string()),
                });
            }
            Tag::HtmlBlock => self.html(range),
            _ => {}
        }
        self.saw_block = true;
        self.depth += 1;
    }

    fn end(&mut self, tag: TagEnd, range: Range<usize>) {
        match tag {
            TagEnd::Link | TagEnd::Image => return self.close_link(range),
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => return,
            TagEnd::Heading(_) => self.close_heading(range),
            _ => {}
        }
        self.depth = self.depth.saturating_sub(1);
    }

    fn open_link(
        &mut self,
        start: usize,
        mark_len: usize,
        link_type: LinkType,
        dest: &str,
        definition: Option<Range<usize>>,
    ) {
        let text_end = start + mark_len;
        self.open.push(Open {
            start,
            text_end,
            link_type,
            dest: dest.to_owned(),
            definition,
        });
    }

    fn close_link(&mut self, range: Range<usize>) {
        let Some(open) = self.open.pop() else { return };
        if let Some(outer) = self.open.last_mut() {
            outer.text_end = outer.text_end.max(range.end);
        }
        match open.link_type {
            LinkType::Inline => self.inline(&open, range),
            LinkType::Reference | LinkType::Collapsed | LinkType::Shortcut => {
                self.reference(&open, range)
            }
            LinkType::Autolink => self.outline.links.push(Link {
                dest: open.dest,
                place: None,
                offset: range.start,
                form: Form::Markdown,
                frame: Vec::new(),
            }),
            // Mail addresses lead nowhere in the folder; the others need extensions that are off.
            LinkType::Email
            | LinkType::ReferenceUnknown
            | LinkType::CollapsedUnknown
            | LinkType::ShortcutUnknown
            | LinkType::WikiLink { .. } => {}
        }
    }

    fn inline(&mut self, open: &Open, range: Range<usize>) {
        let close = find(self.text, open.text_end..range.end, "](");
        let place =
            close.and_then(|close| destination(self.text, close + 2..range.end, &open.dest));
        self.outline.links.push(Link {
            dest: open.dest.clone(),
            place,
            offset: close.unwrap_or(range.start),
            form: Form::Markdown,
            frame: self.frame(open, &range),
        });
    }

    /// Notes a use of a definition; its address is replaced once, at the definition.
    fn reference(&mut self, open: &Open, range: Range<usize>) {
        let Some(span) = open.definition.clone() else {
            return;
        };
        let frame = self.frame(open, &range);
        let text = self.text;
        let link = self.definitions.entry(span.start).or_insert_with(|| Link {
            dest: open.dest.clone(),
            place: label_end(text, &span)
                .and_then(|end| destination(text, end..span.end, &open.dest)),
            offset: span.start,
            form: Form::Markdown,
            frame: Vec::new(),
        });
        link.frame.extend(frame);
    }

    /// Returns what stands before and after the text of a link.
    fn frame(&self, open: &Open, range: &Range<usize>) -> Vec<Range<usize>> {
        let mark_len = if self.text[range.clone()].starts_with('!') {
            2
        } else {
            1
        };
        match find(self.text, open.text_end..range.end, "]") {
            Some(close) => {
                // The parser counts the brackets of `[text][]` as what follows the link.
                let is_collapsed = open.link_type == LinkType::Collapsed
                    && self.text[range.end..].starts_with("[]");
                let end = if is_collapsed {
                    range.end + 2
                } else {
                    range.end
                };
                vec![range.start..range.start + mark_len, close..end]
            }
            None => Vec::new(),
        }
    }

    fn close_heading(&mut self, range: Range<usize>) {
        let Some(heading) = self.heading.take() else {
            return;
        };
        let anchor = heading.id.unwrap_or_else(|| anchor_of(&heading.text));
        let count = self.anchors.entry(anchor.clone()).or_insert(0);
        let unique = if *count == 0 {
            anchor
        } else {
            format!("{anchor}-{count}")
        };
        *count += 1;
        self.outline.anchors.insert(unique);
        if heading.is_top && self.outline.top.is_none() {
            self.outline.top = Some(TopHeading {
                text: heading
                    .text
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" "),
                range,
                is_first: heading.is_first,
            });
        }
    }

    fn html(&mut self, range: Range<usize>) {
        let start = range.start;
        for tag in html::start_tags(&self.text[range]) {
            let offset = start + tag.range.start;
            for name in ["id", "name"] {
                self.outline
                    .anchors
                    .extend(tag.value(name).map(str::to_owned));
            }
            if tag.name == "script" {
                self.outline.scripts.push((offset, "<script>".to_owned()));
            } else if DROPPED.contains(&tag.name.as_str()) {
                self.outline.dropped.push((offset, tag.name.clone()));
            }
            let known = ADDRESSES.iter().find(|(element, _)| *element == tag.name);
            let names = known.map_or(&[][..], |(_, names)| *names);
            for attribute in tag.attributes {
                if attribute.name.len() > 2 && attribute.name.starts_with("on") {
                    self.outline
                        .scripts
                        .push((offset, format!("the attribute {}", attribute.name)));
                } else if names.contains(&attribute.name.as_str()) {
                    let (place, whole) = (attribute.value_range, attribute.range);
                    let frame = start + whole.start..start + whole.end;
                    self.outline.links.push(Link {
                        dest: attribute.value,
                        place: Some(start + place.start..start + place.end),
                        offset: start + whole.start,
                        form: Form::Attribute,
                        frame: Vec::from([frame]),
                    });
                }
            }
        }
    }

    /// Collects what authors name in braces, such as `{#commit}` behind a term or a div.
    fn written_anchors(&mut self, body: &str) {
        for (at, _) in body.match_indices('{') {
            let Some(len) = body[at..].bytes().take(200).position(|byte| byte == b'}') else {
                continue;
            };
            let words = body[at + 1..at + len].split_whitespace();
            self.outline.anchors.extend(
                words
                    .filter_map(|word| word.strip_prefix('#'))
                    .map(str::to_owned),
            );
        }
    }
}

/// Returns where the definition of a reference link stands.
fn definition(events: &OffsetIter<'_>, link_type: LinkType, label: &str) -> Option<Range<usize>> {
    let has_definition = matches!(
        link_type,
        LinkType::Reference | LinkType::Collapsed | LinkType::Shortcut
    );
    let found = has_definition.then(|| events.reference_definitions().get(label))??;
    Some(found.span.clone())
}

/// Returns the anchor that a heading gets, as GitHub and the doorway form it.
fn anchor_of(text: &str) -> String {
    let mut anchor = String::new();
    for letter in text.trim().chars().take(ANCHOR_CHARS_MAX) {
        if letter.is_alphanumeric() || letter == '_' {
            anchor.extend(letter.to_lowercase());
        } else if (letter.is_whitespace() || letter == '-')
            && !anchor.is_empty()
            && !anchor.ends_with('-')
        {
            anchor.push('-');
        }
    }
    anchor.truncate(anchor.trim_end_matches('-').len());
    if anchor.is_empty() {
        "section".to_owned()
    } else {
        anchor
    }
}

#[cfg(test)]
mod tests;
