//! Files that are written below a folder and nowhere else.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

const BREAD: &[u8] = b"bread and butter";

fn root(folder: &tempfile::TempDir) -> Root {
    Root::open(folder.path()).unwrap().unwrap()
}

fn half(spot: &Spot) -> Half {
    let hash = ContentHash::of(BREAD);
    spot.half(&hash, &Stop::default(), &|_| {}).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let listed = fs::read_dir(folder).unwrap();
    let names = listed.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn a_file_has_its_name_when_it_is_whole_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let spot = root(&folder).spot("a/b/tool");
    let mut written = half(&spot);
    written.append(&BREAD[..5]).unwrap();
    assert_eq!(spot.look().unwrap(), Found::Nothing);
    assert_eq!(names(&folder.path().join("a/b")).len(), 1);
    written.append(&BREAD[5..]).unwrap();
    assert_eq!(written.hasher.clone().finish(), ContentHash::of(BREAD));
    written.commit(true, true).unwrap();
    assert_eq!(names(&folder.path().join("a/b")), ["tool"]);
    let path = folder.path().join("a/b/tool");
    assert_eq!(fs::read(&path).unwrap(), BREAD);
    assert_ne!(fs::metadata(&path).unwrap().permissions().mode() & 0o100, 0);
    let hash = spot.hash(&Stop::default(), &|_| {}).unwrap();
    assert_eq!(hash, Some(ContentHash::of(BREAD)));
}

#[test]
fn what_is_half_there_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let spot = root(&folder).spot("file");
    half(&spot).append(&BREAD[..5]).unwrap();
    let mut again = half(&spot);
    assert_eq!(again.len, 5);
    again.append(&BREAD[5..]).unwrap();
    assert_eq!(again.hasher.clone().finish(), ContentHash::of(BREAD));
    again.commit(false, false).unwrap();
    assert_eq!(fs::read(folder.path().join("file")).unwrap(), BREAD);
    let mut anew = half(&spot);
    anew.append(b"wrong").unwrap();
    anew.reset().unwrap();
    assert_eq!(
        (anew.len, anew.hasher.clone().finish()),
        (0, ContentHash::of(b""))
    );
}

#[test]
fn two_commands_do_not_write_the_same_half() {
    let folder = tempfile::tempdir().unwrap();
    let spot = root(&folder).spot("file");
    let first = half(&spot);
    let second = spot.half(&ContentHash::of(BREAD), &Stop::default(), &|_| {});
    assert_eq!(second.err().unwrap().code, Code::FolderInUse);
    drop(first);
    drop(half(&spot));
}

#[test]
fn nothing_is_written_through_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), folder.path().join("out")).unwrap();
    fs::write(folder.path().join("file"), b"").unwrap();
    let root = root(&folder);
    for path in ["out/file", "out/deep/file", "file/below"] {
        let refused = root
            .spot(path)
            .half(&ContentHash::of(BREAD), &Stop::default(), &|_| {});
        assert_eq!(refused.err().unwrap().code, Code::PlaceTaken, "{path}");
        assert!(root.folder(path).is_err());
    }
    assert_eq!(names(outside.path()), Vec::<String>::new());
    // A link in the place of the file itself is replaced, and what it leads to stays.
    let secret = outside.path().join("secret");
    fs::write(&secret, b"secret").unwrap();
    symlink(&secret, folder.path().join("link")).unwrap();
    let spot = root.spot("link");
    assert_eq!(spot.look().unwrap(), Found::Other);
    assert_eq!(spot.hash(&Stop::default(), &|_| {}).unwrap(), None);
    let mut written = half(&spot);
    written.append(BREAD).unwrap();
    written.commit(false, true).unwrap();
    assert_eq!(fs::read(&secret).unwrap(), b"secret");
    assert_eq!(fs::read(folder.path().join("link")).unwrap(), BREAD);
}

#[test]
fn a_folder_in_the_way_is_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("file")).unwrap();
    let spot = root(&folder).spot("file");
    assert_eq!(spot.look().unwrap(), Found::Folder);
    let mut written = half(&spot);
    written.append(BREAD).unwrap();
    let refused = written.commit(false, false).unwrap_err();
    assert_eq!(refused.code, Code::PlaceTaken);
}

#[test]
fn long_names_have_halves_too() {
    let folder = tempfile::tempdir().unwrap();
    let name = "ä".repeat(127);
    let spot = root(&folder).spot(&name);
    let mut written = half(&spot);
    written.append(BREAD).unwrap();
    written.commit(false, false).unwrap();
    assert_eq!(names(folder.path()), [name]);
}
