//! Tests of ignore patterns.

use super::*;

#[test]
fn patterns_name_files() {
    let cases: &[(&str, &str, bool)] = &[
        ("draft.md", "draft.md", true),
        ("draft.md", "a/draft.md", true),
        ("draft.md", "a/draft.mdx", false),
        ("/draft.md", "draft.md", true),
        ("/draft.md", "a/draft.md", false),
        ("site/", "site", true),
        ("*.tmp.md", "a/b.tmp.md", true),
        ("*.tmp.md", "a/b.tmp.mdx", false),
        ("a/*.md", "a/b.md", true),
        ("a/*.md", "a/b/c.md", false),
        ("a*b*c", "aXbXbc", true),
        ("a*b*c", "aXbXbd", false),
        ("# a.md", "a.md", false),
        ("*", "anything", true),
        ("", "anything", false),
    ];
    for (pattern, file, expect) in cases {
        let file = FilePath::new(file).expect("a file");
        assert_eq!(
            Patterns::read(pattern).matches(&file),
            *expect,
            "{pattern} on {file}"
        );
    }
}
