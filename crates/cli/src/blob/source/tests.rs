//! Files that are hashed and read while they may change.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

fn made(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn look(path: &Path, links: Links) -> Result<Source, Problem> {
    Source::look(path, "file".to_owned(), links)
}

#[test]
fn a_file_is_hashed_and_read_in_pieces() {
    for len in [0, 1, STEP_BYTES - 1, STEP_BYTES, STEP_BYTES + 1] {
        let bytes: Vec<u8> = (0..len).map(|number| (number % 251) as u8).collect();
        let (_folder, path) = made(&bytes);
        let source = look(&path, Links::Refuse).unwrap();
        let told = AtomicU64::new(0);
        let on_bytes = |count| {
            told.fetch_add(count, Ordering::Relaxed);
        };
        let hash = source.hash(&Stop::default(), &on_bytes).unwrap();
        assert_eq!(hash, ContentHash::of(&bytes), "{len}");
        assert_eq!(told.into_inner(), len as u64);
        let half = len / 2;
        assert_eq!(source.piece(0, half).unwrap(), bytes[..half]);
        assert_eq!(
            source.piece(half as u64, len - half).unwrap(),
            bytes[half..]
        );
    }
}

#[test]
fn a_file_that_changes_is_not_sent_as_what_it_was() {
    let (_folder, path) = made(b"bread");
    let check = |change: &dyn Fn()| {
        let source = look(&path, Links::Refuse).unwrap();
        change();
        let problem = source.piece(0, 1).unwrap_err();
        assert_eq!(problem.code, Code::SourceUnreadable);
        assert!(problem.detail.contains("changed"), "{problem}");
        assert!(source.hash(&Stop::default(), &|_| {}).is_err());
    };
    check(&|| fs::write(&path, b"butter").unwrap());
    check(&|| {
        // Another file of the same length takes its place.
        let other = path.with_extension("other");
        fs::write(&other, b"cheese").unwrap();
        fs::rename(&other, &path).unwrap();
    });
    let source = look(&path, Links::Refuse).unwrap();
    fs::remove_file(&path).unwrap();
    assert_eq!(source.piece(0, 1).unwrap_err().code, Code::SourceUnreadable);
}

#[test]
fn a_link_is_followed_only_when_the_person_named_it() {
    let (folder, path) = made(b"bread");
    let link = folder.path().join("link");
    symlink(&path, &link).unwrap();
    assert_eq!(look(&link, Links::Follow).unwrap().bytes(), 5);
    assert_eq!(
        look(&link, Links::Refuse).unwrap_err().code,
        Code::SourceUnreadable
    );
    assert!(
        look(folder.path(), Links::Follow).is_err(),
        "a folder is no file"
    );
}

#[test]
fn who_may_run_a_file_is_its_owner() {
    let (_folder, path) = made(b"bread");
    for (mode, expect) in [(0o644, false), (0o700, true), (0o455, false)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let source = look(&path, Links::Refuse).unwrap();
        assert_eq!(source.is_executable(), expect, "{mode:o}");
    }
}

#[test]
fn hashing_ends_when_nobody_waits_for_it() {
    let (_folder, path) = made(b"bread");
    let stop = Stop::default();
    stop.request();
    let source = look(&path, Links::Refuse).unwrap();
    assert_eq!(
        source.hash(&stop, &|_| {}).unwrap_err().code,
        Code::ShuttingDown
    );
}
