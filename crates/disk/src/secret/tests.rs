//! Secrets: who may read them, how long they are, and that they stay.

use std::fs;

use base::Code;

use super::*;

fn scratch() -> (tempfile::TempDir, Folder) {
    let outer = tempfile::tempdir().unwrap();
    let folder = Folder::open(outer.path()).unwrap();
    (outer, folder)
}

#[test]
fn a_secret_comes_back() {
    let (outer, folder) = scratch();
    assert!(folder.read_secret::<4>("key").unwrap().is_none());
    folder.create_secret("key", b"1234").unwrap();
    assert_eq!(*folder.read_secret::<4>("key").unwrap().unwrap(), *b"1234");
    let mode = fs::metadata(outer.path().join("key"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn a_secret_is_never_overwritten() {
    let (_outer, folder) = scratch();
    folder.create_secret("key", b"1234").unwrap();
    let error = folder.create_secret("key", b"5678").unwrap_err();
    assert!(matches!(error, SecretError::Exists { .. }), "{error:?}");
    assert_eq!(error.code(), Code::KeyFile);
    assert_eq!(*folder.read_secret::<4>("key").unwrap().unwrap(), *b"1234");
    assert_eq!(folder.names().unwrap(), ["key"]);
}

#[test]
fn a_secret_that_others_may_touch_is_refused() {
    let (outer, folder) = scratch();
    folder.create_secret("key", b"1234").unwrap();
    for (mode, is_exposed) in [
        (0o600, false),
        (0o400, false),
        (0o640, true),
        (0o604, true),
        (0o620, true),
        (0o601, true),
    ] {
        fs::set_permissions(outer.path().join("key"), fs::Permissions::from_mode(mode)).unwrap();
        let read = folder.read_secret::<4>("key");
        assert_eq!(read.is_err(), is_exposed, "{mode:o}");
        if let Err(error) = read {
            assert!(matches!(error, SecretError::Exposed { .. }), "{error:?}");
            assert_eq!(error.code(), Code::KeyFile);
            assert!(
                error.to_string().ends_with(&format!("(mode {mode:04o})")),
                "{error}"
            );
        }
    }
}

#[test]
fn a_secret_of_another_length_is_refused() {
    let (_outer, folder) = scratch();
    for (name, bytes) in [
        ("none", &b""[..]),
        ("short", b"123"),
        ("long", b"12345"),
        ("longer", b"1234567890"),
    ] {
        folder.create_secret(name, bytes).unwrap();
        let error = folder.read_secret::<4>(name).unwrap_err();
        let SecretError::Length {
            found, expected: 4, ..
        } = error
        else {
            panic!("{error:?}")
        };
        assert_eq!(found, bytes.len().min(5) as u64);
    }
}
