//! What `wrk` tells is read, and a turn with errors is no measurement.

use super::*;

#[test]
fn a_turn_is_read() {
    let turn = Turn::read("Running 4s test\ntold 400 4000000 1048576 0 250.0 1500.0\n").unwrap();
    assert_eq!((turn.requests, turn.seconds, turn.mib), (400.0, 4.0, 1.0));
    assert_eq!((turn.p50_ms, turn.p99_ms), (0.25, 1.5));
}

#[test]
fn errors_and_silence_are_no_measurement() {
    for said in [
        "",
        "told 400 4000000 1048576 1 250.0 1500.0",
        "told 0 4000000 0 0 0 0",
        "told 400 4000000",
        "told many",
    ] {
        assert!(Turn::read(said).is_err(), "{said}");
    }
}

#[test]
fn time_on_the_core_is_divided_by_answers_and_by_mib() {
    let turn = Turn {
        cpu: 2.0,
        requests: 400_000.0,
        seconds: 4.0,
        mib: 1_000.0,
        p50_ms: 1.0,
        p99_ms: 2.0,
    };
    let measured = Measured { turns: vec![turn] };
    assert_eq!(measured.us_per_answer().median(), 5.0);
    assert_eq!(measured.us_per_mib().median(), 2_000.0);
}
