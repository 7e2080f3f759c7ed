//! How versions are read.

use super::*;

#[test]
fn the_minor_version_is_found_in_what_rustc_prints() {
    assert_eq!(minor("rustc 1.96.0 (ac68faa20 2026-05-25)"), Some(96));
    assert_eq!(minor("1.95"), Some(95));
    assert_eq!(minor("unknown"), None);
    assert!(minor("rustc 1.85.0") < minor("1.95"));
}
