//! How the line of the script is read.

use super::*;

#[test]
fn a_turn_is_read_from_its_line() {
    let turn = Turn::read("Running\ntold 2000 4000000 0 1500.0 9000.0\n", 0.5).unwrap();
    assert_eq!(turn.cpu_us, 250.0);
    assert_eq!(turn.per_second, 500.0);
    assert_eq!((turn.p50_ms, turn.p99_ms), (1.5, 9.0));
}

#[test]
fn a_turn_with_an_error_is_none() {
    for said in [
        "told 2000 4000000 1 1.0 1.0",
        "told 0 4000000 0 1.0 1.0",
        "told 2000 4000000 0",
        "Running",
    ] {
        assert!(Turn::read(said, 0.5).is_err(), "{said}");
    }
}
