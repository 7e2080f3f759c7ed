//! Tests of front matter.

use super::*;

fn file() -> FilePath {
    FilePath::new("a.md").expect("a file")
}

#[test]
fn front_matter_is_taken_off_and_lines_still_count() {
    let cases = [
        ("text", "text", 1),
        ("", "", 1),
        ("# T\n---\n", "# T\n---\n", 1),
        ("--- x\n---\n", "--- x\n---\n", 1),
        ("---\n---\ntext", "text", 3),
        ("---\ntitle: A\n---\n\ntext\n", "\ntext\n", 4),
        ("---  \ntitle: A\n...\ntext", "text", 4),
        ("---\ntitle: A\n---", "", 4),
    ];
    for (text, body, line) in cases {
        let parts = split(&file(), text).expect(text);
        assert_eq!((parts.body, parts.body_line), (body, line), "{text:?}");
    }
}

#[test]
fn keys_have_several_spellings_and_unknown_ones_are_left_alone() {
    let text = "---\npermalink: index.html\nsite: sandpaper::sandpaper_site\nteaching: 5\ndate: 2024-01-01\n\
        title: 'A: b'\ndescription: >\n  two\n  lines\nlang: de-AT\nlicense: CC0-1.0\nkeywords: a, b, a\nreach: regional\nslug: x-1\n---\n";
    let expect = FrontMatter {
        title: Some("A: b".to_owned()),
        slug: Some("x-1".to_owned()),
        summary: Some("two lines".to_owned()),
        language: Some("de-AT".to_owned()),
        licence: Some("CC0-1.0".to_owned()),
        tags: vec!["a".to_owned(), "b".to_owned()],
        reach: Some(Reach::Regional),
    };
    assert_eq!(split(&file(), text).expect("front matter").front, expect);
    let both = split(&file(), "---\nsummary: one\ndescription: two\n---\n").expect("front matter");
    assert_eq!(both.front.summary.as_deref(), Some("one"));
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let long = format!("---\na: b\ntitle: {}\n---\n", "x".repeat(301));
    let cases: &[(&str, &[u32])] = &[
        ("---\ntitle: A\ntext", &[1]),
        ("---\ntitle: [A]\n---\n", &[2]),
        ("---\n\ntitle: a: b\n---\n", &[3]),
        (
            "---\nslug: Not a slug\nreach: everybody\nlang: e\n---\n",
            &[2, 3, 4],
        ),
        ("---\ntags:\n  a: b\n---\n", &[3]),
        ("---\na: &x b\n---\n", &[2]),
        (&long, &[3]),
        ("---\njust words\n---\n", &[2]),
    ];
    for (text, lines) in cases {
        let problems = split(&file(), text).expect_err(text);
        let found: Vec<u32> = problems
            .iter()
            .filter_map(|problem| Some(problem.place.as_ref()?.line))
            .collect();
        assert_eq!(found, *lines, "{text:?}: {problems:?}");
        assert!(
            problems
                .iter()
                .all(|problem| problem.code == Code::FrontMatter)
        );
    }
}
