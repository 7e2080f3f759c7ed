//! Every word that the pages say, in each language they speak.
//!
//! Invariant: both catalogues are complete, because a missing field does not compile.
//! Numbers, dates and plurals follow the reader's language. Does not know the text of a content:
//! that stays in the language in which its author wrote it.

mod english;
mod german;
pub mod status;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A language that the pages speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// English, which everybody gets who asks for nothing we speak.
    #[default]
    English,
    /// German.
    German,
}

/// The words of the call-outs and code blocks inside a text.
#[expect(missing_docs, reason = "each field is the name of what it names")]
pub struct CalloutWords {
    pub objectives: &'static str,
    pub questions: &'static str,
    pub keypoints: &'static str,
    pub prerequisite: &'static str,
    pub callout: &'static str,
    pub challenge: &'static str,
    pub solution: &'static str,
    pub hint: &'static str,
    pub discussion: &'static str,
    pub testimonial: &'static str,
    pub checklist: &'static str,
    pub instructor: &'static str,
    pub spoiler: &'static str,
    pub caution: &'static str,
    pub tab: &'static str,
    pub important: &'static str,
    pub tip: &'static str,
    pub output: &'static str,
    pub error: &'static str,
    /// A ticked box.
    pub done: &'static str,
    /// An empty box.
    pub open: &'static str,
    /// One footnote, in front of its number.
    pub note: &'static str,
    pub notes: &'static str,
    /// From a footnote back to the text.
    pub back: &'static str,
}

/// Words of the frame that every page shares.
#[expect(missing_docs, reason = "each field is the name of what it names")]
pub struct FrameWords {
    pub skip: &'static str,
    pub home: &'static str,
    pub search: &'static str,
    pub search_label: &'static str,
    /// What this place is, in the footer.
    pub about: &'static str,
    pub signed_by: &'static str,
    pub api: &'static str,
    pub version: &'static str,
}

/// Words of home, course, page, author and history.
#[expect(missing_docs, reason = "each field is the name of what it names")]
pub struct ReadingWords {
    pub courses: &'static str,
    pub loose_pages: &'static str,
    pub changes: &'static str,
    pub changes_none: &'static str,
    pub created: &'static str,
    pub changed: &'static str,
    pub withdrawn: &'static str,
    pub empty_title: &'static str,
    pub empty_text: &'static str,
    pub empty_step: &'static str,
    pub course: &'static str,
    pub about_course: &'static str,
    pub contents: &'static str,
    pub contents_all: &'static str,
    pub contents_none: &'static str,
    pub start: &'static str,
    pub you_are_here: &'static str,
    pub by: &'static str,
    pub signed: &'static str,
    pub signed_hint: &'static str,
    pub language: &'static str,
    pub license: &'static str,
    pub license_none: &'static str,
    pub reading_time: &'static str,
    pub tags: &'static str,
    pub last_changed: &'static str,
    pub history: &'static str,
    pub history_lead: &'static str,
    pub proof: &'static str,
    pub previous: &'static str,
    pub next: &'static str,
    pub turn: &'static str,
    pub version: &'static str,
    pub current: &'static str,
    pub date: &'static str,
    pub action: &'static str,
    pub author: &'static str,
    pub key: &'static str,
    pub key_hint: &'static str,
    pub author_no_about: &'static str,
    pub author_none: &'static str,
}

/// Words of the search page.
#[expect(missing_docs, reason = "each field is the name of what it names")]
pub struct SearchWords {
    pub title: &'static str,
    pub prompt: &'static str,
    pub none_title: &'static str,
    pub none_text: &'static str,
    pub in_course: &'static str,
    pub newer: &'static str,
    pub older: &'static str,
    pub pager: &'static str,
}

/// Words of the proof page.
#[expect(missing_docs, reason = "each field is the name of what it names")]
pub struct ProofWords {
    pub title: &'static str,
    pub lead: &'static str,
    pub record: &'static str,
    pub author_key: &'static str,
    pub action_hash: &'static str,
    pub action_type: &'static str,
    pub sequence: &'static str,
    pub signed_at: &'static str,
    pub signature: &'static str,
    pub entry_hash: &'static str,
    pub dna_hash: &'static str,
    pub check: &'static str,
    pub check_text: &'static str,
    pub json: &'static str,
    pub proves: &'static str,
    pub proves_list: [&'static str; 3],
    pub proves_not: &'static str,
    pub proves_not_list: [&'static str; 3],
    pub back: &'static str,
}

/// Words of the pages for what went wrong.
#[expect(missing_docs, reason = "each field is the name of what it names")]
pub struct ProblemWords {
    pub missing_title: &'static str,
    pub missing_text: &'static str,
    pub missing_step: &'static str,
    pub happened: &'static str,
    pub means: &'static str,
    pub todo: &'static str,
    pub more: &'static str,
    pub to_home: &'static str,
}

/// Words of the page for those who want to join.
#[expect(missing_docs, reason = "each field is the name of what it names")]
pub struct JoinWords {
    pub title: &'static str,
    /// What one needs, by how the community takes people in.
    pub open: &'static str,
    pub invite: &'static str,
    pub approval: &'static str,
    pub get_title: &'static str,
    pub get_text: &'static str,
    pub run_title: &'static str,
    pub run_text: &'static str,
    /// What stands for the code in the command.
    pub code: &'static str,
    pub then_title: &'static str,
    pub then_text: &'static str,
    /// What the code behind `#` is, and who sees it.
    pub secret: &'static str,
}

/// One language's catalogue.
#[expect(
    missing_docs,
    reason = "each field holds the words of the page it is named after"
)]
pub struct Strings {
    /// The language these words are in.
    pub language: Language,
    pub callouts: CalloutWords,
    pub frame: FrameWords,
    pub reading: ReadingWords,
    pub search: SearchWords,
    pub proof: ProofWords,
    pub problem: ProblemWords,
    pub join: JoinWords,
    pub status: &'static status::StatusWords,
    months: [&'static str; 12],
}

impl Language {
    /// Chooses from an `Accept-Language` header (RFC 9110 §12.5.4): the language we speak with the
    /// highest weight, English where the header is absent, empty or names none of ours.
    #[must_use]
    pub fn choose(header: Option<&str>) -> Self {
        let mut best = (0, Self::default());
        // A header is short; whatever stands behind the first 32 ranges is not a wish.
        for range in header.unwrap_or_default().split(',').take(32) {
            let mut parts = range.split(';');
            let tag = parts.next().unwrap_or_default().trim();
            let weight = parts
                .find_map(|part| weight_of(part.trim()))
                .unwrap_or(1000);
            let spoken = if tag == "*" {
                Some(Self::default())
            } else {
                Self::spoken(tag)
            };
            if let Some(language) = spoken.filter(|_| weight > best.0) {
                best = (weight, language);
            }
        }
        best.1
    }

    /// Returns the language of a BCP 47 tag, English where we do not speak it.
    #[must_use]
    pub fn of_tag(tag: &str) -> Self {
        Self::spoken(tag).unwrap_or_default()
    }

    fn spoken(tag: &str) -> Option<Self> {
        match tag
            .trim()
            .split(['-', '_'])
            .next()?
            .to_ascii_lowercase()
            .as_str()
        {
            "en" => Some(Self::English),
            "de" => Some(Self::German),
            _ => None,
        }
    }

    /// Returns the tag for `lang` attributes.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// Returns the catalogue.
    #[must_use]
    pub fn strings(self) -> &'static Strings {
        match self {
            Self::English => &english::STRINGS,
            Self::German => &german::STRINGS,
        }
    }
}

/// `q=0.8` in thousandths; a weight that is none counts as zero.
fn weight_of(part: &str) -> Option<u32> {
    let value = part
        .strip_prefix("q=")
        .or_else(|| part.strip_prefix("Q="))?;
    let weight: f32 = value.trim().parse().unwrap_or(0.0);
    Some(if (0.0..=1.0).contains(&weight) {
        (weight * 1000.0) as u32
    } else {
        0
    })
}

impl Strings {
    /// Writes a whole number with the language's thousands separator.
    #[must_use]
    pub fn number(&self, value: u64) -> String {
        let separator = match self.language {
            Language::English => ',',
            Language::German => '.',
        };
        let digits = value.to_string();
        let mut out = String::with_capacity(digits.len() + digits.len() / 3);
        for (idx, digit) in digits.chars().enumerate() {
            if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
                out.push(separator);
            }
            out.push(digit);
        }
        out
    }

    /// Writes the day of a time in microseconds since 1970, in UTC: "20 November 2026".
    #[must_use]
    pub fn date(&self, micros: i64) -> String {
        let Some(day) = civil(micros) else {
            return String::from("–");
        };
        let month = self.months[usize::from(day.month().unsigned_abs().clamp(1, 12)) - 1];
        match self.language {
            Language::English => format!("{} {month} {}", day.day(), day.year()),
            Language::German => format!("{}. {month} {}", day.day(), day.year()),
        }
    }

    /// Writes day and time in UTC: "20 November 2026, 09:34:07 UTC".
    #[must_use]
    pub fn date_time(&self, micros: i64) -> String {
        match civil(micros) {
            Some(at) => {
                format!(
                    "{}, {:02}:{:02}:{:02} UTC",
                    self.date(micros),
                    at.hour(),
                    at.minute(),
                    at.second()
                )
            }
            None => self.date(micros),
        }
    }

    /// Writes "1 page", "14 pages".
    #[must_use]
    pub fn pages(&self, count: u64) -> String {
        let noun = match (self.language, count) {
            (Language::English, 1) => "page",
            (Language::English, _) => "pages",
            (Language::German, 1) => "Seite",
            (Language::German, _) => "Seiten",
        };
        format!("{} {noun}", self.number(count))
    }

    /// Writes a reading time: "12 min", "1 h 5 min".
    #[must_use]
    pub fn minutes(&self, minutes: u32) -> String {
        let (hours, rest) = (minutes / 60, minutes % 60);
        let hour = match self.language {
            Language::English => "h",
            Language::German => "Std.",
        };
        match (hours, rest) {
            (0, rest) => format!("{rest} min"),
            (hours, 0) => format!("{hours} {hour}"),
            (hours, rest) => format!("{hours} {hour} {rest} min"),
        }
    }

    /// Writes how many results a search found.
    #[must_use]
    pub fn results(&self, total: u64, query: &str) -> String {
        let count = self.number(total);
        match (self.language, total) {
            (Language::English, 1) => format!("1 result for “{query}”"),
            (Language::English, _) => format!("{count} results for “{query}”"),
            (Language::German, 1) => format!("1 Treffer für „{query}“"),
            (Language::German, _) => format!("{count} Treffer für „{query}“"),
        }
    }

    /// Writes which part of the results is shown: "11–20 of 57".
    #[must_use]
    pub fn span(&self, from: u64, to: u64, total: u64) -> String {
        let of = match self.language {
            Language::English => "of",
            Language::German => "von",
        };
        format!(
            "{}–{} {of} {}",
            self.number(from),
            self.number(to),
            self.number(total)
        )
    }

    /// Writes where in a course a page stands: "Page 4 of 17".
    #[must_use]
    pub fn position(&self, at: u64, total: u64) -> String {
        match self.language {
            Language::English => format!("Page {} of {}", self.number(at), self.number(total)),
            Language::German => format!("Seite {} von {}", self.number(at), self.number(total)),
        }
    }

    /// Returns the name of a language that a content may be in, else its tag.
    #[must_use]
    pub fn language_name(&self, tag: &str) -> String {
        let primary = tag
            .split(['-', '_'])
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        let name = match (self.language, primary.as_str()) {
            (Language::English, "en") => "English",
            (Language::English, "de") => "German",
            (Language::English, "fr") => "French",
            (Language::English, "es") => "Spanish",
            (Language::English, "it") => "Italian",
            (Language::English, "pt") => "Portuguese",
            (Language::English, "nl") => "Dutch",
            (Language::English, "pl") => "Polish",
            (Language::English, "tr") => "Turkish",
            (Language::English, "uk") => "Ukrainian",
            (Language::English, "ar") => "Arabic",
            (Language::German, "en") => "Englisch",
            (Language::German, "de") => "Deutsch",
            (Language::German, "fr") => "Französisch",
            (Language::German, "es") => "Spanisch",
            (Language::German, "it") => "Italienisch",
            (Language::German, "pt") => "Portugiesisch",
            (Language::German, "nl") => "Niederländisch",
            (Language::German, "pl") => "Polnisch",
            (Language::German, "tr") => "Türkisch",
            (Language::German, "uk") => "Ukrainisch",
            (Language::German, "ar") => "Arabisch",
            _ => tag,
        };
        name.to_owned()
    }
}

/// Returns a time for a `datetime` attribute: RFC 3339 in UTC, whole seconds.
#[must_use]
pub fn machine_time(micros: i64) -> String {
    match civil(micros) {
        Some(at) => format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            at.year(),
            at.month(),
            at.day(),
            at.hour(),
            at.minute(),
            at.second()
        ),
        None => String::new(),
    }
}

fn civil(micros: i64) -> Option<jiff::civil::DateTime> {
    let timestamp = Timestamp::from_microsecond(micros).ok()?;
    Some(timestamp.to_zoned(TimeZone::UTC).datetime())
}

#[cfg(test)]
mod tests;
