//! The store of the projection: a batch is applied where it starts, once, or not at all.

use base::Reach;
use chain::{ActionHash, Item, Record};
use doorway::store::{Applied, ListQuery, ProjectionStore as _, Sight, SqliteStore};
use doorway_core::projector::{Batch, Change, Cursor, Version};

use crate::harness::{Person, page};

/// Everything that a store holds, as far as a reader could tell.
#[derive(Debug, PartialEq)]
struct Held {
    cursors: Vec<Cursor>,
    pages: Vec<(String, u32, String)>,
    versions: Vec<(u32, String)>,
    found: u32,
}

async fn held(store: &SqliteStore, item: &ActionHash) -> Held {
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
            record,
        }))],
    }
}

/// A store, and a chain with a page of three versions at 4, 5 and 6.
fn prepared(folder: &tempfile::TempDir) -> (SqliteStore, Person, Vec<Item>) {
    let store = SqliteStore::open(&folder.path().join("projection.sqlite")).unwrap();
    let mut ana = Person::new(1);
    let items: Vec<Item> = ["a loaf", "a round loaf", "a long loaf"]
        .into_iter()
        .map(|body| page("bread", body, Reach::Commons))
        .collect();
    ana.create(&items[0]);
    ana.update(4, &items[1]);
    ana.update(4, &items[2]);
    (store, ana, items)
}

#[tokio::test]
async fn a_fresh_store_refuses_what_starts_later() {
    let folder = tempfile::tempdir().unwrap();
    let (store, ana, items) = prepared(&folder);
    let id = ana.chain[4].action_address().clone();
    let empty = held(&store, &id).await;
    assert!(empty.cursors.is_empty() && empty.pages.is_empty());
    for after in [Some(0), Some(3)] {
        let late = batch(&ana, after, 4, items[0].clone());
        let applied = store.apply(late).await.unwrap();
        assert_eq!(applied, Applied::Elsewhere(None), "{after:?}");
        assert_eq!(held(&store, &id).await, empty, "{after:?}");
    }
    let applied = store.apply(batch(&ana, None, 4, items[0].clone())).await;
    let changed = vec![id.to_string()];
    let skipped = vec![];
    assert_eq!(applied.unwrap(), Applied::Stored { changed, skipped });
    let full = held(&store, &id).await;
    assert_eq!(full.pages, [("bread".into(), 4, "About bread".into())]);
    assert_eq!((full.cursors[0].seq, full.found), (4, 1));
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_batch_that_comes_again_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (store, ana, items) = prepared(&folder);
    let id = ana.chain[4].action_address().clone();
    let first = batch(&ana, None, 4, items[0].clone());
    let second = batch(&ana, Some(4), 5, items[1].clone());
    store.apply(first.clone()).await.unwrap();
    store.apply(second.clone()).await.unwrap();
    let before = held(&store, &id).await;
    let versions = [(4, "create".to_owned()), (5, "update".to_owned())];
    assert_eq!(before.versions, versions);
    for again in [first, second] {
        let after = again.after;
        let applied = store.apply(again).await.unwrap();
        let stands = Applied::Elsewhere(Some(cursor(&ana.chain[5])));
        assert_eq!(applied, stands, "{after:?}");
        assert_eq!(held(&store, &id).await, before, "{after:?}");
    }
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_batch_behind_a_gap_waits_for_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let (store, ana, items) = prepared(&folder);
    let id = ana.chain[4].action_address().clone();
    store
        .apply(batch(&ana, None, 4, items[0].clone()))
        .await
        .unwrap();
    let before = held(&store, &id).await;
    let last = batch(&ana, Some(5), 6, items[2].clone());
    let applied = store.apply(last.clone()).await.unwrap();
    let stands = Applied::Elsewhere(Some(cursor(&ana.chain[4])));
    assert_eq!(applied, stands);
    assert_eq!(held(&store, &id).await, before);

    let missing = batch(&ana, Some(4), 5, items[1].clone());
    for next in [missing, last] {
        let applied = store.apply(next).await.unwrap();
        assert!(matches!(applied, Applied::Stored { .. }), "{applied:?}");
    }
    let full = held(&store, &id).await;
    assert_eq!((full.cursors[0].seq, full.versions.len()), (6, 3));
    assert_eq!(full.pages[0].1, 6, "the newest version is shown");
    store.close().await.unwrap();
}
