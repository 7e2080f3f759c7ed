//! The table of routes and the service agree.

use api::openapi::STORAGE_ROUTES;

use crate::harness::House;

#[tokio::test(flavor = "multi_thread")]
async fn every_route_of_the_document_is_served() {
    let house = House::new().await;
    let token = house.token().await;
    for route in STORAGE_ROUTES {
        let path = route
            .path
            .replace("{hash}", &"0".repeat(64))
            .replace(['{', '}'], "");
        let answer = house.ask_as(&token, route.method, &path, &[], "").await;
        assert_ne!(answer.status, 405, "{} {}", route.method, route.path);
        let is_unknown = answer.text().contains("nothing is at");
        assert!(!is_unknown, "{} {}", route.method, route.path);
    }
    house.close().await;
}

#[test]
fn the_protocols_page_lists_every_route_with_its_parameters() {
    let page = include_str!("../../../../docs/protocols/storage.md");
    let rows: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    for route in STORAGE_ROUTES {
        let start = format!("| `{} {}` |", route.method, route.path);
        let row = rows.iter().find(|row| row.starts_with(&start));
        let row = row.unwrap_or_else(|| panic!("no row for {start}"));
        let (_, listed) = row.strip_suffix(" |").unwrap().rsplit_once('|').unwrap();
        let mut listed: Vec<&str> = listed
            .split([',', ' ', '`'])
            .filter(|word| !word.is_empty())
            .collect();
        let mut known: Vec<&str> = route.query.iter().map(|known| known.name).collect();
        listed.sort_unstable();
        known.sort_unstable();
        assert_eq!(listed, known, "{start}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_is_told_as_everywhere() {
    let house = House::new().await;
    let token = house.token().await;
    let unknown = house.get(&token, "/no/such/address").await;
    assert_eq!(unknown.code(), "CH-0105");
    let answer = house
        .ask_as(&token, "DELETE", "/blobs/usage", &[], "")
        .await;
    assert_eq!(answer.code(), "CH-0111");
    assert!(answer.header("allow").contains("GET"));
    let kind = [("content-type", "application/json")];
    for path in ["/blobs/have", "/blobs/gc", "/blobs/scrub"] {
        let wrong = house.ask_as(&token, "POST", path, &kind, "{").await;
        assert_eq!(wrong.code(), "CH-0112", "{path}");
        let other = house.ask_as(&token, "POST", path, &[], "{}").await;
        assert_eq!(other.code(), "CH-0110", "{path}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_runs_alone_says_how_it_is() {
    let house = House::new().await;
    house.wait(7);
    for path in ["/health", "/ready"] {
        let view: api::StorageHealthView = house.ask("GET", path, &[], "").await.is(200).json();
        assert_eq!((view.healthy, view.status.as_str()), (true, "online"));
        assert_eq!(view.uptime_secs, 7);
    }
    house.close().await;
}
