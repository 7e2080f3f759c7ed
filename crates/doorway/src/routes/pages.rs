//! Pages for people, and what they need to look right.

use axum::body::Body;
use axum::extract::{OriginalUri, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETAG, LOCATION, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::Response;
use futures::FutureExt as _;
use http_kit::conditional::{self, Condition, Validators};
use http_kit::{Path, ProblemResponse, Query, cache};
use serde::Deserialize;

use super::respond;
use crate::hot::path::{key_of, language_of};
use crate::pages::assets;
use crate::people::View;
use crate::reads::nothing;
use crate::service::Doorway;

type Answer = Result<Response, ProblemResponse>;

#[derive(Deserialize)]
pub(super) struct SearchParameters {
    q: Option<String>,
    cursor: Option<String>,
}

/// Makes a page or takes it from the hot cache; the language of the frame belongs to the question.
async fn show(doorway: &Doorway, uri: &Uri, headers: &HeaderMap, view: View) -> Answer {
    let language = language_of(headers);
    let sight = doorway.sight(headers).await?;
    let key = key_of(uri, headers);
    let make = {
        let (doorway, sight) = (doorway.clone(), sight.clone());
        move || async move { doorway.page(view, language, &sight).await }.boxed()
    };
    let answer = doorway.hot().answer(key, &sight, make).await;
    let ready = answer?;
    Ok(respond::send_ready(headers, &ready))
}

macro_rules! pages {
    ($($name:ident: $view:ident;)*) => {
        $(pub(super) async fn $name(
            State(doorway): State<Doorway>,
            OriginalUri(uri): OriginalUri,
            headers: HeaderMap,
            Path(name): Path<String>,
        ) -> Answer {
            show(&doorway, &uri, &headers, View::$view(name)).await
        })*
    };
}

pages! {
    course: Course;
    page: Page;
    author: Author;
    item: Item;
    proof: Proof;
    history: History;
    error: Error;
}

pub(super) async fn home(
    State(doorway): State<Doorway>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Answer {
    show(&doorway, &uri, &headers, View::Home).await
}

pub(super) async fn join(
    State(doorway): State<Doorway>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Answer {
    show(&doorway, &uri, &headers, View::Join).await
}

pub(super) async fn course_page(
    State(doorway): State<Doorway>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Path((course, page)): Path<(String, String)>,
) -> Answer {
    show(&doorway, &uri, &headers, View::CoursePage { course, page }).await
}

pub(super) async fn version(
    State(doorway): State<Doorway>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Path((id, seq)): Path<(String, u32)>,
) -> Answer {
    show(&doorway, &uri, &headers, View::Version { id, seq }).await
}

pub(super) async fn search(
    State(doorway): State<Doorway>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Query(parameters): Query<SearchParameters>,
) -> Answer {
    let view = View::Search {
        text: parameters.q.unwrap_or_default(),
        cursor: parameters.cursor,
    };
    show(&doorway, &uri, &headers, view).await
}

/// Browsers ask for this address by themselves.
pub(super) async fn icon() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    let location = HeaderValue::from_static(assets::icon_href());
    response.headers_mut().insert(LOCATION, location);
    response
}

pub(super) async fn asset(
    OriginalUri(uri): OriginalUri,
    method: Method,
    request: HeaderMap,
) -> Answer {
    let asset = assets::find(uri.path()).ok_or_else(nothing)?;
    let current = Validators {
        exists: true,
        etag: asset.etag.parse().ok(),
        last_modified: None,
    };
    let (status, body) = match conditional::evaluate(&method, &request, &current) {
        Condition::Holds => (StatusCode::OK, Body::from(asset.bytes)),
        Condition::NotModified => (StatusCode::NOT_MODIFIED, Body::empty()),
        Condition::Failed => (StatusCode::PRECONDITION_FAILED, Body::empty()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    headers.insert(CACHE_CONTROL, cache::PUBLIC_IMMUTABLE);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(etag) = HeaderValue::from_str(&asset.etag) {
        headers.insert(ETAG, etag);
    }
    Ok(response)
}
