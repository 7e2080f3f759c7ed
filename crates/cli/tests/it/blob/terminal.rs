//! What a person at a terminal sees: bars while something takes long, and nothing of them afterwards.

use std::process::Command;

use super::{Shelf, noise};
use crate::home::Ran;

impl Shelf {
    /// Runs `commonhold blob` at a terminal that `script` of util-linux makes; nothing where that is missing. Both
    /// streams are one there.
    fn at_terminal(&self, words: &[&str]) -> Option<Ran> {
        let inner = self.home.command(&self.words(words));
        let quoted = |word: &std::ffi::OsStr| format!("'{}'", word.to_str().unwrap());
        let line: Vec<String> = std::iter::once(inner.get_program())
            .chain(inner.get_args())
            .map(quoted)
            .collect();
        let mut command = Command::new("script");
        command.args(["--quiet", "--return", "--command"]);
        command.args([&line.join(" "), "/dev/null"]);
        command.env_clear().current_dir(self.home.at(""));
        command.env("TERM", "xterm");
        for (name, value) in inner.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        let is_here = std::env::split_paths(&std::env::var_os("PATH")?)
            .any(|folder| folder.join("script").is_file());
        if !is_here {
            println!("left out: script of bsdutils is not here");
            return None;
        }
        Some(self.home.end(command).ok())
    }

    /// Expects that a command shows a bar of this name with bytes, and that it is gone when the result is told.
    #[track_caller]
    fn check_bar(&self, words: &[&str], name: &str, ends: &str) {
        let Some(Ran { stdout, .. }) = self.at_terminal(words) else {
            return;
        };
        let shown = stdout.split(['\r', '\n']);
        let is_bar = |line: &&str| line.contains(name) && line.contains("B/");
        assert!(
            shown.clone().any(|line| is_bar(&line)),
            "{words:?}: {stdout:?}"
        );
        let last = stdout.trim_end().lines().last().unwrap();
        // What is drawn over is not seen: behind the last erased line there is only the result.
        let last = last.rsplit("\u{1b}[2K").next().unwrap();
        assert!(
            !last.contains(name) && last.contains(ends),
            "{words:?}: {stdout:?}"
        );
    }
}

#[test]
fn long_work_shows_a_bar_at_a_terminal() {
    let shelf = Shelf::new();
    for number in 0..4 {
        shelf
            .home
            .write(&format!("photos/{number}"), noise(number, 30_000_000));
    }
    shelf.check_bar(
        &["put", "photos", "--tag", "photos"],
        "sending",
        "Accepted: 4 files",
    );
    shelf.check_bar(
        &["get", "photos", "-o", "again"],
        "fetching",
        "every byte compared",
    );
    shelf.check_bar(&["export", "out"], "exporting", "out holds 5 blobs");
    let words = ["scrub", "--restart", "--bytes-per-sec", "30000000"];
    shelf.check_bar(&words, "reading", "all as they should be");
}

#[test]
fn who_asks_for_quiet_or_json_sees_no_bar() {
    let shelf = Shelf::new();
    shelf.home.write("film", noise(1, 12_000_000));
    for flag in ["--quiet", "--json"] {
        let Some(ran) = shelf.at_terminal(&["put", "film", flag]) else {
            return;
        };
        assert!(
            !ran.stdout.contains("sending") && !ran.stdout.contains('\u{1b}'),
            "{:?}",
            ran.stdout
        );
    }
    // A file is not written to a terminal, unless that is asked for.
    shelf.home.write("letter", "Dear neighbours");
    shelf.run(&["put", "letter", "--tag", "letter"]).ok();
    let ran = shelf.at_terminal(&["get", "letter", "-o", "-"]);
    assert!(ran.unwrap().stdout.contains("Dear neighbours"));
}
