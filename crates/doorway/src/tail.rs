//! Reads the log of events of a store that another process writes, and carries hints over the bus.

use std::sync::Arc;
use std::time::Duration;

use base::ContentHash;
use bus::{Bus, Message, Topic};
use bytes::Bytes;
use chain::DnaHash;
use chain::kind::BlobManifest;
use doorway_core::event::{Event, What};
use runtime::Shutdown;
use tokio::time;

use crate::feed::Feed;
use crate::hot::Hot;
use crate::mirror::Mirror;
use crate::store::{ProjectionStore, StoreError};

/// How long at most until the log is looked at, when no hint comes.
const POLL_INTERVAL: Duration = Duration::from_millis(1_000);

/// Events that are read at once.
const PAGE_EVENTS: u32 = 256;

/// Returns the topic of a community's hints.
pub(crate) fn topic(dna: &DnaHash) -> Topic {
    let community = ContentHash::of(dna.to_string().as_bytes()).to_string();
    let name = format!("{}.events", &community[..16]);
    Topic::parse(&name).expect("hex digits and a dot make a topic")
}

/// Carries "the log goes to N" between this process and others, both ways.
///
/// What others say is believed as far as the store bears it out: a number that is far too high would drown every hint
/// after it.
pub(crate) async fn carry(
    store: Arc<dyn ProjectionStore>,
    feed: Feed,
    bus: Bus,
    topic: Topic,
    shutdown: Shutdown,
) {
    let mut news = feed.stored_here();
    let mut hints = match bus.subscribe(&topic) {
        Ok(hints) => hints,
        Err(error) => {
            tracing::warn!(%error, "hints of other processes are not heard");
            return;
        }
    };
    loop {
        tokio::select! {
            () = shutdown.requested() => return,
            changed = news.changed() => {
                if changed.is_err() {
                    return;
                }
                let newest = *news.borrow_and_update();
                let hint = Bytes::from(newest.to_string());
                bus.publish(&topic, hint).expect("a number is short");
            }
            message = hints.next() => match message {
                Message::Hint(bytes) => {
                    let text = std::str::from_utf8(&bytes).ok();
                    if let Some(number) = text.and_then(|text| text.parse().ok())
                        && feed.is_news(number)
                        && shutdown.race(take(store.as_ref(), &feed, number)).await.is_none()
                    {
                        return;
                    }
                }
                // Something may have been missed: who reads the log looks at it by itself.
                Message::Lagged(_) => {}
            },
        }
    }
}

/// Notes how far somebody says that the log goes, and no more than the store has.
async fn take(store: &dyn ProjectionStore, feed: &Feed, number: u64) {
    match store.log_ends().await {
        Ok(ends) => feed.heard(number.min(ends.newest)),
        // Who reads the log looks at it by itself.
        Err(error) => tracing::debug!(%error, "a hint cannot be checked"),
    }
}

/// Drops from the hot cache what other processes changed, and copies the blobs of what is new.
pub(crate) async fn run(
    store: Arc<dyn ProjectionStore>,
    hot: Arc<Hot>,
    feed: Feed,
    mirror: Mirror,
    shutdown: Shutdown,
) {
    let mut reader = Reader {
        store,
        hot,
        mirror,
        place: None,
    };
    let mut hints = feed.listen();
    loop {
        match shutdown.race(reader.catch_up()).await {
            None => return,
            Some(Ok(Some(newest))) => feed.heard(newest),
            Some(Ok(None)) => {}
            Some(Err(error)) => tracing::debug!(%error, "the log cannot be read at the moment"),
        }
        let wait = time::timeout(POLL_INTERVAL, hints.changed());
        if shutdown.race(wait).await.is_none() {
            return;
        }
    }
}

struct Reader {
    store: Arc<dyn ProjectionStore>,
    hot: Arc<Hot>,
    mirror: Mirror,
    /// Which log was read, and up to which event.
    place: Option<(u64, u64)>,
}

impl Reader {
    /// Reads what is new; returns the number of the newest event when there was something.
    async fn catch_up(&mut self) -> Result<Option<u64>, StoreError> {
        let ends = self.store.log_ends().await?;
        let after = match self.place {
            Some((log, after)) if log == ends.log && ends.oldest <= after + 1 => after,
            Some(_) | None => {
                // Another log, or a gap: everything may have changed. The cache starts anew, and the log is read from
                // its oldest event for the sake of blobs.
                self.hot.everything_changed();
                ends.oldest.saturating_sub(1)
            }
        };
        let mut newest = after;
        loop {
            let page = self.store.events(newest, PAGE_EVENTS).await?;
            let Some(last) = page.last() else { break };
            newest = last.number;
            for event in &page {
                self.hot.changed(event);
                self.copy_blobs(event);
            }
        }
        self.place = Some((ends.log, newest));
        Ok((newest > after).then_some(newest))
    }

    /// Has the blobs copied that everybody may see now.
    fn copy_blobs(&self, event: &Event) {
        for changed in &event.changes {
            if changed.kind == BlobManifest::KIND
                && changed.what == What::Put
                && let Ok(hash) = changed.slug.parse::<ContentHash>()
                && !self.mirror.queue(hash)
            {
                tracing::debug!(%hash, "too many blobs wait; it is copied when somebody asks for it");
            }
        }
    }
}

#[cfg(test)]
mod tests;
