//! What a node serves that runs alone: tokens for its writers, and how it is.

use std::sync::Arc;

use api::{
    ChallengeRequest, ChallengeView, SCHEMA_VERSION, StorageHealthView, TokenRequest, TokenView,
};
use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use base::{Code, Problem};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chain::AgentPubKey;
use doorway_core::session::{Denial, Purpose};
use http_kit::{Json, ProblemResponse};

use crate::service::Storage;
use crate::{Admittance, Writers};

pub(super) fn router(storage: &Storage) -> Router {
    let router = Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .with_state(storage.clone());
    match &storage.0.admittance {
        Admittance::Joined(_) => router,
        Admittance::Own(writers) => {
            let desk = Desk {
                storage: storage.clone(),
                writers: Arc::clone(writers),
            };
            let tokens = Router::new()
                .route("/auth/challenge", post(challenge))
                .route("/auth/token", post(token))
                .with_state(desk);
            router.merge(tokens)
        }
    }
}

/// Where tokens are given.
#[derive(Clone)]
struct Desk {
    storage: Storage,
    writers: Arc<Writers>,
}

/// Draws what makes two tokens differ.
fn nonce() -> Result<[u8; 16], Problem> {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(|error| Problem::new(Code::Bug, error.to_string()))?;
    Ok(nonce)
}

async fn challenge(
    State(desk): State<Desk>,
    Json(request): Json<ChallengeRequest>,
) -> Result<Json<ChallengeView>, ProblemResponse> {
    let agent = AgentPubKey::try_from(request.agent.as_str())
        .map_err(|error| Problem::new(Code::MalformedHash, format!("agent key: {error}")))?;
    let tokens = desk.writers.tokens();
    Ok(Json(ChallengeView {
        schema_version: SCHEMA_VERSION,
        challenge: tokens.challenge(&agent, desk.storage.now(), &nonce()?),
    }))
}

async fn token(
    State(desk): State<Desk>,
    Json(request): Json<TokenRequest>,
) -> Result<Json<TokenView>, ProblemResponse> {
    let signature = STANDARD.decode(&request.signature).ok();
    let signature: [u8; 64] = signature
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| {
            let detail = "the signature is not 64 bytes in base64";
            Problem::new(Code::ChallengeInvalid, detail)
        })?;
    let now = desk.storage.now();
    let tokens = desk.writers.tokens();
    let agent = tokens.answered(&request.challenge, &signature, now)?;
    if !desk.writers.admits(&agent.to_string()) {
        return Err(Problem::from(Denial::NotAMember).into());
    }
    let life = Purpose::Access.life().as_secs();
    Ok(Json(TokenView {
        schema_version: SCHEMA_VERSION,
        token: tokens.access(&agent, now, &nonce()?),
        expires_secs: u32::try_from(life).unwrap_or(u32::MAX),
    }))
}

async fn health(State(storage): State<Storage>) -> Json<StorageHealthView> {
    Json(view(&storage))
}

/// A node that takes no more is alive and should get no visitors.
async fn ready(State(storage): State<Storage>) -> Result<Json<StorageHealthView>, ProblemResponse> {
    if storage.0.blobs.is_poisoned() {
        return Err(ProblemResponse::of(
            Code::StoreStopped,
            Code::StoreStopped.title(),
        ));
    }
    Ok(Json(view(&storage)))
}

fn view(storage: &Storage) -> StorageHealthView {
    let status = if storage.0.shutdown.is_requested() {
        "draining"
    } else if storage.0.blobs.is_poisoned() {
        "stopped"
    } else {
        "online"
    };
    StorageHealthView {
        schema_version: SCHEMA_VERSION,
        healthy: true,
        status: status.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_secs: storage.now().since(storage.0.started).as_secs(),
    }
}
