//! Requests that hold only under a condition: RFC 9110 §13, decided in the order of §13.2.2.

use axum::http::header::{
    IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE,
};
use axum::http::{HeaderMap, HeaderName, Method};
use base::Timestamp;

use crate::{ETag, date};

/// What tells the present state of a resource from others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// Whether the resource has a state at all; conditions on `*` ask for this.
    pub exists: bool,
    /// Its entity tag.
    pub etag: Option<ETag>,
    /// When it last changed. Compared in whole seconds; give it only when it cannot change twice in one.
    pub last_modified: Option<Timestamp>,
}

/// What the conditions of a request come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Do what the request asks for.
    Holds,
    /// Answer 304: the reader has this state already.
    NotModified,
    /// Answer 412: the resource is not in the state that the request is for.
    Failed,
}

/// Evaluates the conditions of a request, without `If-Range`. A condition that cannot be read is treated as RFC 9110
/// says: a malformed date is ignored; a malformed list of tags matches nothing.
#[must_use]
pub fn evaluate(method: &Method, headers: &HeaderMap, current: &Validators) -> Condition {
    let is_read = method == Method::GET || method == Method::HEAD;
    if let Some(list) = field(headers, &IF_MATCH) {
        if !matches_any(&list, current, ETag::strong_eq) {
            return Condition::Failed;
        }
    } else if let Some(since) = single_date(headers, &IF_UNMODIFIED_SINCE)
        && let Some(modified) = current.last_modified
        && modified.as_secs() > since.as_secs()
    {
        return Condition::Failed;
    }
    if let Some(list) = field(headers, &IF_NONE_MATCH) {
        if matches_any(&list, current, ETag::weak_eq) {
            return if is_read {
                Condition::NotModified
            } else {
                Condition::Failed
            };
        }
    } else if is_read
        && let Some(since) = single_date(headers, &IF_MODIFIED_SINCE)
        && let Some(modified) = current.last_modified
        && modified.as_secs() <= since.as_secs()
    {
        return Condition::NotModified;
    }
    Condition::Holds
}

/// Tells whether a `Range` may be honoured: there is no `If-Range`, or it names exactly the present state (§13.1.5).
#[must_use]
pub fn range_applies(headers: &HeaderMap, current: &Validators) -> bool {
    let Some(text) = field(headers, &IF_RANGE) else {
        return true;
    };
    if let Ok(tag) = text.parse::<ETag>() {
        return current
            .etag
            .as_ref()
            .is_some_and(|etag| etag.strong_eq(&tag));
    }
    match (date::parse(&text), current.last_modified) {
        (Some(date), Some(modified)) => date.as_secs() == modified.as_secs(),
        _ => false,
    }
}

/// Returns a field with its lines joined, as RFC 9110 §5.2 says; a line that is not text matches nothing.
fn field(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut lines = headers.get_all(name).iter().peekable();
    lines.peek()?;
    let lines: Vec<&str> = lines.map(|line| line.to_str().unwrap_or("?")).collect();
    Some(lines.join(", "))
}

fn single_date(headers: &HeaderMap, name: &HeaderName) -> Option<Timestamp> {
    date::parse(&field(headers, name)?)
}

fn matches_any(list: &str, current: &Validators, equal: fn(&ETag, &ETag) -> bool) -> bool {
    if list.trim() == "*" {
        return current.exists;
    }
    let tags = ETag::parse_list(list).unwrap_or_default();
    let etag = current.etag.as_ref();
    etag.is_some_and(|etag| tags.iter().any(|tag| equal(etag, tag)))
}

#[cfg(test)]
mod tests;
