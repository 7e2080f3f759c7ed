//! The page of the protocol says what this crate does: its vectors are read and made again.

use base::ContentHash;

use super::super::{Folder, Limits};

/// The blocks of the page with this label.
fn blocks(label: &str) -> Vec<&'static str> {
    let page = include_str!("../../../../../docs/protocols/folder.md");
    let start = format!("```{label}\n");
    let blocks = page.split(start.as_str()).skip(1);
    let found: Vec<&str> = blocks
        .map(|block| block.split("\n```").next().expect("a part"))
        .collect();
    assert!(!found.is_empty(), "the page has no {label}");
    found
}

#[test]
fn vectors_are_manifests_with_these_hashes() {
    let vectors = blocks("vector folder");
    assert!(vectors.len() >= 3);
    for vector in vectors {
        let lines: Vec<&str> = vector.lines().collect();
        let [manifest, hash, files] = lines[..] else {
            panic!("three lines: {vector}");
        };
        let field = |line: &'static str, name: &str| {
            let value = line
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix(": "));
            value.unwrap_or_else(|| panic!("no {name}: {line}"))
        };
        let manifest = field(manifest, "manifest");
        let folder = Folder::decode(manifest.as_bytes(), &Limits::default());
        let folder = folder.unwrap_or_else(|error| panic!("{error}: {manifest}"));
        assert_eq!(folder.encode(), manifest.as_bytes());
        let sum = ContentHash::of(manifest.as_bytes()).to_string();
        assert_eq!(field(hash, "sha256"), sum);
        assert_eq!(field(files, "files"), folder.sum().blobs.to_string());
    }
}

#[test]
fn refused_vectors_are_refused() {
    let vectors = blocks("vector folder-refused");
    let lines = vectors.iter().flat_map(|block| block.lines());
    let mut count = 0;
    for line in lines {
        let (why, manifest) = line.split_once(": ").expect("a reason and bytes");
        let found = Folder::decode(manifest.as_bytes(), &Limits::default());
        assert!(found.is_err(), "{why}: {manifest}");
        count += 1;
    }
    assert!(count >= 20);
}

#[test]
fn limits_are_those_of_the_page() {
    let page = include_str!("../../../../../docs/protocols/folder.md");
    let limits = Limits::default();
    for (number, what) in [
        (limits.manifest_bytes_max, "bytes of a manifest"),
        (limits.entries_max, "entries"),
        (limits.path_bytes_max, "bytes of a path"),
        (limits.name_bytes_max, "bytes of a name"),
        (limits.depth_max, "names of a path"),
    ] {
        let row = format!("| {what} | {number} |");
        assert!(page.contains(&row), "{row}");
    }
}
