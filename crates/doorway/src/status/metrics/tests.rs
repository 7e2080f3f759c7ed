//! What is counted where.

use std::time::Duration;

use runtime::metrics::{Exposition, Registry};

use super::*;

fn exposed(count: impl FnOnce(&DoorwayMetrics)) -> String {
    let registry = Registry::default();
    count(&DoorwayMetrics::new(&registry));
    registry.expose(Exposition::Prometheus)
}

#[test]
fn a_status_code_means_an_outcome() {
    for (status, outcome) in [
        (200, RequestOutcome::Answered),
        (206, RequestOutcome::Answered),
        (302, RequestOutcome::Answered),
        (304, RequestOutcome::Unchanged),
        (404, RequestOutcome::Refused),
        (429, RequestOutcome::Refused),
        (500, RequestOutcome::Failed),
        (503, RequestOutcome::Failed),
    ] {
        assert_eq!(RequestOutcome::of_status(status), outcome, "{status}");
    }
}

#[test]
fn each_method_counts_under_its_name() {
    let text = exposed(|metrics| {
        metrics.request(RequestClass::Page, 200, Duration::from_millis(2));
        metrics.request(RequestClass::Page, 404, Duration::from_millis(2));
        metrics.add_hot_answers(HotAnswer::Coalesced, 1);
        metrics.add_origin_calls(OriginAnswer::Found, 2);
        metrics.refused(RefusalReason::Load);
        metrics.cache(3, 4_096);
        metrics.projection_lag(5);
        metrics.follower_lag(6);
        metrics.consumer_joined();
        metrics.consumer_joined();
        metrics.consumer_cut_off();
        metrics.consumer_left();
        metrics.blob_bytes_sent(1_000);
        metrics.blob_bytes_stored(2_000);
        metrics.lease(9, true);
        metrics.bus(false);
        metrics.database(true);
    });
    for line in [
        "doorway_requests_total{class=\"page\",outcome=\"answered\"} 1",
        "doorway_requests_total{class=\"page\",outcome=\"refused\"} 1",
        "doorway_request_seconds_count{class=\"page\"} 2",
        "doorway_hot_answers_total{result=\"coalesced\"} 1",
        "doorway_origin_calls_total{outcome=\"found\"} 2",
        "doorway_admission_refused_total{reason=\"load\"} 1",
        "doorway_cache_entries 3",
        "doorway_cache_bytes 4096",
        "doorway_projection_lag_records 5",
        "doorway_follower_lag_records 6",
        "doorway_events_consumers 1",
        "doorway_events_cut_off_total 1",
        "doorway_blob_bytes_sent_total 1000",
        "doorway_blob_bytes 2000",
        "doorway_lease_epoch 9",
        "doorway_lease_held 1",
        "doorway_bus_connected 0",
        "doorway_database_connected 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
}

#[test]
fn a_hit_is_whatever_cost_nothing_behind_the_cache() {
    let metrics = DoorwayMetrics::new(&Registry::default());
    for result in [
        HotAnswer::Hit,
        HotAnswer::Stale,
        HotAnswer::Negative,
        HotAnswer::Coalesced,
        HotAnswer::Miss,
    ] {
        metrics.add_hot_answers(result, 1);
    }
    assert_eq!((metrics.hot_hits(), metrics.hot_questions()), (4, 5));
}
