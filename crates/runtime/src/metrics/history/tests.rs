//! Values over time, their bounds and their gaps.

use crate::metrics::{Counter, Gauge, Histogram};
use crate::{Supervisor, TaskKind};

use super::*;

fn close(found: Option<f64>, expected: f64) -> bool {
    found.is_some_and(|found| (found - expected).abs() < 1e-9)
}

#[test]
fn each_kind_of_series_tells_of_the_step_alone() {
    let (requests, hits, lag, times) = (
        Counter::default(),
        Counter::default(),
        Gauge::default(),
        Histogram::default(),
    );
    let mut watch = Watch::default();
    let rate = watch.rate({
        let requests = requests.clone();
        move || requests.total()
    });
    let share = watch.share(
        {
            let hits = hits.clone();
            move || hits.total()
        },
        {
            let requests = requests.clone();
            move || requests.total()
        },
    );
    let level = watch.level(Fold::Max, {
        let lag = lag.clone();
        move || Some(lag.value() as f64)
    });
    let slow = watch.quantile(0.99, {
        let times = times.clone();
        move || times.snapshot()
    });
    let (history, mut sampler) = watch.build();
    requests.add(1_000);
    sampler.take(Duration::ZERO);
    requests.add(50);
    hits.add(40);
    lag.set(7);
    times.record(Duration::from_millis(3));
    sampler.take(FINE_STEP);
    sampler.take(FINE_STEP);
    let last = |series| history.values(series, Resolution::Hour);
    assert_eq!(last(rate)[0], None, "nothing to compare with");
    assert!(close(last(rate)[1], 5.0) && close(last(rate)[2], 0.0));
    assert!(close(last(share)[1], 0.8));
    assert_eq!(last(share)[2], None, "of nothing there is no share");
    assert!(close(last(level)[0], 0.0) && close(last(level)[1], 7.0));
    assert!(last(slow)[1].is_some_and(|secs| (0.002_5..=0.005).contains(&secs)));
    assert_eq!(last(slow)[2], None);
}

#[test]
fn an_hour_and_a_day_are_kept_and_no_more() {
    let gauge = Gauge::default();
    let mut watch = Watch::default();
    let read = gauge.clone();
    let largest = watch.level(Fold::Max, move || Some(read.value() as f64));
    let read = gauge.clone();
    let mean = watch.level(Fold::Mean, move || Some(read.value() as f64));
    let (history, mut sampler) = watch.build();
    for step in 0..20_000 {
        gauge.set(step % 30);
        sampler.take(FINE_STEP);
    }
    for series in [largest, mean] {
        assert_eq!(history.values(series, Resolution::Hour).len(), 360);
        assert_eq!(history.values(series, Resolution::Day).len(), 288);
    }
    let day = history.values(largest, Resolution::Day);
    assert!(day.iter().all(|value| close(*value, 29.0)), "{day:?}");
    let day = history.values(mean, Resolution::Day);
    assert!(day.iter().all(|value| close(*value, 14.5)), "{day:?}");
}

#[test]
fn a_machine_that_slept_leaves_a_gap() {
    let mut watch = Watch::default();
    let series = watch.level(Fold::Mean, || Some(1.0));
    let (history, mut sampler) = watch.build();
    sampler.take(Duration::ZERO);
    sampler.take(Duration::from_secs(41));
    let values = history.values(series, Resolution::Hour);
    assert_eq!(values, [Some(1.0), None, None, None, Some(1.0)]);
    sampler.take(Duration::from_secs(86_400 * 365));
    let day = history.values(series, Resolution::Day);
    assert_eq!(day.len(), 288, "a year away is bounded too");
}

#[tokio::test(start_paused = true)]
async fn the_worker_takes_a_value_every_ten_seconds() {
    let mut watch = Watch::default();
    let series = watch.level(Fold::Mean, || Some(2.0));
    let (history, sampler) = watch.build();
    let supervisor = Supervisor::default();
    let wake = supervisor.spawn_worker(TaskKind::Ordinary, sampler);
    tokio::time::advance(Duration::from_secs(1)).await;
    wake.wake();
    let deadline = Instant::now() + Duration::from_secs(55);
    tokio::time::sleep_until(deadline).await;
    let values = history.values(series, Resolution::Hour);
    assert!((5..=7).contains(&values.len()), "{values:?}");
    assert!(values.iter().all(|value| *value == Some(2.0)), "{values:?}");
    supervisor.shutdown().request();
}
