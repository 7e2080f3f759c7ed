//! The log of events as its readers get it: everything once, in order, and nothing that is not for everybody.

use std::time::Duration;

use api::{ClosedView, EventView, LiveView, OutdatedView};
use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use base::Reach;
use doorway::Limits;
use doorway_core::outbox;
use futures::StreamExt as _;
use futures::future::join_all;
use serde::de::DeserializeOwned;
use tower::ServiceExt as _;

use crate::harness::{House, Person, Plan, page, until};

/// One event, or a comment.
#[derive(Debug)]
struct Told {
    name: String,
    id: String,
    data: String,
    text: String,
}

impl Told {
    fn read(text: String) -> Self {
        let field = |name: &str| {
            let mut lines = text.lines();
            let found = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            found.unwrap_or_default().to_owned()
        };
        Self {
            name: field("event"),
            id: field("id"),
            data: field("data"),
            text,
        }
    }

    fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

struct Reader(BodyDataStream);

impl Reader {
    async fn open(house: &House, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = house.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        Self(response.into_body().into_data_stream())
    }

    /// Returns the next event; nothing at the end.
    async fn next(&mut self) -> Option<Told> {
        let piece = tokio::time::timeout(Duration::from_secs(30), self.0.next()).await;
        let piece = piece.expect("something comes")?.unwrap();
        Some(Told::read(String::from_utf8(piece.to_vec()).unwrap()))
    }

    /// Reads up to an event of this name.
    async fn up_to(&mut self, name: &str) -> Vec<Told> {
        let mut all = Vec::new();
        loop {
            let told = self.next().await.expect("the stream goes on");
            let is_last = told.name == name;
            all.push(told);
            if is_last {
                return all;
            }
        }
    }
}

const LOG: &str = "/api/v1/events";

/// A doorway with a chain that moved several times.
async fn moved(times: usize) -> (House, Person) {
    let house = House::new().await;
    let mut ana = Person::new(1);
    for number in 0..times {
        ana.create(&page(&format!("page-{number}"), "words", Reach::Commons));
        house.publish(&ana).await;
    }
    (house, ana)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_gets_what_was_and_then_what_happens() {
    let (house, mut ana) = moved(5).await;
    let mut reader = Reader::open(&house, LOG, &[]).await;
    let before = reader.up_to("live").await;
    let (live, chains) = before.split_last().unwrap();
    let views: Vec<EventView> = chains.iter().map(Told::json).collect();
    let numbers: Vec<_> = views.iter().map(|view| view.number).collect();
    assert_eq!(numbers, (1..=5).map(Some).collect::<Vec<_>>());
    assert_eq!(views.last().unwrap().seq, 8);
    assert_eq!(views[2].changes[0].slug, "page-2");
    assert_eq!(views[2].changes[0].change, "put");
    assert_eq!(live.json::<LiveView>().number, 5);
    assert_eq!(live.id, chains.last().unwrap().id, "where it goes on");
    for number in 6..30 {
        ana.create(&page(&format!("page-{number}"), "words", Reach::Commons));
        house.publish(&ana).await;
        let told = reader.next().await.unwrap();
        let view: EventView = told.json();
        assert_eq!((told.name.as_str(), view.number), ("chain", Some(number)));
    }
    drop(reader);
    until("nothing is left of it", async || house.streams() == 0).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_goes_on_after_what_it_has() {
    let (house, mut ana) = moved(5).await;
    let mut reader = Reader::open(&house, LOG, &[]).await;
    let all = reader.up_to("live").await;
    let third = all[2].id.clone();
    let in_address = format!("{LOG}?after={third}");
    for (path, header) in [(LOG, third.as_str()), (in_address.as_str(), "")] {
        let mut reader = Reader::open(&house, path, &[("last-event-id", header)]).await;
        let rest = reader.up_to("live").await;
        let ids: Vec<_> = rest.iter().map(|told| told.id.as_str()).collect();
        assert_eq!(ids, [&all[3].id, &all[4].id, &all[4].id]);
    }
    // What a reader has counts more than where it once began.
    let now = format!("{LOG}?after=now");
    let mut reader = Reader::open(&house, &now, &[("last-event-id", &third)]).await;
    assert_eq!(reader.next().await.unwrap().id, all[3].id);
    let mut reader = Reader::open(&house, &now, &[]).await;
    assert_eq!(reader.next().await.unwrap().name, "live");
    ana.create(&page("new", "words", Reach::Commons));
    house.publish(&ana).await;
    assert_eq!(
        reader.next().await.unwrap().json::<EventView>().number,
        Some(6)
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_with_a_foreign_place_is_told_and_starts_from_the_chains() {
    let (house, ana) = moved(5).await;
    for bad in [
        "x",
        "-",
        "0123-4",
        "0123456789abcdeF-1",
        "0123456789abcdef-01",
        "NOW",
    ] {
        let answer = house.get(&format!("{LOG}?after={bad}")).await;
        assert_eq!(answer.code(), "CH-0103", "{bad}");
        let answer = house.get_with(LOG, &[("last-event-id", bad)]).await;
        assert_eq!(answer.code(), "CH-0103", "{bad}");
    }
    let mut reader = Reader::open(&house, LOG, &[]).await;
    let own = reader.next().await.unwrap().id;
    let (log, _) = own.split_once('-').unwrap();
    let places = [
        ("0123456789abcdef-2".to_owned(), "other-log"),
        (format!("{log}-77"), "ahead"),
    ];
    for (place, reason) in places {
        let mut reader = Reader::open(&house, LOG, &[("last-event-id", &place)]).await;
        let told = reader.up_to("live").await;
        assert_eq!(told[0].json::<OutdatedView>().reason, reason);
        assert_eq!(told[1].name, "chain");
        let state: EventView = told[1].json();
        assert_eq!((state.number, state.seq), (None, 8));
        assert_eq!(state.agent, ana.key().to_string());
        assert_eq!(told.last().unwrap().id, format!("{log}-5"));
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_for_everybody_is_not_in_the_log() {
    let house = House::new().await;
    let mut ana = Person::new(1);
    let mut secrets = Vec::new();
    for reach in [Reach::Private, Reach::Neighborhood, Reach::Regional] {
        let slug = format!("zebra-{reach}");
        secrets.push(ana.create(&page(&slug, "words", reach)).0);
    }
    ana.create(&page("bread", "words", Reach::Commons));
    // A blob's manifest of narrower reach, too.
    house.publish(&ana).await;
    ana.update(4, &page("zebra-private", "other words", Reach::Private));
    house.publish(&ana).await;
    ana.delete(5);
    house.publish(&ana).await;
    ana.update(7, &page("zebra-bread", "words", Reach::Private));
    house.publish(&ana).await;
    let mut reader = Reader::open(&house, LOG, &[]).await;
    let told = reader.up_to("live").await;
    let text: String = told.iter().map(|told| told.text.as_str()).collect();
    assert!(!text.contains("zebra"), "{text}");
    for id in secrets {
        let data: Vec<EventView> = told[..told.len() - 1].iter().map(Told::json).collect();
        let mut changes = data.iter().flat_map(|view| &view.changes);
        assert!(changes.all(|changed| changed.id != id), "{text}");
    }
    let hidden: EventView = told[told.len() - 2].json();
    assert_eq!(hidden.changes.len(), 1);
    assert_eq!(hidden.changes[0].change, "hidden");
    assert_eq!(hidden.changes[0].slug, "bread");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_log_says_that_it_is_there() {
    let events = outbox::Limits {
        heartbeat_interval: base::Duration::from_millis(20),
        ..outbox::Limits::default()
    };
    let house = with_events(events).await;
    let mut reader = Reader::open(&house, LOG, &[]).await;
    reader.up_to("live").await;
    for _ in 0..3 {
        let told = reader.next().await.unwrap();
        assert_eq!(told.text, ": still here\n\n");
    }
    house.close().await;
}

async fn with_events(events: outbox::Limits) -> House {
    let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let limits = Limits {
        events,
        ..Limits::default()
    };
    let plan = Plan {
        limits,
        ..Plan::new()
    };
    House::planned(folder, plan).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_does_not_read_is_cut_off_and_told_so() {
    let events = outbox::Limits {
        pending_items_max: 8,
        page_events_max: 4,
        slow_time_max: base::Duration::from_secs(3),
        full_time_max: base::Duration::from_secs(2),
        ..outbox::Limits::default()
    };
    let house = with_events(events).await;
    let mut ana = Person::new(1);
    for number in 0..30 {
        ana.create(&page(&format!("page-{number}"), "words", Reach::Commons));
        house.publish(&ana).await;
    }
    let mut idle = Reader::open(&house, LOG, &[]).await;
    let mut busy = Reader::open(&house, LOG, &[]).await;
    assert_eq!(busy.up_to("live").await.len(), 31, "others are not held up");
    drop(busy);
    until("it is cut off", async || house.streams() == 0).await;
    let mut told = Vec::new();
    while let Some(one) = idle.next().await {
        told.push(one);
    }
    let (last, events) = told.split_last().unwrap();
    assert_eq!(last.json::<ClosedView>().reason, "too-slow");
    assert!(
        events.len() < 8,
        "what waited for it is bounded: {}",
        events.len()
    );
    // It comes again and misses nothing.
    let place = events.last().unwrap().id.clone();
    let mut again = Reader::open(&house, LOG, &[("last-event-id", &place)]).await;
    let rest = again.up_to("live").await;
    assert_eq!(events.len() + rest.len() - 1, 30);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_readers_get_the_same() {
    let (house, mut ana) = moved(3).await;
    let opened = (0..200).map(|_| Reader::open(&house, LOG, &[]));
    let mut readers = join_all(opened).await;
    join_all(readers.iter_mut().map(|reader| reader.up_to("live"))).await;
    assert_eq!(house.streams(), 200);
    for number in 3..8 {
        ana.create(&page(&format!("page-{number}"), "words", Reach::Commons));
        house.publish(&ana).await;
    }
    let read = readers.iter_mut().map(async |reader| {
        let mut seqs = Vec::new();
        while seqs.last() != Some(&11) {
            seqs.push(reader.next().await.unwrap().json::<EventView>().seq);
        }
        seqs
    });
    for seqs in join_all(read).await {
        assert_eq!(seqs, [7, 8, 9, 10, 11]);
    }
    drop(readers);
    until("nobody reads", async || house.streams() == 0).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_head_of_the_log_says_what_it_is() {
    let house = House::new().await;
    let request = Request::head(LOG).body(Body::empty()).unwrap();
    let head = house.send(request).await;
    assert_eq!(head.status, 200);
    assert_eq!(
        head.header("content-type"),
        "text/event-stream; charset=utf-8"
    );
    assert_eq!(head.header("cache-control"), "no-store");
    assert!(head.body.is_empty());
    assert_eq!(house.streams(), 0, "nobody is served");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doorway_that_ends_says_so_to_its_readers() {
    let (house, _) = moved(1).await;
    let port = house.listen().await;
    let mut near = Reader::open(&house, LOG, &[]).await;
    near.up_to("live").await;
    let mut far = port.client().events(None).await.unwrap();
    while far.next().await.unwrap().unwrap().name != "live" {}
    house.begin_to_end();
    let closed = near.next().await.unwrap();
    assert_eq!(closed.json::<ClosedView>().reason, "shutting-down");
    assert!(near.next().await.is_none());
    let closed = far.next().await.unwrap().unwrap();
    assert_eq!(closed.name, "closed");
    assert_eq!(far.next().await.unwrap(), None);
    port.close().await;
    house.close().await;
}
