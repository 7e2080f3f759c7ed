//! The handbook's list of settings is the program's.

use super::*;

#[test]
fn the_handbook_explains_every_key() {
    let page = include_str!("../../../../../docs/handbook/running.md");
    let (_, rest) = page
        .split_once("\n## Settings\n")
        .expect("a section about settings");
    let (section, _) = rest
        .split_once("\n### Sizes\n")
        .expect("what follows the keys");
    let start = section.find("### ").expect("a first key");
    let expected = config::reference::<Config>().replace("## ", "### ");
    assert_eq!(section[start..].trim_end(), expected.trim_end());
}
