//! The stores that every behaviour is tried on: SQLite, PostgreSQL where there is a server, and the naive reference.

use std::sync::Arc;

use base::{Duration, Timestamp};
use db::Access;
use doorway::store::{Applied, Apply, PostgresStore, ProjectionStore, SqliteStore, StoreError};
use doorway_core::lease::{HolderId, Reply, Request};
use doorway_core::projector::Batch;
use runtime::Supervisor;
use tempfile::TempDir;

use super::reference::Naive;

/// A store and what it stands on.
pub(super) struct Stage {
    pub(super) name: &'static str,
    pub(super) store: Arc<dyn ProjectionStore>,
    _folder: Option<TempDir>,
}

/// The address of an empty database; nothing where there is no server on the machine.
pub(super) fn database(name: &str) -> Option<String> {
    let server = testkit::servers::Postgres::shared().unwrap()?;
    Some(server.database(name).unwrap())
}

pub(super) async fn connect(url: &str, access: Access) -> PostgresStore {
    PostgresStore::connect(url, access, &Supervisor::default())
        .await
        .unwrap()
}

/// Empty stores of every make.
pub(super) async fn stages() -> Vec<Stage> {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = SqliteStore::open(&folder.path().join("projection.sqlite")).unwrap();
    let mut stages = vec![
        Stage {
            name: "reference",
            store: Arc::new(Naive::default()),
            _folder: None,
        },
        Stage {
            name: "sqlite",
            store: Arc::new(sqlite),
            _folder: Some(folder),
        },
    ];
    if let Some(url) = database("store") {
        stages.push(Stage {
            name: "postgres",
            store: Arc::new(connect(&url, Access::ReadWrite).await),
            _folder: None,
        });
    }
    stages
}

/// Takes the grant for an hour; returns its epoch.
pub(super) async fn acquire(store: &dyn ProjectionStore, holder: &str) -> u64 {
    let (holder, ttl) = (HolderId(holder.to_owned()), Duration::from_secs(3_600));
    let reply = store.lease(Request::TryAcquire { holder, ttl }).await;
    match reply.unwrap() {
        Reply::Granted { epoch, .. } => epoch.0,
        other => panic!("{other:?}"),
    }
}

/// Applies a batch without claims.
pub(super) async fn apply(
    store: &dyn ProjectionStore,
    epoch: u64,
    batch: Batch,
) -> Result<Applied, StoreError> {
    let apply = Apply {
        epoch,
        at: Timestamp::from_secs(1_700_000_200),
        batch,
        claims: Vec::new(),
    };
    store.apply(apply).await
}
