//! Tests of reading folders.

use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for (name, bytes) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, bytes).expect("a file");
    }
    dir
}

fn names<'a>(files: impl Iterator<Item = &'a FilePath>) -> Vec<&'a str> {
    files.map(FilePath::as_str).collect()
}

/// Reads a folder that has one problem and returns it.
fn problem(dir: &TempDir, limits: &Limits) -> (Code, String, u32) {
    let problems = read(dir.path(), limits).expect_err("a problem");
    assert_eq!(problems.len(), 1, "{problems:?}");
    let place = problems[0].place.clone().expect("a place");
    (problems[0].code, place.file, place.line)
}

#[test]
fn a_folder_is_read_without_what_is_hidden_or_ignored() {
    let dir = folder(&[
        ("index.md", b"\xef\xbb\xbf# One\r\ntwo\rthree"),
        ("a/b.markdown", b"text"),
        ("a/c.png", b"png"),
        ("config.yml", b"title: T"),
        ("AUTHORS", b"Somebody"),
        (".hidden.md", b"x"),
        (".git/x.md", b"x"),
        ("node_modules/x/readme.md", b"x"),
        ("drafts/x.md", b"\xff"),
        (".commonholdignore", b"# not yet\ndrafts/\n"),
    ]);
    let source = read(dir.path(), &Limits::default()).expect("a source");
    assert_eq!(names(source.texts.keys()), ["a/b.markdown", "index.md"]);
    assert_eq!(
        source.texts.values().last().map(String::as_str),
        Some("# One\ntwo\nthree")
    );
    assert_eq!(names(source.files.keys()), ["AUTHORS", "a/c.png"]);
    assert_eq!(names(source.folders.iter()), ["a"]);
    assert_eq!(
        source.config.map(|(_, text)| text).as_deref(),
        Some("title: T")
    );
    assert_eq!(
        source.notes.get("AUTHORS").map(String::as_str),
        Some("Somebody")
    );
}

#[test]
fn the_line_of_the_first_wrong_byte_is_told() {
    let cases: &[(&[u8], u32)] = &[
        (b"\xff", 1),
        (b"a\nb\n\xe4", 3),
        (b"a\r\nb\r\n\xe4", 3),
        (b"a\rb\r\xe4", 3),
        (b"\xff\xfea\0", 1),
        (b"a\n\xe2\x82", 2),
    ];
    for (bytes, line) in cases {
        let dir = folder(&[("a.md", bytes)]);
        assert_eq!(
            problem(&dir, &Limits::default()),
            (Code::NotUtf8, "a.md".to_owned(), *line)
        );
    }
}

#[test]
fn limits_hold_on_both_sides() {
    let dir = folder(&[("a.md", b"12345"), ("b.md", b"123")]);
    let fits = Limits {
        markdown_bytes_max: 5,
        markdown_total_bytes_max: 8,
        files_max: 2,
        ..Limits::default()
    };
    read(dir.path(), &fits).expect("fits");
    let cases = [
        (
            Limits {
                markdown_bytes_max: 4,
                ..fits.clone()
            },
            "a.md",
        ),
        (
            Limits {
                markdown_total_bytes_max: 7,
                ..fits.clone()
            },
            "b.md",
        ),
        (
            Limits {
                files_max: 1,
                ..fits.clone()
            },
            ".",
        ),
    ];
    for (limits, file) in cases {
        assert_eq!(
            problem(&dir, &limits),
            (Code::FileTooLarge, file.to_owned(), 0)
        );
    }
    let deep = folder(&[("a/b/c.md", b"x")]);
    read(
        deep.path(),
        &Limits {
            depth_max: 2,
            ..Limits::default()
        },
    )
    .expect("fits");
    let shallow = Limits {
        depth_max: 1,
        ..Limits::default()
    };
    assert_eq!(
        problem(&deep, &shallow),
        (Code::FileTooLarge, "a/b".to_owned(), 0)
    );
}

#[test]
fn symbolic_links_are_not_followed() {
    let outside = folder(&[("secret.md", b"secret"), ("secret.png", b"secret")]);
    let dir = folder(&[("a.md", b"text")]);
    symlink(outside.path(), dir.path().join("more")).expect("a link");
    symlink(outside.path().join("secret.png"), dir.path().join("b.png")).expect("a link");
    let source = read(dir.path(), &Limits::default()).expect("a source");
    assert_eq!(names(source.texts.keys()), ["a.md"]);
    assert_eq!(names(source.symlinks.iter()), ["b.png", "more"]);
    assert!(source.files.is_empty() && source.folders.is_empty());

    symlink(outside.path().join("secret.md"), dir.path().join("b.md")).expect("a link");
    assert_eq!(
        problem(&dir, &Limits::default()),
        (Code::OutsideFolder, "b.md".to_owned(), 0)
    );
}

#[test]
fn what_is_no_folder_or_holds_no_markdown_is_refused() {
    let dir = folder(&[("a.txt", b"text")]);
    let codes = |path: &Path| -> Vec<Code> {
        read(path, &Limits::default())
            .expect_err("a problem")
            .iter()
            .map(|problem| problem.code)
            .collect()
    };
    assert_eq!(codes(dir.path()), [Code::EmptyFolder]);
    assert_eq!(codes(&dir.path().join("a.txt")), [Code::SourceUnreadable]);
    assert_eq!(codes(&dir.path().join("nothing")), [Code::SourceUnreadable]);
}
