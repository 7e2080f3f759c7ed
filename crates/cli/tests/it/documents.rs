//! The documents are true: every command in the README and in the handbook is run as it is typed, in order.
//!
//! Each document gets a home of its own, a doorway, and a folder `my-course`. A command that nothing here knows how to
//! run fails the test, so a new one cannot stand in a document unchecked. What is replaced: addresses, and the words
//! in capitals that the reader replaces too. What needs root is read and not run.
//! A doorway that is started with a folder of its own runs on beside the main one, until another takes its folder.

mod machine;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use base::Code;
use testkit::{commands_of, http, workspace_root};

use machine::{Followed, Machine};

/// Starting publishes the handbook first.
const DEADLINE: Duration = Duration::from_secs(60);

/// Follows all commands of documents on one machine, in order; returns how many were run.
fn follow(documents: &[PathBuf]) -> usize {
    let mut machine = Machine::new();
    let mut run = 0;
    for document in documents {
        for command in commands_of(document).unwrap() {
            let place = format!("{}:{}: {}", document.display(), command.line, command.text);
            match machine.follow(&command.text) {
                Ok(Followed::Run) => run += 1,
                Ok(Followed::Read) => {}
                Ok(Followed::LeftOut(what)) => {
                    eprintln!("left out, because {what} is not installed: {place}")
                }
                Err(reason) => panic!("{place}\n{reason}"),
            }
        }
    }
    machine.end();
    run
}

fn handbook() -> PathBuf {
    workspace_root().join("docs/handbook")
}

/// The pages of the handbook, in the order of its `config.yaml`.
fn chapters() -> Vec<PathBuf> {
    let config = fs::read_to_string(handbook().join("config.yaml")).unwrap();
    let listed = config
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- "));
    listed
        .filter(|name| name.ends_with(".md"))
        .map(|name| handbook().join(name))
        .collect()
}

#[test]
fn every_command_of_the_readme_works() {
    assert!(follow(&[workspace_root().join("README.md")]) >= 11);
}

#[test]
fn every_command_of_the_handbook_works() {
    let chapters = chapters();
    let files = fs::read_dir(handbook()).unwrap().filter_map(Result::ok);
    let files = files
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "md"))
        .count();
    assert_eq!(chapters.len(), files, "config.yaml names every page");
    assert!(follow(&chapters) >= 90);
}

#[test]
fn the_handbook_can_be_published_without_a_warning() {
    let machine = Machine::new();
    let line = format!(
        "commonhold publish {} --dry-run --json",
        handbook().display()
    );
    let output = machine.run_shell(&line);
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["ok"], true, "{said}");
    assert_eq!(said["warnings"], serde_json::json!([]), "{said}");
    // The doorway published the same pages when it started.
    assert_eq!(said["pages"]["unchanged"], chapters().len(), "{said}");
}

#[test]
fn every_code_has_a_page_that_says_what_to_do() {
    let machine = Machine::new();
    let host = machine
        .address
        .trim_start_matches("http://")
        .parse()
        .unwrap();
    for code in Code::ALL {
        let text =
            fs::read_to_string(workspace_root().join(format!("docs/errors/{code}.md"))).unwrap();
        let (first, rest) = code.title().split_at(1);
        let heading = format!("# {code}: {}{rest}", first.to_uppercase());
        assert_eq!(text.lines().next(), Some(heading.as_str()));
        let sections: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("## "))
            .collect();
        assert_eq!(
            sections,
            ["## What happened", "## What it means", "## What to do"],
            "{code}"
        );
        // A relative link would lead elsewhere on a doorway than beside this file.
        let prose = text.split("```").step_by(2);
        assert!(
            !prose.collect::<String>().contains("]("),
            "{code}: name other pages by their code"
        );
        let status = http::status(host, &format!("/errors/{code}"), DEADLINE).unwrap();
        assert_eq!(status, 200, "{code}");
    }
}

#[test]
fn every_decision_is_short_dated_and_listed() {
    let folder = workspace_root().join("docs/adr");
    let list = fs::read_to_string(folder.join("README.md")).unwrap();
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name == "README.md" {
            continue;
        }
        let text = fs::read_to_string(folder.join(&name)).unwrap();
        assert!(
            text.starts_with("# ") && text.contains("\nDate: 20"),
            "{name}"
        );
        assert!(text.lines().count() < 40, "{name}");
        assert!(list.contains(&format!("]({name})")), "{name}");
        count += 1;
    }
    assert!(count >= 5);
}
