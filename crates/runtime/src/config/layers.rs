//! Puts the layers of a configuration on top of each other.

use std::collections::BTreeMap;
use std::path::Path;

use super::text::Node;
use super::{Configuration, Key, LoadError, Place};

/// The text of a configuration file.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// Where it lies, for messages.
    pub path: &'a Path,
    /// What is in it.
    pub text: &'a str,
}

/// Where environment variables come from.
pub trait Environment {
    /// Returns the value of a variable; `None` when it is not set or is not UTF-8.
    fn get(&self, name: &str) -> Option<String>;
}

/// The environment of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessEnvironment;

/// All that a process is told, the later fields winning.
pub struct Layers<'a> {
    /// The configuration file, when there is one.
    pub file: Option<File<'a>>,
    /// The environment. An empty variable counts as not set.
    pub environment: &'a dyn Environment,
    /// Keys and values given as flags, as the person typed them.
    pub flags: &'a [(&'a str, String)],
}

impl Environment for ProcessEnvironment {
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place where the environment is read"
    )]
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

impl Environment for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        BTreeMap::get(self, name).cloned()
    }
}

/// Loads a configuration.
///
/// # Errors
///
/// [`LoadError`] for the first thing that cannot be used.
pub fn load<C: Configuration>(layers: &Layers<'_>) -> Result<C, LoadError> {
    let keys = C::keys();
    let mut table = Node::default();
    if let Some(file) = layers.file {
        check_file::<C>(file, &keys)?;
        let parsed: toml::Table =
            toml::from_str(file.text).map_err(|error| file_error(file, &error, &keys))?;
        table = Node::from(parsed);
    }
    for key in &keys {
        if let Some(text) = layers.environment.get(key.environment)
            && !text.is_empty()
        {
            let place = Place::Environment(key.environment.to_owned());
            set::<C>(&mut table, &key.name, text, place)?;
        }
    }
    for (name, text) in layers.flags {
        let place = Place::Flag((*name).to_owned());
        if !keys.iter().any(|key| key.name == *name) {
            return Err(unknown(place, name, &keys));
        }
        set::<C>(&mut table, name, text.clone(), place)?;
    }
    C::deserialize(table).map_err(|error| LoadError::Value {
        place: Place::Flag("config".to_owned()),
        key: "all keys together".to_owned(),
        reason: error.to_string(),
    })
}

/// Sets one key, after checking that its value is of the right kind.
fn set<C: Configuration>(
    table: &mut Node,
    key: &str,
    text: String,
    place: Place,
) -> Result<(), LoadError> {
    let mut alone = Node::default();
    alone.insert(key, text.clone());
    C::deserialize(alone).map_err(|error| LoadError::Value {
        place,
        key: key.to_owned(),
        reason: error.to_string(),
    })?;
    table.insert(key, text);
    Ok(())
}

/// Reads the file alone, because only then the parser knows the lines.
fn check_file<C: Configuration>(file: File<'_>, keys: &[Key]) -> Result<(), LoadError> {
    toml::from_str::<C>(file.text)
        .map(drop)
        .map_err(|error| file_error(file, &error, keys))
}

fn file_error(file: File<'_>, error: &toml::de::Error, keys: &[Key]) -> LoadError {
    let offset = error.span().map_or(0, |span| span.start);
    let before = file.text.get(..offset).unwrap_or(file.text);
    let line = before.matches('\n').count() + 1;
    let place = Place::File {
        path: file.path.to_owned(),
        line: u32::try_from(line).unwrap_or(u32::MAX),
    };
    let reason = error.message().trim().to_owned();
    if toml::from_str::<toml::Table>(file.text).is_err() {
        return LoadError::Syntax { place, reason };
    }
    let unknown_name = reason
        .strip_prefix("unknown field `")
        .and_then(|rest| rest.split('`').next());
    match unknown_name {
        Some(name) => unknown(place, &join(section(file.text, line), name), keys),
        None => LoadError::Value {
            place,
            key: key_of(file.text, line),
            reason,
        },
    }
}

fn unknown(place: Place, key: &str, keys: &[Key]) -> LoadError {
    let near = keys
        .iter()
        .map(|known| (distance(key, &known.name), &known.name))
        .filter(|(distance, _)| *distance <= 1 + key.len() / 5)
        .min();
    LoadError::UnknownKey {
        place,
        key: key.to_owned(),
        near: near.map(|(_, name)| name.clone()),
    }
}

/// Returns the table in which a line of a TOML file lies, empty for the topmost.
fn section(text: &str, line: usize) -> &str {
    let heading = |line: &&str| line.starts_with('[') && line.trim_end().ends_with(']');
    let lines: Vec<&str> = text.lines().take(line.saturating_sub(1)).collect();
    let last = lines.into_iter().rev().find(heading);
    last.map_or("", |line| line.trim().trim_matches(['[', ']']))
}

/// Returns the key whose value lies on a line, or began above it.
fn key_of(text: &str, line: usize) -> String {
    let lines: Vec<&str> = text.lines().take(line).collect();
    let key = lines
        .into_iter()
        .rev()
        .find_map(|line| line.split_once('='))
        .map_or("", |(key, _)| key.trim());
    join(section(text, line), key)
}

fn join(section: &str, key: &str) -> String {
    if section.is_empty() {
        key.to_owned()
    } else {
        format!("{section}.{key}")
    }
}

/// Counts the letters to add, remove or change between two words (Levenshtein 1965).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, letter) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (index, other) in right.iter().enumerate() {
            let change = diagonal + usize::from(letter != *other);
            diagonal = row[index + 1];
            row[index + 1] = change.min(row[index] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}
