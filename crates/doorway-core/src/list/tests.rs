//! Cursors keep their place, have one spelling, and nothing else is taken for one.

use base::{Code, Problem, Timestamp};
use chain::ActionHash;
use proptest::prelude::*;

use super::{LIMIT_DEFAULT, LIMIT_MAX, Position, clamp};

fn position(micros: i64, byte: u8) -> Position {
    Position {
        at: Timestamp(micros),
        item: ActionHash::from_raw_32(vec![byte; 32]),
    }
}

#[test]
fn cursor_is_the_time_and_the_hash() {
    let text = position(1_700_000_000_000_000, 7).to_string();
    assert_eq!(
        text,
        format!("1700000000000000.{}", ActionHash::from_raw_32(vec![7; 32]))
    );
    assert!(
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)),
        "it fits into an address"
    );
}

#[test]
fn what_is_no_cursor_is_refused() {
    let good = position(5, 7).to_string();
    let hash = good.strip_prefix("5.").expect("it starts with the time");
    let other_type = hash.replacen("uhCkk", "uhCEk", 1);
    let cases = [
        "",
        ".",
        "5",
        "5.",
        hash,
        &format!(".{hash}"),
        &format!("x.{hash}"),
        &format!("+5.{hash}"),
        &format!("05.{hash}"),
        &format!("-0.{hash}"),
        &format!(" 5.{hash}"),
        &format!("9223372036854775808.{hash}"),
        &format!("5.{hash}A"),
        &format!("5.{}", &hash[..hash.len() - 1]),
        &format!("5.{other_type}"),
        &format!("5.5.{hash}"),
        &"5".repeat(1_000_000),
    ];
    assert_eq!(good.parse(), Ok(position(5, 7)));
    for text in cases {
        let error = text.parse::<Position>().expect_err(text);
        assert_eq!(Problem::from(error).code, Code::MalformedCursor);
    }
}

#[test]
fn limits_hold_on_both_sides_of_the_edge() {
    assert_eq!(clamp(None), LIMIT_DEFAULT);
    for (asked, expect) in [
        (0, 1),
        (1, 1),
        (100, 100),
        (999, 999),
        (1_000, 1_000),
        (1_001, LIMIT_MAX),
        (u32::MAX, 1_000),
    ] {
        assert_eq!(clamp(Some(asked)), expect, "asked for {asked}");
    }
}

proptest! {
    #[test]
    fn every_position_comes_back(micros: i64, byte: u8) {
        let position = position(micros, byte);
        prop_assert_eq!(position.to_string().parse(), Ok(position));
    }

    #[test]
    fn text_that_is_taken_is_the_one_spelling(text in "-?[0-9]{1,20}\\.[A-Za-z0-9_-]{50,56}|\\PC*") {
        if let Ok(position) = text.parse::<Position>() {
            prop_assert_eq!(position.to_string(), text);
        }
    }

    /// The naive way to page: sort everything, and skip what is not behind the cursor.
    #[test]
    fn pages_together_are_the_whole_list(
        mut list in prop::collection::btree_set((0_i64..20, any::<u8>()), 0..60),
        come in prop::collection::btree_set((0_i64..20, any::<u8>()), 0..10),
        limit in 1_usize..10,
    ) {
        let before = list.clone();
        let mut seen = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let after = cursor.as_deref().map(|text| text.parse::<Position>().expect("the list gave it"));
            let page: Vec<Position> = list
                .iter()
                .map(|&(micros, byte)| position(micros, byte))
                .filter(|item| after.as_ref().is_none_or(|after| item > after))
                .take(limit)
                .collect();
            let Some(last) = page.last() else { break };
            cursor = Some(last.to_string());
            seen.extend(page);
            // Items that come between two pages do not move those that are still to be read.
            list.extend(come.iter().copied());
        }
        prop_assert!(seen.is_sorted_by(|one, next| one < next), "nothing is repeated");
        for (micros, byte) in before {
            prop_assert!(seen.contains(&position(micros, byte)), "nothing is lost");
        }
    }
}
