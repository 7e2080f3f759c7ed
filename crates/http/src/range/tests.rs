//! Tables of RFC 9110 §14 and a model that knows nothing but sets of bytes.

use std::collections::BTreeSet;

use axum::http::HeaderValue;
use proptest::prelude::*;

use super::*;

/// `200`, `400`, `416`, or the parts as `first-last` in their order.
fn shown(selection: &Selection) -> String {
    match selection {
        Selection::Whole => "200".into(),
        Selection::Unsatisfiable => "416".into(),
        Selection::Malformed(_) => "400".into(),
        Selection::Parts(ranges) => {
            let parts: Vec<String> = ranges
                .iter()
                .map(|range| format!("{}-{}", range.first, range.last))
                .collect();
            parts.join(" ")
        }
    }
}

fn check(len: u64, cases: &[(&str, &str)]) {
    for (text, expect) in cases {
        assert_eq!(shown(&select_text(text, len)), *expect, "{text:?} of {len}");
    }
}

#[test]
fn examples_of_the_rfc() {
    // RFC 9110 §14.1.2, for a representation of 10,000 bytes.
    check(
        10_000,
        &[
            ("bytes=0-499", "0-499"),
            ("bytes=500-999", "500-999"),
            ("bytes=-500", "9500-9999"),
            ("bytes=9500-", "9500-9999"),
            ("bytes=0-0,-1", "0-0 9999-9999"),
            (
                "bytes= 0-999, 4500-5499, -1000",
                "0-999 4500-5499 9000-9999",
            ),
            // Joined because they touch or overlap; the RFC gives both as legal for the second 500 bytes.
            ("bytes=500-600,601-999", "500-999"),
            ("bytes=500-700,601-999", "500-999"),
        ],
    );
}

#[test]
fn single_ranges() {
    check(
        10,
        &[
            ("bytes=0-", "0-9"),
            ("bytes=0-9", "0-9"),
            ("bytes=0-10", "0-9"),
            ("bytes=9-", "9-9"),
            ("bytes=10-", "416"),
            ("bytes=10-20", "416"),
            ("bytes=-1", "9-9"),
            ("bytes=-10", "0-9"),
            ("bytes=-11", "0-9"),
            ("bytes=-0", "416"),
            ("bytes=00000000000000000000000000003-4", "3-4"),
            ("bytes=3-99999999999999999999999999", "3-9"),
            ("bytes=99999999999999999999999999-", "416"),
            ("bytes=-99999999999999999999999999", "0-9"),
            ("BYTES=1-2", "1-2"),
        ],
    );
}

#[test]
fn another_unit_is_ignored() {
    check(
        10,
        &[
            ("items=0-4", "200"),
            ("lines=a-b", "200"),
            ("none=", "200"),
            ("bytesbytes=0-4", "200"),
        ],
    );
}

#[test]
fn what_is_malformed_is_refused() {
    let cases = [
        ("", "Range names no bytes"),
        ("bytes", "Range names no bytes"),
        ("bytes:0-4", "Range names no bytes"),
        ("bytes=", "Range names no bytes"),
        ("bytes=,", "Range names no bytes"),
        ("bytes= , \t,", "Range names no bytes"),
        ("bytes=-", "\"-\" is no range"),
        ("bytes=5", "\"5\" is no range"),
        ("bytes=5-4", "\"5-4\" ends before it starts"),
        ("bytes=0-4,5-4", "\"5-4\" ends before it starts"),
        ("bytes=0-4,x", "\"x\" is no range"),
        ("bytes=a-b", "\"a-b\" is no range"),
        ("bytes=+1-2", "\"+1-2\" is no range"),
        ("bytes=1--2", "\"1--2\" is no range"),
        ("bytes=--1", "\"--1\" is no range"),
        ("bytes=1-2-3", "\"1-2-3\" is no range"),
        ("bytes=0 - 4", "\"0 - 4\" is no range"),
        ("bytes=0x1-2", "\"0x1-2\" is no range"),
        ("bytes=0-4;5-6", "\"0-4;5-6\" is no range"),
        ("bytes=٣-٤", "\"٣-٤\" is no range"),
    ];
    for (text, expect) in cases {
        for len in [0, 10] {
            assert_eq!(shown(&select_text(text, len)), "400", "{text:?} of {len}");
        }
        let Selection::Malformed(malformed) = select_text(text, 10) else {
            panic!("{text:?} is malformed")
        };
        assert_eq!(malformed.to_string(), expect, "{text:?}");
    }
}

#[test]
fn of_a_long_malformed_range_the_start_is_told() {
    for (count, told) in [
        (SHOWN_CHARS, SHOWN_CHARS),
        (SHOWN_CHARS + 1, SHOWN_CHARS),
        (10_000, SHOWN_CHARS),
    ] {
        let text = format!("bytes={}", "ü".repeat(count));
        let expect = MalformedRange::Syntax("ü".repeat(told));
        assert_eq!(select_text(&text, 10), Selection::Malformed(expect));
    }
}

#[test]
fn several_ranges() {
    check(
        100,
        &[
            ("bytes=0-1,4-5", "0-1 4-5"),
            ("bytes=4-5,0-1", "4-5 0-1"),
            ("bytes=,0-1 ,\t, 4-5,", "0-1 4-5"),
            ("bytes=0-1,200-300", "0-1"),
            ("bytes=200-300,400-", "416"),
            ("bytes=90-,50-60,-20", "80-99 50-60"),
            ("bytes=0-50,10-20", "0-50"),
            ("bytes=0-0,1-1,2-2", "0-2"),
            ("bytes=50-60,0-10,5-55", "0-60"),
        ],
    );
}

#[test]
fn the_number_of_ranges_is_bounded_on_both_sides_of_the_edge() {
    let list = |count: u64| {
        let specs: Vec<String> = (0..count)
            .map(|index| format!("{0}-{0}", index * 2))
            .collect();
        format!("bytes={}", specs.join(","))
    };
    let max = RANGES_MAX as u64;
    let Selection::Parts(parts) = select_text(&list(max), 100) else {
        panic!("sixteen are taken")
    };
    assert_eq!(parts.len(), RANGES_MAX);
    for count in [max + 1, 10_000] {
        assert_eq!(
            select_text(&list(count), 100),
            Selection::Malformed(MalformedRange::TooMany)
        );
    }
}

#[test]
fn nothing_of_nothing() {
    check(
        0,
        &[
            ("bytes=0-", "416"),
            ("bytes=0-0", "416"),
            ("bytes=-1", "200"),
            ("bytes=-0", "416"),
            ("bytes=0-,-5", "200"),
        ],
    );
}

#[test]
fn the_largest_whole_there_can_be() {
    check(
        u64::MAX,
        &[
            ("bytes=-1", "18446744073709551614-18446744073709551614"),
            (
                "bytes=18446744073709551614-",
                "18446744073709551614-18446744073709551614",
            ),
            ("bytes=18446744073709551615-", "416"),
            ("bytes=0-18446744073709551614,1-2", "0-18446744073709551614"),
        ],
    );
}

#[test]
fn numbers_at_the_edge_of_what_fits() {
    check(
        u64::MAX,
        &[
            ("bytes=0-18446744073709551615", "0-18446744073709551614"),
            ("bytes=0-18446744073709551616", "0-18446744073709551614"),
            ("bytes=-18446744073709551615", "0-18446744073709551614"),
            (
                "bytes=18446744073709551613-18446744073709551613,18446744073709551614-",
                "18446744073709551613-18446744073709551614",
            ),
        ],
    );
    check(
        1,
        &[
            ("bytes=0-,-1,0-0", "0-0"),
            ("bytes=1-", "416"),
            ("bytes=-2", "0-0"),
        ],
    );
    let whole = ByteRange {
        first: 0,
        last: u64::MAX - 1,
    };
    assert_eq!(whole.len(), u64::MAX);
}

#[test]
fn a_header_comes_once_and_is_text() {
    let mut headers = HeaderMap::new();
    assert_eq!(select(&headers, 10), Selection::Whole);
    headers.append(RANGE, HeaderValue::from_static("bytes=0-1"));
    assert_eq!(shown(&select(&headers, 10)), "0-1");
    headers.append(RANGE, HeaderValue::from_static("bytes=4-5"));
    assert_eq!(
        select(&headers, 10),
        Selection::Malformed(MalformedRange::Repeated)
    );
    for (bytes, expect) in [(&b"bytes=\xff"[..], "400"), (b"lines=\xff", "200")] {
        let mut headers = HeaderMap::new();
        headers.append(RANGE, HeaderValue::from_bytes(bytes).unwrap());
        assert_eq!(shown(&select(&headers, 10)), expect, "{bytes:?}");
    }
}

#[test]
fn content_range_tells_the_part_and_the_whole() {
    let range = ByteRange {
        first: 42,
        last: 1_233,
    };
    assert_eq!(range.content_range(1_234), "bytes 42-1233/1234");
    assert_eq!(range.len(), 1_192);
    assert!(!range.is_empty());
}

/// Returns the bytes that a list of specs asks for, one by one, and whether any spec is satisfiable (§14.1.2).
fn model(specs: &[(Option<u64>, Option<u64>)], len: u64) -> BTreeSet<u64> {
    let wants = |position: u64, spec: &(Option<u64>, Option<u64>)| match *spec {
        (Some(first), Some(last)) => (first..=last).contains(&position),
        (Some(first), None) => first <= position,
        (None, Some(count)) => len - position <= count,
        (None, None) => false,
    };
    (0..len)
        .filter(|position| specs.iter().any(|spec| wants(*position, spec)))
        .collect()
}

fn spec() -> impl Strategy<Value = (Option<u64>, Option<u64>)> {
    prop_oneof![
        (0..70_u64, 0..70_u64)
            .prop_map(|(one, other)| (Some(one.min(other)), Some(one.max(other)))),
        (0..70_u64).prop_map(|first| (Some(first), None)),
        (0..70_u64).prop_map(|count| (None, Some(count))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn selects_the_bytes_that_were_asked_for(specs in prop::collection::vec(spec(), 1..=RANGES_MAX), len in 1..64_u64) {
        let digits = |number: Option<u64>| number.map_or(String::new(), |number| number.to_string());
        let items: Vec<String> = specs.iter().map(|(first, last)| format!("{}-{}", digits(*first), digits(*last))).collect();
        let text = format!("bytes={}", items.join(","));
        let wanted = model(&specs, len);
        match select_text(&text, len) {
            Selection::Whole | Selection::Malformed(_) => prop_assert!(false, "{text} is well-formed"),
            Selection::Unsatisfiable => prop_assert!(wanted.is_empty(), "{text} of {len}"),
            Selection::Parts(parts) => {
                let sent: Vec<u64> = parts.iter().flat_map(|part| part.first..=part.last).collect();
                let distinct: BTreeSet<u64> = sent.iter().copied().collect();
                prop_assert_eq!(sent.len(), distinct.len(), "no byte twice");
                prop_assert_eq!(distinct, wanted, "{} of {}", text, len);
                for (index, part) in parts.iter().enumerate() {
                    let touches = |other: &ByteRange| other.first == part.last + 1;
                    prop_assert!(!parts[index..].iter().chain(&parts[..index]).any(touches), "{} is joined", text);
                }
            }
        }
    }

    #[test]
    fn one_bad_range_spoils_all(
        before in prop::collection::vec(spec(), 0..4),
        bad in "[0-9]{1,3}|[a-z][0-9]?-[0-9]{0,2}|[0-9]{1,2}-[a-z]|-|9-[0-8]|--[0-9]",
        after in prop::collection::vec(spec(), 0..4),
        len in 0..64_u64,
    ) {
        let digits = |number: Option<u64>| number.map_or(String::new(), |number| number.to_string());
        let good = |specs: &[(Option<u64>, Option<u64>)]| {
            specs.iter().map(|(first, last)| format!("{}-{}", digits(*first), digits(*last))).collect::<Vec<_>>()
        };
        let items = [good(&before), vec![bad], good(&after)].concat();
        let text = format!("bytes={}", items.join(","));
        prop_assert_eq!(shown(&select_text(&text, len)), "400", "{}", text);
        let text = text.replace("bytes", "lines");
        prop_assert_eq!(select_text(&text, len), Selection::Whole, "{}", text);
    }

    #[test]
    fn never_panics(text in "(bytes=)?[-0-9, a=]{0,40}", len in any::<u64>()) {
        if let Selection::Parts(parts) = select_text(&text, len) {
            prop_assert!(!parts.is_empty());
            for part in parts {
                prop_assert!(part.first <= part.last && part.last < len);
            }
        }
    }
}
