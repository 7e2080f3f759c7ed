//! Paths, folders and plans by their rules; any entries beside a naive folder; a folder that is sent and written again
//! through a bad world.

mod anything;
mod page;
mod simulation;

use base::ContentHash;

use super::{
    DecodeError, Entry, File, Folder, FolderError, FolderPath, Limits, PathError, Step, There,
    is_manifest, plan_export, plan_upload,
};
use crate::Sum;

fn path(text: &str) -> FolderPath {
    FolderPath::parse(text, &Limits::default()).expect("a path")
}

fn file(at: &str, content: &[u8]) -> Entry {
    Entry::File(File {
        path: path(at),
        bytes: content.len() as u64,
        is_executable: false,
        hash: ContentHash::of(content),
    })
}

fn empty(at: &str) -> Entry {
    Entry::Folder(path(at))
}

fn folder(entries: Vec<Entry>) -> Folder {
    Folder::new(entries, &Limits::default()).expect("a folder")
}

#[test]
fn paths_lead_down_and_nowhere_else() {
    for text in [
        "a", "a/b", ".hidden", "a b", "ä/ñ", "...", "a:b", "\"", "a/..b", "~",
    ] {
        assert_eq!(path(text).as_str(), text);
    }
    let letter = |letter| PathError::Letter { letter };
    for (text, expect) in [
        ("", PathError::Empty),
        ("/", PathError::Absolute),
        ("/etc/passwd", PathError::Absolute),
        ("a/", PathError::EmptyName),
        ("a//b", PathError::EmptyName),
        (".", PathError::Dots),
        ("..", PathError::Dots),
        ("a/../b", PathError::Dots),
        ("a/./b", PathError::Dots),
        ("a\\b", letter('\\')),
        ("a\0", letter('\0')),
        ("a\nb", letter('\n')),
        ("a\u{85}b", letter('\u{85}')),
    ] {
        let found = FolderPath::parse(text, &Limits::default());
        assert_eq!(found, Err(expect), "{text:?}");
    }
}

#[test]
fn limits_of_paths_are_sharp() {
    let limits = Limits {
        path_bytes_max: 9,
        name_bytes_max: 4,
        depth_max: 3,
        ..Limits::default()
    };
    let check = |text: &str| FolderPath::parse(text, &limits).err();
    assert_eq!(check("abcd/abcd"), None);
    assert_eq!(
        check("abcd/abcde"),
        Some(PathError::TooLong { bytes_max: 9 })
    );
    assert_eq!(
        check("abcde"),
        Some(PathError::NameTooLong { bytes_max: 4 })
    );
    assert_eq!(check("ääö"), Some(PathError::NameTooLong { bytes_max: 4 }));
    assert_eq!(check("a/b/c"), None);
    assert_eq!(check("a/b/c/d"), Some(PathError::TooDeep { depth_max: 3 }));
}

#[test]
fn order_keeps_together_what_lies_together() {
    let texts = ["a", "a/b", "a/b/c", "a/é", "a b", "a-b", "a.b", "a0", "b"];
    let mut paths: Vec<FolderPath> = texts.iter().rev().map(|text| path(text)).collect();
    paths.sort();
    let sorted: Vec<&str> = paths.iter().map(FolderPath::as_str).collect();
    assert_eq!(sorted, texts);
}

#[test]
fn folder_above_and_below() {
    let deep = path("a/b/c");
    let above: Vec<String> = deep.folders().map(|folder| folder.to_string()).collect();
    assert_eq!(above, ["a", "a/b"]);
    assert_eq!(deep.names().count(), 3);
    assert!(deep.lies_in(&path("a")) && deep.lies_in(&path("a/b")));
    assert!(!deep.lies_in(&deep) && !path("ab").lies_in(&path("a")));
}

#[test]
fn entries_that_contradict_each_other_are_no_folder() {
    let same = |at: &str, bytes| {
        Entry::File(File {
            path: path(at),
            bytes,
            is_executable: false,
            hash: ContentHash::of(b""),
        })
    };
    let within = |holder: &str| FolderError::Within {
        path: path("a/b"),
        holder: path(holder),
    };
    let cases = [
        (
            vec![file("a", b"1"), file("a", b"1")],
            FolderError::Twice { path: path("a") },
        ),
        (
            vec![file("a", b"1"), empty("a")],
            FolderError::Twice { path: path("a") },
        ),
        (
            vec![file("a/b", b"1"), file("a-", b"1"), file("a", b"1")],
            within("a"),
        ),
        (vec![file("a/b", b"1"), empty("a")], within("a")),
        (vec![empty("a/b"), empty("a")], within("a")),
        (
            vec![same("a", 0), same("b", 1)],
            FolderError::Lengths { path: path("b") },
        ),
        (
            vec![same("a", 1 << 53)],
            FolderError::TooLarge {
                bytes_max: (1 << 53) - 1,
            },
        ),
    ];
    for (entries, expect) in cases {
        assert_eq!(Folder::new(entries, &Limits::default()), Err(expect));
    }
}

#[test]
fn limits_of_folders_are_sharp() {
    let two = || vec![file("a", b"1"), file("b", b"1")];
    let len = folder(two()).encode().len();
    for (entries_max, manifest_bytes_max, expect) in [
        (2, len, None),
        (1, len, Some(FolderError::TooMany { entries_max: 1 })),
        (
            2,
            len - 1,
            Some(FolderError::ManifestTooLarge { bytes_max: len - 1 }),
        ),
    ] {
        let limits = Limits {
            entries_max,
            manifest_bytes_max,
            ..Limits::default()
        };
        assert_eq!(Folder::new(two(), &limits).err(), expect);
        let is_read = Folder::decode(&folder(two()).encode(), &limits).is_ok();
        assert_eq!(
            is_read,
            expect.is_none(),
            "what may not be made cannot be read"
        );
    }
}

#[test]
fn folder_has_one_manifest() {
    let entries = vec![file("b/x", b"2"), empty("c"), file("a", b"1")];
    let bytes = folder(entries.clone()).encode();
    let mut other = entries;
    other.reverse();
    assert_eq!(folder(other).encode(), bytes);
    assert_eq!(
        Folder::decode(&bytes, &Limits::default()),
        Ok(folder(vec![file("a", b"1"), file("b/x", b"2"), empty("c")]))
    );
    assert!(is_manifest(&bytes[..64]));
    assert!(
        is_manifest(br#"{"commonhold_folder":2,"#),
        "a later version is one, too"
    );
    for other in [&b""[..], br#"{"commonhold_folder"#, b"{}"] {
        assert!(!is_manifest(other));
    }
}

#[test]
fn other_bytes_are_no_manifest() {
    let wire = |entries: &[&str]| {
        let entries: Vec<wire::folder::Entry> = entries
            .iter()
            .map(|path| wire::folder::Entry::Folder {
                path: (*path).to_owned(),
            })
            .collect();
        Folder::decode(&wire::folder::encode(&entries), &Limits::default())
    };
    assert!(wire(&["a", "b"]).is_ok());
    assert_eq!(wire(&["b", "a"]), Err(DecodeError::Order { idx: 1 }));
    let twice = FolderError::Twice { path: path("a") };
    assert_eq!(wire(&["a", "a"]), Err(DecodeError::Folder(twice)));
    let wrong = DecodeError::Path {
        idx: 1,
        source: PathError::Dots,
    };
    assert_eq!(wire(&["a", "b/../../c"]), Err(wrong));
}

#[test]
fn capitals_clash_where_a_file_system_takes_them_for_small() {
    let clash = |entries: &[&str]| {
        let entries = entries.iter().map(|at| file(at, at.as_bytes())).collect();
        let folder = folder(entries);
        folder
            .clash()
            .map(|(one, other)| (one.to_string(), other.to_string()))
    };
    let pair = |one: &str, other: &str| Some((one.to_owned(), other.to_owned()));
    assert_eq!(clash(&["a", "b/A", "b/B", "c/a"]), None);
    assert_eq!(clash(&["Readme", "readme"]), pair("Readme", "readme"));
    assert_eq!(clash(&["A/x", "a/X"]), pair("A/x", "a/X"));
    assert_eq!(clash(&["A", "a/b"]), pair("A", "a/b"));
}

#[test]
fn each_blob_is_sent_once() {
    let folder = folder(vec![
        file("a", b"one"),
        file("b", b"two"),
        file("c", b"one"),
        file("d", b"three"),
        empty("e"),
    ]);
    let two = ContentHash::of(b"two");
    let plan = plan_upload(&folder, |hash| *hash == two);
    let paths: Vec<&str> = plan
        .missing
        .iter()
        .map(|piece| piece.path.as_str())
        .collect();
    assert_eq!(paths, ["a", "d"]);
    assert_eq!(
        (plan.missing_sum, plan.here),
        (Sum { blobs: 2, bytes: 8 }, Sum::of(3))
    );
    assert_eq!(
        folder.sum(),
        Sum {
            blobs: 4,
            bytes: 14
        }
    );
    let blobs: Vec<ContentHash> = folder.blobs().into_keys().collect();
    assert_eq!(blobs.len(), 3);
    assert!(folder.hashes().eq(blobs));
}

#[test]
fn folders_are_made_before_what_lies_in_them() {
    let folder = folder(vec![
        file("a/b/c", b"1"),
        file("a/d", b"2"),
        empty("e/f"),
        file("g", b"3"),
    ]);
    let text = |steps: &[Step]| -> Vec<String> {
        let steps = steps.iter().map(|step| match step {
            Step::MakeFolder(path) => format!("{path}/"),
            Step::Write(file) => file.path.to_string(),
        });
        steps.collect()
    };
    let plan = plan_export(&folder, |_| There::Nothing);
    assert_eq!(
        text(&plan.steps),
        ["a/", "a/b/", "a/b/c", "a/d", "e/", "e/f/", "g"]
    );
    assert_eq!(plan.written, Sum { blobs: 3, bytes: 3 });
    let there = |entry: &Entry| match entry.path().as_str() {
        "a/b/c" | "e/f" => There::Same,
        "g" => There::Other,
        _ => There::Nothing,
    };
    let plan = plan_export(&folder, there);
    assert_eq!(text(&plan.steps), ["a/", "a/d"]);
    assert_eq!((plan.written, plan.kept), (Sum::of(1), Sum::of(1)));
    assert_eq!(plan.occupied, [path("g")]);
}
