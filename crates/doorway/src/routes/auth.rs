//! Tokens for those who can sign.

use api::{ChallengeRequest, ChallengeView, SCHEMA_VERSION, TokenRequest, TokenView};
use axum::extract::State;
use base::{Code, Problem};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chain::AgentPubKey;
use doorway_core::session::{Denial, Purpose};
use http_kit::{Json, ProblemResponse};

use crate::service::Doorway;

/// Draws what makes two tokens differ.
fn nonce() -> Result<[u8; 16], Problem> {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(|error| Problem::new(Code::Bug, error.to_string()))?;
    Ok(nonce)
}

pub(super) async fn challenge(
    State(doorway): State<Doorway>,
    Json(request): Json<ChallengeRequest>,
) -> Result<Json<ChallengeView>, ProblemResponse> {
    let home = doorway.home()?;
    let agent = super::chains::agent(&request.agent)?;
    let challenge = home.tokens.challenge(&agent, doorway.now(), &nonce()?);
    Ok(Json(ChallengeView {
        schema_version: SCHEMA_VERSION,
        challenge,
    }))
}

pub(super) async fn token(
    State(doorway): State<Doorway>,
    Json(request): Json<TokenRequest>,
) -> Result<Json<TokenView>, ProblemResponse> {
    let home = doorway.home()?;
    let signature = STANDARD.decode(&request.signature).ok();
    let signature: [u8; 64] = signature
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| {
            Problem::new(
                Code::ChallengeInvalid,
                "the signature is not 64 bytes in base64",
            )
        })?;
    let now = doorway.now();
    let agent: AgentPubKey = home.tokens.answered(&request.challenge, &signature, now)?;
    if home.community.member(&agent.to_string()).await?.is_none() {
        return Err(Problem::from(Denial::NotAMember).into());
    }
    let life = Purpose::Access.life().as_secs();
    Ok(Json(TokenView {
        schema_version: SCHEMA_VERSION,
        token: home.tokens.access(&agent, now, &nonce()?),
        expires_secs: u32::try_from(life).unwrap_or(u32::MAX),
    }))
}
