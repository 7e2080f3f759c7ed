//! Any entries and any bytes.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::{Entry, File, Folder, FolderPath, Limits};
use base::ContentHash;

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[ab-](/[ab-]){0,3}",
        2 => "[a./ä\"\\\\]{0,6}",
        1 => any::<String>(),
    ]
}

/// The rule of paths, said once more.
fn is_path(text: &str) -> bool {
    let names: Vec<&str> = text.split('/').collect();
    text.len() <= 4_096
        && names.len() <= 64
        && names.iter().all(|name| {
            (1..=255).contains(&name.len())
                && !matches!(*name, "." | "..")
                && name
                    .chars()
                    .all(|letter| letter != '\\' && !letter.is_control())
        })
}

#[derive(Clone, Debug)]
struct Sketch {
    text: String,
    /// None is an empty folder, otherwise the number of the content.
    content: Option<u8>,
    is_executable: bool,
}

fn sketches() -> impl Strategy<Value = Vec<Sketch>> {
    let sketch = (texts(), prop::option::weighted(0.8, 0_u8..4), any::<bool>()).prop_map(
        |(text, content, is_executable)| Sketch {
            text,
            content,
            is_executable,
        },
    );
    prop::collection::vec(sketch, 0..7)
}

fn entry(sketch: &Sketch) -> Option<Entry> {
    let path = FolderPath::parse(&sketch.text, &Limits::default()).ok()?;
    Some(match sketch.content {
        None => Entry::Folder(path),
        Some(content) => Entry::File(File {
            path,
            bytes: u64::from(content),
            is_executable: sketch.is_executable,
            hash: ContentHash::of(&vec![content; usize::from(content)]),
        }),
    })
}

/// A folder as a tree of names: each is a file, or holds others.
#[derive(Default, PartialEq, Eq)]
struct Tree {
    file: Option<u8>,
    inner: BTreeMap<String, Tree>,
}

/// Puts everything into a tree; false when it does not fit.
fn plant(entries: &[Sketch]) -> bool {
    let mut root = Tree::default();
    let mut named = BTreeSet::new();
    for sketch in entries {
        let mut place = &mut root;
        for name in sketch.text.split('/') {
            place = place.inner.entry(name.to_owned()).or_default();
        }
        if !named.insert(sketch.text.clone()) {
            return false;
        }
        place.file = Some(1);
    }
    fn is_sound(tree: &Tree) -> bool {
        (tree.file.is_none() || tree.inner.is_empty()) && tree.inner.values().all(is_sound)
    }
    is_sound(&root)
}

proptest! {
    #[test]
    fn paths_are_judged_as_the_rule_says(text in texts()) {
        prop_assert_eq!(FolderPath::parse(&text, &Limits::default()).is_ok(), is_path(&text), "{:?}", text);
    }

    #[test]
    fn entries_make_a_folder_when_they_make_a_tree(sketches in sketches()) {
        let sketches: Vec<Sketch> = sketches.into_iter().filter(|sketch| is_path(&sketch.text)).collect();
        let entries: Vec<Entry> = sketches.iter().filter_map(entry).collect();
        let folder = Folder::new(entries, &Limits::default());
        prop_assert_eq!(folder.is_ok(), plant(&sketches), "{:?}", folder);
        let Ok(folder) = folder else { return Ok(()) };
        let bytes = folder.encode();
        prop_assert_eq!(Folder::decode(&bytes, &Limits::default()), Ok(folder));
    }

    #[test]
    fn what_is_read_is_written_back(sketches in sketches(), place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let sketches: Vec<Sketch> = sketches.into_iter().filter(|sketch| is_path(&sketch.text)).collect();
        let entries: Vec<Entry> = sketches.iter().filter_map(entry).collect();
        let Ok(folder) = Folder::new(entries, &Limits::default()) else { return Ok(()) };
        let mut bytes = folder.encode();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Ok(other) = Folder::decode(&bytes, &Limits::default()) {
            prop_assert_eq!(other.encode(), bytes);
        }
    }
}
