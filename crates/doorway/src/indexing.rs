//! Indexes the words of what came in big batches, once the copying leaves time for it.
//!
//! What waits is in the store, so that nothing is lost or done twice when the process ends in between.
//! A search that was answered before its words were here is answered anew: what lies ready of lists goes with each chunk.
//! While copying goes on, a few items are indexed now and then, so that a copy that never comes to rest can be searched
//! all the same.

use std::sync::Arc;
use std::time::Duration;

use runtime::Shutdown;
use tokio::sync::Notify;
use tokio::time;

use crate::hot::Hot;
use crate::projection::Handle;
use crate::store::{ProjectionStore, StoreError};
use crate::writing::Writing;

/// Items that are indexed in one transaction: some twenty milliseconds for which other writes wait.
const CHUNK_ITEMS: u32 = 256;

/// How long indexing waits for the copying to come to rest.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait after a failure.
const RETRY_DELAY: Duration = Duration::from_secs(5);

/// Indexes what waits for as long as the process lives; `news` says that something may wait.
pub(crate) async fn run(
    store: Arc<dyn ProjectionStore>,
    writing: Writing,
    projection: Handle,
    hot: Arc<Hot>,
    news: Arc<Notify>,
    shutdown: Shutdown,
) {
    loop {
        let rest = time::timeout(PATIENCE, projection.caught_up());
        if shutdown.race(rest).await.is_none() {
            return;
        }
        let pause = match index(store.as_ref(), &writing, &hot).await {
            Ok(0) => None,
            Ok(_) => continue,
            // Whoever holds the lease does it.
            Err(error) => {
                tracing::debug!(%error, "words cannot be indexed at the moment");
                Some(RETRY_DELAY)
            }
        };
        let pause = async {
            match pause {
                Some(pause) => time::sleep(pause).await,
                None => news.notified().await,
            }
        };
        if shutdown.race(pause).await.is_none() {
            return;
        }
    }
}

/// Indexes some of what waits; returns how many items wait after that.
async fn index(
    store: &dyn ProjectionStore,
    writing: &Writing,
    hot: &Hot,
) -> Result<u64, StoreError> {
    if store.unindexed().await? == 0 {
        return Ok(0);
    }
    let left = store.index_words(writing.epoch()?, CHUNK_ITEMS).await?;
    hot.lists_changed();
    Ok(left)
}
