//! Hints of other processes: heard, and not believed beyond the store.

use base::Timestamp;
use bus::Limits;
use chain::AgentPubKey;
use doorway_core::lease::{HolderId, Reply, Request};
use doorway_core::projector::{Batch, Cursor};
use runtime::Supervisor;

use super::*;
use crate::store::{Applied, Apply, SqliteStore};

/// Stores one event: a record of some agent's chain.
async fn grow(store: &SqliteStore, seq: u32) {
    let holder = HolderId("a".to_owned());
    let ttl = base::Duration::from_secs(3_600);
    let granted = store.lease(Request::TryAcquire { holder, ttl }).await;
    let Reply::Granted { epoch, .. } = granted.unwrap() else {
        panic!("nobody else holds it");
    };
    let agent: AgentPubKey = chain::agent_of([7; 32]);
    let cursor = Cursor {
        seq,
        hash: chain::ActionHash::from_raw_32(vec![7; 32]),
        timestamp: Timestamp(1),
        is_closed: false,
    };
    let batch = Batch {
        agent,
        after: seq.checked_sub(1),
        cursor,
        changes: Vec::new(),
        records: Vec::new(),
    };
    let apply = Apply {
        epoch: epoch.0,
        at: Timestamp(1),
        batch,
        claims: Vec::new(),
    };
    let applied = store.apply(apply).await.unwrap();
    assert!(matches!(applied, Applied::Stored { .. }), "{applied:?}");
}

#[tokio::test]
async fn a_number_that_is_far_too_high_does_not_drown_later_ones() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(&folder.path().join("p.sqlite")).unwrap());
    grow(&store, 0).await;
    let supervisor = Supervisor::default();
    let topic = Topic::parse("hints.events").unwrap();
    let prefix = Topic::parse("test").unwrap();
    let bus = Bus::connect("", &prefix, Limits::default(), &supervisor).unwrap();
    let feed = Feed::new();
    let mut heard = feed.listen();
    let carry = carry(
        store.clone(),
        feed.clone(),
        bus.clone(),
        topic.clone(),
        supervisor.shutdown(),
    );
    let said = async {
        let hint = |number: u64| {
            bus.publish(&topic, Bytes::from(number.to_string()))
                .unwrap()
        };
        // The first may come before anybody listens.
        tokio::task::yield_now().await;
        hint(u64::MAX);
        heard.changed().await.unwrap();
        assert_eq!(*heard.borrow_and_update(), 1);
        grow(&store, 1).await;
        hint(2);
        heard.changed().await.unwrap();
        assert_eq!(*heard.borrow_and_update(), 2);
    };
    tokio::select! {
        () = carry => panic!("it listens for as long as the process lives"),
        () = said => {}
    }
    store.close().await.unwrap();
}
