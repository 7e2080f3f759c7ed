//! The layers, seen from both sides of each rule.

use super::*;

fn may_use(source: &str, target: &str) -> bool {
    layer_of(source)
        .expect("in the table")
        .may_use(layer_of(target).expect("in the table"))
}

#[test]
fn edges_that_run_downward_are_allowed() {
    for (source, target) in [
        ("crypto", "base"),
        ("chain", "crypto"),
        ("doorway-core", "chain"),
        ("runtime", "disk"),
        ("db", "runtime"),
        ("http", "runtime"),
        ("client", "api"),
        ("conductor", "db"),
        ("doorway", "doorway-core"),
        ("doorway", "blobs"),
        ("cli", "doorway"),
        ("bench", "testkit"),
        ("xtask", "runtime"),
    ] {
        assert!(may_use(source, target), "{source} → {target}");
    }
}

#[test]
fn edges_up_or_across_are_not() {
    for (source, target) in [
        ("base", "crypto"),
        ("crypto", "chain"),
        ("doorway-core", "ledger-core"),
        ("doorway-core", "disk"),
        ("doorway-core", "api"),
        ("disk", "runtime"),
        ("db", "http"),
        ("api", "client"),
        ("api", "doorway-core"),
        ("conductor", "blobs"),
        ("blobs", "doorway"),
        ("doorway", "storage"),
        ("doorway", "testkit"),
        ("cli", "testkit"),
        ("bench", "cli"),
        ("testkit", "sim"),
    ] {
        assert!(!may_use(source, target), "{source} → {target}");
    }
}

#[test]
fn tests_may_use_the_harness_and_foundations() {
    let core = layer_of("doorway-core").expect("in the table");
    let conductor = layer_of("conductor").expect("in the table");
    assert!(core.tests_may_use(layer_of("sim").expect("in the table")));
    assert!(core.tests_may_use(layer_of("crypto").expect("in the table")));
    assert!(!core.tests_may_use(layer_of("disk").expect("in the table")));
    assert!(!conductor.tests_may_use(layer_of("blobs").expect("in the table")));
}

#[test]
fn no_crate_stands_twice_in_the_table() {
    for (index, (name, _)) in LAYERS.iter().enumerate() {
        assert!(
            LAYERS[..index].iter().all(|(earlier, _)| earlier != name),
            "{name}"
        );
    }
}
