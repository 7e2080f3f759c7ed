//! What a steward's tools read.

use std::time::Duration;

use super::*;

crate::labels! {
    /// What was asked for.
    enum Kind: "kind" {
        /// A page.
        Page = "page",
        /// A blob.
        Blob = "blob",
    }
}

crate::labels! {
    /// How it went.
    enum Outcome: "outcome" {
        /// Well.
        Good = "good",
        /// Not well.
        Bad = "bad",
    }
}

fn filled() -> Registry {
    let registry = Registry::default();
    let asked = registry.counters::<(Kind, Outcome)>("mill_requests_total", "What was asked for");
    asked.of((Kind::Blob, Outcome::Bad)).add(3);
    asked.of((Kind::Page, Outcome::Good)).inc();
    assert_eq!(asked.total(), 4);
    registry.counter("mill_sacks_total", "Sacks filled").add(7);
    registry
        .gauge("mill_wheels_active", "Wheels that turn")
        .set(-2);
    let gauges = registry.gauges::<Kind>("mill_queue_len", "Who waits");
    gauges.of(Kind::Page).set_count(u64::MAX);
    let times = registry.histograms::<Kind>("mill_request_seconds", "How long it took");
    times.of(Kind::Page).record(Duration::from_millis(2));
    registry.observe("mill_water_ratio", "How full the pond is", || 0.25);
    registry.observe_total("mill_turns_total", "Turns of the wheel", || 12.5);
    registry
}

#[test]
fn open_metrics_are_complete() {
    let text = filled().expose(Exposition::OpenMetrics);
    for line in [
        "# HELP mill_requests What was asked for.",
        "# TYPE mill_requests counter",
        "mill_requests_total{kind=\"page\",outcome=\"good\"} 1",
        "mill_requests_total{kind=\"page\",outcome=\"bad\"} 0",
        "mill_requests_total{kind=\"blob\",outcome=\"bad\"} 3",
        "mill_sacks_total 7",
        "# TYPE mill_wheels_active gauge",
        "mill_wheels_active -2",
        "mill_queue_len{kind=\"page\"} 9223372036854775807",
        "# TYPE mill_request_seconds histogram",
        "mill_request_seconds_bucket{le=\"0.001\",kind=\"page\"} 0",
        "mill_request_seconds_bucket{le=\"0.0025\",kind=\"page\"} 1",
        "mill_request_seconds_bucket{le=\"+Inf\",kind=\"page\"} 1",
        "mill_request_seconds_count{kind=\"page\"} 1",
        "mill_request_seconds_sum{kind=\"page\"} 0.002",
        "mill_water_ratio 0.25",
        "mill_turns_total 12.5",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[test]
fn the_older_form_names_counters_whole_and_has_no_end() {
    let registry = filled();
    registry.process("0.1.0");
    let text = registry.expose(Exposition::Prometheus);
    for line in [
        "# HELP mill_sacks_total Sacks filled.",
        "# TYPE mill_sacks_total counter",
        "mill_sacks_total 7",
        "# TYPE commonhold_build_info gauge",
        "commonhold_build_info{version=\"0.1.0\"} 1",
        "# TYPE process_cpu_seconds_total counter",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    assert!(
        !text.contains("# EOF") && !text.contains("# UNIT"),
        "{text}"
    );
    for line in text.lines().filter(|line| line.starts_with("# HELP")) {
        let family = line.split(' ').nth(2).unwrap_or_default();
        let kind = format!("# TYPE {family} ");
        assert!(text.contains(&kind), "{line} has no type");
    }
}

#[test]
fn the_process_tells_of_itself() {
    let registry = Registry::default();
    registry.process("0.1.0");
    let text = registry.expose(Exposition::OpenMetrics);
    let value = |name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let line = line.unwrap_or_else(|| panic!("{name} in\n{text}"));
        line.trim().parse().unwrap()
    };
    assert!(value("process_resident_memory_bytes ") > 500_000.0);
    assert!(value("process_threads ") >= 2.0);
    assert!(value("process_open_fds ") >= 3.0);
    assert!(value("process_max_fds ") >= value("process_open_fds "));
    assert!(value("process_cpu_seconds_total ") > 0.0);
    assert!(value("process_uptime_seconds ") >= 0.0);
    assert!(value("process_start_time_seconds ") > 1.7e9);
    assert!(resident_bytes().is_some());
}

#[test]
fn a_name_is_a_domain_a_noun_and_what_it_is_counted_in() {
    for name in ["doorway_requests_total", "process_open_fds", "a_b2"] {
        assert!(is_name(name), "{name}");
    }
    for name in [
        "",
        "requests",
        "doorway__x",
        "_x_y",
        "Doorway_x",
        "doorway_2x",
        "a-b_c",
    ] {
        assert!(!is_name(name), "{name}");
    }
}

#[test]
#[should_panic(expected = "mill_sacks_total is registered twice")]
fn a_name_is_registered_once() {
    let registry = filled();
    drop(registry.counter("mill_sacks_total", "Again"));
}

#[test]
#[should_panic(expected = "counters and nothing else end in _total")]
fn only_counters_are_totals() {
    drop(Registry::default().gauge("mill_sacks_total", "Not a counter"));
}
