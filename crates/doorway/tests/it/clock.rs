//! A doorway whose clock jumps by a day, back and forth: readers get what is right all the same.

use base::{Duration, Reach, Timestamp};
use doorway::Limits;
use doorway_core::outbox;

use crate::harness::{House, Person, page};

const START: Timestamp = Timestamp::from_secs(1_800_000_000);
const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test(flavor = "multi_thread")]
async fn readers_get_what_is_right_whatever_the_clock_says() {
    let house = House::new().await;
    let mut ana = Person::new(1);
    ana.create(&page("bread", "round 0", Reach::Commons));
    house.publish(&ana).await;
    let times = [
        START - DAY,
        START + DAY,
        START,
        Timestamp::EPOCH,
        START + DAY + DAY,
        START - DAY,
    ];
    let paths = [
        "/pages/bread",
        "/api/v1/cache/content/bread",
        "/search?q=round",
    ];
    for (round, time) in times.into_iter().enumerate() {
        for path in paths {
            assert_eq!(house.get(path).await.status, 200, "{path}");
        }
        house.hand.set(time);
        for path in paths {
            let shown = house.get(path).await;
            let expect = if path.starts_with("/search") {
                "round"
            } else {
                &format!("round {round}")
            };
            assert!(shown.text().contains(expect), "{path} at {time:?}");
        }
        assert_eq!(house.get("/pages/nothing").await.status, 404);
        let words = format!("round {}", round + 1);
        ana.update(4, &page("bread", &words, Reach::Commons));
        house.publish(&ana).await;
        for path in &paths[..2] {
            let shown = house.get(path).await;
            assert!(shown.text().contains(&words), "{path} at {time:?}");
        }
        let listed: api::ListView = house.get("/api/v1/cache/content").await.json();
        assert_eq!(listed.items.len(), 1);
    }
    ana.update(4, &page("bread", "mine", Reach::Private));
    house.hand.set(START - DAY);
    house.publish(&ana).await;
    house.hand.set(START + DAY);
    for path in &paths[..2] {
        assert_eq!(house.get(path).await.status, 404, "{path}");
    }
    // A page that was not there is there at once when it comes, whatever the time.
    house.hand.set(START - DAY);
    ana.create(&page("nothing", "words", Reach::Commons));
    house.publish(&ana).await;
    assert_eq!(house.get("/pages/nothing").await.status, 200);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_of_the_log_are_neither_lost_nor_cut_off_by_a_clock() {
    let limits = Limits {
        events: outbox::Limits {
            poll_interval: Duration::from_millis(20),
            ..outbox::Limits::default()
        },
        ..Limits::default()
    };
    let house = House::with_limits(limits).await;
    let port = house.listen().await;
    let mut reader = port.client().events(None).await.unwrap();
    assert_eq!(reader.next().await.unwrap().unwrap().name, "live");
    let mut ana = Person::new(1);
    let times = [START - DAY, START + DAY, Timestamp::EPOCH, START];
    for (round, time) in times.into_iter().enumerate() {
        house.hand.set(time);
        ana.create(&page(&format!("page-{round}"), "words", Reach::Commons));
        house.publish(&ana).await;
        let told = reader.next().await.unwrap().unwrap();
        let view: api::EventView = serde_json::from_str(&told.data).unwrap();
        assert_eq!(view.number, Some(round as u64 + 1), "{told:?}");
    }
    house.begin_to_end();
    assert_eq!(reader.next().await.unwrap().unwrap().name, "closed");
    port.close().await;
    house.close().await;
}
