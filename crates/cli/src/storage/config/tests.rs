//! The handbook's list of settings is the program's.

use super::*;

#[test]
fn the_handbook_explains_every_key() {
    let page = include_str!("../../../../../docs/handbook/storage.md");
    let (_, section) = page
        .split_once("\n## All settings\n")
        .expect("a section about settings");
    let start = section.find("### ").expect("a first key");
    let expected = config::reference::<Config>().replace("## ", "### ");
    assert_eq!(section[start..].trim_end(), expected.trim_end());
}
