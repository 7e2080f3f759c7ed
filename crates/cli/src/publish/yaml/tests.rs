//! Tests of bounded YAML.

use super::*;

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Example {
    title: Option<Lined<String>>,
    tags: Option<Lined<Words>>,
}

fn check(text: &str) -> Result<(Option<String>, Vec<String>), (u32, String)> {
    parse::<Example>(text, 2)
        .map(|example| {
            let tags = example.tags.map(|tags| tags.value.0).unwrap_or_default();
            (example.title.map(|title| title.value), tags)
        })
        .map_err(|fault| (fault.line, fault.detail))
}

fn fine(
    title: Option<&str>,
    tags: &[&str],
) -> Result<(Option<String>, Vec<String>), (u32, String)> {
    Ok((
        title.map(str::to_owned),
        tags.iter().map(|tag| (*tag).to_owned()).collect(),
    ))
}

#[test]
fn texts_numbers_and_lists_are_read() {
    let cases = [
        ("", fine(None, &[])),
        ("# only a remark\n", fine(None, &[])),
        ("title: Bread\n", fine(Some("Bread"), &[])),
        ("title: 'a: b'\n", fine(Some("a: b"), &[])),
        ("title: 2024\n", fine(Some("2024"), &[])),
        ("title: no\n", fine(Some("no"), &[])),
        ("title:\n", fine(None, &[])),
        ("title: ~\nother: {a: [1, 2]}\n", fine(None, &[])),
        ("tags: a, b c ,, d\n", fine(None, &["a", "b c", "d"])),
        ("tags: [a, 2]\n", fine(None, &["a", "2"])),
        ("tags:\n- a\n- b\n", fine(None, &["a", "b"])),
        ("tags:\n", fine(None, &[])),
    ];
    for (text, expect) in cases {
        assert_eq!(check(text), expect, "{text:?}");
    }
}

#[test]
fn faults_name_the_line_of_the_file() {
    let cases = [
        ("title: a: b\n", 2),
        ("a: 1\ntitle: [x]\n", 3),
        ("a: 1\n\ntags: {x: y}\n", 4),
        ("tags:\n- a\n- [b]\n", 4),
        ("title: \"open\nb: c\n", 3),
        ("a: 1\n\ttitle: x\n", 2),
        ("title: a\ntitle: b\n", 3),
        ("- a\n- b\n", 2),
    ];
    for (text, line) in cases {
        let (found, detail) = check(text).expect_err(text);
        assert_eq!(found, line, "{text:?}: {detail}");
        assert!(
            !detail.is_empty() && !detail.contains('\n') && !detail.contains(" at line "),
            "{detail}"
        );
    }
}

#[test]
fn what_could_grow_is_refused() {
    let deep = format!("a: {}{}", "[".repeat(40), "]".repeat(40));
    let long = format!("title: {}", "x".repeat(BYTES_MAX));
    let many = format!("a: [{}]", "1,".repeat(NODES_MAX + 1));
    let cases = [
        "a: &x 1\nb: 2\n",
        "a: *x\n",
        "a: {<<: {b: c}}\n",
        &deep,
        &long,
        &many,
        "a: 1\n--- \nb: 2\n",
    ];
    for text in cases {
        assert!(check(text).is_err(), "{:?}", &text[..text.len().min(40)]);
    }
}
