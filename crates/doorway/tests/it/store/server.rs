//! What only a server can do to a store: several processes at once, going away and coming back, texts it cannot hold.

use std::pin::pin;
use std::task::Poll;

use base::Reach;
use chain::Item;
use db::Access;
use doorway::store::{
    Applied, Apply, Introduction, PostgresStore, ProjectionStore, SearchQuery, Sight, StoreError,
    Wanted,
};
use doorway_core::lease::{HolderId, Request};
use doorway_core::projector::Change;
use futures::{join, try_join};
use runtime::Supervisor;
use testkit::servers::{Fsync, Postgres};

use super::answers::answers;
use super::batch;
use super::history::History;
use super::reference::Naive;
use super::stage::{self, acquire, connect, database};
use crate::harness::{Person, page};

/// Applies batches in order as a writer does that shares the store; returns how many were stored by this one.
async fn apply_all(store: &PostgresStore, batches: &[Apply]) -> usize {
    let mut stored = 0;
    for apply in batches {
        loop {
            match store.apply(apply.clone()).await {
                Ok(Applied::Stored { .. }) => stored += 1,
                Ok(Applied::Elsewhere(cursor)) => {
                    // The other one was faster.
                    let seq = cursor.map(|cursor| cursor.seq);
                    assert!(seq >= Some(apply.batch.cursor.seq), "{seq:?}");
                }
                Err(StoreError::Unreachable(_)) => {
                    store.postgres().reachable().await.unwrap();
                    continue;
                }
                Err(error) => panic!("{error}"),
            }
            break;
        }
    }
    stored
}

/// Checks that the store holds what the naive one holds after the same batches.
async fn check(store: &dyn ProjectionStore, history: &History, batches: &[Apply]) {
    let naive = Naive::default();
    acquire(&naive, "a").await;
    for apply in batches {
        naive.apply(apply.clone()).await.unwrap();
    }
    let events = |lines: Vec<String>| -> Vec<String> {
        let is_other = |line: &String| !line.starts_with("Event");
        lines.into_iter().filter(is_other).collect()
    };
    // Which of two authors came first is the business of whoever was faster.
    let expected = events(answers(&naive, &history.topics).await);
    let found = events(answers(store, &history.topics).await);
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    let newest = store.log_ends().await.unwrap().newest;
    assert_eq!(newest, batches.len() as u64);
}

#[tokio::test]
async fn two_processes_that_apply_the_same_store_it_once() {
    let Some(url) = database("twice") else { return };
    let (one, other) = join!(
        connect(&url, Access::ReadWrite),
        connect(&url, Access::ReadWrite)
    );
    acquire(&one, "a").await;
    let mut history = History::new(21, 3, 60);
    let batches = history.rest(1);
    let (first, second) = join!(apply_all(&one, &batches), apply_all(&other, &batches));
    assert_eq!(first + second, batches.len());
    check(&one, &history, &batches).await;
    one.close().await.unwrap();
    check(&other, &history, &batches).await;
    other.close().await.unwrap();
}

#[tokio::test]
async fn whoever_only_reads_waits_for_the_tables_and_writes_nothing() {
    let Some(url) = database("reader") else {
        return;
    };
    let (reader, writer) = join!(
        connect(&url, Access::ReadOnly),
        connect(&url, Access::ReadWrite)
    );
    acquire(&writer, "a").await;
    let mut history = History::new(22, 2, 20);
    let batches = history.rest(1);
    let (last, most) = batches.split_last().unwrap();
    apply_all(&writer, most).await;
    check(&reader, &history, most).await;

    let refused = reader.apply(last.clone()).await;
    assert!(matches!(refused, Err(StoreError::Failed(_))), "{refused:?}");
    let holder = HolderId("a".to_owned());
    let (epoch, ttl) = (doorway_core::lease::Epoch(1), base::Duration::from_secs(1));
    let refused = reader.lease(Request::Renew { holder, epoch, ttl }).await;
    assert!(matches!(refused, Err(StoreError::Failed(_))), "{refused:?}");
    let introduction = Introduction {
        name: "Bakers".to_owned(),
        network_seed: "seed".to_owned(),
        origin: String::new(),
    };
    assert!(reader.introduce(&introduction).await.is_err());
    check(&reader, &history, most).await;
    assert_eq!(writer.introduction().await.unwrap(), None);
    try_join!(reader.close(), writer.close()).unwrap();
}

/// Lets a batch get some way, kills the server and starts it again; returns what came of the batch.
async fn cut(
    store: &PostgresStore,
    apply: &Apply,
    steps: usize,
    server: &mut Postgres,
) -> Result<Applied, StoreError> {
    let mut applying = pin!(store.apply(apply.clone()));
    let mut step = 0;
    while step <= steps {
        if let Poll::Ready(applied) = futures::poll!(applying.as_mut()) {
            server.restart().unwrap();
            return applied;
        }
        // Steps count from when the connection is at work.
        step += usize::from(store.postgres().health().busy > 0);
        tokio::task::yield_now().await;
    }
    // Nothing else runs on this thread meanwhile.
    server.restart().unwrap();
    applying.await
}

#[tokio::test]
async fn a_server_that_dies_and_comes_back_loses_and_doubles_nothing() {
    let Some(mut server) = Postgres::start_with(Fsync::On).unwrap() else {
        return;
    };
    let url = server.database("killed").unwrap();
    let writer = connect(&url, Access::ReadWrite).await;
    let reader = connect(&url, Access::ReadOnly).await;
    acquire(&writer, "a").await;
    let mut history = History::new(23, 3, 110);
    let batches = history.rest(1);
    let mut lost = 0;
    for (place, apply) in batches.iter().enumerate() {
        if place % 3 == 1 {
            let applied = cut(&writer, apply, place * 8, &mut server).await;
            lost += usize::from(matches!(applied, Err(StoreError::Unreachable(_))));
            assert!(
                matches!(applied, Ok(_) | Err(StoreError::Unreachable(_))),
                "{applied:?}"
            );
        }
        // What was lost comes again; what was stored is told to be there.
        apply_all(&writer, std::slice::from_ref(apply)).await;
        reader.postgres().reachable().await.unwrap();
        let cursor = reader.cursor(&apply.batch.agent).await.unwrap();
        assert_eq!(cursor.as_ref(), Some(&apply.batch.cursor), "batch {place}");
    }
    assert!(lost > 0, "the server was never killed within a batch");
    println!("{lost} of {} batches were cut", batches.len());
    check(&writer, &history, &batches).await;
    check(&reader, &history, &batches).await;

    server.stop();
    let gone = reader.log_ends().await;
    assert!(matches!(gone, Err(StoreError::Unreachable(_))), "{gone:?}");
    let gone = writer.apply(batches[0].clone()).await;
    assert!(matches!(gone, Err(StoreError::Unreachable(_))), "{gone:?}");
    assert!(reader.log_ends().await.is_err() && !reader.health().is_reachable);
    server.restart().unwrap();
    reader.postgres().reachable().await.unwrap();
    assert_eq!(
        reader.log_ends().await.unwrap().newest,
        batches.len() as u64
    );
    assert!(reader.health().is_reachable);
    try_join!(reader.close(), writer.close()).unwrap();
}

#[tokio::test]
async fn a_text_that_the_server_cannot_hold_is_projected_all_the_same() {
    let Some(url) = database("nul") else { return };
    let store = connect(&url, Access::ReadWrite).await;
    acquire(&store, "a").await;
    let mut ana = Person::new(1);
    let mut item = page("bread", "before\0after \\u0000", Reach::Commons);
    ana.create(&item);
    if let Item::Content(content) = &mut item {
        content.title = "A\0loaf".to_owned();
        content.slug = "br\0ead".to_owned();
        content.tags = vec!["x\0y".to_owned(), "\\u0000".to_owned()];
    }
    let mut batch = batch(&ana, None, 4, item);
    if let Some(Change::Put(version)) = batch.changes.first_mut() {
        version.item = ana.chain[4].action_address().clone();
    }
    let applied = stage::apply(&store, 1, batch).await.unwrap();
    assert!(matches!(applied, Applied::Stored { .. }), "{applied:?}");
    let wanted = Wanted::Place {
        kind: "content",
        course: String::new(),
        slug: "br\0ead".to_owned(),
        author: String::new(),
    };
    let row = store
        .find(wanted, &Sight::ANONYMOUS)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.title, "A\u{fffd}loaf");
    assert_eq!(row.tags, ["x\u{fffd}y", "\\u0000"]);
    let query = SearchQuery {
        text: "lo\0 after".to_owned(),
        offset: 0,
        limit: 10,
    };
    let found = store.search(query, &Sight::ANONYMOUS).await.unwrap();
    assert_eq!(found.total, 1);
    assert!(found.hits[0].1.contains("\u{2}after\u{3}"), "{found:?}");
    let versions = store.versions(&row.id).await.unwrap();
    let kept = versions[0].record.as_ref().unwrap();
    assert_eq!(*kept, ana.chain[4], "the record is as it was signed");
    let event = &store.events(0, 1).await.unwrap()[0];
    assert_eq!(event.changes[0].slug, "br\u{fffd}ead");
    assert!(
        store
            .find(Wanted::Id("\0".to_owned()), &Sight::ANONYMOUS)
            .await
            .unwrap()
            .is_none()
    );
    assert!(store.names_of("\0").await.unwrap().is_empty());
    store.close().await.unwrap();
}

#[tokio::test]
async fn the_schema_is_told_from_the_catalog() {
    let Some(url) = database("schema") else {
        return;
    };
    let store = connect(&url, Access::ReadOnly);
    let (store, writer) = join!(store, connect(&url, Access::ReadWrite));
    let view = store.schema().await.unwrap();
    assert_eq!((view.backend.as_str(), view.migration), ("postgres", 1));
    let sql = |name: &str| {
        let mut tables = view.tables.iter().filter(|table| table.name == name);
        tables
            .next()
            .map(|table| table.sql.clone())
            .unwrap_or_default()
    };
    assert!(
        sql("items").contains("tags JSONB NOT NULL"),
        "{}",
        sql("items")
    );
    assert!(
        sql("records").contains("PRIMARY KEY (agent, seq)"),
        "{}",
        sql("records")
    );
    assert!(sql("items_by_kind").starts_with("CREATE INDEX"), "{view:?}");
    assert!(sql("events_pkey").is_empty());
    try_join!(store.close(), writer.close()).unwrap();
}

#[tokio::test]
async fn a_wrong_address_is_told_without_its_password() {
    let url = "postgres://steward:hidden@127.0.0.1:1/x?sslmode=never";
    let error = PostgresStore::connect(url, Access::ReadWrite, &Supervisor::default()).await;
    let error = error.unwrap_err().to_string();
    assert!(!error.contains("hidden"), "{error}");
}
