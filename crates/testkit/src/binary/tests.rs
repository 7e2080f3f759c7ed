//! A program that is there and one that is not.

use super::*;

#[test]
fn a_program_that_is_not_built_is_refused_with_the_command_that_builds_it() {
    let error = Binary::at("nowhere/commonhold")
        .expect_err("there is none")
        .to_string();
    assert_eq!(
        error,
        "nowhere/commonhold is not built; run: cargo build -p commonhold"
    );
}

#[test]
fn configuration_of_the_machine_does_not_reach_the_program() {
    let this = std::env::current_exe().expect("the test runs");
    let command = Binary::at(&this).expect("it is a file").command();
    let is_removed = |name: &str| {
        command
            .get_envs()
            .any(|(key, value)| key == name && value.is_none())
    };
    assert!(is_removed("DATABASE_URL") && is_removed("BUS_URL"));
    assert!(!is_removed("PATH"));
    assert_eq!(command.get_program(), this.as_os_str());
}
