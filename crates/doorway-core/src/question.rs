//! Which requests are answered from the hot cache, and what exactly each of them asks.
//!
//! Two requests that must get the same answer have the same question: parameters that the route does not read are
//! left out, those that it reads stand in a fixed order, and those that say what is said without them are dropped.
//! So a reader who adds `?_=123` asks nothing new.
//!
//! # Invariants
//! Different answers have different questions: what stands in a question can be read back from it.
//! A path has one spelling only; a request for any other spelling has no question and is answered without the cache.
//!
//! It does not know readers, languages or stores; the language of a page is the caller's part of the key.

use std::borrow::Cow;
use std::fmt::Write as _;

use chain::kind::{BlobManifest, Content, Path, Profile};

use crate::list;

/// Longest path and longest query that are looked at, in bytes; longer ones have no question.
pub const BYTES_MAX: usize = 2_048;

/// Which sort of answer a question has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// A page for people; the language of its frame belongs to the question as well.
    Page,
    /// An answer for programs.
    Json,
}

/// What a request asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question<'a> {
    /// Which sort of answer it has.
    pub sort: Sort,
    /// Path and parameters in their one spelling. The path alone is borrowed.
    pub text: Cow<'a, str>,
}

/// A part of a path between two slashes.
#[derive(Clone, Copy)]
enum Segment {
    /// This word.
    Word(&'static str),
    /// Any one part.
    Any,
    /// The name of a kind of item.
    Kind,
    /// All parts that are left, at least one.
    Rest,
}

/// A parameter of a query.
#[derive(Clone, Copy)]
struct Parameter {
    name: &'static str,
    form: Form,
}

/// How a parameter is written, and what it says when it is left out.
#[derive(Clone, Copy)]
enum Form {
    /// Any text. An empty one is not the same as none.
    Text,
    /// Any text; without it, it is empty.
    Words,
    /// A number.
    Number,
    /// How many items a page has.
    Limit,
    /// `1` for yes; `0` or nothing for no.
    Flag,
}

/// A route whose answers are kept.
struct Route {
    sort: Sort,
    path: &'static [Segment],
    parameters: &'static [Parameter],
}

const fn parameter(name: &'static str, form: Form) -> Parameter {
    Parameter { name, form }
}

const fn page(path: &'static [Segment]) -> Route {
    Route {
        sort: Sort::Page,
        path,
        parameters: &[],
    }
}

/// The routes whose answers are kept.
const ROUTES: &[Route] = &[
    page(&[]),
    page(&[Segment::Word("courses"), Segment::Any]),
    page(&[Segment::Word("courses"), Segment::Any, Segment::Any]),
    page(&[Segment::Word("pages"), Segment::Any]),
    page(&[Segment::Word("authors"), Segment::Any]),
    page(&[Segment::Word("items"), Segment::Any]),
    page(&[Segment::Word("proofs"), Segment::Any]),
    page(&[Segment::Word("history"), Segment::Any]),
    page(&[Segment::Word("history"), Segment::Any, Segment::Any]),
    page(&[Segment::Word("errors"), Segment::Any]),
    page(&[Segment::Word("join")]),
    Route {
        sort: Sort::Page,
        path: &[Segment::Word("search")],
        parameters: &[parameter("q", Form::Words), parameter("cursor", Form::Text)],
    },
    Route {
        sort: Sort::Json,
        path: &[
            Segment::Word("api"),
            Segment::Word("v1"),
            Segment::Word("cache"),
            Segment::Kind,
        ],
        parameters: &[
            parameter("cursor", Form::Text),
            parameter("limit", Form::Limit),
            parameter("author", Form::Text),
            parameter("course", Form::Text),
        ],
    },
    Route {
        sort: Sort::Json,
        path: &[
            Segment::Word("api"),
            Segment::Word("v1"),
            Segment::Word("cache"),
            Segment::Kind,
            Segment::Rest,
        ],
        parameters: &[
            parameter("proof", Form::Flag),
            parameter("seq", Form::Number),
        ],
    },
    Route {
        sort: Sort::Json,
        path: &[
            Segment::Word("api"),
            Segment::Word("v1"),
            Segment::Word("search"),
        ],
        parameters: &[
            parameter("q", Form::Words),
            parameter("cursor", Form::Text),
            parameter("limit", Form::Limit),
        ],
    },
];

/// Reads what a request asks; nothing when it is not answered from the cache.
///
/// `path` and `query` are as they stand in the request line (RFC 3986 §3.3, §3.4), `query` without its question mark.
#[must_use]
pub fn of<'a>(path: &'a str, query: Option<&str>) -> Option<Question<'a>> {
    let query = query.unwrap_or_default();
    if path.len() > BYTES_MAX || query.len() > BYTES_MAX || !is_normal(path) {
        return None;
    }
    let route = ROUTES.iter().find(|route| matches(route.path, path))?;
    let text = if query.is_empty() || route.parameters.is_empty() {
        Cow::Borrowed(path)
    } else {
        with_parameters(path, query, route.parameters)?
    };
    Some(Question {
        sort: route.sort,
        text,
    })
}

/// Tells whether a path is in its one spelling: no empty and no dot segments, escapes with capital digits and only of
/// what needs them (RFC 3986 §6.2.2).
fn is_normal(path: &str) -> bool {
    let Some(parts) = path.strip_prefix('/') else {
        return false;
    };
    let is_part = |part: &str| !part.is_empty() && part != "." && part != "..";
    if !parts.is_empty() && !parts.split('/').all(is_part) {
        return false;
    }
    let bytes = path.as_bytes();
    let mut escapes = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%');
    escapes.all(|(at, _)| escaped(bytes, at, true).is_some_and(|byte| !is_unreserved(byte)))
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Reads the escape at a percent sign.
fn escaped(bytes: &[u8], at: usize, is_strict: bool) -> Option<u8> {
    let digit = |offset: usize| {
        let byte = *bytes.get(at + offset)?;
        let is_capital = !byte.is_ascii_lowercase();
        let value = char::from(byte)
            .to_digit(16)
            .filter(|_| is_capital || !is_strict)?;
        u8::try_from(value).ok()
    };
    Some(digit(1)? * 16 + digit(2)?)
}

fn matches(pattern: &[Segment], path: &str) -> bool {
    let path = path.strip_prefix('/').unwrap_or(path);
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    for segment in pattern {
        let Some(part) = parts.next() else {
            return false;
        };
        let fits = match segment {
            Segment::Word(word) => *word == part,
            Segment::Any => true,
            Segment::Kind => {
                [Content::KIND, Path::KIND, BlobManifest::KIND, Profile::KIND].contains(&part)
            }
            Segment::Rest => return true,
        };
        if !fits {
            return false;
        }
    }
    parts.next().is_none()
}

/// Writes the parameters that count behind the path; nothing when one is malformed or stands there twice.
fn with_parameters<'a>(
    path: &'a str,
    query: &str,
    parameters: &[Parameter],
) -> Option<Cow<'a, str>> {
    let mut values: [Option<String>; 4] = Default::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        // What is no text is no name of ours.
        let Some(name) = decoded(name) else {
            continue;
        };
        let found = parameters.iter().position(|known| known.name == name);
        let Some(place) = found.and_then(|index| values.get_mut(index)) else {
            continue;
        };
        if place.replace(decoded(value)?).is_some() {
            return None;
        }
    }
    let mut text = Cow::Borrowed(path);
    let mut sign = '?';
    for (parameter, value) in parameters.iter().zip(values) {
        let Some(value) = value else {
            continue;
        };
        let Some(value) = normal(parameter.form, value)? else {
            continue;
        };
        let text = text.to_mut();
        let escaped = value.replace('%', "%25").replace('&', "%26");
        write!(text, "{sign}{}={escaped}", parameter.name).expect("a string takes everything");
        sign = '&';
    }
    Some(text)
}

/// Returns a value in its one spelling, nothing inside when it says what is said without it, nothing at all when it
/// is malformed.
fn normal(form: Form, value: String) -> Option<Option<String>> {
    let number = |text: &str| text.parse::<u32>().ok();
    Some(match form {
        Form::Text => Some(value),
        Form::Words => Some(value).filter(|value| !value.is_empty()),
        Form::Number => Some(number(&value)?.to_string()),
        Form::Limit => {
            let limit = list::clamp(Some(number(&value)?));
            (limit != list::LIMIT_DEFAULT).then(|| limit.to_string())
        }
        Form::Flag => match value.as_str() {
            "0" => None,
            "1" => Some(value),
            _ => return None,
        },
    })
}

/// Decodes a name or a value of a query as forms write it: a plus sign is a space.
fn decoded(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                out.push(escaped(bytes, at, false)?);
                at += 2;
            }
            other => out.push(*other),
        }
        at += 1;
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests;
