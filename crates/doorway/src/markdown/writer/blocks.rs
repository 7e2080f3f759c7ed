//! Blocks: paragraphs, headings, lists, tables, code.

use std::ops::Range;

use pulldown_cmark::{Alignment, CodeBlockKind, Tag, TagEnd};

use super::super::blocks::Prepared;
use super::super::callout::{Kind, Title};
use super::super::grid::Grid;
use super::super::{Heading, code, escape, ids};
use super::{CodeDraft, HeadingDraft, Paragraph, What, Writer};

impl Writer<'_> {
    pub(super) fn start(&mut self, part: &Prepared, tag: Tag<'_>, range: Range<usize>) {
        if !matches!(tag, Tag::HtmlBlock) {
            self.leave_table();
        }
        match tag {
            Tag::Paragraph => self.start_paragraph(),
            Tag::Heading { level, id, .. } => self.start_heading(level as u8, id.as_deref()),
            Tag::BlockQuote(None) => {
                self.push(What::Markdown, "<blockquote>\n", "</blockquote>\n");
            }
            Tag::BlockQuote(Some(kind)) => {
                self.await_title(Kind::of_quote(kind), None, What::Markdown)
            }
            Tag::CodeBlock(kind) => self.start_code(&kind),
            Tag::HtmlBlock => self.html = Some(String::new()),
            Tag::List(first) => self.start_list(first),
            Tag::Item => self.start_part("<li>", "</li>\n"),
            Tag::FootnoteDefinition(label) => self.start_definition(&label),
            Tag::DefinitionList => {
                self.push(What::Markdown, "<dl>\n", "</dl>\n");
            }
            Tag::DefinitionListTitle => self.start_part("<dt>", "</dt>\n"),
            Tag::DefinitionListDefinition => self.start_part("<dd>", "</dd>\n"),
            Tag::Table(alignments) => {
                self.alignments = alignments;
                self.push_always(
                    "<div class=\"scroll\"><table>\n",
                    "</tbody></table></div>\n",
                );
            }
            Tag::TableHead => {
                self.in_table_head = true;
                self.column = 0;
                self.push_always("<thead><tr>", "</tr></thead><tbody>\n");
            }
            Tag::TableRow => {
                self.column = 0;
                self.push_always("<tr>", "</tr>\n");
            }
            Tag::TableCell => self.start_cell(),
            Tag::MetadataBlock(_) => self.html = Some(String::new()),
            inline => self.start_inline(part, inline, range),
        }
    }

    pub(super) fn end(&mut self, part: &Prepared, tag: TagEnd, range: Range<usize>) {
        match tag {
            TagEnd::Paragraph => self.end_paragraph(),
            TagEnd::Heading(_) => self.end_heading(),
            TagEnd::CodeBlock => self.end_code(part, &range),
            TagEnd::HtmlBlock => self.end_html(part, &range),
            TagEnd::MetadataBlock(_) => self.html = None,
            TagEnd::FootnoteDefinition => self.end_definition(),
            TagEnd::TableHead => {
                self.in_table_head = false;
                self.pop_block();
            }
            TagEnd::TableCell => {
                self.column += 1;
                self.plain.push('\t');
                self.pop_block();
            }
            TagEnd::BlockQuote(_)
            | TagEnd::List(_)
            | TagEnd::Item
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::Table
            | TagEnd::TableRow => {
                self.break_plain();
                self.pop_block();
            }
            inline => self.end_inline(part, inline, &range),
        }
    }

    /// Closes a block; an element whose content was left out ends with it.
    fn pop_block(&mut self) {
        self.pop_markdown();
        self.dropping = None;
    }

    /// Opens a part of the innermost frame: without the frame, the part has none either.
    fn start_part(&mut self, html: &str, close: &'static str) {
        if self.open.last().is_some_and(|open| open.is_framed) {
            self.push_always(html, close);
        } else {
            self.push_unframed(What::Markdown);
        }
    }

    fn start_list(&mut self, first: Option<u64>) {
        match first {
            None => self.push(What::Markdown, "<ul>\n", "</ul>\n"),
            Some(1) => self.push(What::Markdown, "<ol>\n", "</ol>\n"),
            Some(first) => self.push(
                What::Markdown,
                &format!("<ol start=\"{first}\">\n"),
                "</ol>\n",
            ),
        };
    }

    fn start_paragraph(&mut self) {
        self.keep();
        self.push_always("", "");
        self.paragraph = Some(Paragraph {
            figures: Vec::new(),
            has_text: false,
            depth: self.open.len(),
        });
    }

    fn end_paragraph(&mut self) {
        self.pop_block();
        let content = self.take_kept();
        let Some(paragraph) = self.paragraph.take() else {
            return;
        };
        if !paragraph.has_text && !paragraph.figures.is_empty() {
            for figure in paragraph.figures {
                self.out.push_str(&figure);
                self.out.push('\n');
            }
        } else if !content.trim().is_empty() {
            self.out.push_str("<p>");
            self.out.push_str(content.trim());
            self.out.push_str("</p>\n");
        }
        self.break_plain();
    }

    fn start_heading(&mut self, level: u8, id: Option<&str>) {
        self.keep();
        self.push_always("", "");
        self.heading = Some(HeadingDraft {
            level,
            id: id.and_then(ids::written).map(str::to_owned),
            plain_start: self.plain.len(),
            is_title: self.awaiting.is_some(),
        });
    }

    fn end_heading(&mut self) {
        self.pop_block();
        let html = self.take_kept().trim().to_owned();
        let Some(draft) = self.heading.take() else {
            return;
        };
        let text = self.plain[draft.plain_start..].trim().to_owned();
        self.break_plain();
        if !self.has_headings() || html.is_empty() {
            if draft.is_title {
                self.open_callout(None);
            }
            if !html.is_empty() {
                self.out
                    .push_str(&format!("<p><strong>{html}</strong></p>\n"));
            }
            return;
        }
        let id = match &draft.id {
            Some(id) => self.ids.claim(id),
            None => self.ids.claim_for_text(&text),
        };
        if draft.is_title {
            let is_folded = self
                .awaiting
                .as_ref()
                .is_some_and(|awaiting| awaiting.kind.is_folded());
            let level = self.level(draft.level, self.divs.saturating_add(1), is_folded);
            self.open_callout(Some(&Title {
                html,
                text,
                id,
                level,
            }));
            return;
        }
        let level = self.level(draft.level, self.divs, false);
        self.out.push_str(&format!("<h{level}"));
        escape::attribute(&mut self.out, "id", &id);
        self.out.push_str(&format!(">{html}</h{level}>\n"));
        if self.divs == 0 {
            self.headings.push(Heading { level, id, text });
        }
    }

    /// Whether a heading here is part of the page's outline; in cells and footnotes it only stands out.
    pub(super) fn has_headings(&self) -> bool {
        !self.in_cell && !self.footnotes.is_open()
    }

    /// Returns the level on the page: below the title, deeper inside call-outs, none skipped.
    pub(super) fn level(&mut self, written: u8, divs: u8, is_silent: bool) -> u8 {
        let wanted = written
            .saturating_add(self.shift)
            .saturating_add(divs)
            .clamp(2, 6);
        let level = wanted.min(self.last_level + 1);
        if !is_silent {
            self.last_level = level;
        }
        level
    }

    fn start_code(&mut self, kind: &CodeBlockKind<'_>) {
        let info = match kind {
            CodeBlockKind::Fenced(info) => info.to_string(),
            CodeBlockKind::Indented => String::new(),
        };
        self.code = Some(CodeDraft {
            info,
            text: String::new(),
        });
    }

    fn end_code(&mut self, part: &Prepared, range: &Range<usize>) {
        let Some(mut draft) = self.code.take() else {
            return;
        };
        for placed in part.markers_in(range) {
            // The parser saw code where the first look saw none: the author's line comes back.
            draft.text = draft
                .text
                .replacen(super::super::blocks::MARKER, &placed.line, 1);
        }
        self.break_plain();
        self.plain.push_str(&draft.text);
        self.break_plain();
        code::write(
            &mut self.out,
            &draft.info,
            &draft.text,
            &mut self.budget,
            self.words,
        );
    }

    fn end_html(&mut self, part: &Prepared, range: &Range<usize>) {
        let Some(html) = self.html.take() else {
            return;
        };
        if let Some(placed) = part.marker_in(range) {
            self.marker(placed);
            return;
        }
        self.raw(&html);
        self.dropping = None;
        self.flush_player();
        self.break_plain();
    }

    fn start_cell(&mut self) {
        let class = match self.alignments.get(self.column) {
            Some(Alignment::Right) => " class=\"right\"",
            Some(Alignment::Center) => " class=\"middle\"",
            Some(Alignment::Left | Alignment::None) | None => "",
        };
        if self.in_table_head {
            self.push_always(&format!("<th scope=\"col\"{class}>"), "</th>");
        } else {
            self.push_always(&format!("<td{class}>"), "</td>");
        }
    }

    /// Writes a grid table, each cell a text of its own.
    pub(super) fn grid(&mut self, grid: &Grid) {
        self.out.push_str("<div class=\"scroll\"><table>\n");
        for (rows, tag, cell) in [(&grid.head, "thead", "th"), (&grid.body, "tbody", "td")] {
            if rows.is_empty() {
                continue;
            }
            self.out.push_str(&format!("<{tag}>\n"));
            for row in rows {
                self.out.push_str("<tr>");
                for text in row {
                    self.out.push_str(if cell == "th" {
                        "<th scope=\"col\">"
                    } else {
                        "<td>"
                    });
                    self.grid_cell(text);
                    self.out.push_str(&format!("</{cell}>"));
                }
                self.out.push_str("</tr>\n");
            }
            self.out.push_str(&format!("</{tag}>\n"));
        }
        self.out.push_str("</table></div>\n");
    }

    fn grid_cell(&mut self, text: &str) {
        let part = Prepared {
            text: text.to_owned(),
            markers: Vec::new(),
            has_top_heading: false,
        };
        let outer_skip = std::mem::replace(&mut self.skip_to, 0);
        self.in_cell = true;
        self.keep();
        self.push_always("", "");
        self.run(&part);
        self.pop_block();
        let html = self.take_kept();
        self.in_cell = false;
        self.skip_to = outer_skip;
        self.break_plain();
        self.out.push_str(only_paragraph(html.trim()));
    }
}

/// A cell that holds nothing but one paragraph needs no frame around it.
fn only_paragraph(html: &str) -> &str {
    let inner = html
        .strip_prefix("<p>")
        .and_then(|rest| rest.strip_suffix("</p>"));
    inner.filter(|inner| !inner.contains("<p>")).unwrap_or(html)
}
