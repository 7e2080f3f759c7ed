//! Digests of bodies in headers (RFC 9530): `sha-256=:base64:`.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use base::{Code, ContentHash, Problem};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The header that announces the digest of this message's body.
pub(crate) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// The header that announces the digest of what the body is a representation of.
const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// Longest `Content-Digest` that is read, in bytes; it has room for several algorithms.
const DIGEST_BYTES_MAX: usize = 1_024;

/// Returns the SHA-256 that a request announces for its body; `None` when it announces none.
///
/// Other algorithms are left alone, as RFC 9530 §2 allows.
///
/// # Errors
///
/// A [`Problem`] with [`Code::DigestMismatch`] when the header cannot be read: a check that was asked for is never
/// silently left out.
pub fn content_digest(headers: &HeaderMap) -> Result<Option<ContentHash>, Problem> {
    announced(headers, &CONTENT_DIGEST)
}

/// Returns the SHA-256 that a request announces for what its body represents; `None` when it announces none. Of a body
/// that is sent whole and unpacked it is the same as [`content_digest`].
///
/// # Errors
///
/// As [`content_digest`].
pub fn announced_repr_digest(headers: &HeaderMap) -> Result<Option<ContentHash>, Problem> {
    announced(headers, &REPR_DIGEST)
}

fn announced(headers: &HeaderMap, name: &HeaderName) -> Result<Option<ContentHash>, Problem> {
    let mut found = None;
    for line in headers.get_all(name) {
        let text = line
            .to_str()
            .ok()
            .filter(|text| text.len() <= DIGEST_BYTES_MAX);
        let unreadable = |reason| unreadable(name, reason);
        let text = text.ok_or_else(|| unreadable("it is not short plain text"))?;
        for member in text.split(',').map(str::trim) {
            if let Some(hash) = sha256(member).map_err(unreadable)? {
                // The last one of a repeated key counts (RFC 9651 §4.2.2).
                found = Some(hash);
            }
        }
    }
    Ok(found)
}

/// Returns the value of `Repr-Digest` for a representation with this hash.
#[must_use]
pub fn repr_digest(hash: &ContentHash) -> HeaderValue {
    let value = format!("sha-256=:{}:", STANDARD.encode(hash.as_bytes()));
    HeaderValue::from_str(&value).expect("base64 is ASCII")
}

/// Reads one member of the dictionary; `None` when it is of another algorithm.
fn sha256(member: &str) -> Result<Option<ContentHash>, &'static str> {
    let (key, value) = member
        .split_once('=')
        .ok_or("each member is algorithm=:base64:")?;
    if key != "sha-256" {
        return Ok(None);
    }
    let value = value.split(';').next().unwrap_or_default().trim_end();
    let digits = value
        .strip_prefix(':')
        .and_then(|rest| rest.strip_suffix(':'))
        .ok_or("the digest is base64 between two colons")?;
    let bytes = STANDARD
        .decode(digits)
        .map_err(|_| "the digest is not base64")?;
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| "a SHA-256 has 32 bytes")?;
    Ok(Some(ContentHash::from_bytes(bytes)))
}

fn unreadable(name: &HeaderName, reason: &str) -> Problem {
    let shown = if *name == REPR_DIGEST {
        "Repr-Digest"
    } else {
        "Content-Digest"
    };
    Problem::new(
        Code::DigestMismatch,
        format!("{shown} cannot be read: {reason}"),
    )
}

#[cfg(test)]
mod tests;
