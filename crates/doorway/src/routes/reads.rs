//! Items, lists and search results, for programs.

use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use base::{Code, Problem};
use doorway_core::cache::Key;
use http_kit::{Path, ProblemResponse, Query};
use serde::Deserialize;

use super::respond;
use crate::present;
use crate::reads::{Asked, ListParameters, nothing};
use crate::service::Doorway;

/// Class of these answers in the hot cache.
const CLASS: &str = "json";

#[derive(Deserialize)]
pub(super) struct ItemParameters {
    proof: Option<String>,
    seq: Option<u32>,
}

#[derive(Deserialize)]
pub(super) struct SearchParameters {
    q: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

fn key(uri: &Uri) -> Key {
    Key {
        class: CLASS,
        text: uri.to_string(),
    }
}

pub(super) async fn list(
    State(doorway): State<Doorway>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Path(kind): Path<String>,
    Query(parameters): Query<ListParameters>,
) -> Result<Response, ProblemResponse> {
    let kind = present::kind_of(&kind).ok_or_else(nothing)?;
    let sight = doorway.sight(&headers).await?;
    let make = doorway.list(kind, &parameters, &sight);
    let made = doorway.hot().answer(key(&uri), &sight, make).await?;
    Ok(respond::send(&headers, &made, &sight))
}

pub(super) async fn item(
    State(doorway): State<Doorway>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Path((kind, id)): Path<(String, String)>,
    Query(parameters): Query<ItemParameters>,
) -> Result<Response, ProblemResponse> {
    let kind = present::kind_of(&kind).ok_or_else(nothing)?;
    let with_proof = match parameters.proof.as_deref() {
        None | Some("0") => false,
        Some("1") => true,
        Some(_) => {
            let problem = Problem::new(Code::MalformedQuery, "proof: 1 for yes, 0 for no");
            return Err(problem.into());
        }
    };
    let sight = doorway.sight(&headers).await?;
    let asked = Asked {
        with_proof,
        seq: parameters.seq,
    };
    let make = doorway.item(kind, &id, asked, &sight);
    let made = doorway.hot().answer(key(&uri), &sight, make).await?;
    Ok(respond::send(&headers, &made, &sight))
}

pub(super) async fn search(
    State(doorway): State<Doorway>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Query(parameters): Query<SearchParameters>,
) -> Result<Response, ProblemResponse> {
    let sight = doorway.sight(&headers).await?;
    let text = parameters.q.unwrap_or_default();
    let make = doorway.search(
        &text,
        parameters.cursor.as_deref(),
        parameters.limit,
        &sight,
    );
    let made = doorway.hot().answer(key(&uri), &sight, make).await?;
    Ok(respond::send(&headers, &made, &sight))
}
