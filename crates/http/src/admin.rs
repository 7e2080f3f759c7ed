//! The routes of the admin port: metrics for Prometheus, the list of tasks, the level of the logs.
//!
//! # Invariants
//!
//! * Answers only to names of this machine, so that a web page which points its own name here (DNS rebinding) gets
//!   nothing; what changes something is refused when a page of another origin asks.
//! * No answer may be kept by anybody.
//!
//! It has no log-in: who reaches the port may read. The face therefore listens on loopback unless it is told otherwise.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HOST, ORIGIN, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Router, http};
use base::{Code, Problem, Timestamp};
use runtime::metrics::{Exposition, Registry};
use runtime::telemetry;
use runtime::{Supervisor, TaskKind, TaskState, TaskStatus};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Json, ProblemResponse, cache, prefers_html, read_body, standard};

/// Names under which the port answers besides those that are configured.
const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Longest level that is taken, in bytes.
const LEVEL_BYTES_MAX: u64 = 4_096;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// What the admin port shows and changes.
#[derive(Clone, Debug)]
pub struct Instruments {
    /// Metrics.
    pub registry: Registry,
    /// Tasks.
    pub supervisor: Supervisor,
    /// The level of the logs.
    pub telemetry: telemetry::Handle,
    /// Names or addresses, without port, under which the port answers besides `localhost`, `127.0.0.1` and `[::1]`.
    pub hosts: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LevelBody {
    level: String,
}

/// Makes the router of the admin port: `/metrics`, `/workers`, `/log-level`, and whatever is mounted beside them.
///
/// * `/metrics` is written as OpenMetrics for who asks for it and in Prometheus' text format otherwise.
/// * `/workers` is a JSON list of all tasks that run and of those that ended last.
/// * `/log-level` is read with GET and changed with PUT, as plain text or as `{"level": "…"}`.
pub fn admin(instruments: Instruments, mounted: Router) -> Router {
    let hosts = instruments.hosts.iter().map(|host| plain(host));
    let hosts: Arc<[String]> = hosts
        .chain(LOCAL_NAMES.map(str::to_owned))
        .collect::<Vec<_>>()
        .into();
    let routes = Router::new()
        .route("/metrics", get(metrics))
        .route("/workers", get(workers))
        .route("/log-level", get(level).put(set_level))
        .with_state(instruments)
        .merge(mounted);
    standard(routes, None)
        .layer(middleware::from_fn_with_state(hosts, guard))
        .layer(middleware::map_response(unkept))
}

async fn metrics(State(admin): State<Instruments>, headers: HeaderMap) -> Response {
    let exposition = exposition(&headers);
    let mut response = Response::new(Body::from(admin.registry.expose(exposition)));
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static(exposition.media_type());
    headers.insert(CONTENT_TYPE, kind);
    headers.insert(VARY, HeaderValue::from_static("accept"));
    response
}

/// Chooses the form: OpenMetrics only for who names it, because everything else reads the older one.
fn exposition(headers: &HeaderMap) -> Exposition {
    let named = headers.get_all(ACCEPT).iter().any(|value| {
        let value = value.to_str().unwrap_or_default();
        value.contains("application/openmetrics-text")
    });
    let offers = ["application/openmetrics-text", "text/plain"];
    match crate::negotiate(headers, &offers) {
        Some(0) if named => Exposition::OpenMetrics,
        _ => Exposition::Prometheus,
    }
}

async fn workers(State(admin): State<Instruments>) -> Json<Value> {
    let tasks = admin.supervisor.tasks();
    let tasks: Vec<_> = tasks.iter().map(task).collect();
    Json(json!({ "schema_version": 1, "tasks": tasks }))
}

/// Writes a task; times (`_us`) are microseconds since 1970.
fn task(state: &TaskState) -> Value {
    let kind = match state.kind {
        TaskKind::Essential => "essential",
        TaskKind::Ordinary => "ordinary",
    };
    let status = match state.status {
        TaskStatus::Running => "running",
        TaskStatus::Done => "done",
        TaskStatus::Failed => "failed",
        TaskStatus::Panicked => "panicked",
    };
    json!({
        "name": state.name,
        "kind": kind,
        "status": status,
        "started_at_us": state.started.as_micros(),
        "ended_at_us": state.ended.map(Timestamp::as_micros),
        "reason": state.reason,
        "rounds_total": state.rounds_total,
        "members": state.members,
    })
}

async fn level(State(admin): State<Instruments>, headers: HeaderMap) -> Response {
    shown(&admin.telemetry, &headers)
}

async fn set_level(
    State(admin): State<Instruments>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ProblemResponse> {
    let bytes = read_body(&headers, body, LEVEL_BYTES_MAX).await?;
    let level = if is_json(&headers, CONTENT_TYPE) {
        let Json(LevelBody { level }) = Json::from_bytes(&bytes)?;
        level
    } else {
        let text = str::from_utf8(&bytes);
        let text = text.map_err(|_| Problem::new(Code::MalformedBody, "the level is not UTF-8"))?;
        text.trim().to_owned()
    };
    let changed = admin.telemetry.set_level(&level);
    changed.map_err(|error| Problem::new(Code::MalformedBody, error.to_string()))?;
    tracing::warn!(target: "http::event::log_level_changed", level, "the level of the logs was changed");
    Ok(shown(&admin.telemetry, &headers))
}

/// Writes the level in force, as JSON for who asks for it.
fn shown(telemetry: &telemetry::Handle, headers: &HeaderMap) -> Response {
    let level = telemetry.level();
    let mut response = if is_json(headers, ACCEPT) {
        Json(json!({ "level": level })).into_response()
    } else {
        let mut response = Response::new(Body::from(format!("{level}\n")));
        response.headers_mut().insert(CONTENT_TYPE, TEXT);
        response
    };
    let vary = HeaderValue::from_static("accept");
    response.headers_mut().insert(VARY, vary);
    response
}

fn is_json(headers: &HeaderMap, name: http::HeaderName) -> bool {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.to_ascii_lowercase().contains("application/json"))
        && !prefers_html(headers)
}

/// Lets through what was asked under a name of this machine.
async fn guard(State(hosts): State<Arc<[String]>>, request: Request, next: Next) -> Response {
    match refusal(request.method(), request.uri(), request.headers(), &hosts) {
        Some(problem) => ProblemResponse::new(problem).into_response(),
        None => next.run(request).await,
    }
}

/// Returns why a request is not answered, if it is not.
fn refusal(method: &Method, uri: &Uri, headers: &HeaderMap, hosts: &[String]) -> Option<Problem> {
    let text = |value: &HeaderValue| value.to_str().map(str::to_owned).unwrap_or_default();
    // HTTP/2 has the name in the address, HTTP/1.1 in a header.
    let authority = uri.authority().map(ToString::to_string);
    let asked = authority.or_else(|| headers.get(HOST).map(text));
    let asked = asked.unwrap_or_default();
    if !hosts.contains(&plain(&asked)) {
        let detail = format!(
            "the admin port does not answer to {asked:?}: ask localhost, or add the name to admin_hosts"
        );
        return Some(Problem::new(Code::NotFound, detail));
    }
    let changes = !matches!(*method, Method::GET | Method::HEAD);
    let origin = headers.get(ORIGIN).map(text);
    let is_foreign = origin.is_some_and(|origin| {
        let from = origin.split_once("://").map(|(_, from)| from);
        from.is_none_or(|from| !from.eq_ignore_ascii_case(&asked))
    });
    (changes && is_foreign).then(|| {
        let detail = "a page of another origin cannot change anything here";
        Problem::new(Code::StewardOnly, detail)
    })
}

/// Returns a host in small letters, without its port and without the dot at the end of a full name.
fn plain(host: &str) -> String {
    let name = match (host.rfind(']'), host.rsplit_once(':')) {
        (Some(end), _) => &host[..=end],
        // More than one colon without brackets is an IPv6 address, as a person would configure it.
        (None, Some((name, _))) if !name.contains(':') => name,
        (None, Some(_)) => return format!("[{}]", host.to_ascii_lowercase()),
        (None, None) => host,
    };
    name.trim_end_matches('.').to_ascii_lowercase()
}

async fn unkept(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, cache::NO_STORE);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests;
