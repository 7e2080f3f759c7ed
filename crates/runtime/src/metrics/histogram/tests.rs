//! Buckets, sums and quantiles.

use std::time::Duration;

use super::{BUCKETS, Histogram, Snapshot};

fn recorded(micros: &[u64]) -> Snapshot {
    let histogram = Histogram::default();
    for micros in micros {
        histogram.record(Duration::from_micros(*micros));
    }
    histogram.snapshot()
}

#[test]
fn a_bound_belongs_to_the_bucket_below_it() {
    for (micros, bucket) in [
        (0, 0),
        (100, 0),
        (101, 1),
        (250, 1),
        (251, 2),
        (10_000_000, BUCKETS - 2),
        (10_000_001, BUCKETS - 1),
    ] {
        let snapshot = recorded(&[micros]);
        assert_eq!(snapshot.counts[bucket], 1, "{micros} µs");
        assert_eq!(snapshot.count(), 1);
        assert_eq!(snapshot.sum_ns, micros * 1_000);
    }
}

#[test]
fn a_quantile_lies_in_the_bucket_that_holds_it() {
    assert_eq!(recorded(&[]).quantile_secs(0.5), None);
    let mut times = vec![80; 98];
    times.extend([40_000, 700_000]);
    let snapshot = recorded(&times);
    let at = |share| snapshot.quantile_secs(share).unwrap();
    assert!(at(0.5) <= 0.000_1, "{}", at(0.5));
    assert!((0.025..=0.05).contains(&at(0.99)), "{}", at(0.99));
    assert!((0.5..=1.0).contains(&at(1.0)), "{}", at(1.0));
    assert_eq!(recorded(&[60_000_000]).quantile_secs(0.5), Some(10.0));
}

#[test]
fn quantiles_never_fall_when_the_share_grows() {
    let snapshot = recorded(&[50, 120, 120, 900, 4_000, 30_000, 2_000_000, 20_000_000]);
    let mut last = 0.0;
    for percent in 0..=100 {
        let now = snapshot.quantile_secs(f64::from(percent) / 100.0).unwrap();
        assert!(now >= last, "{percent} %: {now} after {last}");
        last = now;
    }
}

#[test]
fn a_difference_holds_only_what_came_after() {
    let histogram = Histogram::default();
    histogram.record(Duration::from_millis(3));
    let before = histogram.snapshot();
    histogram.record(Duration::from_millis(300));
    let after = histogram.snapshot().since(&before);
    assert_eq!(after.count(), 1);
    assert!((after.sum_secs() - 0.3).abs() < 1e-9);
    assert_eq!(after.since(&after).quantile_secs(0.5), None);
}

#[test]
fn threads_that_record_at_once_lose_nothing() {
    let histogram = Histogram::default();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..5_000).for_each(|_| histogram.record(Duration::from_micros(200))));
        }
    });
    let snapshot = histogram.snapshot();
    assert_eq!(snapshot.count(), 40_000);
    assert_eq!(snapshot.sum_ns, 40_000 * 200_000);
}
