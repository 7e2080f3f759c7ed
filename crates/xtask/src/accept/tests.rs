//! The registry of scenarios.

use super::*;

#[test]
fn names_are_unique_and_described() {
    let names: Vec<_> = names().collect();
    for (index, scenario) in SCENARIOS.iter().enumerate() {
        assert!(
            !names[..index].contains(&scenario.name),
            "{}",
            scenario.name
        );
        assert!(!scenario.about.is_empty());
    }
}

#[test]
fn an_unknown_scenario_is_refused_with_the_known_ones() {
    let error = run(&workspace::root(), "nonsense", false)
        .expect_err("there is none")
        .to_string();
    assert!(
        error.starts_with("there is no scenario nonsense; there are: start"),
        "{error}"
    );
}
