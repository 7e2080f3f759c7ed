//! Opening folders, reading with limits and replacing files.

use std::os::unix::fs::PermissionsExt as _;

use base::Code;

use super::*;
use crate::read_path;

fn scratch() -> (tempfile::TempDir, Folder) {
    let outer = tempfile::tempdir().unwrap();
    let folder = Folder::open(outer.path().join("state")).unwrap();
    (outer, folder)
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn open_makes_private_folders() {
    let outer = tempfile::tempdir().unwrap();
    let path = outer.path().join("a/b/c");
    let folder = Folder::open(&path).unwrap();
    assert_eq!(folder.path(), path);
    for part in ["a", "a/b", "a/b/c"] {
        assert_eq!(mode_of(&outer.path().join(part)), 0o700, "{part}");
    }
    Folder::open(&path).unwrap();
}

#[test]
fn open_refuses_what_is_no_folder() {
    let (_outer, folder) = scratch();
    folder.write_atomic("file", b"x", Mode::Plain).unwrap();
    let path = folder.path().join("file");
    assert!(matches!(
        Folder::open(&path),
        Err(OpenError::NotAFolder { .. })
    ));
    assert!(matches!(
        folder.find_subfolder("file"),
        Err(OpenError::NotAFolder { .. })
    ));
    let below = Folder::open(path.join("below")).unwrap_err();
    assert!(matches!(below, OpenError::NotAFolder { .. }), "{below:?}");
}

#[test]
fn open_tells_why_a_folder_cannot_be_made() {
    let error = Folder::open("/proc/commonhold").unwrap_err();
    assert!(matches!(error, OpenError::Create { .. }), "{error:?}");
    assert_eq!(error.code(), Code::StoreFailed);
    let told = error.problem().detail;
    assert!(
        told.starts_with("create folder /proc/commonhold: "),
        "{told}"
    );
}

#[test]
fn open_refuses_a_folder_that_is_not_writable() {
    let (_outer, folder) = scratch();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o500)).unwrap();
    if rustix::process::geteuid().is_root() {
        println!("left out: root may write everywhere");
        return;
    }
    let error = Folder::open(folder.path()).unwrap_err();
    assert!(matches!(error, OpenError::NotWritable { .. }), "{error:?}");
}

#[test]
fn subfolders_are_found_and_made() {
    let (_outer, folder) = scratch();
    assert!(folder.find_subfolder("ab").unwrap().is_none());
    assert!(!folder.contains("ab").unwrap());
    let made = folder.subfolder("ab").unwrap();
    let found = folder.find_subfolder("ab").unwrap().unwrap();
    assert_eq!(made.path(), found.path());
    assert!(folder.contains("ab").unwrap());
    assert!(matches!(folder.subfolder("../ab"), Err(OpenError::Name(_))));
}

#[test]
fn a_file_is_replaced_as_a_whole() {
    let (_outer, folder) = scratch();
    assert_eq!(folder.read("a", 100).unwrap(), None);
    folder
        .write_atomic("a", b"old and long", Mode::Plain)
        .unwrap();
    let open = folder.open_file("a").unwrap().unwrap();
    folder.write_atomic("a", b"new", Mode::Plain).unwrap();
    assert_eq!(folder.read("a", 100).unwrap().unwrap(), b"new");
    let mut buffer = [0; 20];
    assert_eq!(open.read_at(0, &mut buffer).unwrap(), 12);
    assert_eq!(&buffer[..12], b"old and long");
    assert_eq!(folder.names().unwrap(), ["a"]);
}

#[test]
fn modes_are_what_they_say() {
    let (_outer, folder) = scratch();
    folder.write_atomic("private", b"", Mode::Private).unwrap();
    folder.write_atomic("plain", b"", Mode::Plain).unwrap();
    assert_eq!(mode_of(&folder.path().join("private")), 0o600);
    let plain = mode_of(&folder.path().join("plain"));
    assert_eq!(plain & 0o600, 0o600);
    assert_eq!(plain & !0o644, 0);
    // A private file that replaces a plain one is private.
    folder.write_atomic("plain", b"", Mode::Private).unwrap();
    assert_eq!(mode_of(&folder.path().join("plain")), 0o600);
}

#[test]
fn reads_stop_at_their_limit() {
    let (_outer, folder) = scratch();
    folder.write_atomic("a", b"12345", Mode::Plain).unwrap();
    assert_eq!(folder.read("a", 5).unwrap().unwrap(), b"12345");
    let error = folder.read("a", 4).unwrap_err();
    assert!(
        matches!(error, ReadError::TooLarge { limit: 4, .. }),
        "{error:?}"
    );
    assert_eq!(error.code(), Code::FileTooLarge);
    let path = folder.path().join("a");
    assert_eq!(read_path(&path, 5).unwrap().unwrap(), b"12345");
    assert!(matches!(
        read_path(&path, 4),
        Err(ReadError::TooLarge { .. })
    ));
    // Files of the kernel say that they are empty and are not.
    assert!(matches!(
        read_path(Path::new("/proc/self/status"), 10),
        Err(ReadError::TooLarge { .. })
    ));
    assert_eq!(read_path(&folder.path().join("none"), 5).unwrap(), None);
    assert!(matches!(
        read_path(folder.path(), 5),
        Err(ReadError::Open { .. })
    ));
}

#[test]
fn reads_at_positions() {
    let (_outer, folder) = scratch();
    folder
        .write_atomic("a", b"0123456789", Mode::Plain)
        .unwrap();
    let file = folder.open_file("a").unwrap().unwrap();
    assert_eq!(file.len(), 10);
    assert!(!file.is_empty());
    let read = |offset, count| {
        let mut buffer = vec![0; count];
        let count = file.read_at(offset, &mut buffer).unwrap();
        buffer.truncate(count);
        buffer
    };
    assert_eq!(read(0, 3), b"012");
    assert_eq!(read(8, 5), b"89");
    assert_eq!(read(10, 5), b"");
    assert_eq!(read(u64::MAX / 2, 5), b"");
}

#[test]
fn names_that_are_not_plain_are_refused_everywhere() {
    let (_outer, folder) = scratch();
    for name in ["../x", ".x", "", "a/b"] {
        assert!(matches!(folder.read(name, 1), Err(ReadError::Name(_))));
        assert!(matches!(folder.open_file(name), Err(ReadError::Name(_))));
        assert!(matches!(folder.contains(name), Err(ReadError::Name(_))));
        assert!(matches!(folder.file_len(name), Err(ReadError::Name(_))));
        assert!(matches!(folder.remove(name), Err(WriteError::Name(_))));
        assert!(matches!(
            folder.write_atomic(name, b"", Mode::Plain),
            Err(WriteError::Name(_))
        ));
        assert!(matches!(
            folder.move_into("a", &folder, name),
            Err(WriteError::Name(_))
        ));
        assert!(folder.create_secret(name, b"").is_err());
    }
    assert!(folder.names().unwrap().is_empty());
}

#[test]
fn files_are_removed_moved_and_measured() {
    let (_outer, folder) = scratch();
    let other = folder.subfolder("other").unwrap();
    folder.write_atomic("a", b"123", Mode::Plain).unwrap();
    assert_eq!(folder.file_len("a").unwrap(), Some(3));
    assert_eq!(folder.file_len("other").unwrap(), None);
    folder.move_into("a", &other, "b").unwrap();
    assert_eq!(folder.file_len("a").unwrap(), None);
    assert_eq!(other.read("b", 9).unwrap().unwrap(), b"123");
    assert!(other.remove("b").unwrap());
    assert!(!other.remove("b").unwrap());
    assert!(matches!(
        folder.move_into("a", &other, "b"),
        Err(WriteError::Rename { .. })
    ));
}

#[test]
fn a_full_disk_has_a_code_of_its_own() {
    for (number, expect) in [
        (rustix::io::Errno::NOSPC, Code::DiskFull),
        (rustix::io::Errno::DQUOT, Code::DiskFull),
        (rustix::io::Errno::IO, Code::StoreFailed),
        (rustix::io::Errno::ROFS, Code::ReadOnlyDisk),
    ] {
        let source = io::Error::from_raw_os_error(number.raw_os_error());
        let error = write_error(Path::new("x"), source, |path, source| WriteError::Write {
            path,
            source,
        });
        assert_eq!(error.code(), expect, "{error:?}");
    }
}

#[test]
fn a_derived_file_is_replaced_as_a_whole() {
    let outer = tempfile::tempdir().unwrap();
    let folder = Folder::open(outer.path()).unwrap();
    for bytes in [&b"first"[..], b"2nd"] {
        folder.write_derived("list", bytes, Mode::Private).unwrap();
        assert_eq!(folder.read("list", 10).unwrap().unwrap(), bytes);
        assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 1);
    }
    assert!(folder.write_derived("a/b", b"x", Mode::Private).is_err());
}
