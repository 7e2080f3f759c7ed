//! Tokens: given for a signed challenge, and looked at with every request that carries one.
//!
//! Invariant: a token of one key pair is worth nothing to another, and a challenge is never taken for a token.
//! It does not know who is a member: a token says who holds it, never what they may do.

use base::{Code, Problem, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chain::{AgentPubKey, public_of, signer::statement_bytes};
use crypto::token::{self, Claims, TokenError};
use crypto::{Keypair, PublicKey};

use super::Purpose;

/// A service's own key, which signs its tokens.
pub struct Tokens {
    pair: Keypair,
    public: PublicKey,
}

/// Who holds a token, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The agent key, in its text form.
    pub agent: String,
    /// From this time on the token is no longer good.
    pub expires: Timestamp,
}

impl Tokens {
    /// Signs with a key pair.
    ///
    /// # Panics
    /// Never: a key pair's public key is one.
    #[must_use]
    pub fn new(pair: Keypair) -> Self {
        let public = PublicKey::from_bytes(&pair.public()).expect("a key pair's public key is one");
        Self { pair, public }
    }

    /// Gives an agent something to sign. `nonce` is random.
    #[must_use]
    pub fn challenge(&self, agent: &AgentPubKey, now: Timestamp, nonce: &[u8; 16]) -> String {
        self.issue(agent, Purpose::Challenge, now, nonce)
    }

    /// Gives an agent a token. `nonce` is random.
    #[must_use]
    pub fn access(&self, agent: &AgentPubKey, now: Timestamp, nonce: &[u8; 16]) -> String {
        self.issue(agent, Purpose::Access, now, nonce)
    }

    fn issue(
        &self,
        agent: &AgentPubKey,
        purpose: Purpose,
        now: Timestamp,
        nonce: &[u8; 16],
    ) -> String {
        let claims = Claims {
            subject: agent.to_string(),
            audience: purpose.audience().to_owned(),
            expires: purpose.expires(now),
            nonce: URL_SAFE_NO_PAD.encode(nonce),
        };
        token::issue(&self.pair, &claims)
    }

    /// Returns who answered a challenge of ours with a signature that fits.
    ///
    /// # Errors
    /// [`Code::ChallengeInvalid`] with what is wrong.
    pub fn answered(
        &self,
        challenge: &str,
        signature: &[u8; 64],
        now: Timestamp,
    ) -> Result<AgentPubKey, Problem> {
        let refused = |detail: &str| Problem::new(Code::ChallengeInvalid, detail);
        let audience = Purpose::Challenge.audience();
        let claims = token::check(&self.public, challenge, audience, now)
            .map_err(|error| refused(&format!("challenge: {error}")))?;
        let agent = AgentPubKey::try_from(claims.subject.as_str())
            .map_err(|_| refused("the challenge names no key"))?;
        let key = PublicKey::from_bytes(&public_of(&agent))
            .map_err(|error| refused(&error.to_string()))?;
        key.verify(&statement_bytes(challenge.as_bytes()), signature)
            .map_err(|error| refused(&error.to_string()))?;
        Ok(agent)
    }

    /// Returns whose token this is.
    ///
    /// # Errors
    /// [`Code::TokenExpired`], or [`Code::TokenInvalid`] for everything that is no token of ours.
    pub fn holder(&self, token: &str, now: Timestamp) -> Result<Holder, Problem> {
        let audience = Purpose::Access.audience();
        let claims = token::check(&self.public, token, audience, now).map_err(|error| {
            let code = match error {
                TokenError::Expired => Code::TokenExpired,
                TokenError::Invalid | TokenError::Audience => Code::TokenInvalid,
            };
            Problem::new(code, error.to_string())
        })?;
        Ok(Holder {
            agent: claims.subject,
            expires: claims.expires,
        })
    }
}

#[cfg(test)]
mod tests;
