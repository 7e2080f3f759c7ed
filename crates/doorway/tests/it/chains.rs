//! Records that are taken, and all the ways in which they are not.

use api::{ChainPutView, ChainView, RecordView};
use axum::http::Method;
use base::Reach;
use chain::{ActionData, Signature, dna, record};
use serde_json::json;

use crate::harness::{House, Person, page};

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_is_taken_once_however_often_it_is_sent() {
    let house = House::new().await;
    let mut ana = Person::new(1);
    ana.create(&page("bread", "flour", Reach::Commons));
    house.publish(&ana).await;
    let again: ChainPutView = house.append(ana.key(), &ana.chain).await.json();
    assert_eq!((again.accepted, again.head.seq), (0, 4));
    let tail: ChainPutView = house.append(ana.key(), &ana.chain[3..]).await.json();
    assert_eq!(tail.accepted, 0);
    let page: ChainView = house
        .get(&format!("/api/v1/chains/{}?after=1&limit=2", ana.key()))
        .await
        .json();
    assert_eq!(page.records.len(), 2);
    assert_eq!(page.next_after, Some(3));
    assert_eq!(page.head.unwrap().seq, 4);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_do_not_continue_the_chain_are_refused_and_leave_no_trace() {
    let house = House::new().await;
    let mut ana = Person::new(1);
    ana.create(&page("bread", "flour", Reach::Commons));
    house.publish(&ana).await;
    ana.create(&page("cake", "sugar", Reach::Commons));
    let last = ana.chain.last().unwrap().clone();

    let mut forged = last.clone();
    forged.signed_action.signature = Signature([7; 64]);
    let mut swapped = RecordView::of(&last);
    swapped.entry = RecordView::of(&ana.chain[4]).entry;
    let mut missing = RecordView::of(&last);
    missing.entry = None;
    let mut garbled = RecordView::of(&last);
    garbled.action.replace_range(4..8, "AAAA");
    let mut fork = Person::new(1);
    fork.create(&page("bread", "another flour", Reach::Commons));
    let foreign = Person::new(2);
    let stranger = Person::of(1, &dna::hash_for("another community"));
    let mut gap = Person::new(1);
    for slug in ["a", "b", "c"] {
        gap.create(&page(slug, "x", Reach::Commons));
    }

    let views = |records: &[chain::Record]| records.iter().map(RecordView::of).collect::<Vec<_>>();
    let cases = [
        ("bad signature", views(&[forged]), "CH-0301"),
        ("gap", views(&gap.chain[6..]), "CH-0302"),
        ("fork", views(&fork.chain[4..]), "CH-0303"),
        ("foreign author", views(&foreign.chain), "CH-0304"),
        ("other community", views(&stranger.chain), "CH-0305"),
        ("not a record", vec![garbled], "CH-0306"),
        ("swapped entry", vec![swapped], "CH-0307"),
        ("missing entry", vec![missing], "CH-0307"),
    ];
    let path = format!("/api/v1/chains/{}", ana.key());
    for (name, records, code) in cases {
        let body = json!({ "schema_version": 1, "records": records });
        let answer = house.send_json(Method::PUT, &path, None, &body).await;
        assert_eq!(answer.code(), code, "{name}: {}", answer.text());
    }
    let view: ChainView = house.get(&path).await.json();
    assert_eq!(view.head.unwrap().seq, 4, "nothing was taken");
    house.publish(&ana).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chains_of_other_communities_and_of_strangers_do_not_begin_here() {
    let house = House::new().await;
    let stranger = Person::of(1, &dna::hash_for("another community"));
    let answer = house.append(stranger.key(), &stranger.chain).await;
    assert_eq!(answer.code(), "CH-0305");
    let eve = Person::new(66);
    let answer = house.append(eve.key(), &eve.chain).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.code(), "CH-0205");
    house.admit(&eve, "member").await;
    house.publish(&eve).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_chain_are_explained() {
    let house = House::new().await;
    let ana = Person::new(1);
    let path = format!("/api/v1/chains/{}", ana.key());
    let cases = [
        (json!({ "schema_version": 2, "records": [] }), "CH-0106"),
        (json!({ "records": "none" }), "CH-0112"),
        (json!({ "schema_version": 1, "records": [] }), "CH-0112"),
    ];
    for (body, code) in cases {
        let answer = house.send_json(Method::PUT, &path, None, &body).await;
        assert_eq!(answer.code(), code, "{body}");
    }
    let too_many = vec![RecordView::of(&ana.chain[0]); 501];
    let body = json!({ "schema_version": 1, "records": too_many });
    let answer = house.send_json(Method::PUT, &path, None, &body).await;
    assert_eq!(answer.code(), "CH-0107");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused_with_the_versions_that_are_read() {
    let house = House::new().await;
    let ana = Person::new(1);
    for (version, is_read) in [("1", true), ("2", false), ("x", false), ("0", false)] {
        let body = json!({ "records": ana.chain.iter().map(RecordView::of).collect::<Vec<_>>() });
        let request = axum::http::Request::put(format!("/api/v1/chains/{}", ana.key()))
            .header("content-type", "application/json")
            .header("x-schema-version", version)
            .body(axum::body::Body::from(body.to_string()))
            .unwrap();
        let answer = house.send(request).await;
        assert_eq!(
            answer.status == 200,
            is_read,
            "{version}: {}",
            answer.text()
        );
        if !is_read {
            assert_eq!(answer.code(), "CH-0106");
        }
        let told = answer.header("x-supported-schema-versions");
        assert_eq!(told, "1", "{version}: told with every answer");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_chain_takes_no_more() {
    let house = House::new().await;
    let mut ana = Person::new(1);
    ana.create(&page("bread", "flour", Reach::Commons));
    let last = ana.chain.pop().unwrap();
    let mut action = last.action().clone();
    action.data = ActionData::CloseChain(chain_close());
    let signature = chain::Signer::sign(&ana.signer, &action).unwrap();
    let closing = record::assemble(action, signature, None);
    ana.chain.push(closing);
    house.publish(&ana).await;
    let mut more = ana.chain[4].action().clone();
    more.header.action_seq = 5;
    more.header.prev_action = Some(ana.chain[4].action_address().clone());
    let signature = chain::Signer::sign(&ana.signer, &more).unwrap();
    let more = record::assemble(more, signature, None);
    let answer = house.append(ana.key(), &[more]).await;
    assert_eq!(answer.code(), "CH-0312");
    house.close().await;
}

fn chain_close() -> holochain_integrity_types::action::CloseChainData {
    holochain_integrity_types::action::CloseChainData { new_target: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_changes_what_another_wrote() {
    let house = House::new().await;
    let (mut ana, mut ben) = (Person::new(1), Person::new(2));
    house.admit(&ben, "member").await;
    let (id, _) = ana.create(&page("bread", "flour", Reach::Commons));
    house.publish(&ana).await;
    let original = ana.chain[4].clone();
    ben.write(chain::Write::Update {
        original: original.action_address().clone(),
        original_entry: original.action().entry_hash().unwrap().clone(),
        envelope: page("bread", "sawdust", Reach::Commons)
            .seal()
            .unwrap()
            .envelope,
        visibility: chain::EntryVisibility::Public,
    });
    ben.write(chain::Write::Delete {
        original: original.action_address().clone(),
        original_entry: original.action().entry_hash().unwrap().clone(),
    });
    ben.create(&page("butter", "cream", Reach::Commons));
    house.publish(&ben).await;
    let item: api::ItemView = house
        .get(&format!("/api/v1/cache/content/{id}"))
        .await
        .json();
    assert_eq!(item.content.unwrap().body, "flour");
    let butter = house.get("/api/v1/cache/content/butter").await;
    assert_eq!(butter.status, 200, "what follows is projected");
    house.close().await;
}
