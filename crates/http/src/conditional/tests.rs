//! The order of RFC 9110 §13.2.2 as a table.

use axum::http::HeaderValue;

use super::*;

const BEFORE: &str = "Sat, 29 Oct 1994 19:43:30 GMT";
const MODIFIED: &str = "Sat, 29 Oct 1994 19:43:31 GMT";
const AFTER: &str = "Sat, 29 Oct 1994 19:43:32 GMT";

fn current() -> Validators {
    Validators {
        exists: true,
        etag: Some(ETag::strong("xyzzy").unwrap()),
        last_modified: date::parse(MODIFIED),
    }
}

fn headers(lines: &[(HeaderName, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

/// Each line of a table: the request's headers, what a GET gets and what a PUT gets.
type Line<'a> = (&'a [(HeaderName, &'a str)], Condition, Condition);

fn check(current: &Validators, table: &[Line<'_>]) {
    for (lines, get, put) in table {
        let headers = headers(lines);
        assert_eq!(
            evaluate(&Method::GET, &headers, current),
            *get,
            "GET {lines:?}"
        );
        assert_eq!(
            evaluate(&Method::HEAD, &headers, current),
            *get,
            "HEAD {lines:?}"
        );
        assert_eq!(
            evaluate(&Method::PUT, &headers, current),
            *put,
            "PUT {lines:?}"
        );
    }
}

use Condition::{Failed, Holds, NotModified};

#[test]
fn each_condition_alone() {
    check(
        &current(),
        &[
            (&[], Holds, Holds),
            (&[(IF_MATCH, "\"xyzzy\"")], Holds, Holds),
            (&[(IF_MATCH, "\"other\", \"xyzzy\"")], Holds, Holds),
            (
                &[(IF_MATCH, "\"other\""), (IF_MATCH, "\"xyzzy\"")],
                Holds,
                Holds,
            ),
            (&[(IF_MATCH, "*")], Holds, Holds),
            (&[(IF_MATCH, "\"other\"")], Failed, Failed),
            (&[(IF_MATCH, "W/\"xyzzy\"")], Failed, Failed),
            (&[(IF_MATCH, "xyzzy")], Failed, Failed),
            (&[(IF_NONE_MATCH, "\"xyzzy\"")], NotModified, Failed),
            (&[(IF_NONE_MATCH, "W/\"xyzzy\"")], NotModified, Failed),
            (
                &[(IF_NONE_MATCH, "\"xyzzy\", \"r2d2xxxx\", \"c3piozzzz\"")],
                NotModified,
                Failed,
            ),
            (
                &[(IF_NONE_MATCH, "W/\"xyzzy\", W/\"r2d2xxxx\"")],
                NotModified,
                Failed,
            ),
            (&[(IF_NONE_MATCH, "*")], NotModified, Failed),
            (&[(IF_NONE_MATCH, "\"other\"")], Holds, Holds),
            (&[(IF_NONE_MATCH, "")], Holds, Holds),
            (&[(IF_NONE_MATCH, "\"xyzzy")], Holds, Holds),
            (&[(IF_MODIFIED_SINCE, BEFORE)], Holds, Holds),
            (&[(IF_MODIFIED_SINCE, MODIFIED)], NotModified, Holds),
            (&[(IF_MODIFIED_SINCE, AFTER)], NotModified, Holds),
            (&[(IF_MODIFIED_SINCE, "yesterday")], Holds, Holds),
            (&[(IF_UNMODIFIED_SINCE, BEFORE)], Failed, Failed),
            (&[(IF_UNMODIFIED_SINCE, MODIFIED)], Holds, Holds),
            (&[(IF_UNMODIFIED_SINCE, AFTER)], Holds, Holds),
            (&[(IF_UNMODIFIED_SINCE, "yesterday")], Holds, Holds),
        ],
    );
}

#[test]
fn tags_go_before_dates_and_matches_before_the_rest() {
    check(
        &current(),
        &[
            (
                &[(IF_MATCH, "\"xyzzy\""), (IF_UNMODIFIED_SINCE, BEFORE)],
                Holds,
                Holds,
            ),
            (
                &[(IF_MATCH, "\"other\""), (IF_UNMODIFIED_SINCE, AFTER)],
                Failed,
                Failed,
            ),
            (
                &[(IF_NONE_MATCH, "\"other\""), (IF_MODIFIED_SINCE, AFTER)],
                Holds,
                Holds,
            ),
            (
                &[(IF_NONE_MATCH, "\"xyzzy\""), (IF_MODIFIED_SINCE, BEFORE)],
                NotModified,
                Failed,
            ),
            (
                &[(IF_MATCH, "\"xyzzy\""), (IF_NONE_MATCH, "\"xyzzy\"")],
                NotModified,
                Failed,
            ),
            (
                &[(IF_MATCH, "\"other\""), (IF_NONE_MATCH, "\"xyzzy\"")],
                Failed,
                Failed,
            ),
            (
                &[(IF_UNMODIFIED_SINCE, AFTER), (IF_NONE_MATCH, "\"xyzzy\"")],
                NotModified,
                Failed,
            ),
            (
                &[(IF_UNMODIFIED_SINCE, BEFORE), (IF_NONE_MATCH, "\"xyzzy\"")],
                Failed,
                Failed,
            ),
            (
                &[(IF_MATCH, "\"xyzzy\""), (IF_MODIFIED_SINCE, AFTER)],
                NotModified,
                Holds,
            ),
        ],
    );
}

#[test]
fn without_a_date_dates_are_ignored() {
    let current = Validators {
        last_modified: None,
        ..current()
    };
    check(
        &current,
        &[
            (&[(IF_MODIFIED_SINCE, AFTER)], Holds, Holds),
            (&[(IF_UNMODIFIED_SINCE, BEFORE)], Holds, Holds),
        ],
    );
}

#[test]
fn what_does_not_exist_matches_nothing() {
    check(
        &Validators::default(),
        &[
            (&[(IF_MATCH, "*")], Failed, Failed),
            (&[(IF_MATCH, "\"xyzzy\"")], Failed, Failed),
            (&[(IF_NONE_MATCH, "*")], Holds, Holds),
            (&[(IF_NONE_MATCH, "\"xyzzy\"")], Holds, Holds),
        ],
    );
}

#[test]
fn a_weak_state_matches_weakly_only() {
    let current = Validators {
        etag: Some(ETag::weak("xyzzy").unwrap()),
        ..current()
    };
    check(
        &current,
        &[
            (&[(IF_MATCH, "W/\"xyzzy\"")], Failed, Failed),
            (&[(IF_MATCH, "\"xyzzy\"")], Failed, Failed),
            (&[(IF_NONE_MATCH, "\"xyzzy\"")], NotModified, Failed),
        ],
    );
    assert!(!range_applies(
        &headers(&[(IF_RANGE, "W/\"xyzzy\"")]),
        &current
    ));
}

#[test]
fn a_range_applies_to_exactly_the_state_that_it_names() {
    for (value, expect) in [
        ("\"xyzzy\"", true),
        ("\"other\"", false),
        ("W/\"xyzzy\"", false),
        ("\"xyzzy\", \"other\"", false),
        (MODIFIED, true),
        (BEFORE, false),
        (AFTER, false),
        ("Saturday, 29-Oct-94 19:43:31 GMT", true),
        ("*", false),
        ("", false),
    ] {
        assert_eq!(
            range_applies(&headers(&[(IF_RANGE, value)]), &current()),
            expect,
            "{value}"
        );
    }
    assert!(range_applies(&HeaderMap::new(), &current()));
    assert!(!range_applies(
        &headers(&[(IF_RANGE, MODIFIED)]),
        &Validators::default()
    ));
}

#[test]
fn a_range_condition_that_cannot_be_one_gives_the_whole() {
    // Two tags are none (§13.1.5), nor is one that came on a second line.
    let twice = headers(&[(IF_RANGE, "\"xyzzy\""), (IF_RANGE, "\"xyzzy\"")]);
    assert!(!range_applies(&twice, &current()));
    let mut raw = HeaderMap::new();
    raw.insert(IF_RANGE, HeaderValue::from_bytes(b"\"xyzzy\xff\"").unwrap());
    assert!(!range_applies(&raw, &current()));
    // A weak state is never the base of a range, by whichever of its tags.
    let weak = Validators {
        etag: Some(ETag::weak("xyzzy").unwrap()),
        last_modified: None,
        exists: true,
    };
    for tag in ["\"xyzzy\"", "W/\"xyzzy\"", MODIFIED] {
        assert!(!range_applies(&headers(&[(IF_RANGE, tag)]), &weak), "{tag}");
    }
}

#[test]
fn fractions_of_a_second_are_not_compared() {
    let late = date::parse(MODIFIED).unwrap() + base::Duration::from_millis(999);
    let current = Validators {
        last_modified: Some(late),
        ..current()
    };
    check(
        &current,
        &[
            (&[(IF_MODIFIED_SINCE, MODIFIED)], NotModified, Holds),
            (&[(IF_UNMODIFIED_SINCE, MODIFIED)], Holds, Holds),
        ],
    );
    assert!(range_applies(&headers(&[(IF_RANGE, MODIFIED)]), &current));
}
