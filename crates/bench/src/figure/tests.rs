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

#[test]
fn goals_hold_on_one_side_of_their_bound() {
    assert!(Goal::Below(2.0).holds(1.9) && !Goal::Below(2.0).holds(2.0));
    assert!(Goal::AtLeast(2.0).holds(2.0) && !Goal::AtLeast(2.0).holds(1.9));
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
        }],
    };
    let lines: Vec<Value> = report.json_lines().collect();
    assert_eq!(
        lines,
        [json!({
            "figure": "pages", "ours": 1.5, "unit": "s", "against": "a file", "theirs": 0.5, "ratio": 3.0,
            "goal": "ours < 1", "holds": false, "ours_min": 0.5, "ours_max": 2.5,
        })]
    );
    let row = "| pages | 1.50 s (0.5000 to 2.50) | a file | 0.5000 s | 3.00 | ours < 1 | no |";
    assert!(report.to_string().contains(row), "{report}");
}
