//! Who gets in, through a real socket; and HEAD and 304 at every address that is read.

use std::net::SocketAddr;

use api::openapi::{Body as Kind, doorway_routes};
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use base::{ContentHash, Reach};
use doorway::Limits;
use doorway_core::admission;
use http_kit::Edge;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{House, Person, Port, manifest, page, until};

/// An answer's status, head and body as text.
struct Raw {
    status: u16,
    head: String,
    body: String,
}

impl Raw {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

async fn connect(address: SocketAddr, head: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{head}\r\nhost: doorway.test\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

async fn ask(address: SocketAddr, line: &str, headers: &str) -> Raw {
    let head = format!("{line} HTTP/1.1\r\nconnection: close{headers}");
    let mut stream = connect(address, &head).await;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    Raw {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

async fn house_of(admission: admission::Limits) -> (House, Person) {
    let limits = Limits {
        admission,
        ..Limits::default()
    };
    let house = House::with_limits(limits).await;
    let mut ana = Person::new(1);
    ana.create(&page("bread", "flour", Reach::Commons));
    house.publish(&ana).await;
    (house, ana)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_gets_its_share_and_is_told_when_to_come_again() {
    let (house, ana) = house_of(admission::Limits {
        address_burst: 10,
        address_requests_per_minute: 60,
        ..admission::Limits::default()
    })
    .await;
    let local = ([127, 0, 0, 1], 0).into();
    let edge = Edge {
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
    };
    let proxied = Port::at(local, house.doorway.served(), edge).await;
    let open = Port::at(local, house.doorway.served(), Edge::default()).await;
    let line = format!("GET /api/v1/chains/{}", ana.key());
    let first = "\r\nx-forwarded-for: 203.0.113.7";
    for _ in 0..10 {
        assert_eq!(ask(proxied.address, &line, first).await.status, 200);
    }
    let refused = ask(proxied.address, &line, first).await;
    assert_eq!(refused.status, 429, "{}", refused.body);
    assert!(refused.body.contains("CH-0115"), "{}", refused.body);
    assert_eq!(refused.header("retry-after"), Some("1"));
    let other = "\r\nx-forwarded-for: 203.0.113.8";
    assert_eq!(ask(proxied.address, &line, other).await.status, 200);
    // What a client says about itself does not count.
    let forged = "\r\nx-forwarded-for: 203.0.113.99, 203.0.113.7";
    assert_eq!(ask(proxied.address, &line, forged).await.status, 429);
    for _ in 0..30 {
        assert_eq!(ask(open.address, &line, first).await.status, 200);
    }
    assert_eq!(ask(proxied.address, "GET /health", first).await.status, 200);
    house.wait_secs(1);
    assert_eq!(ask(proxied.address, &line, first).await.status, 200);
    assert_eq!(ask(proxied.address, &line, first).await.status, 429);
    proxied.close().await;
    open.close().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_are_refused_before_reads_and_places_come_back() {
    let (house, ana) = house_of(admission::Limits {
        in_flight_max: 8,
        writes_in_flight_max: 2,
        events_in_flight_max: 1,
        ..admission::Limits::default()
    })
    .await;
    let port = house.listen().await;
    let chain = format!("/api/v1/chains/{}", ana.key());
    // Who asks first and is told to go on is inside.
    let unfinished =
        format!("PUT {chain} HTTP/1.1\r\ncontent-length: 1000\r\nexpect: 100-continue");
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = connect(port.address, &unfinished).await;
        let mut told = [0; 12];
        stream.read_exact(&mut told).await.unwrap();
        assert_eq!(&told, b"HTTP/1.1 100");
        held.push(stream);
    }
    let empty = "\r\ncontent-length: 2\r\nx-padding: 1";
    let put = async || ask_with(port.address, &format!("PUT {chain}"), empty, "{}").await;
    until("both places are taken", async || put().await.status == 503).await;
    let refused = put().await;
    assert!(refused.body.contains("CH-0407"), "{}", refused.body);
    let wait: u32 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=5).contains(&wait));
    let read = ask(port.address, &format!("GET {chain}"), "").await;
    assert_eq!(read.status, 200);
    drop(held);
    until("the places are free again", async || {
        put().await.status != 503
    })
    .await;

    let stream = connect(port.address, "GET /api/v1/events HTTP/1.1").await;
    let events = async || ask(port.address, "HEAD /api/v1/events", "").await.status;
    until("the stream is taken", async || events().await == 503).await;
    drop(stream);
    until("the stream is free again", async || events().await == 200).await;
    port.close().await;
    house.close().await;
}

async fn ask_with(address: SocketAddr, line: &str, headers: &str, body: &str) -> Raw {
    let head = format!("{line} HTTP/1.1\r\nconnection: close{headers}");
    let mut stream = connect(address, &head).await;
    // It may be refused before it was sent.
    drop(stream.write_all(body.as_bytes()).await);
    let mut bytes = Vec::new();
    drop(stream.read_to_end(&mut bytes).await);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Raw {
        status: status.unwrap_or_default(),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_is_read_slowly_takes_nobodys_place() {
    let (house, mut ana) = house_of(admission::Limits {
        in_flight_max: 1,
        ..admission::Limits::default()
    })
    .await;
    let token = house.token(&ana).await;
    let film = vec![7; 16 * 1_024 * 1_024];
    house.put_blob(&film, &token).await;
    ana.create(&manifest(&film, "video/mp4", Reach::Commons));
    house.publish(&ana).await;
    let port = house.listen().await;
    let path = format!("/store/{}", ContentHash::of(&film));
    let mut readers = Vec::new();
    for _ in 0..4 {
        let mut reader = connect(port.address, &format!("GET {path} HTTP/1.1")).await;
        let mut start = [0; 12];
        reader.read_exact(&mut start).await.unwrap();
        assert_eq!(&start, b"HTTP/1.1 200");
        readers.push(reader);
    }
    let chain = format!("GET /api/v1/chains/{}", ana.key());
    assert_eq!(ask(port.address, &chain, "").await.status, 200);
    drop(readers);
    assert_eq!(ask(port.address, &chain, "").await.status, 200);
    port.close().await;
    house.close().await;
}

/// Everything that is read, as addresses of a doorway that has it.
async fn addresses(house: &House, ana: &Person, item: &str, blob: &ContentHash) -> Vec<String> {
    let mut paths = Vec::new();
    for route in doorway_routes() {
        let is_endless = matches!(route.response, Kind::Events(_));
        if route.method != "GET" || route.needs_token || is_endless {
            continue;
        }
        let path = match route.path {
            "/courses/{course}" => "/courses/baking".to_owned(),
            // There is no such page: what is not there has no validator.
            "/courses/{course}/{page}" => continue,
            "/pages/{page}" => "/pages/bread".to_owned(),
            "/history/{id}/{seq}" => format!("/history/{item}/4"),
            "/search" => "/search?q=flour".to_owned(),
            "/api/v1/search" => "/api/v1/search?q=flour".to_owned(),
            path => path
                .replace("{agent}", &ana.key().to_string())
                .replace("{type}", "content")
                .replace("{id}", item)
                .replace("{hash}", &blob.to_string())
                .replace("{code}", "CH-0101"),
        };
        paths.push(path);
    }
    let home = house.get("/").await.text();
    let start = home.find("/assets/").expect("the page has a style sheet");
    let asset = home[start..].split('"').next().unwrap();
    paths.push(asset.to_owned());
    paths
}

#[tokio::test(flavor = "multi_thread")]
async fn every_address_answers_head_and_confirms_what_a_reader_has() {
    let (house, mut ana) = house_of(admission::Limits::default()).await;
    let item = ana.chain[4].action_address().to_string();
    let token = house.token(&ana).await;
    let picture = b"a picture".repeat(100);
    house.put_blob(&picture, &token).await;
    ana.create(&manifest(&picture, "image/png", Reach::Commons));
    ana.create(&chain::Item::Path(chain::kind::Path {
        title: "Baking".to_owned(),
        slug: "baking".to_owned(),
        language: "en".to_owned(),
        reach: chain::kind::ReachWord(Reach::Commons),
        ..chain::kind::Path::default()
    }));
    house.publish(&ana).await;
    let blob = ContentHash::of(&picture);
    let paths = addresses(&house, &ana, &item, &blob).await;
    assert!(paths.len() > 18, "{paths:?}");
    for path in paths {
        let get = house.get(&path).await;
        assert_eq!(get.status, 200, "{path}");
        let request = Request::head(&path).body(Body::empty()).unwrap();
        let head = house.send(request).await;
        assert_eq!(head.status, 200, "{path}");
        assert!(head.body.is_empty(), "{path}");
        assert_eq!(told(&get.headers), told(&head.headers), "{path}");
        // How it is at the moment is for this moment alone.
        if ["/health", "/ready"].contains(&path.as_str()) {
            continue;
        }
        let etag = get.header("etag").to_owned();
        assert!(!etag.is_empty(), "{path} has no validator");
        let again = house.get_with(&path, &[("if-none-match", &etag)]).await;
        assert_eq!(
            (again.status.as_u16(), again.body.len()),
            (304, 0),
            "{path}"
        );
        assert_eq!(again.header("etag"), etag, "{path}");
        let other = house
            .get_with(&path, &[("if-none-match", "\"other\"")])
            .await;
        assert_eq!(other.status, 200, "{path}");
    }
    house.close().await;
}

/// The headers that belong to the answer and not to the request.
fn told(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in ["x-request-id", "date"] {
        headers.remove(name);
    }
    headers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_locks_nobody_out() {
    const DAY_SECS: u64 = 86_400;
    let (house, ana) = house_of(admission::Limits {
        address_burst: 5,
        address_requests_per_minute: 60,
        ..admission::Limits::default()
    })
    .await;
    let edge = Edge {
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
    };
    let port = Port::at(([127, 0, 0, 1], 0).into(), house.doorway.served(), edge).await;
    let line = format!("GET /api/v1/chains/{}", ana.key());
    let client = "\r\nx-forwarded-for: 203.0.113.7";
    let admitted = async || {
        let mut count = 0;
        while ask(port.address, &line, client).await.status == 200 {
            count += 1;
            assert!(count <= 5, "nobody gets more than the burst");
        }
        count
    };
    assert_eq!(admitted().await, 5);
    let start = base::Timestamp::from_secs(1_800_000_000);
    let day = base::Duration::from_secs(DAY_SECS);
    for time in [start - day, start + day, base::Timestamp::EPOCH, start] {
        house.hand.set(time);
        admitted().await;
        house.wait_secs(7);
        assert_eq!(admitted().await, 5, "after the burst has filled");
    }
    port.close().await;
    house.close().await;
}
