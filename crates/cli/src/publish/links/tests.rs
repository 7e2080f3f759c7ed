//! Tests of what addresses mean.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

fn file(path: &str) -> FilePath {
    FilePath::new(path).expect("a file")
}

fn source(texts: &[&str], files: &[&str]) -> Source {
    let mut folders = BTreeSet::new();
    for path in texts.iter().chain(files) {
        let mut folder = file(path).folder().to_owned();
        while !folder.is_empty() {
            folders.insert(file(&folder));
            folder = file(&folder).folder().to_owned();
        }
    }
    Source {
        root: "/".into(),
        name: "course".to_owned(),
        texts: texts
            .iter()
            .map(|path| (file(path), String::new()))
            .collect(),
        config: None,
        notes: BTreeMap::new(),
        files: files.iter().map(|path| (file(path), 0)).collect(),
        folders,
        symlinks: BTreeSet::from([file("linked"), file("a/linked.png")]),
    }
}

/// Says in short what an address means.
fn meaning(dest: &str, from: &str, source: &Source) -> String {
    match resolve(dest, &file(from), source) {
        Target::Elsewhere => "elsewhere".to_owned(),
        Target::Here { fragment } => format!("here #{fragment}"),
        Target::Page { file, tail } => format!("page {file}{}", tail.of_page()),
        Target::Root { tail } => format!("root{}", tail.of_page()),
        Target::Media { file, tail } => format!("media {file}{}", tail.of_media()),
        Target::Fault { code, .. } => format!("{code:?}"),
    }
}

#[test]
fn addresses_of_a_folder_are_understood() {
    let source = source(
        &[
            "index.md",
            "a/one.md",
            "a/two words.md",
            "a/index.md",
            "b/README.md",
            "b/x.markdown",
            "c/y.md",
        ],
        &["a/p.png", "a/ü.png", "page.html", "c/data.csv"],
    );
    let cases = [
        ("one.md", "page a/one.md"),
        ("./one.md#top", "page a/one.md#top"),
        ("one.html?q=1&r=2#x y", "page a/one.md?q=1&amp;r=2#x%20y"),
        ("one", "page a/one.md"),
        ("one/", "page a/one.md"),
        ("one/index.html", "page a/one.md"),
        ("two%20words.md", "page a/two words.md"),
        ("two words.html", "page a/two words.md"),
        ("..", "root"),
        ("../", "root"),
        ("../index.html#x", "page index.md#x"),
        (".", "page a/index.md"),
        ("../a/", "page a/index.md"),
        ("../b", "page b/README.md"),
        ("../b/index.html", "page b/README.md"),
        ("../b/x.md", "BrokenLink"),
        ("../b/x", "page b/x.markdown"),
        ("../c", "BrokenLink"),
        ("../c/data.csv", "media c/data.csv"),
        ("p.png#t=1", "media a/p.png#t=1"),
        ("p.png?raw=true", "media a/p.png"),
        ("%C3%BC.png", "media a/ü.png"),
        ("..\\a\\p.png", "media a/p.png"),
        ("../page.html", "media page.html"),
        ("/a/one.md", "page a/one.md"),
        ("/nothing", "BrokenLink"),
        ("P.png", "BrokenLink"),
        ("gone.md", "BrokenLink"),
        ("", "BrokenLink"),
        ("%ff.md", "BrokenLink"),
        ("../../x.md", "OutsideFolder"),
        ("../../a/one.md", "OutsideFolder"),
        ("%2e%2e/%2e%2e/x.md", "OutsideFolder"),
        ("linked.png", "OutsideFolder"),
        ("../linked/x.png", "OutsideFolder"),
        ("../linkedin.md", "BrokenLink"),
    ];
    for (dest, expect) in cases {
        assert_eq!(meaning(dest, "a/one.md", &source), expect, "{dest}");
    }
}

#[test]
fn other_addresses_stay_or_are_refused() {
    let source = source(&["index.md"], &[]);
    let cases = [
        ("https://x.org/a.md", "elsewhere"),
        ("HTTP://x.org", "elsewhere"),
        ("mailto:a@b.org", "elsewhere"),
        ("tel:123", "elsewhere"),
        ("//x.org/a", "elsewhere"),
        ("/", "elsewhere"),
        ("/store/00", "elsewhere"),
        ("/courses/a/b", "elsewhere"),
        ("?q=1", "elsewhere"),
        ("#a%20b", "here #a b"),
        ("#", "here #"),
        ("javascript:alert(1)", "ActiveContent"),
        (" java\tscript:alert(1)", "ActiveContent"),
        ("DATA:text/html,x", "ActiveContent"),
        ("vbscript:x", "ActiveContent"),
        ("file:///x", "OutsideFolder"),
        ("C:\\x.md", "OutsideFolder"),
    ];
    for (dest, expect) in cases {
        assert_eq!(meaning(dest, "index.md", &source), expect, "{dest}");
    }
}

#[test]
fn pages_of_a_lesson_share_one_folder_on_the_web() {
    let source = source(
        &[
            "index.md",
            "episodes/01-a.md",
            "learners/reference.md",
            "learners/setup.md",
            "instructors/notes.md",
        ],
        &[
            "episodes/fig/a.svg",
            "episodes/data/b.csv",
            "learners/fig/c.svg",
        ],
    );
    let cases = [
        ("../learners/reference.md#x", "page learners/reference.md#x"),
        ("reference.html#x", "page learners/reference.md#x"),
        ("../reference.html", "page learners/reference.md"),
        ("../setup/index.html", "page learners/setup.md"),
        ("../episodes/notes.html", "page instructors/notes.md"),
        ("index.html", "page index.md"),
        ("01-a", "page episodes/01-a.md"),
        ("../fig/a.svg", "media episodes/fig/a.svg"),
        ("data/b.csv", "media episodes/data/b.csv"),
        ("fig/c.svg", "media learners/fig/c.svg"),
        ("fig/d.svg", "BrokenLink"),
        ("gone.html", "BrokenLink"),
        ("../../01-a.html", "OutsideFolder"),
    ];
    for (dest, expect) in cases {
        assert_eq!(
            meaning(dest, "learners/setup.md", &source),
            expect,
            "{dest}"
        );
    }
}

#[test]
fn messages_are_short_and_harmless() {
    let source = source(&["index.md", "Other.md"], &[]);
    let detail = |dest: &str| match resolve(dest, &file("index.md"), &source) {
        Target::Fault { detail, .. } => detail,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        detail("gone.md"),
        "the link \"gone.md\" leads nowhere: there is no file gone.md"
    );
    assert!(detail("other.md").ends_with("did you mean Other.md"));
    assert!(!detail("a\u{1b}[31m.md").contains('\u{1b}'));
    assert!(detail(&"x".repeat(5_000)).len() < 300);
}

#[test]
fn lost_fragments_are_told_from_those_that_doorways_make() {
    let anchors = BTreeSet::from(["top".to_owned()]);
    let cases = [
        ("", false),
        ("top", false),
        ("fn-1", false),
        ("t=10", false),
        ("Top", true),
        ("gone", true),
    ];
    for (fragment, expect) in cases {
        assert_eq!(is_lost(fragment, &anchors), expect, "{fragment}");
    }
}
