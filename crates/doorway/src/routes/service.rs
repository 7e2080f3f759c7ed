//! What a doorway says about itself.

use api::{
    CommunityView, HealthView, LeaseView, ReadyView, SCHEMA_VERSION, SUPPORTED, VersionView,
    openapi as document,
};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base::{Code, Problem, Reach};
use http_kit::{Json, ProblemResponse};

use super::respond;
use crate::follow::Follow;
use crate::projection::{Handle, Stalled};
use crate::reads;
use crate::service::Doorway;
use crate::store::Sight;
use crate::writing::Writing;

/// Version of the program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) async fn health(State(doorway): State<Doorway>) -> Json<HealthView> {
    let lease = doorway.writing().map(Writing::state);
    let holds = lease.as_ref().is_some_and(|lease| lease.epoch.is_some());
    let status = if doorway.is_draining() {
        "draining"
    } else if lease.is_some() && !holds {
        "standby"
    } else {
        "online"
    };
    let bus = doorway.bus().health();
    Json(HealthView {
        schema_version: SCHEMA_VERSION,
        healthy: true,
        status: status.to_owned(),
        version: VERSION.to_owned(),
        uptime_secs: doorway.uptime().as_secs(),
        // A copy holds the lease of its own store, and still is no writer of the community.
        projection_writer: holds && doorway.home().is_ok(),
        lease: lease
            .and_then(|lease| lease.holder)
            .map(|(holder, epoch)| LeaseView { holder, epoch }),
        bus: bus.backend.as_str().to_owned(),
        bus_is_connected: bus.is_connected,
    })
}

pub(super) async fn ready(State(doorway): State<Doorway>) -> Response {
    let view = doorway.readiness().await;
    let status = if view.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(view)).into_response()
}

impl Doorway {
    /// Tells whether this process should get visitors.
    pub(crate) async fn readiness(&self) -> ReadyView {
        let conductor = match self.home() {
            Ok(home) => home.is_conductor_ready().await,
            Err(_) => true,
        };
        let projection = self.store().log_ends().await.is_ok();
        let lag = self.projection().map_or(0, Handle::lag);
        let unindexed_items = self.store().unindexed().await.unwrap_or_default();
        let follows = self.following().map(|follow| follow.view(lag));
        let is_complete = follows.as_ref().is_none_or(|follows| follows.is_complete);
        ReadyView {
            schema_version: SCHEMA_VERSION,
            ready: conductor && projection && is_complete && !self.is_draining(),
            conductor,
            projection,
            projection_lag_records: lag,
            unindexed_items,
            stalled: self.stalled(),
            follows,
        }
    }

    /// Tells which chains cannot be projected any further; for a copy, with the code of what was served wrongly.
    fn stalled(&self) -> Vec<String> {
        let stalled = self.projection().map(Handle::stalled).unwrap_or_default();
        let line = |stalled: Stalled| match self.following() {
            Some(follow) if stalled.is_invalid || follow.is_refused(&stalled.agent) => {
                format!("{} {stalled}", Code::SourceForged)
            }
            Some(_) | None => stalled.to_string(),
        };
        // Nothing is wrong with a chain that waits for a doorway which is away: `follows` says that.
        let is_told = |stalled: &Stalled| {
            let waits = |follow: &Follow| follow.is_away(&stalled.agent);
            stalled.is_invalid || !self.following().is_some_and(waits)
        };
        let stalled = stalled.into_iter().filter(is_told);
        let forks = self.following().map(Follow::forks).unwrap_or_default();
        stalled.map(line).chain(forks).collect()
    }
}

pub(super) async fn version(
    State(doorway): State<Doorway>,
    headers: HeaderMap,
) -> Result<Response, ProblemResponse> {
    let identity = doorway.identity();
    let view = VersionView {
        schema_version: SCHEMA_VERSION,
        version: VERSION.to_owned(),
        supported_schema_versions: SUPPORTED.to_vec(),
        community: CommunityView {
            name: identity.name.clone(),
            dna_hash: identity.dna.to_string(),
            network_seed: identity.network_seed.clone(),
            sign_up: doorway.limits().sign_up_policy.as_str().to_owned(),
        },
        blob_bytes_max: doorway.limits().blob_bytes_max,
        chain_put_records_max: doorway.limits().chain_records_max,
    };
    Ok(known(&headers, &view)?)
}

pub(super) async fn openapi(headers: HeaderMap) -> Result<Response, ProblemResponse> {
    Ok(known(&headers, &document::document(VERSION))?)
}

/// Sends what changes only with the program, or confirms that the reader has it.
fn known<T: serde::Serialize>(headers: &HeaderMap, view: &T) -> Result<Response, Problem> {
    let made = reads::json(view, Reach::Commons, vec![])?;
    Ok(respond::send(headers, &made, &Sight::ANONYMOUS))
}

pub(super) async fn db_schema(
    State(doorway): State<Doorway>,
    headers: HeaderMap,
) -> Result<Response, ProblemResponse> {
    let schema = doorway.store().schema().await;
    Ok(known(&headers, &schema.map_err(Problem::from)?)?)
}
