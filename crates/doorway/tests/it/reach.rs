//! Who sees what, by every way in.

use api::{ChainView, ItemView, ListView, SearchView};
use base::{ContentHash, Reach};

use crate::harness::{House, Person, manifest, page};

/// The readers of the table: nobody, the author, another member, somebody whose token is of a former member.
#[tokio::test(flavor = "multi_thread")]
async fn every_way_in_shows_the_same() {
    let house = House::new().await;
    let (mut ana, ben) = (Person::new(1), Person::new(2));
    house.admit(&ben, "member").await;
    let eve = Person::new(3);
    house.admit(&eve, "member").await;
    let former = house.token(&eve).await;
    let steward = house.token(&ana).await;
    let request = axum::http::Request::delete(format!("/admin/members/{}", eve.key()))
        .header("authorization", format!("Bearer {steward}"))
        .body(axum::body::Body::empty())
        .unwrap();
    assert_eq!(house.send(request).await.status, 204);
    for reach in Reach::ALL {
        let slug = format!("about-{reach}");
        ana.create(&page(&slug, &format!("wonderful {reach} words"), reach));
        let blob = format!("blob of {reach}").into_bytes();
        ana.create(&manifest(&blob, "text/plain", reach));
        house.put_blob(&blob, &steward).await;
    }
    house.publish(&ana).await;
    let member = house.token(&ben).await;
    let readers = [
        ("nobody", None),
        ("author", Some(&steward)),
        ("member", Some(&member)),
        ("former", Some(&former)),
    ];
    for (name, token) in readers {
        for reach in Reach::ALL {
            let sees = match name {
                "author" => true,
                "member" => reach >= Reach::Neighborhood,
                _ => reach == Reach::Commons,
            };
            check(&house, token.map(String::as_str), reach, sees, name).await;
        }
    }
    house.close().await;
}

async fn ask(house: &House, path: &str, token: Option<&str>) -> crate::harness::Answer {
    match token {
        Some(token) => house.get_as(path, token).await,
        None => house.get(path).await,
    }
}

async fn check(house: &House, token: Option<&str>, reach: Reach, sees: bool, name: &str) {
    let slug = format!("about-{reach}");
    let what = format!("{name} asks for {slug}");
    let item = ask(house, &format!("/api/v1/cache/content/{slug}"), token).await;
    assert_eq!(item.status.as_u16(), if sees { 200 } else { 404 }, "{what}");
    if sees {
        let view: ItemView = item.json();
        assert_eq!(view.reach, reach.as_str());
        let is_open = reach == Reach::Commons && token.is_none();
        let expected = if is_open {
            "public, no-cache"
        } else {
            "private, no-store"
        };
        assert_eq!(item.header("cache-control"), expected, "{what}");
        let by_id = ask(house, &format!("/proofs/{}", view.id), token).await;
        assert_eq!(by_id.status, 200, "{what}");
    } else {
        assert_eq!(item.code(), "CH-0105");
    }
    let list: ListView = ask(house, "/api/v1/cache/content", token).await.json();
    assert_eq!(
        list.items.iter().any(|item| item.slug == slug),
        sees,
        "{what}"
    );
    let found: SearchView = ask(house, "/api/v1/search?q=wonderful", token).await.json();
    assert_eq!(
        found.hits.iter().any(|hit| hit.summary.slug == slug),
        sees,
        "{what}"
    );
    assert_eq!(found.total as usize, found.hits.len(), "{what}");
    let page = ask(house, &format!("/pages/{slug}"), token).await;
    assert_eq!(page.status.as_u16(), if sees { 200 } else { 404 }, "{what}");
    let home = ask(house, "/", token).await.text();
    assert_eq!(home.contains(&format!("/pages/{slug}\"")), sees, "{what}");
    let blob = format!("blob of {reach}").into_bytes();
    let blob = ask(house, &format!("/store/{}", ContentHash::of(&blob)), token).await;
    assert_eq!(blob.status.as_u16(), if sees { 200 } else { 404 }, "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn chains_show_every_action_and_the_entries_of_what_one_may_see() {
    let house = House::new().await;
    let mut ana = Person::new(1);
    for reach in Reach::ALL {
        ana.create(&page(&format!("about-{reach}"), "words", reach));
    }
    house.publish(&ana).await;
    let path = format!("/api/v1/chains/{}", ana.key());
    let open: ChainView = house.get(&path).await.json();
    assert_eq!(open.records.len(), ana.chain.len(), "no action is left out");
    let shown: Vec<usize> = (4..12)
        .filter(|index| open.records[*index].entry.is_some())
        .collect();
    assert_eq!(shown, [11], "commons is the last of the eight");
    let token = house.token(&ana).await;
    let own: ChainView = house.get_as(&path, &token).await.json();
    assert!((4..12).all(|index| own.records[index].entry.is_some()));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_becomes_private_disappears_at_once() {
    let house = House::new().await;
    let mut ana = Person::new(1);
    ana.create(&page("diary", "open words", Reach::Commons));
    house.publish(&ana).await;
    for path in ["/pages/diary", "/api/v1/cache/content/diary"] {
        assert_eq!(house.get(path).await.status, 200);
        assert_eq!(house.get(path).await.status, 200, "from the hot cache");
    }
    ana.update(4, &page("diary", "secret words", Reach::Private));
    house.publish(&ana).await;
    for path in [
        "/pages/diary",
        "/api/v1/cache/content/diary",
        "/api/v1/search?q=secret",
        "/",
    ] {
        assert!(
            !house.get(path).await.text().contains("secret words"),
            "{path}"
        );
    }
    assert_eq!(house.get("/pages/diary").await.status, 404);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_becomes_open_keeps_its_former_words_for_members() {
    let house = House::new().await;
    let (mut ana, ben) = (Person::new(1), Person::new(2));
    house.admit(&ben, "member").await;
    let (id, _) = ana.create(&page("plan", "former words", Reach::Neighborhood));
    ana.update(4, &page("plan", "open words", Reach::Commons));
    house.publish(&ana).await;
    let member = house.token(&ben).await;
    let ways = [
        format!("/history/{id}/4"),
        format!("/api/v1/cache/content/{id}?seq=4"),
        "/api/v1/cache/content/plan?seq=4".to_owned(),
    ];
    for path in &ways {
        // First the member, so that an answer kept for them would be found.
        for token in [Some(member.as_str()), None, Some(&member), None] {
            let answer = ask(&house, path, token).await;
            let sees = token.is_some();
            assert_eq!(answer.text().contains("former words"), sees, "{path}");
            if sees {
                assert_eq!(answer.status, 200, "{path}");
                assert_eq!(answer.header("cache-control"), "private, no-store");
            } else {
                assert_eq!(answer.code(), "CH-0105", "{path}");
            }
        }
    }
    for path in [
        "/pages/plan".to_owned(),
        format!("/history/{id}"),
        format!("/history/{id}/5"),
        format!("/api/v1/cache/content/{id}?seq=5&proof=1"),
        "/api/v1/search?q=former".to_owned(),
    ] {
        let answer = house.get(&path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.text().contains("former words"), "{path}");
    }
    house.close().await;
}
