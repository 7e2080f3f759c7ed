//! Knows the call-outs: which names the Carpentries' lessons use and how each is written.
//!
//! Invariant: every call-out carries its kind as a word; shape and colour come from the style sheet
//! and only repeat it. A name that is not known makes a neutral call-out under its own name.

use pulldown_cmark::BlockQuoteKind;

use super::escape;
use crate::pages::strings::CalloutWords;

/// Longest unknown name that is shown, in characters.
const NAME_LEN_MAX: usize = 40;

/// What closes a call-out that stands open.
pub(super) const SECTION_END: &str = "</section>\n";
/// What closes a call-out that the reader unfolds.
pub(super) const DETAILS_END: &str = "</details>\n";

/// What a call-out is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Objectives,
    Questions,
    Keypoints,
    Prerequisite,
    Callout,
    Challenge,
    Solution,
    Hint,
    Discussion,
    Testimonial,
    Checklist,
    Instructor,
    Spoiler,
    Caution,
    Tab,
    /// GitHub's `[!IMPORTANT]`.
    Important,
    /// GitHub's `[!TIP]`.
    Tip,
    /// A name that lessons do not share.
    Other(String),
}

/// The title of a call-out: its first child, when that is a heading.
pub(super) struct Title {
    /// Rendered inline content.
    pub(super) html: String,
    /// The same as plain text.
    pub(super) text: String,
    /// The heading's id.
    pub(super) id: String,
    /// The heading's level on the page, 2 to 6.
    pub(super) level: u8,
}

impl Kind {
    /// Returns the kind that a div's name means.
    pub(super) fn named(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "objectives" => Self::Objectives,
            "questions" => Self::Questions,
            "keypoints" => Self::Keypoints,
            "prereq" => Self::Prerequisite,
            "callout" => Self::Callout,
            "challenge" => Self::Challenge,
            "solution" => Self::Solution,
            "hint" => Self::Hint,
            "discussion" => Self::Discussion,
            "testimonial" => Self::Testimonial,
            "checklist" => Self::Checklist,
            "instructor" => Self::Instructor,
            "spoiler" => Self::Spoiler,
            "caution" | "warning" => Self::Caution,
            "tab" | "group-tab" => Self::Tab,
            _ => Self::Other(name.to_owned()),
        }
    }

    /// Returns the kind of a quote that starts with GitHub's `[!NOTE]` or one of its siblings.
    pub(super) fn of_quote(kind: BlockQuoteKind) -> Self {
        match kind {
            BlockQuoteKind::Note => Self::Callout,
            BlockQuoteKind::Tip => Self::Tip,
            BlockQuoteKind::Important => Self::Important,
            BlockQuoteKind::Warning | BlockQuoteKind::Caution => Self::Caution,
        }
    }

    /// Whether the reader opens it first.
    pub(super) fn is_folded(&self) -> bool {
        matches!(
            self,
            Self::Solution | Self::Hint | Self::Spoiler | Self::Instructor
        )
    }

    /// Whether a heading at its start is the title; in a group of tabs it names the first tab.
    pub(super) fn takes_title(&self) -> bool {
        *self != Self::Tab
    }

    fn class(&self) -> &'static str {
        match self {
            Self::Objectives => "objectives",
            Self::Questions => "questions",
            Self::Keypoints => "keypoints",
            Self::Prerequisite => "prereq",
            Self::Callout => "note",
            Self::Challenge => "challenge",
            Self::Solution => "solution",
            Self::Hint | Self::Tip => "hint",
            Self::Discussion => "discussion",
            Self::Testimonial => "testimonial",
            Self::Checklist => "checklist",
            Self::Instructor => "instructor",
            Self::Spoiler => "spoiler",
            Self::Caution | Self::Important => "caution",
            Self::Tab => "tab",
            Self::Other(_) => "other",
        }
    }

    fn word(&self, words: &CalloutWords) -> String {
        let word = match self {
            Self::Objectives => words.objectives,
            Self::Questions => words.questions,
            Self::Keypoints => words.keypoints,
            Self::Prerequisite => words.prerequisite,
            Self::Callout => words.callout,
            Self::Challenge => words.challenge,
            Self::Solution => words.solution,
            Self::Hint => words.hint,
            Self::Discussion => words.discussion,
            Self::Testimonial => words.testimonial,
            Self::Checklist => words.checklist,
            Self::Instructor => words.instructor,
            Self::Spoiler => words.spoiler,
            Self::Caution => words.caution,
            Self::Tab => words.tab,
            Self::Important => words.important,
            Self::Tip => words.tip,
            Self::Other(name) => return readable(name).unwrap_or_else(|| words.callout.to_owned()),
        };
        word.to_owned()
    }
}

/// Returns the opening HTML and the HTML that closes it again.
pub(super) fn open(
    kind: &Kind,
    id: Option<&str>,
    title: Option<&Title>,
    words: &CalloutWords,
) -> (String, &'static str) {
    let word = kind.word(words);
    // "Solution: Solution" says nothing twice; the anchor moves to the box.
    let repeats = title.is_some_and(|title| says_the_same(&title.text, &word));
    let shown = title.filter(|_| !repeats);
    let id = id.or_else(|| {
        title
            .filter(|_| repeats || kind.is_folded())
            .map(|title| title.id.as_str())
    });
    let mut out = String::from(if kind.is_folded() {
        "<details"
    } else {
        "<section"
    });
    escape::attribute(&mut out, "class", &format!("callout {}", kind.class()));
    if let Some(id) = id {
        escape::attribute(&mut out, "id", id);
    }
    out.push('>');
    out.push_str(if kind.is_folded() {
        "<summary><span class=\"kind\">"
    } else {
        "<p class=\"kind\">"
    });
    escape::text(&mut out, &word);
    out.push_str(if kind.is_folded() { "</span>" } else { "</p>" });
    match (shown, kind.is_folded()) {
        (Some(title), true) => {
            out.push_str(" <span class=\"title\">");
            out.push_str(&title.html);
            out.push_str("</span></summary>");
        }
        (None, true) => out.push_str("</summary>"),
        (Some(title), false) => {
            out.push_str(&format!("<h{} class=\"title\"", title.level));
            escape::attribute(&mut out, "id", &title.id);
            out.push('>');
            out.push_str(&title.html);
            out.push_str(&format!("</h{}>", title.level));
        }
        (None, false) => {}
    }
    out.push('\n');
    (
        out,
        if kind.is_folded() {
            DETAILS_END
        } else {
            SECTION_END
        },
    )
}

fn says_the_same(title: &str, word: &str) -> bool {
    let plain = |text: &str| text.trim().trim_end_matches([':', '.', 's']).to_lowercase();
    plain(title) == plain(word)
}

/// Turns a class name into words: `group-work` reads "Group work".
fn readable(name: &str) -> Option<String> {
    let spaced: String = name
        .chars()
        .take(NAME_LEN_MAX)
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    let trimmed = spaced.trim();
    let first = trimmed.chars().next()?;
    Some(
        first
            .to_uppercase()
            .chain(trimmed.chars().skip(1))
            .collect(),
    )
}
