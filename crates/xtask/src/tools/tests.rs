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
fn postgresql_is_there_from_version_15_on() {
    for (version, program, expected) in [
        ("13", "initdb", false),
        ("15", "initdb", true),
        ("18", "initdb", true),
        ("15", "psql", false),
        ("other", "initdb", false),
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let programs = folder.path().join(version).join("bin");
        std::fs::create_dir_all(&programs).expect("a folder");
        std::fs::write(programs.join(program), "").expect("a file");
        assert_eq!(
            has_cluster_programs(folder.path()),
            expected,
            "{version} {program}"
        );
    }
    assert!(!has_cluster_programs(Path::new("/there/is/no/such/folder")));
}

#[test]
fn servers_are_looked_for_beside_the_path_too() {
    assert!(in_system("sh").is_some());
    assert!(in_system("no-such-program-anywhere").is_none());
    let names: Vec<&str> = NEEDS
        .iter()
        .flat_map(|need| need.packages)
        .copied()
        .collect();
    for name in ["postgresql", "redis-server", "nats-server"] {
        assert!(names.contains(&name), "{name}");
    }
}

#[test]
fn the_soft_limit_of_open_files_becomes_the_hard_one() {
    use rustix::process::{Resource, getrlimit};
    raise_open_files();
    let limit = getrlimit(Resource::Nofile);
    assert_eq!(limit.current, limit.maximum);
}
