//! Stopping, starting again, and making the projection anew.

use base::Reach;
use doorway::Limits;

use crate::harness::{House, Person, page};

#[tokio::test(flavor = "multi_thread")]
async fn a_doorway_goes_on_where_it_stopped() {
    let house = House::new().await;
    let mut ana = Person::new(1);
    ana.create(&page("bread", "flour", Reach::Commons));
    house.publish(&ana).await;
    let token = house.token(&ana).await;
    let before = house
        .get("/api/v1/cache/content/bread?proof=1")
        .await
        .text();
    let folder = house.close().await;
    let house = House::at(folder, Limits::default()).await;
    house.settle().await;
    let after = house
        .get("/api/v1/cache/content/bread?proof=1")
        .await
        .text();
    assert_eq!(before, after);
    assert_eq!(
        house.put_blob(b"x", &token).await.status,
        201,
        "tokens stay good"
    );
    ana.create(&page("cake", "sugar", Reach::Commons));
    house.publish(&ana).await;
    assert_eq!(house.get("/pages/cake").await.status, 200);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_that_was_thrown_away_comes_back_the_same() {
    let house = House::new().await;
    let mut ana = Person::new(1);
    for number in 0..300 {
        ana.create(&page(&format!("page-{number}"), "words", Reach::Commons));
    }
    ana.update(4, &page("page-0", "other words", Reach::Commons));
    ana.delete(5);
    house.publish(&ana).await;
    let before = dump(&house).await;
    let folder = house.close().await;
    for name in [
        "projection.sqlite",
        "projection.sqlite-wal",
        "projection.sqlite-shm",
    ] {
        let path = folder.path().join(name);
        if path.exists() {
            std::fs::remove_file(path).unwrap();
        }
    }
    let house = House::at(folder, Limits::default()).await;
    house.settle().await;
    assert_eq!(dump(&house).await, before);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_page_waits_for_its_body_and_is_then_whole() {
    let house = House::new().await;
    let mut ana = Person::new(1);
    let long = "a long story ".repeat(8_000);
    let (id, body) = ana.create(&page("story", &long, Reach::Commons));
    let answer = house.append(ana.key(), &ana.chain).await;
    assert_eq!(answer.code(), "CH-0314", "its body is not here");
    let token = house.token(&ana).await;
    assert_eq!(house.put_blob(&body.unwrap(), &token).await.status, 201);
    house.publish(&ana).await;
    let item = house
        .get(&format!("/api/v1/cache/content/{id}?proof=1"))
        .await;
    let proven = api::proof::check(&item.body).unwrap();
    assert!(matches!(proven.item, chain::Item::Content(content) if content.body == long));
    let found: api::SearchView = house.get("/api/v1/search?q=story").await.json();
    assert_eq!(found.total, 1);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_former_member_wrote_stays_even_when_the_projection_is_made_anew() {
    let house = House::new().await;
    let (ana, mut ben) = (Person::new(1), Person::new(2));
    house.admit(&ben, "member").await;
    ben.create(&page("butter", "cream", Reach::Commons));
    house.publish(&ben).await;
    let token = house.token(&ana).await;
    let dismiss = axum::http::Request::delete(format!("/admin/members/{}", ben.key()))
        .header("authorization", format!("Bearer {token}"))
        .body(axum::body::Body::empty())
        .unwrap();
    assert_eq!(house.send(dismiss).await.status, 204);
    ben.create(&page("more-butter", "cream", Reach::Commons));
    assert_eq!(house.append(ben.key(), &ben.chain).await.code(), "CH-0205");
    let folder = house.close().await;
    std::fs::remove_file(folder.path().join("projection.sqlite")).unwrap();
    let house = House::at(folder, Limits::default()).await;
    house.settle().await;
    assert_eq!(house.get("/pages/butter").await.status, 200);
    house.close().await;
}

/// Everything that the projection shows.
async fn dump(house: &House) -> String {
    house.get("/api/v1/cache/content?limit=1000").await.text()
}
