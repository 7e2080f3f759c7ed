//! A doorway that puts requests off: commands wait and go on.

use crate::home::Home;
use crate::wire;

/// Returns how many requests were refused because one address asked for too much.
fn refused(metrics: &str) -> u64 {
    let line = "doorway_admission_refused_total{reason=\"rate\"} ";
    let found = metrics.lines().find_map(|told| told.strip_prefix(line));
    found.map_or(0, |count| count.parse().unwrap())
}

#[test]
fn a_publish_waits_where_the_doorway_lets_an_address_ask_for_little() {
    let home = Home::new();
    let bread = home.bread();
    let mut command = home.command(&["up", "--empty", "--listen", "127.0.0.1:0"]);
    command
        .env("LOOPBACK_LIMITED", "true")
        .env("ADDRESS_REQUESTS_PER_MINUTE", "600")
        .env("ADDRESS_REQUESTS_BURST", "12");
    let mut doorway = home.start(command);
    let admin = doorway.admin();
    let said = home.publish(&bread, &doorway);
    assert_eq!(said["warnings"].as_array().unwrap().len(), 0, "{said}");
    let put_off = refused(&wire::get(admin, "/metrics"));
    assert!(put_off > 0, "nothing was put off, so nothing was tested");
    home.run(&["profile", "--name", "Ada", "--to", &doorway.url])
        .ok();
    home.run(&["unpublish", "bread", "--to", &doorway.url]).ok();
    let after = refused(&wire::get(admin, "/metrics"));
    assert!(after > put_off, "{after} after {put_off}");
}
