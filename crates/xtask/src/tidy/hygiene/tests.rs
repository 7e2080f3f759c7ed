//! What the small rules catch and what they leave alone.

use super::*;

fn check(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    check_source(&Source::new(path, text), &mut faults);
    faults
        .into_iter()
        .map(|fault| format!("{} {}", fault.place, fault.wrong))
        .collect()
}

#[test]
fn a_clean_file_has_no_faults() {
    let text = "//! Does a thing.\n#[allow(dead_code, reason = \"x\")]\nfn a() { let s = \"todo!()\"; } // dbg!(s)\n";
    assert_eq!(check("crates/x/src/lib.rs", text), Vec::<String>::new());
}

#[test]
fn each_small_rule_is_kept() {
    for (text, wrong) in [
        ("fn a() {}", "lib.rs:1 the file does not start with `//!`"),
        ("//! x\nfn a() { todo!() }", "lib.rs:2 `todo!` is left"),
        (
            "//! x\n#[ignore = \"slow\"]",
            "lib.rs:2 a test is switched off",
        ),
        (
            "//! x\n#[allow(dead_code)]",
            "lib.rs:2 `#[allow]` gives no reason",
        ),
    ] {
        assert_eq!(check("lib.rs", text), [wrong]);
    }
}

#[test]
fn only_tests_may_not_sleep() {
    let text = "//! x\nfn a() { std::thread::sleep(d); }";
    assert_eq!(
        check("crates/x/src/tests.rs", text),
        ["crates/x/src/tests.rs:2 a test sleeps"]
    );
    assert_eq!(check("crates/x/src/lib.rs", text), Vec::<String>::new());
    let inline = "//! x\nfn a() {}\n#[cfg(test)]\nmod tests { fn b() { sleep(d); } }";
    assert_eq!(
        check("crates/x/src/lib.rs", inline),
        ["crates/x/src/lib.rs:4 a test sleeps"]
    );
}

#[test]
fn paths_of_one_machine_are_found_in_any_text() {
    let count = |text: &str| {
        let mut faults = Vec::new();
        check_paths("x.md", text, &mut faults);
        faults.len()
    };
    let machine = "home";
    assert_eq!(count(&format!("see `/{machine}/anna/x`")), 1);
    assert_eq!(count(&format!("/{machine}/anna")), 1);
    assert_eq!(
        count(&format!(
            "https://example.org/{machine}/x and ./{machine}/y"
        )),
        0
    );
}
