//! Indexes, and damage in a folder that was exported.

#![allow(clippy::disallowed_methods, reason = "tests prepare their own files")]

use std::fs;

use super::*;

fn lines(lines: &[Value]) -> Vec<u8> {
    let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
    format!("{}\n", lines.join("\n")).into_bytes()
}

fn head() -> Value {
    json!({ "format": FORMAT, "version": VERSION, "namespace": "community" })
}

#[test]
fn an_index_is_read() {
    let hash = ContentHash::of(b"bread");
    let text = hash.to_string();
    let bytes = lines(&[
        head(),
        json!({ "hash": text, "bytes": 5 }),
        json!({ "tag": "a/b", "hash": text }),
        json!({ "tag": "c", "hash": text, "later": true }),
    ]);
    let index = parse(&bytes).unwrap();
    assert_eq!(index.namespace, "community");
    assert_eq!(index.blobs, BTreeMap::from([(hash, 5)]));
    assert_eq!(
        index.tags,
        [("a/b".to_owned(), hash), ("c".to_owned(), hash)]
    );
    assert_eq!(parse(&lines(&[head()])).unwrap().blobs, BTreeMap::new());
}

#[test]
fn an_index_that_cannot_be_read_is_told_with_its_line() {
    let check = |bytes: &[u8], line: u32, word: &str| {
        let (found, detail) = parse(bytes).unwrap_err();
        assert_eq!(found, line, "{detail}");
        assert!(detail.contains(word), "{detail}");
    };
    check(b"", 1, FORMAT);
    check(b"{", 1, "EOF");
    check(&lines(&[json!({ "format": "other" })]), 1, FORMAT);
    check(
        &lines(&[json!({ "format": FORMAT, "version": 2 })]),
        1,
        "version 2",
    );
    let hash = ContentHash::of(b"bread").to_string();
    check(
        &lines(&[head(), json!({ "hash": "abc", "bytes": 5 })]),
        2,
        "abc",
    );
    check(&lines(&[head(), json!({ "hash": hash })]), 2, "bytes");
    check(
        &lines(&[head(), json!({ "hash": hash, "tag": "two words" })]),
        2,
        "two words",
    );
    check(&lines(&[head(), json!({ "bytes": 5 })]), 2, "hash");
}

#[test]
fn damage_is_found_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("blob");
    let hash = ContentHash::of(b"bread");
    let check = |bytes: u64| sound(&path, &hash, bytes, &Stop::default(), &|_| {});
    let code = |bytes: u64| check(bytes).unwrap_err().code;
    assert_eq!(code(5), Code::SourceUnreadable);
    fs::write(&path, b"bread").unwrap();
    assert_eq!(check(5).unwrap().bytes(), 5);
    assert_eq!(code(6), Code::HashDiffers);
    fs::write(&path, b"brebd").unwrap();
    assert_eq!(code(5), Code::HashDiffers);
}
