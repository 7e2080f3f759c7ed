//! Footnotes: numbered in the order in which the text refers to them, written at its end.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::super::escape;
use super::Writer;

/// The notes met so far.
#[derive(Default)]
pub(super) struct Footnotes {
    /// In the order of their first reference.
    notes: Vec<Note>,
    by_label: HashMap<String, usize>,
    /// What each label stands for.
    bodies: HashMap<String, String>,
    /// Labels in the order of their definitions.
    defined: Vec<String>,
    /// Labels of the definitions being written.
    open: Vec<String>,
}

struct Note {
    label: String,
    id: String,
    /// The id of the first place that refers to it; a note that nothing refers to has none.
    back: Option<String>,
}

impl Footnotes {
    /// Whether the text of a note is being written.
    pub(super) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }
}

impl Writer<'_> {
    fn note(&mut self, label: &str) -> usize {
        if let Some(idx) = self.footnotes.by_label.get(label) {
            return *idx;
        }
        let idx = self.footnotes.notes.len();
        let id = self.ids.claim(&format!("note-{}", idx + 1));
        self.footnotes.notes.push(Note {
            label: label.to_owned(),
            id,
            back: None,
        });
        self.footnotes.by_label.insert(label.to_owned(), idx);
        idx
    }

    pub(super) fn footnote_reference(&mut self, label: &str) {
        // A picture's description is read out, not followed.
        if self.exhibit.is_some() {
            return;
        }
        self.mark_text();
        let idx = self.note(label);
        let number = idx + 1;
        self.out.push_str("<sup class=\"ref\"><a");
        escape::attribute(
            &mut self.out,
            "href",
            &format!("#{}", self.footnotes.notes[idx].id),
        );
        if self.footnotes.notes[idx].back.is_none() {
            let back = self.ids.claim(&format!("noteref-{number}"));
            escape::attribute(&mut self.out, "id", &back);
            self.footnotes.notes[idx].back = Some(back);
        }
        escape::attribute(
            &mut self.out,
            "aria-label",
            &format!("{} {number}", self.words.note),
        );
        self.out.push_str(&format!(">{number}</a></sup>"));
    }

    pub(super) fn start_definition(&mut self, label: &str) {
        self.footnotes.open.push(label.to_owned());
        self.keep();
        self.push_always("", "");
    }

    pub(super) fn end_definition(&mut self) {
        self.pop_markdown();
        let html = self.take_kept();
        let Some(label) = self.footnotes.open.pop() else {
            return;
        };
        // A second definition of the same label follows the first, so that no text is lost.
        match self.footnotes.bodies.entry(label) {
            Entry::Occupied(mut body) => body.get_mut().push_str(&html),
            Entry::Vacant(place) => {
                self.footnotes.defined.push(place.key().clone());
                place.insert(html);
            }
        }
    }

    /// Appends the notes; those that nothing refers to come last, so that no text is lost.
    pub(super) fn write_footnotes(&mut self) {
        for label in std::mem::take(&mut self.footnotes.defined) {
            let _ = self.note(&label);
        }
        let notes = std::mem::take(&mut self.footnotes.notes);
        if notes.is_empty() {
            return;
        }
        self.out
            .push_str("<section class=\"notes\" role=\"doc-endnotes\"");
        escape::attribute(&mut self.out, "aria-label", self.words.notes);
        self.out.push_str("><ol>\n");
        for note in &notes {
            self.out.push_str("<li");
            escape::attribute(&mut self.out, "id", &note.id);
            self.out.push('>');
            let html = self
                .footnotes
                .bodies
                .get(&note.label)
                .map_or("", |html| html.trim_end());
            let (html, end) = match html.strip_suffix("</p>") {
                Some(inner) => (inner, "</p>"),
                None => (html, ""),
            };
            self.out.push_str(html);
            if let Some(back) = &note.back {
                self.out.push_str(" <a class=\"back\"");
                escape::attribute(&mut self.out, "href", &format!("#{back}"));
                escape::attribute(&mut self.out, "aria-label", self.words.back);
                self.out.push_str(">↩</a>");
            }
            self.out.push_str(end);
            self.out.push_str("</li>\n");
        }
        self.out.push_str("</ol></section>\n");
    }
}
