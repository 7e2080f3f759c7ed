//! What teaches people the commands: help, usage errors, completions.

use crate::home::Home;

/// Compares the help of a command with the last one that somebody read.
fn check(words: &[&str]) {
    let ran = Home::new().run(&[words, &["--help"]].concat()).ok();
    assert_eq!(ran.stderr, "");
    // Editors take blanks away at the ends of lines; clap writes some.
    let lines: Vec<&str> = ran.stdout.lines().map(str::trim_end).collect();
    let name = format!("help-{}", words.join("-"));
    insta::assert_snapshot!(name.trim_end_matches('-'), lines.join("\n"));
}

#[test]
fn help_of_the_program() {
    check(&[]);
}

#[test]
fn help_of_up() {
    check(&["up"]);
}

#[test]
fn help_of_publish() {
    check(&["publish"]);
}

#[test]
fn help_of_unpublish() {
    check(&["unpublish"]);
}

#[test]
fn help_of_verify() {
    check(&["verify"]);
}

#[test]
fn help_of_member() {
    check(&["member"]);
}

#[test]
fn help_of_member_add() {
    check(&["member", "add"]);
}

#[test]
fn help_of_profile() {
    check(&["profile"]);
}

#[test]
fn help_of_blob_and_all_that_is_behind_it() {
    check(&["blob"]);
    for command in [
        "put", "get", "stat", "ls", "tag", "usage", "gc", "scrub", "export", "import",
    ] {
        check(&["blob", command]);
    }
    for command in ["ls", "set", "rm"] {
        check(&["blob", "tag", command]);
    }
}

#[test]
fn help_of_storage() {
    check(&["storage"]);
}

/// Runs words that the program does not know; it must do nothing but say so.
fn refused(words: &[&str]) -> String {
    let home = Home::new();
    let ran = home.run(words);
    assert_eq!(ran.status, 2, "{}", ran.stdout);
    assert_eq!(ran.stdout, "");
    assert!(!home.at("home").exists(), "nothing was made");
    ran.stderr
}

#[test]
fn an_unknown_command_is_named() {
    insta::assert_snapshot!(refused(&["publsh", "course"]), @r"
    error: unrecognized subcommand 'publsh'

      tip: some similar subcommands exist: 'unpublish', 'publish'

    Usage: commonhold [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
}

#[test]
fn an_unknown_flag_is_named() {
    insta::assert_snapshot!(refused(&["publish", "course", "--dryrun"]), @r"
    error: unexpected argument '--dryrun' found

      tip: a similar argument exists: '--dry-run'

    Usage: commonhold publish --dry-run <DIR>

    For more information, try '--help'.
    ");
}

#[test]
fn a_missing_folder_is_asked_for() {
    insta::assert_snapshot!(refused(&["publish"]), @r"
    error: the following required arguments were not provided:
      <DIR>

    Usage: commonhold publish <DIR>

    For more information, try '--help'.
    ");
}

#[test]
fn an_address_without_a_port_is_refused() {
    let said = refused(&["up", "--listen", "localhost"]);
    assert!(
        said.contains("'localhost'") && said.contains("--listen <ADDR:PORT>"),
        "{said}"
    );
}

#[test]
fn without_a_command_help_is_shown_and_the_status_says_so() {
    let said = refused(&[]);
    assert!(said.contains("commonhold publish my-course/"), "{said}");
}

#[test]
fn completions_are_a_script() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = home.run(&["completions", shell]).ok().stdout;
        for command in [
            "up",
            "publish",
            "unpublish",
            "verify",
            "member",
            "blob",
            "whoami",
        ] {
            assert!(script.contains(command), "{shell}: {command}");
        }
        assert!(script.contains("dry-run"), "{shell}");
    }
    assert!(!home.at("home").exists(), "nothing was made");
    let script = home.run(&["completions", "bash"]).ok().stdout;
    home.write("completions.bash", script);
    let parsed = std::process::Command::new("bash")
        .arg("-n")
        .arg(home.at("completions.bash"))
        .status();
    match parsed {
        Ok(status) => assert!(status.success()),
        Err(error) => println!("left out: bash is not here: {error}"),
    }
}

#[test]
fn help_of_conductor() {
    check(&["conductor"]);
}
