//! All clients of a storm are answered, and counters are read with and without labels.

use super::*;

#[test]
fn every_client_of_a_storm_is_answered_and_counted() {
    let answer = Answer {
        status: 200,
        headers: Vec::new(),
        body: b"hello".to_vec(),
    };
    let delay = Duration::from_millis(20);
    let origin = Origin::start(&answer, delay).unwrap();
    let answered = storm(origin.address(), &Asked::path("/"), 30).unwrap();
    assert!(answered.ends().0 >= 20.0);
    assert_eq!(origin.calls(), 30);
}

#[test]
fn counters_are_summed_over_their_labels() {
    let metrics = "# TYPE calls_total counter\ncalls_total{kind=\"item\"} 2\ncalls_total{kind=\"list\"} 3\ncalls_total_more 9\n";
    assert_eq!(count(metrics, "calls_total").unwrap(), 5.0);
    assert_eq!(count("calls_total 7\n", "calls_total").unwrap(), 7.0);
    assert!(count(metrics, "other_total").is_err());
}
