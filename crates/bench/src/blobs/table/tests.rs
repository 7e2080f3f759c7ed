//! How a row is told.

use super::*;

fn row(limit: Option<Limit>) -> Row {
    Row {
        figure: Figure {
            figure: "puts",
            ours: Spread::of([3.0, 2.0, 4.0]),
            unit: "/s",
            against: "a peer",
            theirs: Spread::of([2.0]),
            goal: Goal::TimesAtLeast(1.3),
            more: Vec::new(),
        },
        acknowledged: "flushed".to_owned(),
        limit,
    }
}

fn limit() -> Option<Limit> {
    Some(Limit {
        name: "the disk alone",
        measured: Spread::of([5.0]),
    })
}

#[test]
fn a_row_tells_the_acknowledgement_and_the_limit() {
    let table = Table::of("a machine".to_owned(), vec![row(limit())], Vec::new());
    let expected = "| puts | 3.00 /s (2.00 to 4.00) | a peer | flushed | 2.00 /s | 1.50 | ratio >= 1.30 | yes | the disk alone: 5.00 /s |";
    assert!(table.to_string().contains(expected), "{table}");
    let lines: Vec<Value> = table.json_lines().collect();
    assert_eq!(lines[0]["acknowledged"], "flushed");
    assert_eq!(lines[0]["limit"], "the disk alone");
    assert_eq!(lines[0]["at_limit"], 5.0);
    assert_eq!(lines[0]["ratio"], 1.5);
    assert_eq!(lines[0]["holds"], true);
}

#[test]
fn a_row_without_a_limit_names_none() {
    let table = Table::of(String::new(), vec![row(None)], vec!["a peer.".to_owned()]);
    let line = table.json_lines().next().unwrap();
    assert!(line.get("limit").is_none(), "{line}");
    assert!(table.to_string().contains("| yes |  |"), "{table}");
    assert!(table.to_string().ends_with("\nLeft out: a peer.\n"));
    assert_eq!(table.left_out(), ["a peer."]);
}
