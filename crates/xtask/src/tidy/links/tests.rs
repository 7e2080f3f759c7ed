//! How links and headings are read.

use super::*;

#[test]
fn links_are_read_from_prose_alone() {
    let text = "see [a](b.md) and [c](<d.md> \"title\")\n`[x](y.md)` [w](https://example.org)\n```\n[x](z.md)\n```\n![i](../i.png)";
    let expected = [
        (1, "b.md".to_owned()),
        (1, "d.md".to_owned()),
        (6, "../i.png".to_owned()),
    ];
    assert_eq!(links(text), expected);
}

#[test]
fn paths_are_resolved_from_the_document() {
    assert_eq!(
        resolve("docs/a/b.md", "../c.md#x").as_deref(),
        Some("docs/c.md#x")
    );
    assert_eq!(resolve("README.md", "docs/").as_deref(), Some("docs"));
    assert_eq!(resolve("docs/b.md", "/LICENSE").as_deref(), Some("LICENSE"));
    assert_eq!(resolve("README.md", "../x"), None);
}

#[test]
fn headings_become_anchors() {
    assert_eq!(
        anchors("# A `b` c\n#not\n## Two, three!\n```\n# no\n```"),
        ["a-b-c", "two-three"]
    );
}
