//! Medians, goals and how they are told.

use super::*;

#[test]
fn quantiles_are_measurements() {
    let spread = Spread::of([3.0, 1.0, 2.0, 5.0, 4.0]);
    assert_eq!(spread.median(), 3.0);
    assert_eq!(spread.ends(), (1.0, 5.0));
    let hundred = Spread::of((1..=200).map(f64::from));
    assert_eq!(hundred.quantile(0.99), 198.0);
    assert_eq!(hundred.quantile(0.0), 1.0);
    assert_eq!(hundred.quantile(1.0), 200.0);
}

#[track_caller]
fn check(goal: Goal, ours: &[f64], theirs: f64, expect: bool) {
    let (ours, theirs) = (Spread::of(ours.iter().copied()), Spread::of([theirs]));
    assert_eq!(goal.holds(&ours, &theirs), expect, "{goal:?}");
}

#[test]
fn goals_hold_on_one_side_of_their_bound() {
    check(Goal::Below(2.0), &[1.9], 1.0, true);
    check(Goal::Below(2.0), &[2.0], 1.0, false);
    check(Goal::AtLeast(2.0), &[2.0], 1.0, true);
    check(Goal::AtLeast(2.0), &[1.9], 1.0, false);
    check(Goal::Exactly(1.0), &[1.0, 1.0, 1.0], 1.0, true);
    check(Goal::Exactly(1.0), &[1.0, 1.0, 2.0], 1.0, false);
    check(Goal::ShareAtLeast(0.9), &[10.0], 9.0, true);
    check(Goal::ShareAtLeast(0.9), &[10.1], 9.0, false);
    check(Goal::TimesAtMost(1.5), &[3.0], 2.0, true);
    check(Goal::TimesAtMost(1.5), &[3.1], 2.0, false);
    check(Goal::TimesAtLeast(1.5), &[3.0], 2.0, true);
    check(Goal::TimesAtLeast(1.5), &[2.9], 2.0, false);
}

#[test]
fn a_figure_is_told_in_json_and_in_a_table() {
    let report = Report {
        machine: "a machine".to_owned(),
        figures: vec![Figure {
            figure: "pages",
            ours: Spread::of([1.5, 0.5, 2.5]),
            unit: "s",
            against: "a file",
            theirs: Spread::of([0.5]),
            goal: Goal::Below(1.0),
            more: vec![("rounds", 3.0)],
        }],
        left_out: vec!["a peer that is not installed.".to_owned()],
    };
    let lines: Vec<Value> = report.json_lines().collect();
    assert_eq!(
        lines,
        [json!({
            "figure": "pages", "ours": 1.5, "unit": "s", "against": "a file", "theirs": 0.5, "ratio": 3.0,
            "ratio_of": "ours/theirs", "goal": "ours < 1", "holds": false, "ours_min": 0.5, "ours_max": 2.5,
            "theirs_min": 0.5, "theirs_max": 0.5, "rounds": 3.0,
        })]
    );
    let row = "| pages | 1.50 s (0.5000 to 2.50) | a file | 0.5000 s | 3.00 | ours < 1 | no |";
    assert!(report.to_string().contains(row), "{report}");
    assert!(
        report
            .to_string()
            .ends_with("\nLeft out: a peer that is not installed.\n")
    );
}

#[test]
fn a_share_of_a_limit_says_which_way_it_is_divided() {
    let figure = Figure {
        figure: "answers",
        ours: Spread::of([10.0]),
        unit: "µs",
        against: "the limit",
        theirs: Spread::of([9.0]),
        goal: Goal::ShareAtLeast(0.85),
        more: Vec::new(),
    };
    let report = Report {
        machine: String::new(),
        figures: vec![figure],
        left_out: Vec::new(),
    };
    let told = report.to_string();
    assert!(
        told.contains("| 0.9000 (theirs / ours) | ratio >= 0.85 | yes |"),
        "{told}"
    );
}
