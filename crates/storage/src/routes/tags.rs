//! What keeps a blob: tags and leases; and taking one away that nothing keeps.

use api::{BlobLeasePut, BlobLeaseView, SCHEMA_VERSION, TagListView, TagPut, TagView};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use base::{Code, ContentHash, Problem, Timestamp};
use blobs::Blobs;
use http_kit::{Json, Path, ProblemResponse, Query};
use storage_core::access::Action;
use storage_core::gc::Holds;
use storage_core::tag::TagName;

use super::lists::{Parameters, cut};
use super::nothing;
use super::read::Parameters as Namespaced;
use crate::service::Storage;

/// Longest name of a holder of a lease, in bytes.
const HOLDER_BYTES_MAX: usize = 1_024;

/// How many of those that keep a blob are named.
const HOLDS_SHOWN: usize = 10;

/// Reads the name of a tag.
pub(super) fn name(text: &str) -> Result<TagName, Problem> {
    text.parse::<TagName>()
        .map_err(|error| Problem::new(Code::MalformedName, error.to_string()))
}

pub(super) async fn list(
    State(storage): State<Storage>,
    headers: HeaderMap,
    Query(parameters): Query<Parameters>,
) -> Result<Json<TagListView>, ProblemResponse> {
    let namespace = parameters.namespace.as_deref();
    let shelf = storage.shelf(&headers, namespace, Action::List).await?;
    let after = parameters.after.as_deref().map(name).transpose();
    let after = after.map_err(|problem| Problem::new(Code::MalformedCursor, problem.detail))?;
    let prefix = parameters.prefix.as_deref().unwrap_or_default();
    let limit = parameters.limit()?;
    let found = shelf.blobs.tags(after.as_ref(), limit + 1, prefix).await;
    let mut found = found.map_err(|error| error.problem())?;
    let next = cut(&mut found, limit).map(|last| last.name.to_string());
    let items = found
        .into_iter()
        .map(|tagged| view(&tagged.name, &tagged.hash, tagged.at))
        .collect();
    Ok(Json(TagListView {
        schema_version: SCHEMA_VERSION,
        namespace: shelf.namespace.to_string(),
        items,
        next,
    }))
}

pub(super) async fn read(
    State(storage): State<Storage>,
    headers: HeaderMap,
    Path(text): Path<String>,
    Query(parameters): Query<Namespaced>,
) -> Result<Json<TagView>, ProblemResponse> {
    let namespace = parameters.namespace.as_deref();
    let shelf = storage.shelf(&headers, namespace, Action::List).await?;
    let name = name(&text)?;
    let found = shelf.blobs.tagged(&name).await;
    let found = found.map_err(|error| error.problem())?;
    let found = found.ok_or_else(nothing)?;
    Ok(Json(view(&found.name, &found.hash, found.at)))
}

pub(super) async fn write(
    State(storage): State<Storage>,
    headers: HeaderMap,
    Path(text): Path<String>,
    Query(parameters): Query<Namespaced>,
    Json(request): Json<TagPut>,
) -> Result<Json<TagView>, ProblemResponse> {
    let namespace = parameters.namespace.as_deref();
    let shelf = storage.shelf(&headers, namespace, Action::Write).await?;
    let name = name(&text)?;
    let hash = super::hash(&request.hash)?;
    let holds = touch(&shelf.blobs, &hash).await?;
    let is_here = shelf.blobs.tag(&name, &hash, holds).await;
    if !is_here.map_err(|error| error.problem())? {
        return Err(nothing().into());
    }
    Ok(Json(view(&name, &hash, storage.now())))
}

pub(super) async fn remove(
    State(storage): State<Storage>,
    headers: HeaderMap,
    Path(text): Path<String>,
    Query(parameters): Query<Namespaced>,
) -> Result<StatusCode, ProblemResponse> {
    let namespace = parameters.namespace.as_deref();
    let shelf = storage.shelf(&headers, namespace, Action::Write).await?;
    let was_there = shelf.blobs.untag(&name(&text)?).await;
    if was_there.map_err(|error| error.problem())? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(nothing().into())
    }
}

pub(super) async fn lease(
    State(storage): State<Storage>,
    headers: HeaderMap,
    Path(hash): Path<String>,
    Query(parameters): Query<Namespaced>,
    Json(request): Json<BlobLeasePut>,
) -> Result<Json<BlobLeaseView>, ProblemResponse> {
    let namespace = parameters.namespace.as_deref();
    let shelf = storage.shelf(&headers, namespace, Action::Write).await?;
    let hash = super::hash(&hash)?;
    let span = super::put::lease(request.secs)?;
    let holder = match request.holder.as_str() {
        "" => "lease".to_owned(),
        holder if holder.len() <= HOLDER_BYTES_MAX => holder.to_owned(),
        _ => {
            let detail = format!("the holder of a lease has at most {HOLDER_BYTES_MAX} bytes");
            return Err(Problem::new(Code::MalformedBody, detail).into());
        }
    };
    let holds = touch(&shelf.blobs, &hash).await?;
    let is_here = shelf.blobs.lease(&hash, span, &holder, holds).await;
    if !is_here.map_err(|error| error.problem())? {
        return Err(nothing().into());
    }
    Ok(Json(BlobLeaseView {
        schema_version: SCHEMA_VERSION,
        hash: hash.to_string(),
        holder,
        until_us: (storage.now() + span).as_micros(),
    }))
}

pub(super) async fn trash(
    State(storage): State<Storage>,
    headers: HeaderMap,
    Path(hash): Path<String>,
    Query(parameters): Query<Namespaced>,
) -> Result<StatusCode, ProblemResponse> {
    let namespace = parameters.namespace.as_deref();
    let shelf = storage.shelf(&headers, namespace, Action::Write).await?;
    let hash = super::hash(&hash)?;
    let blobs = &shelf.blobs;
    let status = blobs.status(&hash).await;
    let status = status.map_err(|error| error.problem())?;
    let status = status
        .filter(|status| !status.is_trashed)
        .ok_or_else(nothing)?;
    let tags = status.tags.iter().map(|tag| format!("the tag {tag}"));
    let leases = status.leases.iter();
    let leases = leases.map(|lease| format!("a lease of {:?}", lease.holder));
    let holds: Vec<String> = tags.chain(leases).take(HOLDS_SHOWN).collect();
    if !holds.is_empty() {
        let detail = format!("kept by {}", holds.join(", "));
        return Err(Problem::new(Code::BlobInUse, detail).into());
    }
    let trashed = blobs.trash(&hash).await;
    if trashed.map_err(|error| error.problem())? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(nothing().into())
    }
}

/// Brings a blob out of the trash, should it lie there, keeps it from being collected for a while, and finds out what
/// it leads to.
async fn touch(blobs: &Blobs, hash: &ContentHash) -> Result<Holds, Problem> {
    let is_here = blobs.restore(hash).await;
    if !is_here.map_err(|error| error.problem())? {
        return Err(nothing());
    }
    let blob = blobs.get(hash).await.map_err(|error| error.problem())?;
    let blob = blob.ok_or_else(nothing)?;
    let first = blob.chunk(0).await.map_err(|error| error.problem())?;
    Ok(super::holds(&first))
}

fn view(name: &TagName, hash: &ContentHash, at: Timestamp) -> TagView {
    TagView {
        schema_version: SCHEMA_VERSION,
        name: name.to_string(),
        hash: hash.to_string(),
        set_at_us: at.as_micros(),
    }
}
