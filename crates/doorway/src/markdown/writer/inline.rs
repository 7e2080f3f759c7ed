//! Marks within a line: emphasis, links, pictures, code, formulas.

use std::ops::Range;

use pulldown_cmark::{CowStr, Event, LinkType, Tag, TagEnd};

use super::super::attributes::{self, Attributes};
use super::super::blocks::Prepared;
use super::super::links::{self, Target};
use super::super::media::{self, Exhibit};
use super::super::{escape, ids};
use super::{ExhibitDraft, What, Writer};

impl Writer<'_> {
    pub(super) fn start_inline(&mut self, part: &Prepared, tag: Tag<'_>, range: Range<usize>) {
        if range.end <= self.skip_to {
            self.push_unframed(What::Markdown);
            return;
        }
        match tag {
            Tag::Emphasis => self.start_mark("<em>", "</em>"),
            Tag::Strong => self.start_mark("<strong>", "</strong>"),
            Tag::Strikethrough => self.start_mark("<del>", "</del>"),
            Tag::Superscript => self.start_mark("<sup>", "</sup>"),
            Tag::Subscript => self.start_mark("<sub>", "</sub>"),
            Tag::Link {
                link_type,
                dest_url,
                title,
                ..
            } => {
                self.mark_text();
                let attributes = trailing(part, range.end)
                    .map(|(found, _)| found)
                    .unwrap_or_default();
                self.start_link(link_type, &dest_url, &title, &attributes);
            }
            Tag::Image {
                dest_url, title, ..
            } => self.start_exhibit(&dest_url, &title),
            // Blocks are opened elsewhere.
            _ => self.push_unframed(What::Markdown),
        }
    }

    pub(super) fn end_inline(&mut self, part: &Prepared, tag: TagEnd, range: &Range<usize>) {
        if tag == TagEnd::Image {
            self.end_exhibit(part, range);
            return;
        }
        self.pop_markdown();
        if range.end > self.skip_to
            && let Some((_, len)) = trailing(part, range.end)
        {
            self.skip_to = range.end + len;
        }
    }

    fn start_mark(&mut self, html: &str, close: &'static str) {
        self.mark_text();
        self.push(What::Markdown, html, close);
    }

    /// Opens a link, or a place to link to, or nothing where the address is refused.
    fn start_link(
        &mut self,
        link_type: LinkType,
        address: &str,
        title: &str,
        attributes: &Attributes,
    ) {
        let mut html = String::new();
        let id = attributes
            .id
            .as_deref()
            .and_then(ids::written)
            .map(|id| self.ids.claim(id));
        if link_type == LinkType::ShortcutUnknown && address.is_empty() {
            html.push_str("<span");
            if let Some(id) = id {
                escape::attribute(&mut html, "id", &id);
            }
            html.push('>');
            self.push(What::Markdown, &html, "</span>");
            return;
        }
        let address = if link_type == LinkType::Email {
            format!("mailto:{address}")
        } else {
            address.to_owned()
        };
        let Some(target) = links::target(&address).filter(|_| self.links == 0) else {
            self.push_unframed(What::Markdown);
            return;
        };
        open_link(&mut html, &address, target);
        if let Some(id) = id {
            escape::attribute(&mut html, "id", &id);
        }
        if !title.is_empty() {
            escape::attribute(&mut html, "title", title);
        }
        html.push('>');
        if self.push(What::Markdown, &html, "</a>") {
            self.links += 1;
        }
    }

    fn start_exhibit(&mut self, source: &str, title: &str) {
        if let Some(draft) = &mut self.exhibit {
            draft.inner += 1;
            return;
        }
        let title = (!title.is_empty()).then(|| title.to_owned());
        self.exhibit = Some(ExhibitDraft {
            exhibit: Exhibit {
                source: source.to_owned(),
                title,
                ..Exhibit::default()
            },
            plain_start: self.plain.len(),
            inner: 0,
        });
        self.keep();
        self.push_always("", "");
    }

    fn end_exhibit(&mut self, part: &Prepared, range: &Range<usize>) {
        match &mut self.exhibit {
            // It stood in an attribute list that has been read.
            None => {
                self.pop_markdown();
                return;
            }
            Some(draft) if draft.inner > 0 => {
                draft.inner -= 1;
                return;
            }
            Some(_) => {}
        }
        self.pop_markdown();
        let caption = self.take_kept();
        let Some(mut draft) = self.exhibit.take() else {
            return;
        };
        draft.exhibit.alt = self.plain[draft.plain_start..].trim().to_owned();
        let mut shown = None;
        if let Some((attributes, len)) = trailing(part, range.end) {
            self.skip_to = range.end + len;
            let described = draft.exhibit.alt.clone();
            draft.exhibit.apply(&attributes);
            if draft.exhibit.alt != described {
                // Pandoc: the brackets hold the caption, the braces the description.
                shown = Some(caption).filter(|caption| !caption.trim().is_empty());
                self.plain.push(' ');
                self.plain.push_str(&draft.exhibit.alt);
            }
        }
        self.show(&draft.exhibit, shown.as_deref());
    }

    /// Places a picture or player; alone in its paragraph it becomes a figure.
    pub(super) fn show(&mut self, exhibit: &Exhibit, caption: Option<&str>) {
        let mut html = String::new();
        let Some(_) = media::write(&mut html, exhibit, &self.library) else {
            self.mark_text();
            self.out.push_str(&html);
            return;
        };
        self.out.push_str(&html);
        let depth = self.open.len();
        if let Some(paragraph) = self
            .paragraph
            .as_mut()
            .filter(|paragraph| paragraph.depth == depth)
        {
            let mut figure = format!("<figure>{html}");
            match (&exhibit.title, caption) {
                (Some(title), _) => {
                    figure.push_str("<figcaption>");
                    escape::text(&mut figure, title);
                    figure.push_str("</figcaption>");
                }
                (None, Some(caption)) => {
                    figure.push_str("<figcaption>");
                    figure.push_str(caption.trim());
                    figure.push_str("</figcaption>");
                }
                (None, None) => {}
            }
            figure.push_str("</figure>");
            paragraph.figures.push(figure);
        } else {
            self.mark_text();
        }
    }

    /// Writes what has no inside.
    pub(super) fn leaf(&mut self, part: &Prepared, event: Event<'_>, range: Range<usize>) {
        if range.start < self.skip_to {
            // What an attribute list did not take is text again.
            if range.end > self.skip_to && !matches!(event, Event::SoftBreak | Event::HardBreak) {
                let rest = part.text[self.skip_to..range.end].to_owned();
                self.skip_to = 0;
                self.text(&rest);
            }
            return;
        }
        if self.is_silent(&event) {
            return;
        }
        if !matches!(event, Event::InlineHtml(_) | Event::SoftBreak) {
            self.leave_table();
        }
        match event {
            Event::Text(text) => self.text(&text),
            Event::Code(code) => self.inline_code(part, &code, &range),
            Event::InlineMath(formula) => self.formula("$", &formula),
            Event::DisplayMath(formula) => self.display_formula(&formula),
            Event::InlineHtml(html) => self.raw(&html),
            Event::FootnoteReference(label) => self.footnote_reference(&label),
            Event::SoftBreak => {
                self.out.push('\n');
                self.plain.push(' ');
            }
            Event::HardBreak => {
                self.out.push_str("<br>\n");
                self.plain.push(' ');
            }
            Event::Rule => self.out.push_str("<hr>\n"),
            Event::TaskListMarker(is_done) => self.task(is_done),
            // Handled by the caller.
            Event::Start(_) | Event::End(_) | Event::Html(_) => {}
        }
    }

    /// Whether an element that is left out, or a player that shows itself, takes the content.
    fn is_silent(&self, event: &Event<'_>) -> bool {
        let is_open = self.dropping.is_some() || self.player.is_some();
        is_open && !matches!(event, Event::InlineHtml(_))
    }

    pub(super) fn text(&mut self, text: &str) {
        if let Some(draft) = &mut self.code {
            draft.text.push_str(text);
            return;
        }
        if !text.trim().is_empty() {
            self.leave_table();
            self.mark_text();
        }
        escape::text(&mut self.out, text);
        self.plain.push_str(text);
    }

    fn inline_code(&mut self, part: &Prepared, code: &CowStr<'_>, range: &Range<usize>) {
        self.mark_text();
        self.out.push_str("<code>");
        escape::text(&mut self.out, code);
        self.out.push_str("</code>");
        self.plain.push_str(code);
        if let Some((_, len)) = trailing(part, range.end) {
            self.skip_to = range.end + len;
        }
    }

    fn formula(&mut self, sign: &str, formula: &str) {
        self.mark_text();
        self.out.push_str(&formula_html("span", sign, formula));
        self.plain.push_str(formula);
    }

    fn display_formula(&mut self, formula: &str) {
        let depth = self.open.len();
        match self
            .paragraph
            .as_mut()
            .filter(|paragraph| paragraph.depth == depth)
        {
            Some(paragraph) => {
                paragraph.figures.push(formula_html("div", "$$", formula));
                self.out.push_str(&formula_html("span", "$$", formula));
                self.plain.push_str(formula);
            }
            None => self.formula("$$", formula),
        }
    }

    fn task(&mut self, is_done: bool) {
        let word = if is_done {
            self.words.done
        } else {
            self.words.open
        };
        self.out.push_str("<span class=\"task\" role=\"img\"");
        escape::attribute(&mut self.out, "aria-label", word);
        self.out.push_str(if is_done {
            ">☑</span> "
        } else {
            ">☐</span> "
        });
    }

    /// Remembers that the paragraph holds more than pictures.
    pub(super) fn mark_text(&mut self) {
        if self.exhibit.is_none()
            && let Some(paragraph) = &mut self.paragraph
        {
            paragraph.has_text = true;
        }
    }
}

/// Appends `<a href="…"` without the closing bracket.
pub(super) fn open_link(html: &mut String, address: &str, target: Target) {
    html.push_str("<a");
    escape::attribute(html, "href", address);
    if target == Target::Elsewhere {
        html.push_str(" rel=\"noopener\"");
    }
}

fn formula_html(tag: &str, sign: &str, formula: &str) -> String {
    let mut html = format!("<{tag} class=\"math\">{sign}");
    escape::text(&mut html, formula);
    html.push_str(&format!("{sign}</{tag}>"));
    html
}

/// The attribute list directly behind an element.
fn trailing(part: &Prepared, end: usize) -> Option<(Attributes, usize)> {
    let behind = &part.text[end..];
    behind.starts_with('{').then(|| attributes::parse(behind))?
}
