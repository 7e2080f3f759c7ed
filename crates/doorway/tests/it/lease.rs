//! Two processes that were told to write one projection: one does, the other waits its turn.

use std::sync::Arc;

use api::HealthView;
use base::Reach;
use chain::AgentPubKey;
use conductor::Embedded;
use doorway::Origin;
use doorway::store::{
    Applied, Apply, ChainRows, Claimant, Found, Introduction, ListQuery, LogEnds, Named,
    ProjectionStore, Reply, Row, SearchQuery, Sight, SqliteStore, StoreHealth, VersionRow, Wanted,
};
use doorway_core::address::Address;
use doorway_core::event::Event;
use doorway_core::lease;
use doorway_core::projector::Cursor;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::harness::{House, Person, Plan, engine, page, until};

/// One process's way to a store that it shares with another: stays open when this one leaves, and can be slow.
struct Way {
    store: Arc<dyn ProjectionStore>,
    /// Writes wait while it is closed.
    gate: watch::Sender<bool>,
    /// How many writes have come.
    writes: watch::Sender<u32>,
}

impl Way {
    fn to(store: &Arc<SqliteStore>) -> Arc<Self> {
        Arc::new(Self {
            store: store.clone(),
            gate: watch::Sender::new(true),
            writes: watch::Sender::new(0),
        })
    }
}

impl ProjectionStore for Way {
    fn cursors(&self) -> Reply<'_, Vec<(AgentPubKey, Cursor)>> {
        self.store.cursors()
    }
    fn cursor<'a>(&'a self, agent: &'a AgentPubKey) -> Reply<'a, Option<Cursor>> {
        self.store.cursor(agent)
    }
    fn apply(&self, apply: Apply) -> Reply<'_, Applied> {
        Box::pin(async move {
            self.writes.send_modify(|writes| *writes += 1);
            let mut gate = self.gate.subscribe();
            gate.wait_for(|is_open| *is_open).await.unwrap();
            self.store.apply(apply).await
        })
    }
    fn chain<'a>(
        &'a self,
        agent: &'a AgentPubKey,
        after: Option<u32>,
        limit: u32,
    ) -> Reply<'a, ChainRows> {
        self.store.chain(agent, after, limit)
    }
    fn claimants<'a>(&'a self, address: &'a Address) -> Reply<'a, Vec<Claimant>> {
        self.store.claimants(address)
    }
    fn names_of<'a>(&'a self, hash: &'a str) -> Reply<'a, Vec<Named>> {
        self.store.names_of(hash)
    }
    fn events(&self, after: u64, limit: u32) -> Reply<'_, Vec<Event>> {
        self.store.events(after, limit)
    }
    fn log_ends(&self) -> Reply<'_, LogEnds> {
        self.store.log_ends()
    }
    fn introduce<'a>(&'a self, introduction: &'a Introduction) -> Reply<'a, ()> {
        self.store.introduce(introduction)
    }
    fn introduction(&self) -> Reply<'_, Option<Introduction>> {
        self.store.introduction()
    }
    fn lease(&self, request: lease::Request) -> Reply<'_, lease::Reply> {
        self.store.lease(request)
    }
    fn find(&self, wanted: Wanted, sight: &Sight) -> Reply<'_, Option<Row>> {
        self.store.find(wanted, sight)
    }
    fn list(&self, query: ListQuery, sight: &Sight) -> Reply<'_, Vec<Row>> {
        self.store.list(query, sight)
    }
    fn search(&self, query: SearchQuery, sight: &Sight) -> Reply<'_, Found> {
        self.store.search(query, sight)
    }
    fn versions(&self, id: &str) -> Reply<'_, Vec<VersionRow>> {
        self.store.versions(id)
    }
    fn version(&self, id: &str, seq: u32) -> Reply<'_, Option<VersionRow>> {
        self.store.version(id, seq)
    }
    fn pages_of(&self, course: &str, author: &str, sight: &Sight) -> Reply<'_, Vec<Row>> {
        self.store.pages_of(course, author, sight)
    }
    fn unindexed(&self) -> Reply<'_, u64> {
        self.store.unindexed()
    }
    fn index_words(&self, epoch: u64, limit: u32) -> Reply<'_, u64> {
        self.store.index_words(epoch, limit)
    }
    fn schema(&self) -> Reply<'_, api::DbSchemaView> {
        self.store.schema()
    }
    fn health(&self) -> StoreHealth {
        self.store.health()
    }
    fn close(&self) -> Reply<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}

/// Two processes on one store and one conductor.
struct Pair {
    store: Arc<SqliteStore>,
    engine: Arc<Embedded>,
    way: Arc<Way>,
    first: House,
    second: House,
    _folder: TempDir,
}

impl Pair {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("shared.sqlite")).unwrap();
        let (store, engine) = (Arc::new(store), engine(folder.path()));
        let way = Way::to(&store);
        let plan = |way: Arc<Way>, is_clock_running: bool| Plan {
            origin: Some(Origin::Hosted(engine.clone())),
            store: Some(way),
            is_clock_running,
            ..Plan::new()
        };
        let place = || Arc::new(tempfile::tempdir().unwrap());
        let first = House::planned(place(), plan(way.clone(), false)).await;
        let second = House::planned(place(), plan(Way::to(&store), true)).await;
        Self {
            store,
            way,
            first,
            second,
            engine,
            _folder: folder,
        }
    }
}

async fn health(house: &House) -> HealthView {
    house.get("/health").await.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_writer_stands_by_and_takes_over_when_the_first_leaves() {
    let Pair {
        store,
        engine,
        first,
        second,
        _folder,
        ..
    } = Pair::new().await;
    let mut ana = Person::new(1);
    ana.create(&page("bread", "flour", Reach::Commons));
    first.publish(&ana).await;
    let (ours, theirs) = (health(&first).await, health(&second).await);
    assert!(ours.projection_writer && ours.status == "online");
    assert!(!theirs.projection_writer && theirs.status == "standby");
    assert_eq!(ours.lease, theirs.lease, "both know who writes");
    assert_eq!(ours.lease.unwrap().epoch, 1);
    ana.create(&page("cake", "sugar", Reach::Commons));
    let refused = second.append(ana.key(), &ana.chain).await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.code(), "CH-0408");
    assert_eq!(second.get("/pages/bread").await.status, 200, "it reads");

    first.close().await;
    until("the second writes", async || {
        health(&second).await.projection_writer
    })
    .await;
    assert_eq!(health(&second).await.lease.unwrap().epoch, 2);
    second.publish(&ana).await;
    assert_eq!(second.get("/pages/cake").await.status, 200);
    second.close().await;
    engine.close().await.unwrap();
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_wakes_up_too_late_is_fenced_and_says_so() {
    let Pair {
        store,
        engine,
        way,
        first,
        second,
        _folder,
    } = Pair::new().await;
    let mut ana = Person::new(1);
    ana.create(&page("bread", "flour", Reach::Commons));
    first.publish(&ana).await;
    // It stops in the middle of a write, for so long that the grant is given to the other.
    way.gate.send_replace(false);
    let before = *way.writes.borrow();
    ana.create(&page("cake", "sugar", Reach::Commons));
    assert_eq!(first.append(ana.key(), &ana.chain).await.status, 200);
    let mut writes = way.writes.subscribe();
    writes.wait_for(|writes| *writes > before).await.unwrap();
    let held = health(&first).await.lease.unwrap();
    let release = lease::Request::Release {
        holder: lease::HolderId(held.holder.clone()),
        epoch: lease::Epoch(held.epoch),
    };
    store.lease(release).await.unwrap();
    until("the second writes", async || {
        health(&second).await.projection_writer
    })
    .await;
    until("the second has projected it", async || {
        second.get("/pages/cake").await.status == 200
    })
    .await;
    let chain = format!("/api/v1/chains/{}", ana.key());
    let log = store.log_ends().await.unwrap();
    way.gate.send_replace(true);
    until("the first knows", async || {
        !health(&first).await.projection_writer
    })
    .await;
    let said = health(&first).await;
    assert_eq!(said.status, "standby");
    let lease = said.lease.unwrap();
    assert_eq!(lease.epoch, 2);
    assert_eq!(lease, health(&second).await.lease.unwrap());
    assert_ne!(lease.holder, held.holder);
    assert_eq!(
        store.log_ends().await.unwrap(),
        log,
        "nothing was written twice"
    );
    let refused = first.append(ana.key(), &ana.chain).await;
    assert_eq!(refused.code(), "CH-0408");
    let (ours, theirs) = (first.get(&chain).await, second.get(&chain).await);
    assert!(ours.body == theirs.body);
    first.close().await;
    second.close().await;
    engine.close().await.unwrap();
    store.close().await.unwrap();
}
