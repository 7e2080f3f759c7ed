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

/// Returns who answered a challenge of ours.
pub(super) fn answered(
    doorway: &Doorway,
    challenge: &str,
    signature: &str,
) -> Result<AgentPubKey, Problem> {
    let bytes = STANDARD.decode(signature).ok();
    let bytes: Option<[u8; 64]> = bytes.and_then(|bytes| bytes.try_into().ok());
    let bytes = bytes.ok_or_else(|| {
        let detail = "the signature is not 64 bytes in base64";
        Problem::new(Code::ChallengeInvalid, detail)
    })?;
    let tokens = &doorway.home()?.tokens;
    tokens.answered(challenge, &bytes, doorway.now())
}

/// Draws bytes that nobody can guess.
pub(super) fn random<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Problem::new(Code::Bug, error.to_string()))?;
    Ok(bytes)
}

/// Draws what makes two tokens differ.
fn nonce() -> Result<[u8; 16], Problem> {
    random()
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
    let now = doorway.now();
    let agent = answered(&doorway, &request.challenge, &request.signature)?;
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
