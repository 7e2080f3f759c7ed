//! The store of the projection: a batch is applied where it starts, once, or not at all; and every make of store
//! gives the same answers.

mod answers;
mod bulk;
mod figures;
mod grant;
mod histories;
mod history;
mod reference;
mod server;
mod stage;

use base::Reach;
use chain::{ActionHash, Item, Record};
use doorway::store::{Applied, ListQuery, ProjectionStore, Sight, StoreError};
use doorway_core::projector::{Batch, Change, Cursor, Version};

use crate::harness::{Person, page};
use stage::{acquire, stages};

/// Everything that a store holds, as far as a reader could tell.
#[derive(Debug, PartialEq)]
struct Held {
    cursors: Vec<Cursor>,
    pages: Vec<(String, u32, String)>,
    versions: Vec<(u32, String)>,
    found: u32,
}

async fn held(store: &dyn ProjectionStore, item: &ActionHash) -> Held {
    let query = ListQuery {
        kind: "content".to_owned(),
        limit: 100,
        ..ListQuery::default()
    };
    let search = doorway::store::SearchQuery {
        text: "loaf".to_owned(),
        offset: 0,
        limit: 10,
    };
    let cursors = store.cursors().await.unwrap();
    let rows = store.list(query, &Sight::ANONYMOUS).await.unwrap();
    let versions = store.versions(&item.to_string()).await.unwrap();
    Held {
        cursors: cursors.into_iter().map(|(_, cursor)| cursor).collect(),
        pages: rows
            .into_iter()
            .map(|row| (row.slug, row.seq, row.title))
            .collect(),
        versions: versions
            .into_iter()
            .map(|version| (version.seq, version.change))
            .collect(),
        found: store.search(search, &Sight::ANONYMOUS).await.unwrap().total,
    }
}

fn cursor(record: &Record) -> Cursor {
    Cursor {
        seq: record.action().action_seq(),
        hash: record.action_address().clone(),
        timestamp: base::Timestamp::from_secs(1_700_000_100),
        is_closed: false,
    }
}

/// The batch that stores the version which the record at `index` holds.
fn batch(person: &Person, after: Option<u32>, index: usize, item: Item) -> Batch {
    let record = person.chain[index].clone();
    let seq = record.action().action_seq();
    Batch {
        agent: person.key().clone(),
        after,
        cursor: cursor(&record),
        changes: vec![Change::Put(Box::new(Version {
            item: person.chain[4].action_address().clone(),
            action: record.action_address().clone(),
            seq,
            author: person.key().clone(),
            at: base::Timestamp::from_secs(1_700_000_100),
            is_first: index == 4,
            content: item,
            spilled: None,
        }))],
        records: vec![record],
    }
}

/// Applies a batch under the first epoch.
async fn apply(store: &dyn ProjectionStore, batch: Batch) -> Result<Applied, StoreError> {
    stage::apply(store, 1, batch).await
}

/// Lets somebody write a page of three versions at 4, 5 and 6 for an empty store.
async fn prepared(store: &dyn ProjectionStore) -> (Person, Vec<Item>) {
    assert_eq!(acquire(store, "a").await, 1);
    let mut ana = Person::new(1);
    let items: Vec<Item> = ["a loaf", "a round loaf", "a long loaf"]
        .into_iter()
        .map(|body| page("bread", body, Reach::Commons))
        .collect();
    ana.create(&items[0]);
    ana.update(4, &items[1]);
    ana.update(4, &items[2]);
    (ana, items)
}

#[tokio::test]
async fn a_fresh_store_refuses_what_starts_later() {
    for stage in stages().await {
        println!("{}", stage.name);
        let store = stage.store.as_ref();
        refuse_what_starts_later(store).await;
        store.close().await.unwrap();
    }
}

async fn refuse_what_starts_later(store: &dyn ProjectionStore) {
    let (ana, items) = prepared(store).await;
    let id = ana.chain[4].action_address().clone();
    let empty = held(store, &id).await;
    assert!(empty.cursors.is_empty() && empty.pages.is_empty());
    for after in [Some(0), Some(3)] {
        let late = batch(&ana, after, 4, items[0].clone());
        let applied = apply(store, late).await.unwrap();
        assert_eq!(applied, Applied::Elsewhere(None), "{after:?}");
        assert_eq!(held(store, &id).await, empty, "{after:?}");
    }
    let applied = apply(store, batch(&ana, None, 4, items[0].clone())).await;
    let Applied::Stored { event, skipped } = applied.unwrap() else {
        panic!("it was refused");
    };
    assert!(skipped.is_empty());
    assert_eq!((event.number, event.seq, event.changes.len()), (1, 4, 1));
    assert_eq!(event.changes[0].item, id);
    let full = held(store, &id).await;
    assert_eq!(full.pages, [("bread".into(), 4, "About bread".into())]);
    assert_eq!((full.cursors[0].seq, full.found), (4, 1));
}

#[tokio::test]
async fn a_batch_that_comes_again_changes_nothing() {
    for stage in stages().await {
        println!("{}", stage.name);
        let store = stage.store.as_ref();
        come_again(store).await;
        store.close().await.unwrap();
    }
}

async fn come_again(store: &dyn ProjectionStore) {
    let (ana, items) = prepared(store).await;
    let id = ana.chain[4].action_address().clone();
    let first = batch(&ana, None, 4, items[0].clone());
    let second = batch(&ana, Some(4), 5, items[1].clone());
    apply(store, first.clone()).await.unwrap();
    apply(store, second.clone()).await.unwrap();
    let before = held(store, &id).await;
    let versions = [(4, "create".to_owned()), (5, "update".to_owned())];
    assert_eq!(before.versions, versions);
    for again in [first, second] {
        let after = again.after;
        let applied = apply(store, again).await.unwrap();
        let stands = Applied::Elsewhere(Some(cursor(&ana.chain[5])));
        assert_eq!(applied, stands, "{after:?}");
        assert_eq!(held(store, &id).await, before, "{after:?}");
    }
}

#[tokio::test]
async fn a_batch_behind_a_gap_waits_for_what_is_missing() {
    for stage in stages().await {
        println!("{}", stage.name);
        let store = stage.store.as_ref();
        wait_behind_a_gap(store).await;
        store.close().await.unwrap();
    }
}

async fn wait_behind_a_gap(store: &dyn ProjectionStore) {
    let (ana, items) = prepared(store).await;
    let id = ana.chain[4].action_address().clone();
    apply(store, batch(&ana, None, 4, items[0].clone()))
        .await
        .unwrap();
    let before = held(store, &id).await;
    let last = batch(&ana, Some(5), 6, items[2].clone());
    let applied = apply(store, last.clone()).await.unwrap();
    let stands = Applied::Elsewhere(Some(cursor(&ana.chain[4])));
    assert_eq!(applied, stands);
    assert_eq!(held(store, &id).await, before);

    let missing = batch(&ana, Some(4), 5, items[1].clone());
    for next in [missing, last] {
        let applied = apply(store, next).await.unwrap();
        assert!(matches!(applied, Applied::Stored { .. }), "{applied:?}");
    }
    let full = held(store, &id).await;
    assert_eq!((full.cursors[0].seq, full.versions.len()), (6, 3));
    assert_eq!(full.pages[0].1, 6, "the newest version is shown");
}
