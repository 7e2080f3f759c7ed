//! Which seeds run, and what a failure says.

use crate::{check_repeatable, marked_runs};
use std::cell::RefCell;
use std::panic::catch_unwind;

use super::{Choice, Repeat, choose, run};

#[test]
fn environment_chooses_one_seed_or_how_many() {
    assert_eq!(choose(10, None, None), Choice::First(10));
    assert_eq!(choose(10, None, Some("3")), Choice::First(3));
    assert_eq!(choose(10, Some("77"), Some("3")), Choice::One(77));
}

#[test]
#[should_panic(expected = "COMMONHOLD_SIM_SEED is no number: \"x\"")]
fn environment_that_holds_no_number_is_not_ignored() {
    choose(10, Some("x"), None);
}

#[test]
fn seeds_run_in_order_until_one_fails() {
    let seen = RefCell::new(Vec::new());
    let outcome = catch_unwind(std::panic::AssertUnwindSafe(|| {
        run(0..10, None, |seed, _| {
            seen.borrow_mut().push(seed.0);
            assert!(seed.0 != 3, "three is not liked");
        });
    }));
    let panic = outcome.expect_err("seed 3 fails");
    assert_eq!(
        panic.downcast_ref::<&str>(),
        Some(&"three is not liked"),
        "the reason is passed on"
    );
    assert_eq!(seen.into_inner(), [0, 1, 2, 3]);
}

#[test]
fn failure_says_how_to_repeat_it() {
    let repeat = Repeat {
        seed: 3,
        package: Some("doorway-core"),
        test: Some("projector::survives"),
    };
    assert_eq!(
        repeat.to_string(),
        "seed 3 failed; repeat with COMMONHOLD_SIM_SEED=3 cargo test -p doorway-core projector::survives",
    );
}

#[test]
#[should_panic(expected = "never happened: [\"rain\"]")]
fn a_mark_that_never_happens_is_told() {
    marked_runs(3, &["sun", "rain"], |_, _| [("sun", 1)]);
}

#[test]
fn marks_may_happen_in_different_runs() {
    marked_runs(3, &["even", "odd"], |seed, _| {
        [(if seed.0 % 2 == 0 { "even" } else { "odd" }, 1)]
    });
}

#[test]
#[should_panic(expected = "seeds differ")]
fn runs_that_do_not_depend_on_their_seed_are_told() {
    check_repeatable(|_, _| {});
}
