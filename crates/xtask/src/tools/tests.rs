//! What is asked of a machine.

use super::*;

#[test]
fn each_missing_package_is_named_once() {
    assert_eq!(
        missing_packages(|_| false),
        ["build-essential", "cmake", "pkg-config"]
    );
    assert_eq!(
        missing_packages(|program| program != "make"),
        ["build-essential"]
    );
    assert_eq!(missing_packages(|_| true), Vec::<&str>::new());
}

#[test]
fn the_soft_limit_of_open_files_becomes_the_hard_one() {
    use rustix::process::{Resource, getrlimit};
    raise_open_files();
    let limit = getrlimit(Resource::Nofile);
    assert_eq!(limit.current, limit.maximum);
}
