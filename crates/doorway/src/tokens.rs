//! Tokens: given for a signed challenge, and looked at with every request that carries one.

use base::{Code, Problem, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chain::{AgentPubKey, public_of, signer::statement_bytes};
use crypto::token::{self, Claims, TokenError};
use crypto::{Keypair, PublicKey};
use doorway_core::session::Purpose;

/// The doorway's own key, which signs its tokens.
pub(crate) struct Tokens {
    pair: Keypair,
    public: PublicKey,
}

impl Tokens {
    pub(crate) fn new(pair: Keypair) -> Self {
        let public = PublicKey::from_bytes(&pair.public()).expect("a key pair's public key is one");
        Self { pair, public }
    }

    /// Gives an agent something to sign.
    pub(crate) fn challenge(
        &self,
        agent: &AgentPubKey,
        now: Timestamp,
        nonce: &[u8; 16],
    ) -> String {
        self.issue(agent, Purpose::Challenge, now, nonce)
    }

    /// Gives an agent a token.
    pub(crate) fn access(&self, agent: &AgentPubKey, now: Timestamp, nonce: &[u8; 16]) -> String {
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
    pub(crate) fn answered(
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
    pub(crate) fn holder(&self, token: &str, now: Timestamp) -> Result<String, Problem> {
        let audience = Purpose::Access.audience();
        let claims = token::check(&self.public, token, audience, now).map_err(|error| {
            let code = match error {
                TokenError::Expired => Code::TokenExpired,
                TokenError::Invalid | TokenError::Audience => Code::TokenInvalid,
            };
            Problem::new(code, error.to_string())
        })?;
        Ok(claims.subject)
    }
}
