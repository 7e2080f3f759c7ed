//! What the vault signs: it is given something of a known kind, parses it, and never signs mere bytes.
//!
//! # Invariants
//! What is signed is what was parsed, made into bytes anew or compared byte by byte.
//! The kinds begin with different bytes, so that a signature of one never counts for another.

use base::{ContentHash, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chain::person::{HostingGrant, KeyEvent, doorway_fits};
use chain::signer::statement_bytes;
use chain::{Action, ActionData, agent_of, public_of, record};
use serde_json::Value;
use thiserror::Error;

use crate::core::fence::{Ask, Mark, RawAgent};
use crate::history::{DETAIL_BYTES_MAX, What};

/// Longest challenge that is looked at, in bytes.
pub const CHALLENGE_BYTES_MAX: usize = crypto::token::TOKEN_BYTES_MAX;

/// How far ahead of the vault's clock a challenge may end, in seconds: it is answered at once.
const CHALLENGE_SECS_MAX: i64 = 15 * 60;

/// Something to sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// An action of the agent's chain, asked for by a host in an epoch.
    Action {
        /// The epoch in which the host has the agent.
        epoch: u64,
        /// The action.
        action: Action,
    },
    /// A grant for a doorway.
    Grant(HostingGrant),
    /// A challenge that a doorway gave, which proves who asks.
    Challenge(String),
}

/// Why a request is none that the vault signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// It names another author or key.
    #[error("it belongs to another key")]
    Foreign,
    /// The vault signs no such action.
    #[error("the vault signs no actions of this kind")]
    Kind,
    /// It is longer than anything that is signed.
    #[error("it is too long")]
    Length,
    /// The start of a chain stands elsewhere, or something else stands there.
    #[error("a chain starts with its DNA, and only there")]
    Start,
    /// The grant is not one.
    #[error("the grant names no doorway or no time that it can have")]
    Grant,
    /// The challenge is not one.
    #[error("it is no challenge of a doorway")]
    Challenge,
    /// The challenge is over, or lasts longer than a challenge does.
    #[error("the challenge is over, or lasts too long")]
    ChallengeTime,
}

/// What was parsed: what the fence is asked, what is written down, and the bytes for the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parsed {
    pub(crate) ask: Ask,
    pub(crate) what: What,
    pub(crate) epoch: u64,
    pub(crate) seq: u32,
    pub(crate) hash: [u8; 32],
    pub(crate) detail: String,
    pub(crate) bytes: Vec<u8>,
}

impl Request {
    /// Looks at a request for an agent.
    pub(crate) fn parse(&self, now: Timestamp, agent: &RawAgent) -> Result<Parsed, RequestError> {
        match self {
            Self::Action { epoch, action } => parse_action(agent, *epoch, action),
            Self::Grant(grant) => parse_grant(agent, grant),
            Self::Challenge(challenge) => parse_challenge(now, agent, challenge),
        }
    }
}

fn parse_action(agent: &RawAgent, epoch: u64, action: &Action) -> Result<Parsed, RequestError> {
    if *action.author() != agent_of(*agent) {
        return Err(RequestError::Foreign);
    }
    let what = What::of(&action.data).ok_or(RequestError::Kind)?;
    let bytes = record::action_bytes(action);
    // What does not come back as it is was never an action in its canonical form.
    if bytes.len() > record::ACTION_BYTES_MAX
        || record::decode_action(&bytes).as_ref() != Ok(action)
    {
        return Err(RequestError::Length);
    }
    let seq = action.action_seq();
    let is_first = seq == 0 && action.prev_action().is_none();
    if is_first != matches!(action.data, ActionData::Dna(_)) {
        return Err(RequestError::Start);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(record::action_hash(action).get_raw_32());
    let previous = action.prev_action().map(|previous| {
        let mut hash = [0; 32];
        hash.copy_from_slice(previous.get_raw_32());
        hash
    });
    Ok(Parsed {
        ask: Ask::Action {
            epoch,
            mark: Mark { seq, hash },
            previous,
            closes: what == What::Close,
        },
        what,
        epoch,
        seq,
        hash,
        detail: String::new(),
        bytes,
    })
}

fn parse_grant(agent: &RawAgent, grant: &HostingGrant) -> Result<Parsed, RequestError> {
    if grant.agent != *agent {
        return Err(RequestError::Foreign);
    }
    let longest = base::Duration::from_secs(chain::person::GRANT_DAYS_MAX * 24 * 60 * 60);
    let lasts = grant.made < grant.expires && grant.expires <= grant.made + longest;
    if !doorway_fits(&grant.doorway) || !lasts {
        return Err(RequestError::Grant);
    }
    let event = KeyEvent::Grant(grant.clone());
    let bytes = event.encode();
    let hash = event.hash().0;
    let epoch = grant.epoch;
    Ok(Parsed {
        ask: Ask::Grant { epoch, hash },
        what: What::Grant,
        epoch,
        seq: 0,
        hash,
        detail: grant.doorway.clone(),
        bytes,
    })
}

/// A challenge is a token whose issuer nobody here knows; so its form is looked at, and for whom it is.
fn parse_challenge(
    now: Timestamp,
    agent: &RawAgent,
    challenge: &str,
) -> Result<Parsed, RequestError> {
    if challenge.len() > CHALLENGE_BYTES_MAX {
        return Err(RequestError::Length);
    }
    let parts: Vec<_> = challenge
        .split('.')
        .map(|part| URL_SAFE_NO_PAD.decode(part).ok())
        .collect();
    let [Some(header), Some(payload), Some(signature)] = parts.as_slice() else {
        return Err(RequestError::Challenge);
    };
    let object = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
    let (Some(header), Some(payload)) = (object(header), object(payload)) else {
        return Err(RequestError::Challenge);
    };
    let text = |value: &Value, name: &str| Some(value.get(name)?.as_str()?.to_owned());
    let is_challenge = text(&header, "alg").as_deref() == Some("EdDSA")
        && text(&payload, "aud").as_deref() == Some("challenge")
        && signature.len() == 64;
    let (Some(subject), Some(end)) = (
        text(&payload, "sub"),
        payload.get("exp").and_then(Value::as_i64),
    ) else {
        return Err(RequestError::Challenge);
    };
    if !is_challenge {
        return Err(RequestError::Challenge);
    }
    if subject != agent_of(*agent).to_string() {
        return Err(RequestError::Foreign);
    }
    let left = end.saturating_sub(now.as_secs());
    if !(1..=CHALLENGE_SECS_MAX).contains(&left) {
        return Err(RequestError::ChallengeTime);
    }
    let bytes = statement_bytes(challenge.as_bytes());
    let hash = *ContentHash::of(&bytes).as_bytes();
    let mut detail = text(&payload, "iss").unwrap_or_default();
    if detail.len() > DETAIL_BYTES_MAX {
        detail.clear();
    }
    Ok(Parsed {
        ask: Ask::Statement { hash },
        what: What::Challenge,
        epoch: 0,
        seq: 0,
        hash,
        detail,
        bytes,
    })
}

/// Returns the raw key of an agent that is written as Holochain does, when it is written as this key is.
#[must_use]
pub fn agent_key(agent: &chain::AgentPubKey) -> Option<RawAgent> {
    let key = public_of(agent);
    (agent_of(key) == *agent).then_some(key)
}

#[cfg(test)]
mod tests;
