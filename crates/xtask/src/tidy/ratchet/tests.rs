//! What the list of exceptions forgives and what it does not.

use super::*;

fn long(lines: usize) -> Vec<Long> {
    vec![Long {
        path: "a.rs".into(),
        line: 3,
        function: Some("f".into()),
        lines,
    }]
}

fn check(lines: usize, list: &str) -> Vec<String> {
    compare(&long(lines), &read(list))
        .into_iter()
        .map(|fault| format!("{}: {}", fault.place, fault.wrong))
        .collect()
}

#[test]
fn an_unlisted_long_function_is_a_fault() {
    assert_eq!(check(71, ""), ["a.rs:3: 71 lines are more than 70"]);
}

#[test]
fn a_listed_one_may_stay_but_not_grow() {
    assert_eq!(check(80, "80 a.rs f"), Vec::<String>::new());
    assert_eq!(
        check(81, "80 a.rs f"),
        ["a.rs:3: a.rs f grew from 80 to 81 lines"]
    );
}

#[test]
fn what_shrank_must_be_lowered() {
    assert_eq!(
        check(79, "80 a.rs f"),
        ["tidy-ratchet.txt:1: a.rs f shrank to 79 lines"]
    );
    assert_eq!(
        check(79, "79 a.rs f\n\n700 b.rs"),
        ["tidy-ratchet.txt:3: b.rs is no longer too long"]
    );
}
