//! One owner at a time, and the other one is told who.

use base::Code;

use super::*;

#[test]
fn the_second_is_refused_and_told_who_has_it() {
    let outer = tempfile::tempdir().unwrap();
    let folder = Folder::open(outer.path()).unwrap();
    let lock = folder.lock().unwrap();
    let error = folder.lock().unwrap_err();
    assert_eq!(error.code(), Code::FolderInUse);
    let LockError::Held { holder, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(holder.pid, Some(std::process::id()));
    let name = holder.name.as_deref().expect("this process has a name");
    assert_eq!(
        error.to_string(),
        format!(
            "folder {} is used by process {} ({name})",
            outer.path().display(),
            std::process::id()
        )
    );
    drop(lock);
    folder.lock().unwrap();
    assert!(folder.names().unwrap().is_empty());
}

#[test]
fn a_pid_that_a_dead_process_left_holds_nothing() {
    let outer = tempfile::tempdir().unwrap();
    let folder = Folder::open(outer.path()).unwrap();
    for left in ["1\n", "4000000000\n", "not a number", ""] {
        fs::write(outer.path().join(LOCK_NAME), left).unwrap();
        drop(folder.lock().unwrap());
        let written = fs::read_to_string(outer.path().join(LOCK_NAME)).unwrap();
        assert_eq!(written, format!("{}\n", std::process::id()));
    }
}

#[test]
fn a_holder_is_told_as_far_as_it_is_known() {
    let named = Holder {
        pid: Some(7),
        name: Some("commonhold".into()),
    };
    let unnamed = Holder {
        pid: Some(7),
        name: None,
    };
    assert_eq!(named.to_string(), "process 7 (commonhold)");
    assert_eq!(unnamed.to_string(), "process 7");
    assert_eq!(Holder::default().to_string(), "another process");
}
