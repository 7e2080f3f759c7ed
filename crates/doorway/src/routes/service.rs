//! What a doorway says about itself.

use api::{
    CommunityView, HealthView, ReadyView, SCHEMA_VERSION, SUPPORTED, VersionView,
    openapi as document,
};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use http_kit::{Json, ProblemResponse};

use crate::service::Doorway;

/// Version of the program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) async fn health(State(doorway): State<Doorway>) -> Json<HealthView> {
    let status = if doorway.is_draining() {
        "draining"
    } else {
        "online"
    };
    Json(HealthView {
        schema_version: SCHEMA_VERSION,
        healthy: true,
        status: status.to_owned(),
        version: VERSION.to_owned(),
        uptime_secs: doorway.uptime().as_secs(),
        projection_writer: true,
    })
}

pub(super) async fn ready(State(doorway): State<Doorway>) -> Response {
    let conductor = matches!(doorway.conductor().health().await, Ok(health) if health.is_ready);
    let projection = doorway.store().cursors().await.is_ok();
    let view = ReadyView {
        schema_version: SCHEMA_VERSION,
        ready: conductor && projection && !doorway.is_draining(),
        conductor,
        projection,
        projection_lag_records: doorway.projection().lag(),
        stalled: doorway.projection().stalled(),
    };
    let status = if view.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(view)).into_response()
}

pub(super) async fn version(State(doorway): State<Doorway>) -> Json<VersionView> {
    let identity = doorway.identity();
    Json(VersionView {
        schema_version: SCHEMA_VERSION,
        version: VERSION.to_owned(),
        supported_schema_versions: SUPPORTED.to_vec(),
        community: CommunityView {
            name: identity.name.clone(),
            dna_hash: identity.dna.to_string(),
            network_seed: identity.network_seed.clone(),
        },
        blob_bytes_max: doorway.limits().blob_bytes_max,
        chain_put_records_max: doorway.limits().chain_records_max,
    })
}

pub(super) async fn openapi() -> Json<serde_json::Value> {
    Json(document::document(VERSION))
}

pub(super) async fn db_schema(
    State(doorway): State<Doorway>,
) -> Result<Json<api::DbSchemaView>, ProblemResponse> {
    let schema = doorway.store().schema().await;
    Ok(Json(schema.map_err(base::Problem::from)?))
}
