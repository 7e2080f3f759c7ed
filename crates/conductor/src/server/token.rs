//! Tokens that open app sockets: 64 random bytes, in memory alone, so that a restart makes all of them void.

use std::collections::HashMap;

use base::{Duration, Timestamp};

/// Bytes of a token.
pub(super) const TOKEN_BYTES: usize = 64;

/// The tokens that are valid.
pub(super) struct Tokens {
    limit: usize,
    tokens: HashMap<[u8; TOKEN_BYTES], Token>,
}

struct Token {
    app: String,
    expires: Option<Timestamp>,
    is_single: bool,
}

impl Tokens {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            tokens: HashMap::new(),
        }
    }

    /// Takes a new token in; returns when it expires, or refuses it because there are too many.
    ///
    /// A time of 0 seconds is no end, as with Holochain.
    pub(super) fn issue(
        &mut self,
        now: Timestamp,
        bytes: [u8; TOKEN_BYTES],
        app: String,
        expiry_seconds: u64,
        is_single: bool,
    ) -> Option<Option<Timestamp>> {
        if self.tokens.len() >= self.limit {
            self.tokens
                .retain(|_, token| token.expires.is_none_or(|expires| expires > now));
        }
        if self.tokens.len() >= self.limit {
            return None;
        }
        let span = Duration::from_secs(expiry_seconds.min(u64::from(u32::MAX)));
        let expires = (expiry_seconds > 0).then(|| now + span);
        let token = Token {
            app,
            expires,
            is_single,
        };
        self.tokens.insert(bytes, token);
        Some(expires)
    }

    /// Uses a token; returns the app that it is for.
    pub(super) fn redeem(&mut self, now: Timestamp, bytes: &[u8]) -> Option<String> {
        let bytes: [u8; TOKEN_BYTES] = bytes.try_into().ok()?;
        let token = self.tokens.get(&bytes)?;
        let is_valid = token.expires.is_none_or(|expires| expires > now);
        let app = is_valid.then(|| token.app.clone());
        if token.is_single || !is_valid {
            self.tokens.remove(&bytes);
        }
        app
    }

    /// Makes a token void; one that is none is void already.
    pub(super) fn revoke(&mut self, bytes: &[u8]) {
        if let Ok(bytes) = <[u8; TOKEN_BYTES]>::try_from(bytes) {
            self.tokens.remove(&bytes);
        }
    }
}

#[cfg(test)]
mod tests;
