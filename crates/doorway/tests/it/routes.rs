//! The table of routes and the doorway agree; malformed questions get clear answers.

use api::openapi::{Body as Kind, doorway_routes};
use axum::body::Body;
use axum::http::{Method, Request};
use base::{ContentHash, Reach};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::harness::{House, Person, page};

#[tokio::test(flavor = "multi_thread")]
async fn every_route_of_the_document_is_served() {
    let house = House::new().await;
    for route in doorway_routes() {
        let path = route
            .path
            .replace("{agent}", &Person::new(1).key().to_string())
            .replace("{type}", "content")
            .replace("{hash}", &"0".repeat(64))
            .replace("{code}", "CH-0101")
            .replace("{seq}", "4");
        let path = path.replace(['{', '}'], "");
        // A stream of events has no end: its head tells enough.
        let is_endless = matches!(route.response, Kind::Events(_));
        let request = Request::builder()
            .method(if is_endless { "HEAD" } else { route.method })
            .uri(&path)
            .body(Body::empty())
            .unwrap();
        let answer = house.send(request).await;
        assert_ne!(answer.status, 405, "{} {}", route.method, route.path);
        let is_unknown = answer.text().contains("nothing is at");
        assert!(!is_unknown, "{} {}", route.method, route.path);
    }
    let unknown = house.get("/no/such/address").await;
    assert!(unknown.text().contains("nothing is at"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_the_one_that_is_committed() {
    let house = House::new().await;
    let served: serde_json::Value = house.get("/openapi.json").await.json();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let committed: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(root).unwrap()).unwrap();
    assert_eq!(served, committed, "run: cargo xtask generate");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_questions_are_explained() {
    let house = House::new().await;
    let mut ana = Person::new(1);
    ana.create(&page("bread", "flour", Reach::Commons));
    house.publish(&ana).await;
    let chain = format!("/api/v1/chains/{}", ana.key());
    let long = "x".repeat(201);
    let cases = [
        ("/store/xyz".to_owned(), "CH-0101"),
        ("/api/v1/chains/uhCAk".to_owned(), "CH-0101"),
        ("/api/v1/chains/nobody".to_owned(), "CH-0101"),
        (format!("{chain}?after=x"), "CH-0104"),
        (format!("{chain}?after=-1"), "CH-0104"),
        (format!("{chain}?limit=many"), "CH-0104"),
        ("/api/v1/cache/content?cursor=zzz".to_owned(), "CH-0103"),
        ("/api/v1/cache/content?limit=x".to_owned(), "CH-0104"),
        (
            "/api/v1/cache/content/bread?proof=yes".to_owned(),
            "CH-0104",
        ),
        ("/api/v1/cache/gadgets".to_owned(), "CH-0105"),
        ("/api/v1/cache/content/nothing".to_owned(), "CH-0105"),
        ("/api/v1/cache/path/bread".to_owned(), "CH-0105"),
        ("/api/v1/search".to_owned(), "CH-0104"),
        ("/api/v1/search?q=%20".to_owned(), "CH-0104"),
        (format!("/api/v1/search?q={long}"), "CH-0104"),
        ("/api/v1/search?q=flour&cursor=x".to_owned(), "CH-0103"),
        ("/pages/..%2F..%2Fetc%2Fpasswd".to_owned(), "CH-0105"),
        ("/assets/../Cargo.toml".to_owned(), "CH-0105"),
        ("/errors/CH-9999".to_owned(), "CH-0105"),
    ];
    for (path, code) in cases {
        assert_eq!(house.get(&path).await.code(), code, "{path}");
    }
    let wrong_method = Request::builder()
        .method(Method::DELETE)
        .uri("/api/v1/search")
        .body(Body::empty())
        .unwrap();
    let answer = house.send(wrong_method).await;
    assert_eq!(answer.code(), "CH-0111");
    assert!(answer.header("allow").contains("GET"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_continue_where_they_stopped() {
    let house = House::new().await;
    let mut ana = Person::new(1);
    for number in 0..25 {
        ana.create(&page(&format!("page-{number:02}"), "words", Reach::Commons));
    }
    house.publish(&ana).await;
    let mut slugs = Vec::new();
    let mut path = "/api/v1/cache/content?limit=10".to_owned();
    loop {
        let view: api::ListView = house.get(&path).await.json();
        slugs.extend(view.items.into_iter().map(|item| item.slug));
        let Some(next) = view.next else { break };
        path = format!("/api/v1/cache/content?limit=10&cursor={next}");
    }
    let expected: Vec<String> = (0..25)
        .rev()
        .map(|number| format!("page-{number:02}"))
        .collect();
    assert_eq!(slugs, expected, "newest first, each once");
    let all: api::ListView = house.get("/api/v1/cache/content?limit=100000").await.json();
    assert_eq!(all.items.len(), 25);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_who_have_an_answer_get_it_confirmed() {
    let house = House::new().await;
    let mut ana = Person::new(1);
    ana.create(&page(
        "bread",
        "flour ".repeat(500).as_str(),
        Reach::Commons,
    ));
    house.publish(&ana).await;
    for path in [
        "/",
        "/pages/bread",
        "/api/v1/cache/content/bread",
        "/api/v1/cache/content",
    ] {
        let first = house.get(path).await;
        assert!(
            first.header("content-digest").starts_with("sha-256=:"),
            "{path}"
        );
        let etag = first.header("etag").to_owned();
        let again = house.get_with(path, &[("if-none-match", &etag)]).await;
        assert_eq!(
            (again.status.as_u16(), again.body.len()),
            (304, 0),
            "{path}"
        );
        house.doorway.packed().await;
        let packed = house.get_with(path, &[("accept-encoding", "br")]).await;
        if first.body.len() >= 512 {
            assert_eq!(packed.header("content-encoding"), "br", "{path}");
            assert_ne!(packed.body, first.body, "{path}");
        }
        let hash = ContentHash::of(&packed.body);
        let digest = format!("sha-256=:{}:", STANDARD.encode(hash.as_bytes()));
        assert_eq!(packed.header("content-digest"), digest, "{path}");
    }
    ana.update(4, &page("bread", "rye", Reach::Commons));
    let before = house.get("/pages/bread").await.header("etag").to_owned();
    house.publish(&ana).await;
    let after = house
        .get_with("/pages/bread", &[("if-none-match", &before)])
        .await;
    assert_eq!(after.status, 200, "a change is seen at once");
    house.close().await;
}
