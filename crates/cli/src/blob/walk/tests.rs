//! Folders of every kind, walked through.

use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::symlink;

use super::*;

fn folder(files: &[&str], folders: &[&str]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for path in folders {
        fs::create_dir_all(root.path().join(path)).unwrap();
    }
    for path in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"bread").unwrap();
    }
    root
}

fn paths(walked: &Walked) -> Vec<&str> {
    walked.files.iter().map(|(path, _)| path.as_str()).collect()
}

#[test]
fn everything_is_found_hidden_files_and_empty_folders_too() {
    let files = ["b/c/deep", "a", ".hidden", "b/.git/config"];
    let root = folder(&files, &["empty/below", "b/none"]);
    let walked = walk(root.path(), 100).unwrap();
    assert_eq!(
        paths(&walked),
        [".hidden", "a", "b/.git/config", "b/c/deep"]
    );
    assert_eq!(walked.empty, ["b/none", "empty/below"]);
    assert_eq!(walked.skipped, []);
    let walked = walk(tempfile::tempdir().unwrap().path(), 100).unwrap();
    assert!(walked.files.is_empty() && walked.empty.is_empty());
}

#[test]
fn links_and_sockets_are_named_and_never_opened() {
    let root = folder(&["a"], &[]);
    symlink("/etc", root.path().join("out")).unwrap();
    symlink("a", root.path().join("near")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.path().join("socket")).unwrap();
    let walked = walk(root.path(), 100).unwrap();
    assert_eq!(paths(&walked), ["a"]);
    let found: Vec<(&str, &str)> = walked
        .skipped
        .iter()
        .map(|skipped| (skipped.path.as_str(), skipped.what))
        .collect();
    let link = "a symbolic link";
    let socket = "a device, a socket or a pipe";
    assert_eq!(found, [("near", link), ("out", link), ("socket", socket)]);
}

#[test]
fn a_name_that_would_not_come_back_stops_it() {
    let root = folder(&["a"], &[]);
    let name = std::ffi::OsString::from_vec(b"br\xffd".to_vec());
    fs::write(root.path().join(name), b"").unwrap();
    let problems = walk(root.path(), 100).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].to_string().contains("UTF-8"), "{}", problems[0]);
}

#[test]
fn folders_have_a_bound() {
    let root = folder(&["a", "b", "c/d"], &[]);
    assert!(walk(root.path(), 4).is_ok());
    let problems = walk(root.path(), 3).unwrap_err();
    assert_eq!(problems[0].code, Code::FileTooLarge);
    let deep = |depth: usize| folder(&[], &[&vec!["x"; depth].join("/")]);
    assert!(walk(deep(DEPTH_MAX).path(), 100).is_ok());
    let problems = walk(deep(DEPTH_MAX + 1).path(), 100).unwrap_err();
    assert_eq!(problems[0].code, Code::FileTooLarge);
}

#[test]
fn a_folder_has_a_name_however_it_is_named() {
    for (path, expect) in [
        ("a/photos", "photos"),
        ("a/photos/", "photos"),
        ("photos", "photos"),
    ] {
        assert_eq!(name_of(Path::new(path)).as_deref(), Some(expect), "{path}");
    }
    assert!(name_of(Path::new(".")).is_some());
    assert_eq!(name_of(Path::new("/")), None);
}
