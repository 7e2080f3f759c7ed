//! The routes: addresses and headers to questions, answers to responses. Nothing is decided here.

mod admin;
mod auth;
mod chains;
mod events;
mod pages;
mod reads;
mod respond;
mod service;
mod sign_up;
mod store;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, post, put};
use base::{Code, Problem};
use doorway_core::session::{self, Action, Role};
use http_kit::{Fault, ProblemResponse};
use tower_http::compression::CompressionLayer;

use crate::edge;
use crate::pages::model;
use crate::pages::strings::Language;
use crate::service::Doorway;
use crate::status;
use crate::store::Sight;

/// Returns all routes of a doorway.
pub fn router(doorway: &Doorway) -> Router {
    let changing = |routes: MethodRouter<Doorway>| {
        routes.route_layer(from_fn_with_state(doorway.clone(), where_changes_go))
    };
    let texts = Router::new()
        .route("/", get(pages::home))
        .route("/courses/{course}", get(pages::course))
        .route("/courses/{course}/{page}", get(pages::course_page))
        .route("/pages/{page}", get(pages::page))
        .route("/authors/{agent}", get(pages::author))
        .route("/items/{id}", get(pages::item))
        .route("/proofs/{id}", get(pages::proof))
        .route("/history/{id}", get(pages::history))
        .route("/history/{id}/{seq}", get(pages::version))
        .route("/search", get(pages::search))
        .route("/join", get(pages::join))
        .route("/errors/{code}", get(pages::error))
        .route("/favicon.ico", get(pages::icon))
        .route("/assets/{*path}", get(pages::asset))
        .route("/api/v1/cache/{kind}", get(reads::list))
        .route("/api/v1/cache/{kind}/{*id}", get(reads::item))
        .route("/api/v1/search", get(reads::search))
        .route(
            "/api/v1/chains/{agent}",
            changing(get(chains::read).put(chains::append)),
        )
        .route("/openapi.json", get(service::openapi))
        .route("/db/schema", get(service::db_schema))
        .layer(CompressionLayer::new().compress_when(respond::packs()))
        .layer(axum::middleware::map_response(respond::drop_stale_digest));
    let bytes = Router::new()
        .route("/store", changing(put(store::write)))
        .route("/store/{hash}", get(store::read))
        .route("/auth/challenge", changing(post(auth::challenge)))
        .route("/auth/token", changing(post(auth::token)))
        .route("/admin/members", get(admin::list))
        .route(
            "/admin/members/{agent}",
            changing(put(admin::admit).delete(admin::dismiss)),
        )
        .route("/auth/register", changing(post(sign_up::register)))
        .route(
            "/admin/invites",
            changing(get(sign_up::invites).post(sign_up::invite)),
        )
        .route("/admin/invites/{id}", changing(delete(sign_up::withdraw)))
        .route("/admin/waiting", get(sign_up::waiting))
        .route("/admin/waiting/{agent}", changing(delete(sign_up::decline)))
        .route("/api/v1/events", get(events::read))
        .route("/health", get(service::health))
        .route("/ready", get(service::ready))
        .route("/version", get(service::version));
    let measured = from_fn_with_state(doorway.metrics().clone(), edge::measure);
    let mut router = texts.merge(bytes).with_state(doorway.clone());
    if doorway.limits().is_status_public {
        router = router.merge(status::router(
            doorway,
            doorway.status(),
            status::Port::Readers,
        ));
    }
    let router = router.layer(measured);
    let page = {
        let doorway = doorway.clone();
        Arc::new(move |fault: &Fault<'_>| problem_page(&doorway, fault))
    };
    http_kit::standard(router, Some(page))
}

/// Says where changes go when this is a copy, before anybody looks at what was sent.
async fn where_changes_go(
    State(doorway): State<Doorway>,
    request: Request,
    next: Next,
) -> Result<Response, ProblemResponse> {
    if !request.method().is_safe() {
        doorway.home()?;
    }
    Ok(next.run(request).await)
}

/// Writes the page that a browser gets for a fault.
fn problem_page(doorway: &Doorway, fault: &Fault<'_>) -> String {
    let site = doorway.site(Language::choose(fault.accept_language));
    let problem = fault.problem;
    if problem.code == Code::NotFound {
        return crate::pages::not_found(&site).into_string();
    }
    let sentence = |text: &str| {
        let mut letters = text.chars();
        let first = letters.next().map(|first| first.to_uppercase().to_string());
        format!("{}{}.", first.unwrap_or_default(), letters.as_str())
    };
    let model = model::Problem {
        code: problem.code.to_string(),
        happened: sentence(problem.code.title()),
        means: sentence(&problem.detail),
        todo: sentence(problem.code.hint()),
    };
    crate::pages::problem(&site, &model).into_string()
}

impl Doorway {
    /// Finds out who asks: nobody in particular without a token, an error with one that is not good.
    pub(crate) async fn sight(&self, headers: &HeaderMap) -> Result<Sight, Problem> {
        let Some(token) = bearer(headers)? else {
            return Ok(Sight::ANONYMOUS);
        };
        let home = self.home()?;
        let key = home.tokens.holder(token, self.now())?.agent;
        let is_member = home.community.member(&key).await?.is_some();
        Ok(Sight {
            key: Some(key),
            is_member,
        })
    }

    /// Finds out who wants to do something, and whether they may.
    pub(crate) async fn permit(
        &self,
        headers: &HeaderMap,
        action: Action,
    ) -> Result<String, Problem> {
        let home = self.home()?;
        let token = bearer(headers)?
            .ok_or_else(|| Problem::new(Code::TokenMissing, Code::TokenMissing.title()))?;
        let key = home.tokens.holder(token, self.now())?.agent;
        let role: Option<Role> = home.community.member(&key).await?.map(|member| member.role);
        session::authorise(role, action, &key, None)?;
        Ok(key)
    }
}

/// Returns the token of a request (RFC 6750 §2.1).
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() {
        return Ok(Some(token.trim()));
    }
    let detail = "Authorization must be: Bearer <token>";
    Err(Problem::new(Code::TokenInvalid, detail))
}
