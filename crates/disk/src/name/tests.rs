//! Which names are taken and which are not.

use super::check;

#[test]
fn names_are_one_step() {
    for good in ["a", "doorway.key", "ab12", "a b", "ü", &"x".repeat(200)] {
        assert!(check(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        ".",
        "..",
        ".lock",
        "a/b",
        "../a",
        "/a",
        "a\\b",
        "a\0",
        "a\n",
        &"x".repeat(201),
    ] {
        assert!(check(bad).is_err(), "{bad:?}");
    }
}
