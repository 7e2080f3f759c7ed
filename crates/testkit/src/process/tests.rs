//! Processes that this test starts with `sh`.

use super::*;

const DEADLINE: Duration = Duration::from_secs(20);

fn shell(script: &str, folder: &Path) -> Process {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    Process::spawn(command, folder).expect("sh starts")
}

#[test]
fn a_line_is_awaited_on_either_output() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut process = shell(
        "echo out; echo listening on http://127.0.0.1:4711/ >&2; read forever",
        folder.path(),
    );
    assert_eq!(
        process
            .wait_for_line(DEADLINE, |line| line == "out")
            .expect("it prints"),
        "out"
    );
    let address = process
        .wait_for_address(DEADLINE)
        .expect("it prints an address");
    assert_eq!(address, "127.0.0.1:4711".parse().expect("an address"));
}

#[test]
fn an_early_end_is_told_with_the_last_words() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut process = shell("echo cannot start >&2; exit 7", folder.path());
    let error = process
        .wait_for_line(DEADLINE, |line| line == "ready")
        .expect_err("it never is");
    let text = format!("{error:#}");
    assert!(
        text.contains("cannot start") && text.contains("exit status: 7"),
        "{text}"
    );
}

#[test]
fn a_process_can_be_asked_to_end_and_be_killed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let script = "trap 'exit 3' TERM; echo ready; while :; do :; done";
    let mut asked = shell(script, folder.path());
    asked
        .wait_for_line(DEADLINE, |line| line == "ready")
        .expect("it is ready");
    asked.terminate().expect("it runs");
    assert_eq!(asked.wait(DEADLINE).expect("it ends").code(), Some(3));
    let mut killed = shell(script, folder.path());
    killed
        .wait_for_line(DEADLINE, |line| line == "ready")
        .expect("it is ready");
    killed.kill().expect("it runs");
    assert!(!killed.is_running().expect("the system tells"));
}

#[test]
fn a_dropped_process_is_gone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let process = shell("while :; do :; done", folder.path());
    let proc = PathBuf::from(format!("/proc/{}", process.id()));
    assert!(proc.exists());
    drop(process);
    assert!(!proc.exists());
}

#[test]
fn addresses_are_found_inside_of_sentences() {
    for (line, expected) in [
        ("Open http://127.0.0.1:8080.", Some("127.0.0.1:8080")),
        ("{\"url\":\"http://[::1]:9/\"}", Some("[::1]:9")),
        ("http://example.org and nothing else", None),
    ] {
        assert_eq!(
            address_in(line),
            expected.map(|text| text.parse().expect("an address")),
            "{line}"
        );
    }
}
