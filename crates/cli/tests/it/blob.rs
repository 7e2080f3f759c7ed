//! Files that must not be lost: the whole program against a node that keeps blobs, both run as people run them.

mod damage;
mod folder;
mod full;
mod get;
mod moving;
mod put;
mod resume;
mod terminal;
mod upkeep;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::home::{Doorway, Home, Ran};

/// A home with a node that keeps blobs, open for the person of that home.
struct Shelf {
    home: Home,
    node: Doorway,
}

impl Shelf {
    fn new() -> Self {
        Self::with(&[])
    }

    /// Starts a node with these variables in its environment.
    fn with(variables: &[(&str, &str)]) -> Self {
        let home = Home::new();
        let node = start(&home, variables);
        Self { home, node }
    }

    /// Runs `commonhold blob` against the node.
    #[track_caller]
    fn run(&self, words: &[&str]) -> Ran {
        self.home.run(&self.words(words))
    }

    /// Runs it, and returns what it says to a program.
    #[track_caller]
    fn json(&self, words: &[&str]) -> Value {
        self.run(&[words, &["--json"]].concat()).json()
    }

    fn words<'a>(&'a self, words: &[&'a str]) -> Vec<&'a str> {
        [&["blob"], words, &["--to", &self.node.url]].concat()
    }

    /// Runs a line of the shell in which `blob` is our command against the node.
    fn shell(&self, line: &str) -> Command {
        let inner = self.home.command(&[]);
        let mut command = Command::new("sh");
        command.env_clear().current_dir(self.home.at(""));
        for (name, value) in inner.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        let program = inner.get_program().to_str().unwrap();
        let url = &self.node.url;
        let script = format!("blob() {{ '{program}' blob \"$@\" --to {url}; }}\n{line}");
        command.args(["-c", &script]);
        command
    }

    /// Stores a file and returns its hash.
    #[track_caller]
    fn put(&self, name: &str, bytes: &[u8]) -> String {
        self.home.write(name, bytes);
        text(&self.json(&["put", name]), "hash")
    }

    /// Returns how much the namespace holds: blobs and bytes.
    #[track_caller]
    fn held(&self) -> (u64, u64) {
        let usage = self.json(&["usage"]);
        (number(&usage, "live_blobs"), number(&usage, "live_bytes"))
    }
}

/// Starts the node of a home on a free port.
fn start(home: &Home, variables: &[(&str, &str)]) -> Doorway {
    let data = home.at("data");
    let words = ["storage", "--listen", "127.0.0.1:0", "--data"];
    let mut command = home.command(&words);
    command.arg(data).envs(variables.iter().copied());
    home.start(command)
}

#[track_caller]
fn text(said: &Value, field: &str) -> String {
    let found = said[field].as_str();
    found
        .unwrap_or_else(|| panic!("{field}: {said}"))
        .to_owned()
}

#[track_caller]
fn number(said: &Value, field: &str) -> u64 {
    let found = said[field].as_u64();
    found.unwrap_or_else(|| panic!("{field}: {said}"))
}

/// Bytes that look like nothing, the same for a seed every time.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        // SplitMix64, by Sebastiano Vigna.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend_from_slice(&(word ^ (word >> 31)).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// What is in a folder: each path with its bytes and whether it may be run; an empty folder has none.
fn tree(folder: &Path) -> BTreeMap<String, Option<(Vec<u8>, bool)>> {
    fn visit(root: &Path, folder: &Path, found: &mut BTreeMap<String, Option<(Vec<u8>, bool)>>) {
        let entries: Vec<_> = fs::read_dir(folder).unwrap().map(Result::unwrap).collect();
        if entries.is_empty() {
            let path = folder.strip_prefix(root).unwrap();
            found.insert(path.to_str().unwrap().to_owned(), None);
        }
        for entry in entries {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                visit(root, &path, found);
                continue;
            }
            let mode = entry.metadata().unwrap().permissions().mode();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            let file = (fs::read(&path).unwrap(), mode & 0o100 != 0);
            found.insert(name.to_owned(), Some(file));
        }
    }
    let mut found = BTreeMap::new();
    visit(folder, folder, &mut found);
    found
}
