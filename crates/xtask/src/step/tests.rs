//! How steps are run and told about.

use super::*;

#[test]
fn durations_are_written_as_people_say_them() {
    assert_eq!(minutes(Duration::from_millis(1250)), "1.2 s");
    assert_eq!(minutes(Duration::from_secs(247)), "4 min 7 s");
}

#[test]
fn a_command_line_can_be_typed_again() {
    let mut command = Command::new("echo");
    command.args(["a b", "c", "it's"]);
    assert_eq!(line(&command), r"echo 'a b' c 'it'\''s'");
}

#[test]
fn kept_lines_come_from_both_outputs_and_failure_is_told() {
    let mut command = Command::new("sh");
    command.args(["-c", "echo keep 1; echo drop; echo keep 2 >&2; exit 3"]);
    let (is_ok, kept) = tee(&mut command, |line| line.starts_with("keep")).expect("sh runs");
    assert!(!is_ok);
    assert_eq!(kept, ["keep 1", "keep 2"]);
}

#[test]
fn a_failing_command_is_named() {
    let error = run(Command::new("sh").args(["-c", "exit 3"])).expect_err("it fails");
    assert_eq!(error.to_string(), "failed (exit status: 3): sh -c 'exit 3'");
}

#[test]
fn failed_steps_stand_in_the_table() {
    let mut times = Times::default();
    times.run("first", || Ok(())).expect("it succeeds");
    times
        .run("second", || anyhow::bail!("no") as anyhow::Result<()>)
        .expect_err("it fails");
    let table = times.to_string();
    assert!(table.lines().next().expect("two lines").ends_with("ok"));
    assert!(table.lines().nth(1).expect("two lines").ends_with("FAILED"));
}
