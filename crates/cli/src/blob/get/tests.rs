//! What is there is compared, and folders get names.

#![allow(clippy::disallowed_methods, reason = "tests prepare their own files")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

fn here(folder: &Path) -> Here {
    Here {
        root: Root::open(folder).unwrap().unwrap(),
        stop: Stop::default(),
        is_dry_run: false,
    }
}

#[test]
fn what_is_there_is_compared_by_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("same"), b"bread").unwrap();
    fs::write(at("length"), b"butter").unwrap();
    fs::write(at("bytes"), b"beard").unwrap();
    fs::create_dir(at("folder")).unwrap();
    symlink("same", at("link")).unwrap();
    let here = here(folder.path());
    let compare = |path: &str| {
        let wanted = (ContentHash::of(b"bread"), 5, None);
        here.compare(path, wanted, &|_| {}).unwrap()
    };
    assert_eq!(compare("same"), There::Same);
    assert_eq!(compare("none"), There::Nothing);
    assert_eq!(compare("no/ne"), There::Nothing);
    for other in ["length", "bytes", "folder", "link"] {
        assert_eq!(compare(other), There::Other, "{other}");
    }
}

#[test]
fn who_may_run_a_file_is_put_right() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tool");
    fs::write(&path, b"bread").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let here = here(folder.path());
    for (is_executable, expect) in [(true, 0o750), (true, 0o750), (false, 0o640)] {
        let wanted = (ContentHash::of(b"bread"), 5, Some(is_executable));
        assert_eq!(here.compare("tool", wanted, &|_| {}).unwrap(), There::Same);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, expect);
    }
}

#[test]
fn a_dry_run_puts_nothing_right() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tool");
    fs::write(&path, b"bread").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let here = Here {
        is_dry_run: true,
        ..here(folder.path())
    };
    let wanted = (ContentHash::of(b"bread"), 5, Some(true));
    assert_eq!(here.compare("tool", wanted, &|_| {}).unwrap(), There::Same);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn a_folder_is_named_by_its_tag_or_its_hash() {
    let hash = ContentHash::of(b"bread");
    let name = |tag: Option<&str>| {
        name_of(&Named {
            hash,
            tag: tag.map(|tag| tag.parse().unwrap()),
        })
    };
    assert_eq!(name(Some("photos/2026")), "2026");
    assert_eq!(name(Some("photos")), "photos");
    assert_eq!(name(None), hash.to_string()[..16]);
}
