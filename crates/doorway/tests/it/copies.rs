//! A copy takes no changes and says where they go; what it shows proves itself as well as at its writer.

use std::sync::Arc;

use api::openapi::doorway_routes;
use api::proof::{self, Walk};
use api::{ChainView, HealthView};
use axum::body::Body;
use axum::http::Request;
use base::Reach;
use serde_json::json;

use crate::harness::{House, Person, Port, page};

async fn stage() -> (House, Port, House, Person) {
    let writer = House::new().await;
    let mut ana = Person::new(1);
    let token = writer.token(&ana).await;
    ana.create(&page("bread", "flour", Reach::Commons));
    ana.create(&page("mine", "words", Reach::Private));
    let (_, body) = ana.create(&page(
        "story",
        &"a long story ".repeat(8_000),
        Reach::Commons,
    ));
    writer.put_blob(&body.unwrap(), &token).await;
    ana.update(4, &page("bread", "rye", Reach::Commons));
    writer.publish(&ana).await;
    let port = writer.listen().await;
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let copy = House::copy(folder, port.client()).await;
    copy.copied().await;
    (writer, port, copy, ana)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_sent_to_the_writer() {
    let (writer, port, copy, ana) = stage().await;
    let token = writer.token(&ana).await;
    let url = format!("http://{}", port.address);
    let key = ana.key().to_string();
    let mut changing = 0;
    for route in doorway_routes() {
        if matches!(route.method, "GET" | "HEAD") {
            continue;
        }
        changing += 1;
        let body = match route.path {
            "/auth/challenge" => json!({ "agent": key }),
            "/auth/token" => json!({ "challenge": "x", "signature": "AAAA" }),
            "/admin/members/{agent}" => json!({ "role": "member" }),
            _ => json!({ "schema_version": 1, "records": [] }),
        };
        // What is sent may be anything: nobody looks at it here.
        let bodies = [body.to_string(), "{".to_owned(), String::new()];
        let sent = [None, Some(&token)]
            .into_iter()
            .flat_map(|token| bodies.iter().map(move |body| (token, body)));
        for (token, body) in sent {
            let mut request = Request::builder()
                .method(route.method)
                .uri(route.path.replace("{agent}", &key))
                .header("content-type", "application/json");
            if let Some(token) = token {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            let request = request.body(Body::from(body.clone())).unwrap();
            let answer = copy.send(request).await;
            let what = format!("{} {}: {}", route.method, route.path, answer.text());
            assert_eq!(answer.status, 421, "{what}");
            assert_eq!(answer.code(), "CH-0116", "{what}");
            assert!(answer.text().contains(&url), "{what}");
        }
    }
    assert!(changing >= 6, "{changing}");
    for path in ["/pages/bread", "/admin/members", "/api/v1/search?q=rye"] {
        let answer = copy.get_as(path, &token).await;
        assert_eq!(answer.code(), "CH-0116", "{path}: a copy knows no tokens");
    }
    assert_eq!(copy.get("/pages/bread").await.status, 200);
    copy.close().await;
    port.close().await;
    writer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_copy_shows_proves_itself() {
    let (writer, port, copy, ana) = stage().await;
    port.close().await;
    writer.close().await;
    let chain = format!("/api/v1/chains/{}", ana.key());
    for slug in ["bread", "story"] {
        let document = copy
            .get(&format!("/api/v1/cache/content/{slug}?proof=1"))
            .await;
        let proven = proof::check(&document.body).unwrap();
        assert_eq!(proven.author, *ana.key());
        let mut walk = Walk::new(&proven).unwrap();
        let (mut path, mut pages) = (format!("{chain}?limit=3"), 0);
        loop {
            let view: ChainView = copy.get(&path).await.json();
            pages += 1;
            let Some(next) = walk.take(&view).unwrap() else {
                break;
            };
            path = format!("{chain}?limit=3&after={next}");
        }
        assert_eq!(walk.finish().unwrap(), 8);
        assert_eq!(pages, 3);
    }
    let all: ChainView = copy.get(&chain).await.json();
    assert_eq!(all.records.len(), 8);
    assert!(all.records[5].entry.is_none(), "it is not for everybody");
    assert!(all.records[4].entry.is_some());
    let old = copy.get("/api/v1/cache/content/bread?proof=1&seq=4").await;
    assert!(proof::check(&old.body).is_ok());
    copy.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_says_that_it_is_none_that_writes() {
    let (writer, port, copy, _) = stage().await;
    let theirs: HealthView = writer.get("/health").await.json();
    let ours: HealthView = copy.get("/health").await.json();
    assert!(theirs.projection_writer && !ours.projection_writer);
    assert_eq!(ours.status, "online");
    let follows = copy.ready().await.follows.unwrap();
    assert!(follows.is_connected && follows.is_complete);
    assert_eq!(follows.lag_records, 0);
    assert!(follows.url.contains(&port.address.to_string()));
    assert!(writer.ready().await.follows.is_none());
    copy.close().await;
    port.close().await;
    writer.close().await;
}
