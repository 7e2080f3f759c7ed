//! Tells metrics and the status page how the doorway is, once a second.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use base::Timestamp;
use runtime::{Shutdown, TaskKind};
use tokio::time;

use crate::hot::HotTally;
use crate::projection::{Handle, Stalled};
use crate::service::Doorway;
use crate::status::{
    self, Bus, Database, Following, FollowingState, HotAnswer, OriginAnswer, Port, Recording,
    States, StatusSource, Writer,
};

/// How often what goes up and down is looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// Since when something is away.
#[derive(Clone, Copy, Debug, Default)]
struct Away {
    bus: Option<Timestamp>,
    database: Option<Timestamp>,
}

impl Doorway {
    /// Starts to observe, and returns what the status page shows. Once for each doorway.
    pub(crate) fn observe(&self) -> Arc<dyn StatusSource> {
        let (recording, sampler) = Recording::new(self.metrics(), self.0.clock.clone());
        let supervisor = &self.0.supervisor;
        drop(supervisor.spawn_worker(TaskKind::Ordinary, sampler));
        let away = Arc::new(Mutex::new(Away::default()));
        let watching = watch(self.clone(), Arc::clone(&away), supervisor.shutdown());
        drop(supervisor.spawn("gauges", TaskKind::Essential, watching));
        let doorway = self.clone();
        Arc::new(recording.board(move || {
            let away = *away.lock().unwrap_or_else(PoisonError::into_inner);
            doorway.states(away)
        }))
    }

    /// Returns the routes of the status page for the port that only a steward reaches.
    pub fn status_for_steward(&self) -> Router {
        status::router(self, self.status(), Port::Admin)
    }

    /// Says who writes, what is reached and what is followed.
    fn states(&self, away: Away) -> States {
        let since = |since: Option<Timestamp>| since.map(Timestamp::as_micros);
        let bus = self.bus().health();
        let store = self.store().health();
        States {
            writer: self.writer(),
            bus: match bus.backend.as_str() {
                "memory" => Bus::InProcess,
                kind if bus.is_connected => Bus::Connected {
                    kind: kind.to_owned(),
                },
                kind => Bus::Away {
                    kind: kind.to_owned(),
                    since: since(away.bus),
                },
            },
            database: match (store.server, store.is_reachable) {
                (None, _) => Database::Embedded,
                (Some(kind), true) => Database::Connected { kind },
                (Some(kind), false) => Database::Away {
                    kind,
                    since: since(away.database),
                },
            },
            damaged_blobs: self.blobs().damaged_in_all().blobs,
            following: self.following().map(|follow| {
                let lag = self.projection().map_or(0, Handle::lag);
                let view = follow.view(lag);
                let stalled = self.projection().map(Handle::stalled).unwrap_or_default();
                let is_refused =
                    |stalled: &&Stalled| stalled.is_invalid || follow.is_refused(&stalled.agent);
                let refused = stalled.iter().find(is_refused);
                Following {
                    source: view.url,
                    state: match refused {
                        Some(stalled) => FollowingState::Refused {
                            reason: stalled.to_string(),
                        },
                        None if !view.is_connected => FollowingState::SourceAway,
                        None if lag > 0 || !view.is_complete => FollowingState::CatchingUp,
                        None => FollowingState::CaughtUp,
                    },
                    lag_events: view.is_connected.then_some(lag),
                    heard_at: (view.heard_at_us > 0).then_some(view.heard_at_us),
                }
            }),
        }
    }

    fn writer(&self) -> Writer {
        // A copy holds the lease of its own store, and still is no writer of the community.
        let Some(writing) = self.writing().filter(|_| self.home().is_ok()) else {
            return Writer::Elsewhere {
                holder: self.0.writer.clone(),
                epoch: None,
            };
        };
        let state = writing.state();
        match (state.epoch, state.holder) {
            (Some(epoch), _) => Writer::Here { epoch },
            (None, Some((holder, epoch))) => Writer::Lost { holder, epoch },
            (None, None) => Writer::Nobody,
        }
    }
}

/// Copies what others count and hold into the metrics.
async fn watch(doorway: Doorway, away: Arc<Mutex<Away>>, shutdown: Shutdown) {
    let mut last = HotTally::default();
    loop {
        let tally = doorway.hot_tally();
        let metrics = doorway.metrics();
        let answers = [
            (HotAnswer::Hit, tally.hits, last.hits),
            (HotAnswer::Stale, tally.stale, last.stale),
            (HotAnswer::Negative, tally.absent, last.absent),
            (HotAnswer::Coalesced, tally.coalesced, last.coalesced),
            (HotAnswer::Miss, tally.fills, last.fills),
        ];
        for (result, now, before) in answers {
            metrics.add_hot_answers(result, now - before);
        }
        let failed = tally.fill_failures - last.fill_failures;
        metrics.add_origin_calls(OriginAnswer::Failed, failed);
        let found = (tally.fills - last.fills).saturating_sub(failed);
        metrics.add_origin_calls(OriginAnswer::Found, found);
        last = tally;
        metrics.cache(tally.entries, tally.bytes);
        let lag = doorway.projection().map_or(0, Handle::lag);
        metrics.projection_lag(lag);
        if doorway.following().is_some() {
            metrics.follower_lag(lag);
        }
        metrics.blob_bytes_stored(doorway.blobs().bytes_total());
        if let Some(writing) = doorway.writing() {
            let state = writing.state();
            let epoch = state.epoch.or(state.holder.map(|(_, epoch)| epoch));
            metrics.lease(epoch.unwrap_or_default(), state.epoch.is_some());
        }
        let is_bus_here = doorway.bus().health().is_connected;
        let is_database_here = doorway.store().health().is_reachable;
        metrics.bus(is_bus_here);
        metrics.database(is_database_here);
        {
            let since = |is_here: bool, before: Option<Timestamp>| {
                (!is_here).then(|| before.unwrap_or_else(|| doorway.now()))
            };
            let mut away = away.lock().unwrap_or_else(PoisonError::into_inner);
            away.bus = since(is_bus_here, away.bus);
            away.database = since(is_database_here, away.database);
        }
        if shutdown.race(time::sleep(INTERVAL)).await.is_none() {
            return;
        }
    }
}
