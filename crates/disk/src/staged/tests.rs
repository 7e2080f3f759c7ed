//! Files on their way in: what is visible when, and what is left behind.

use super::*;

fn scratch() -> (tempfile::TempDir, Folder) {
    let outer = tempfile::tempdir().unwrap();
    let folder = Folder::open(outer.path()).unwrap();
    (outer, folder)
}

/// Everything in a folder, temporaries too.
fn all(folder: &Folder) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn a_file_is_visible_when_it_is_complete() {
    let (_outer, folder) = scratch();
    let mut staged = folder.stage(Mode::Plain).unwrap();
    assert!(staged.is_empty());
    staged.append(b"one ").unwrap();
    staged.append(b"two").unwrap();
    assert_eq!(staged.len(), 7);
    assert!(folder.names().unwrap().is_empty());
    assert_eq!(all(&folder).len(), 1);
    staged.commit("whole").unwrap();
    assert_eq!(all(&folder), ["whole"]);
    assert_eq!(folder.read("whole", 7).unwrap().unwrap(), b"one two");
}

#[test]
fn a_dropped_file_leaves_nothing() {
    let (_outer, folder) = scratch();
    let mut staged = folder.stage(Mode::Plain).unwrap();
    staged.append(b"half").unwrap();
    drop(staged);
    assert!(all(&folder).is_empty());
}

#[test]
fn a_refused_name_leaves_nothing() {
    let (_outer, folder) = scratch();
    let staged = folder.stage(Mode::Plain).unwrap();
    assert!(matches!(staged.commit("../x"), Err(WriteError::Name(_))));
    assert!(all(&folder).is_empty());
}

#[test]
fn a_name_that_a_folder_has_is_refused() {
    let (_outer, folder) = scratch();
    folder.subfolder("taken").unwrap();
    let staged = folder.stage(Mode::Plain).unwrap();
    assert!(matches!(
        staged.commit("taken"),
        Err(WriteError::Rename { .. })
    ));
    assert_eq!(all(&folder), ["taken"]);
}

#[test]
fn a_file_may_appear_in_another_folder() {
    let (_outer, folder) = scratch();
    let inside = folder.subfolder("inside").unwrap();
    let mut staged = folder.stage(Mode::Private).unwrap();
    staged.append(b"x").unwrap();
    staged.commit_into(&inside, "a").unwrap();
    assert_eq!(all(&folder), ["inside"]);
    assert_eq!(all(&inside), ["a"]);
}

#[test]
fn stale_temporaries_go_at_the_next_open_and_living_ones_stay() {
    let (_outer, folder) = scratch();
    let mut living = folder.stage(Mode::Plain).unwrap();
    living.append(b"alive").unwrap();
    let stale = folder.path().join(format!("{PREFIX}1-1"));
    fs::write(&stale, b"left by a killed process").unwrap();
    fs::write(folder.path().join("kept"), b"").unwrap();
    Folder::open(folder.path()).unwrap();
    assert!(!stale.exists());
    assert_eq!(all(&folder).len(), 2);
    living.commit("alive").unwrap();
    assert_eq!(all(&folder), ["alive", "kept"]);
}

#[test]
fn many_may_write_at_once() {
    let (_outer, folder) = scratch();
    std::thread::scope(|scope| {
        for number in 0..8_u8 {
            let folder = &folder;
            scope.spawn(move || {
                for round in 0..20_u8 {
                    Folder::open(folder.path()).unwrap();
                    let mut staged = folder.stage(Mode::Plain).unwrap();
                    staged.append(&[number; 100]).unwrap();
                    staged.commit(&format!("{}", round % 4)).unwrap();
                }
            });
        }
    });
    assert_eq!(all(&folder), ["0", "1", "2", "3"]);
    for name in folder.names().unwrap() {
        let bytes = folder.read(&name, 200).unwrap().unwrap();
        assert_eq!(bytes.len(), 100);
        assert!(bytes.iter().all(|byte| *byte == bytes[0]));
    }
}

#[test]
fn only_a_free_name_is_taken_as_new() {
    let (_outer, folder) = scratch();
    let mut first = folder.stage(Mode::Plain).unwrap();
    first.append(b"first").unwrap();
    assert!(first.commit_new("a").unwrap());
    let mut second = folder.stage(Mode::Plain).unwrap();
    second.append(b"second").unwrap();
    assert!(!second.commit_new("a").unwrap());
    assert_eq!(folder.read("a", 9).unwrap().unwrap(), b"first");
    assert_eq!(all(&folder), ["a"]);
}
