//! What lies ready for anonymous readers: made once, right in every encoding, gone when it changes.

use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use base::{ContentHash, Duration, Reach};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::join_all;
use http_kit::Ask;

use crate::harness::{Answer, House, Person, page};

/// Paths of the page that [`bakery`] publishes, and of what lists it.
const PATHS: [&str; 4] = [
    "/",
    "/pages/bread",
    "/api/v1/cache/content/bread",
    "/search?q=flour",
];

async fn bakery() -> (House, Person) {
    let house = House::new().await;
    let mut ana = Person::new(1);
    ana.create(&page("bread", &"flour ".repeat(500), Reach::Commons));
    house.publish(&ana).await;
    (house, ana)
}

fn map(headers: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        map.append(name, HeaderValue::from_str(value).unwrap());
    }
    map
}

/// Asks the hot path alone.
fn hit(house: &House, path: &str, headers: &[(&str, &str)]) -> Option<Answer> {
    let uri: Uri = path.parse().unwrap();
    let headers = map(headers);
    let response = house.doorway.hot_path().answer(&Ask {
        method: &Method::GET,
        uri: &uri,
        headers: &headers,
        client: IpAddr::V4(Ipv4Addr::LOCALHOST),
    })?;
    Some(Answer {
        status: response.status(),
        headers: response.headers().clone(),
        body: response.body().to_vec(),
    })
}

fn unpacked(coding: &str, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match coding {
        "gzip" => flate2::read::GzDecoder::new(body).read_to_end(&mut out),
        "br" => brotli::Decompressor::new(body, 4_096).read_to_end(&mut out),
        "zstd" => zstd::Decoder::new(body).unwrap().read_to_end(&mut out),
        other => panic!("{other}"),
    }
    .unwrap();
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_who_add_something_to_an_address_ask_nothing_new() {
    let (house, _) = bakery().await;
    for number in 0..20 {
        for path in ["/pages/bread", "/", "/api/v1/cache/content/bread"] {
            let busting = format!("{path}?_={number}");
            assert_eq!(house.get(&busting).await.status, 200, "{busting}");
        }
    }
    assert_eq!(house.doorway.hot_tally().fills, 3);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn storm_on_a_cold_page_makes_it_once() {
    let (house, _) = bakery().await;
    let readers = (0..1_000).map(|_| house.get("/pages/bread"));
    let answers = join_all(readers).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert!(answers.iter().all(|answer| answer.body == answers[0].body));
    let tally = house.doorway.hot_tally();
    assert_eq!((tally.fills, tally.fill_failures), (1, 0));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_do_not_exist_push_no_page_out() {
    let (house, _) = bakery().await;
    house.get("/pages/bread").await;
    for number in 0..2_000 {
        let path = format!("/pages/missing-{number}");
        assert_eq!(house.get(&path).await.status, 404);
    }
    assert!(hit(&house, "/pages/bread", &[]).is_some());
    let tally = house.doorway.hot_tally();
    assert_eq!((tally.entries, tally.evictions, tally.fills), (1, 0, 2_001));
    assert_eq!(house.get("/pages/missing-1999").await.status, 404);
    assert_eq!(house.doorway.hot_tally().fills, 2_001, "it is remembered");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_encoding_is_the_same_answer() {
    let (house, _) = bakery().await;
    for path in PATHS {
        let plain = house.get(path).await;
        assert_eq!(plain.status, 200, "{path}");
        house.doorway.packed().await;
        for coding in ["gzip", "br", "zstd"] {
            let wish = [("accept-encoding", coding)];
            let packed = hit(&house, path, &wish).expect("it is hot");
            assert_eq!(packed.header("content-encoding"), coding, "{path}");
            assert_eq!(unpacked(coding, &packed.body), plain.body, "{path}");
            let length = packed.body.len().to_string();
            assert_eq!(packed.header("content-length"), length);
            let hash = ContentHash::of(&packed.body);
            let digest = format!("sha-256=:{}:", STANDARD.encode(hash.as_bytes()));
            assert_eq!(packed.header("content-digest"), digest);
            for same in ["etag", "content-type", "cache-control", "vary"] {
                assert_eq!(packed.header(same), plain.header(same), "{path} {same}");
            }
            let routed = house.get_with(path, &wish).await;
            assert_eq!(routed.body, packed.body, "{path}");
            let etag = packed.header("etag");
            let again = [wish[0], ("if-none-match", etag)];
            let again = hit(&house, path, &again).expect("it is hot");
            assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
            assert_eq!(again.header("etag"), etag);
            let list = format!("\"other\", {}", etag.trim_start_matches("W/"));
            let again = hit(&house, path, &[("if-none-match", &list)]).expect("it is hot");
            assert_eq!(again.status, 304, "in a list, compared weakly");
            let other = hit(&house, path, &[("if-none-match", "\"other\"")]);
            assert_eq!(other.expect("it is hot").status, 200);
        }
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn head_has_the_headers_of_get() {
    let (house, _) = bakery().await;
    for path in PATHS {
        house.get(path).await;
        house.doorway.packed().await;
        for coding in ["identity", "br"] {
            let get = house.get_with(path, &[("accept-encoding", coding)]).await;
            let request = Request::head(path).header("accept-encoding", coding);
            let mut head = house.send(request.body(Body::empty()).unwrap()).await;
            assert!(head.body.is_empty());
            let hot = hit(&house, path, &[("accept-encoding", coding)]);
            let hot = hot.expect("it is hot").headers;
            for (name, value) in &hot {
                assert_eq!(head.headers.get(name), Some(value), "{path} {name}");
                assert_eq!(get.headers.get(name), Some(value), "{path} {name}");
            }
            head.headers.remove("x-request-id");
            assert_eq!(head.headers.len(), hot.len(), "{path}: {:?}", head.headers);
        }
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn page_that_is_no_longer_for_everybody_is_gone_at_once() {
    for is_withdrawn in [false, true] {
        let (house, mut ana) = bakery().await;
        for path in PATHS {
            house.get(path).await;
            assert!(hit(&house, path, &[]).is_some(), "{path}");
        }
        let index = ana.chain.len() - 1;
        if is_withdrawn {
            ana.delete(index);
        } else {
            ana.update(index, &page("bread", "my own recipe", Reach::Private));
        }
        house.publish(&ana).await;
        for path in PATHS {
            assert!(hit(&house, path, &[]).is_none(), "{path}");
        }
        assert_eq!(house.get("/pages/bread").await.status, 404);
        assert!(!house.get("/").await.text().contains("bread"));
        assert!(hit(&house, "/pages/bread", &[]).is_none());
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_stays_right_beyond_its_time() {
    let (house, mut ana) = bakery().await;
    let first = house.get("/pages/bread").await;
    house.wait_secs(400);
    assert!(hit(&house, "/pages/bread", &[]).is_none());
    let again = house.get("/pages/bread").await;
    assert_eq!(first.body, again.body, "served while a newer one is made");
    ana.update(ana.chain.len() - 1, &page("bread", "rye", Reach::Commons));
    house.publish(&ana).await;
    assert!(house.get("/pages/bread").await.text().contains("rye"));
    house.hand.set(base::Timestamp::EPOCH);
    assert!(house.get("/pages/bread").await.text().contains("rye"));
    house.hand.advance(Duration::from_secs(4_000_000_000));
    assert!(house.get("/pages/bread").await.text().contains("rye"));
    house.close().await;
}

/// Not a measurement: a test build only shows that nothing on the way is out of proportion.
#[tokio::test(flavor = "multi_thread")]
async fn a_hit_costs_little() {
    const HITS: u32 = 20_000;
    let (house, _) = bakery().await;
    house.get("/pages/bread").await;
    house.doorway.packed().await;
    let hot = house.doorway.hot_path();
    let uri = Uri::from_static("/pages/bread");
    let headers = map(&[("accept-encoding", "gzip, br"), ("host", "doorway.test")]);
    let ask = Ask {
        method: &Method::GET,
        uri: &uri,
        headers: &headers,
        client: IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    let start = Instant::now();
    for _ in 0..HITS {
        assert!(hot.answer(&ask).is_some());
    }
    let each = start.elapsed() / HITS;
    println!("a hit takes {each:?} in this build");
    assert!(each.as_micros() < 500, "{each:?}");
    house.close().await;
}
