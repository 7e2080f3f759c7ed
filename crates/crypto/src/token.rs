//! Short-lived tokens: JSON Web Tokens (RFC 7519) signed with EdDSA (RFC 8037), and nothing else of that family.
//!
//! The header is fixed, so there is no algorithm to negotiate and nothing to confuse.
//! A token names its subject, its purpose and its end; whoever holds it until then is believed.

use base::{Duration, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use thiserror::Error;

use crate::{Keypair, PublicKey};

/// Longest token that is looked at, in bytes.
pub const TOKEN_BYTES_MAX: usize = 1_024;

/// `{"alg":"EdDSA","typ":"JWT"}`, encoded.
const HEADER: &str = "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9";

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Who holds it: an agent key in its text form.
    pub subject: String,
    /// What it is good for, for example `doorway` or `challenge`.
    pub audience: String,
    /// From this time on it is no longer good; whole seconds.
    pub expires: Timestamp,
    /// A value that makes two tokens differ.
    pub nonce: String,
}

/// Why a token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// It is not a token, was changed, or was signed by another key.
    #[error("not a token of this issuer")]
    Invalid,
    /// Its time is over.
    #[error("token expired")]
    Expired,
    /// It is good for something else.
    #[error("token is for another purpose")]
    Audience,
}

/// Signs a token.
#[must_use]
pub fn issue(issuer: &Keypair, claims: &Claims) -> String {
    let payload = json!({
        "sub": claims.subject,
        "aud": claims.audience,
        "exp": claims.expires.as_secs(),
        "jti": claims.nonce,
    });
    let payload = URL_SAFE_NO_PAD.encode(payload.to_string());
    let signed = format!("{HEADER}.{payload}");
    let signature = URL_SAFE_NO_PAD.encode(issuer.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// Checks a token of `issuer` at the time `now`, with no leeway.
///
/// # Errors
/// [`TokenError`]; the signature is looked at first, so that a forged token learns nothing else.
pub fn check(
    issuer: &PublicKey,
    token: &str,
    audience: &str,
    now: Timestamp,
) -> Result<Claims, TokenError> {
    let claims = open(issuer, token).ok_or(TokenError::Invalid)?;
    if claims.expires <= now {
        return Err(TokenError::Expired);
    }
    if claims.audience != audience {
        return Err(TokenError::Audience);
    }
    Ok(claims)
}

/// Returns the end of a token's life that starts at `now`, in whole seconds.
#[must_use]
pub fn expiry(now: Timestamp, life: Duration) -> Timestamp {
    Timestamp::from_secs((now + life).as_secs())
}

/// Reads a token whose signature fits.
fn open(issuer: &PublicKey, token: &str) -> Option<Claims> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let (signed, signature) = token.rsplit_once('.')?;
    let payload = signed.strip_prefix(HEADER)?.strip_prefix('.')?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let signature = signature.try_into().ok()?;
    issuer.verify(signed.as_bytes(), &signature).ok()?;
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let payload: Value = serde_json::from_slice(&payload).ok()?;
    let text = |name: &str| Some(payload.get(name)?.as_str()?.to_owned());
    Some(Claims {
        subject: text("sub")?,
        audience: text("aud")?,
        expires: Timestamp::from_secs(payload.get("exp")?.as_i64()?),
        nonce: text("jti")?,
    })
}

#[cfg(test)]
mod tests;
