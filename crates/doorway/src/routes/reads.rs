//! Items, lists and search results, for programs.

use axum::extract::{OriginalUri, State};
use axum::http::HeaderMap;
use axum::response::Response;
use base::{Code, Problem};
use futures::FutureExt as _;
use http_kit::{Path, ProblemResponse, Query};
use serde::Deserialize;

use super::respond;
use crate::hot::path::key_of;
use crate::present;
use crate::reads::{Asked, ListParameters, nothing};
use crate::service::Doorway;

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

pub(super) async fn list(
    State(doorway): State<Doorway>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Path(kind): Path<String>,
    Query(parameters): Query<ListParameters>,
) -> Result<Response, ProblemResponse> {
    let kind = present::kind_of(&kind).ok_or_else(nothing)?;
    let sight = doorway.sight(&headers).await?;
    let key = key_of(&uri, &headers);
    let make = {
        let (doorway, sight) = (doorway.clone(), sight.clone());
        move || async move { doorway.list(kind, &parameters, &sight).await }.boxed()
    };
    let answer = doorway.hot().answer(key, &sight, make).await;
    let ready = answer?;
    Ok(respond::send_ready(&headers, &ready))
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
    let key = key_of(&uri, &headers);
    let make = {
        let (doorway, sight) = (doorway.clone(), sight.clone());
        move || async move { doorway.item(kind, &id, asked, &sight).await }.boxed()
    };
    let answer = doorway.hot().answer(key, &sight, make).await;
    let ready = answer?;
    Ok(respond::send_ready(&headers, &ready))
}

pub(super) async fn search(
    State(doorway): State<Doorway>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Query(parameters): Query<SearchParameters>,
) -> Result<Response, ProblemResponse> {
    let sight = doorway.sight(&headers).await?;
    let text = parameters.q.unwrap_or_default();
    let key = key_of(&uri, &headers);
    let make = {
        let (doorway, sight) = (doorway.clone(), sight.clone());
        let SearchParameters { cursor, limit, .. } = parameters;
        move || {
            async move {
                doorway
                    .search(&text, cursor.as_deref(), limit, &sight)
                    .await
            }
            .boxed()
        }
    };
    let answer = doorway.hot().answer(key, &sight, make).await;
    let ready = answer?;
    Ok(respond::send_ready(&headers, &ready))
}
