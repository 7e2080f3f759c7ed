//! Tests of looking at media.

use std::fs;

use super::*;

fn file(name: &str) -> FilePath {
    FilePath::new(name).expect("a file")
}

#[test]
fn names_tell_what_files_are() {
    let cases = [
        ("a/b.png", "image/png"),
        ("b.SVG", "image/svg+xml"),
        ("b.webm", "video/webm"),
        ("b.mp4", "video/mp4"),
        ("b.pdf", "application/pdf"),
        ("b.jpeg", "image/jpeg"),
        ("b", "application/octet-stream"),
        ("b.unheard-of", "application/octet-stream"),
    ];
    for (name, expect) in cases {
        assert_eq!(media_type(&file(name)), expect, "{name}");
    }
}

#[test]
fn pictures_tell_their_size() {
    let cases: &[(&str, Option<(u32, u32)>)] = &[
        ("<svg width=\"100\" height=\"50px\">", Some((100, 50))),
        (
            "<?xml version='1.0'?><!-- <svg width='1' height='1'> --><svg viewBox='0 0 30 40.4'/>",
            Some((30, 40)),
        ),
        ("<svg width=\"1in\" height=\"25.4mm\">", Some((96, 96))),
        (
            "<svg width=\"100%\" height=\"auto\" viewBox=\"0,0,8,6\">",
            Some((8, 6)),
        ),
        ("<svg width='200' viewBox='0 0 4 3'>", Some((200, 150))),
        ("<svg height='150' viewBox='0 0 4 3'>", Some((200, 150))),
        ("<svg width='1e99' height='2'>", None),
        ("<svg width='-1' height='2' viewBox='0 0 0 0'>", None),
        ("<svg>", None),
        ("text", None),
    ];
    for (text, expect) in cases {
        assert_eq!(svg_size(text), *expect, "{text}");
    }
}

#[test]
fn a_file_is_read_up_to_its_limit() {
    let dir = tempfile::tempdir().expect("a folder");
    // The first bytes of a GIF (GIF89a §18) of 3 by 2 pixels.
    let bytes = b"GIF89a\x03\x00\x02\x00\x00\x00\x00;";
    fs::write(dir.path().join("a.gif"), bytes).expect("a file");
    let media = read(dir.path(), &file("a.gif"), bytes.len() as u64).expect("media");
    assert_eq!(media.id(), ContentHash::of(bytes));
    assert_eq!(
        (media.manifest.bytes, media.width, media.height),
        (bytes.len() as u64, 3, 2)
    );
    assert_eq!(media.blob_ref().name, "a.gif");
    let code = |found: Result<Media, Problem>| found.expect_err("a problem").code;
    assert_eq!(
        code(read(dir.path(), &file("a.gif"), bytes.len() as u64 - 1)),
        Code::FileTooLarge
    );
    assert_eq!(
        code(read(dir.path(), &file("b.gif"), 1)),
        Code::SourceUnreadable
    );
    fs::write(dir.path().join("c.png"), b"no picture").expect("a file");
    let odd = read(dir.path(), &file("c.png"), 100).expect("media");
    assert_eq!((odd.width, odd.height), (0, 0));
}
