//! Where shared data is looked for.

use super::*;

#[test]
fn data_is_found_beside_the_workspace_unless_left_out() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().join("main");
    let data = folder.path().join("shared/data/courses/one");
    std::fs::create_dir_all(&data).expect("the folder is writable");
    assert_eq!(find(&root, false, "courses/one"), Some(data));
    assert_eq!(find(&root, true, "courses/one"), None);
    assert_eq!(find(&root, false, "courses/two"), None);
}

#[test]
fn the_workspace_holds_this_crate() {
    assert!(workspace_root().join("crates/testkit/Cargo.toml").is_file());
}
