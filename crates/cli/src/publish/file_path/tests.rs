//! Tests of paths below the folder.

use super::*;

#[test]
fn addresses_are_followed_lexically_and_never_out_of_the_root() {
    let cases: &[(&str, &str, Option<&str>)] = &[
        ("", "a.md", Some("a.md")),
        ("", "./a.md", Some("a.md")),
        (
            "episodes",
            "../learners/reference.md",
            Some("learners/reference.md"),
        ),
        ("episodes", "fig/a.png", Some("episodes/fig/a.png")),
        ("episodes", "..", Some("")),
        ("a/b", "./../c//d.md", Some("a/c/d.md")),
        ("episodes", "../..", None),
        ("", "../a.md", None),
        ("a", "../../a/b.md", None),
    ];
    for (folder, relative, expect) in cases {
        let found = join(folder, relative).ok();
        assert_eq!(found.as_deref(), *expect, "{relative} from {folder:?}");
    }
}

#[test]
fn a_path_names_its_parts() {
    let path = FilePath::new("a/b.c/d.e.MD").expect("a file");
    assert_eq!(
        (
            path.folder(),
            path.name(),
            path.stem(),
            path.is_markdown(),
            path.is_index()
        ),
        ("a/b.c", "d.e.MD", "d.e", true, false)
    );
    assert!(FilePath::new("x/README.markdown").is_some_and(|path| path.is_index()));
    assert!(FilePath::new("readme").is_some_and(|path| !path.is_markdown() && !path.is_index()));
    assert_eq!(FilePath::new("../x"), None);
    assert_eq!(FilePath::new("."), None);
}
