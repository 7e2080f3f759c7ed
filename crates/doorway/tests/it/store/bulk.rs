//! Words of big batches are indexed later: all is shown at once, and found in the end as if it had come piece by piece.

use doorway::store::{Applied, ProjectionStore, SearchQuery, Sight, SqliteStore};
use doorway_core::projector::BULK_RECORDS_MIN;

use super::answers::answers;
use super::history::{Dice, History};
use super::reference::Naive;
use super::stage::acquire;

/// Applies a batch to both stores with the same result.
async fn apply(stores: [&dyn ProjectionStore; 2], history: &mut History, len: usize) -> bool {
    let Some(apply) = history.next_of(1, len) else {
        return false;
    };
    let [expected, found] = stores.map(|store| store.apply(apply.clone()));
    let expected = expected.await.unwrap();
    assert!(matches!(expected, Applied::Stored { .. }), "{expected:?}");
    assert_eq!(found.await.unwrap(), expected);
    true
}

/// Indexes some of what waits.
async fn index(store: &SqliteStore, limit: u32) -> u64 {
    let before = store.unindexed().await.unwrap();
    let after = store.index_words(1, limit).await.unwrap();
    assert_eq!(after, before.saturating_sub(limit.into()));
    assert_eq!(store.unindexed().await.unwrap(), after);
    after
}

async fn count(store: &SqliteStore, text: &str) -> u32 {
    let query = SearchQuery {
        text: text.to_owned(),
        offset: 0,
        limit: 10,
    };
    store.search(query, &Sight::ANONYMOUS).await.unwrap().total
}

#[tokio::test]
async fn what_comes_in_great_numbers_is_found_in_the_end() {
    for seed in [21, 22] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("projection.sqlite");
        let mut store = SqliteStore::open(&path).unwrap();
        let naive = Naive::default();
        for store in [&store as &dyn ProjectionStore, &naive] {
            assert_eq!(acquire(store, "a").await, 1);
        }
        let mut history = History::new(seed, 1, 800);
        let mut dice = Dice(seed);
        assert!(apply([&naive, &store], &mut history, BULK_RECORDS_MIN).await);
        let waiting = store.unindexed().await.unwrap();
        assert!(waiting > 100, "{waiting}");
        assert_eq!(count(&store, "bread").await, 0, "it waits");
        // What comes now changes and takes back what waits, and what does not any more.
        while apply([&naive, &store], &mut history, 1 + dice.below(40)).await {
            if store.unindexed().await.unwrap() > 0 {
                index(&store, 20).await;
            }
            if dice.below(4) == 0 {
                store.close().await.unwrap();
                store = SqliteStore::open(&path).unwrap();
            }
        }
        while index(&store, 50).await > 0 {}
        assert!(count(&store, "bread").await > 0);
        let expected = answers(&naive, &history.topics).await;
        let found = answers(&store, &history.topics).await;
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "seed {seed}");
        }
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn words_are_indexed_under_the_epoch_that_is_held() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("projection.sqlite")).unwrap();
    assert_eq!(acquire(&store, "a").await, 1);
    let mut history = History::new(23, 1, BULK_RECORDS_MIN + 10);
    let apply = history.next_of(1, BULK_RECORDS_MIN).unwrap();
    store.apply(apply).await.unwrap();
    let waiting = store.unindexed().await.unwrap();
    let refused = store.index_words(2, 10).await.unwrap_err();
    assert!(
        matches!(refused, doorway::store::StoreError::Fenced { epoch: 1, .. }),
        "{refused:?}"
    );
    assert_eq!(store.unindexed().await.unwrap(), waiting);
    store.close().await.unwrap();
}
