//! What counts as a breach of purity.

use super::*;

fn check(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    check_source(&Source::new("crates/x-core/src/lib.rs", text), &mut faults);
    faults.into_iter().map(|fault| fault.wrong).collect()
}

#[test]
fn clocks_files_and_hash_maps_are_found() {
    assert_eq!(
        check("let a = std::fs::read(p);"),
        ["a core says `std::fs`"]
    );
    assert_eq!(
        check("use std::time::SystemTime;"),
        ["a core says `SystemTime`"]
    );
    assert_eq!(check("let m: HashMap<u8, u8>;"), ["a core says `HashMap`"]);
    assert_eq!(check("use std::{fmt, fs};"), ["a core imports `std::fs`"]);
}

#[test]
fn innocent_code_and_tests_are_not() {
    assert_eq!(
        check("use std::collections::BTreeMap; // not a HashMap"),
        Vec::<String>::new()
    );
    assert_eq!(
        check("use std::{fmt, time::Duration}; let fs = 1;"),
        Vec::<String>::new()
    );
    assert_eq!(
        check("fn a() {}\n#[cfg(test)]\nmod tests { use std::fs; }"),
        Vec::<String>::new()
    );
}
