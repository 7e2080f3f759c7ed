//! Who asks, and whether they may: a token is checked once and remembered by its hash until it ends.
//!
//! # Invariants
//!
//! * A remembered token is forgotten when it has expired, and what its holder may do is asked again as soon as the list
//!   of members has changed.
//! * The memory is bounded, and holds no token, only hashes of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base::{Code, ContentHash, Problem, Timestamp};
use chain::{AgentPubKey, public_of};
use runtime::Clock;
use storage_core::access::{self, Action, Caller, Scope};
use storage_core::namespace::Namespace;

use crate::Authority;

/// How many tokens are remembered.
const TOKENS_MAX: usize = 10_000;

/// Checks tokens.
pub(crate) struct Permits {
    authority: Arc<dyn Authority>,
    clock: Clock,
    known: Mutex<HashMap<ContentHash, Arc<Known>>>,
}

/// Somebody whose token was checked.
#[derive(Debug)]
pub(crate) struct Known {
    /// Their namespace.
    pub(crate) own: Arc<Namespace>,
    pub(crate) caller: Caller,
    expires: Timestamp,
    /// The authority's version when it was asked what they are.
    version: u64,
}

/// What a request may do, and where.
#[derive(Debug)]
pub(crate) struct Permit {
    pub(crate) namespace: Arc<Namespace>,
    /// Whose that is.
    pub(crate) scope: Scope,
    pub(crate) caller: Caller,
}

impl Permits {
    pub(crate) fn new(authority: Arc<dyn Authority>, clock: Clock) -> Self {
        Self {
            authority,
            clock,
            known: Mutex::default(),
        }
    }

    /// Finds out whether a request may do something with the namespace that it names.
    ///
    /// # Errors
    /// What is wrong with the token or the name, and [`access::Denial`].
    ///
    /// # Cancel safety
    /// May be dropped.
    pub(crate) async fn permit(
        &self,
        headers: &HeaderMap,
        named: Option<&str>,
        action: Action,
    ) -> Result<Permit, Problem> {
        let Some(token) = bearer(headers)? else {
            let denied = access::decide(Caller::Anonymous, Scope::Other, action);
            return Err(denied.map_or_else(Problem::from, |()| missing()));
        };
        let known = self.known(token).await?;
        let (namespace, scope) = match named {
            None => (Arc::clone(&known.own), Scope::Own),
            Some(name) if name == known.own.as_str() => (Arc::clone(&known.own), Scope::Own),
            Some(name) => (Arc::new(self::namespace(name)?), Scope::Other),
        };
        access::decide(known.caller, scope, action)?;
        Ok(Permit {
            namespace,
            scope,
            caller: known.caller,
        })
    }

    /// Returns whose token it is.
    async fn known(&self, token: &str) -> Result<Arc<Known>, Problem> {
        let key = ContentHash::of(token.as_bytes());
        let now = self.clock.now();
        let version = self.authority.version();
        let found = self.held().get(&key).cloned();
        match found {
            Some(known) if now < known.expires && known.version == version => Ok(known),
            // Apart, because most tokens are known.
            Some(_) | None => Box::pin(self.learn(token, key, now, version)).await,
        }
    }

    /// Finds out whose token it is, and remembers it.
    async fn learn(
        &self,
        token: &str,
        key: ContentHash,
        now: Timestamp,
        version: u64,
    ) -> Result<Arc<Known>, Problem> {
        let holder = self.authority.holder(token, now)?;
        let caller = self.authority.caller(&holder.agent).await?;
        let agent = AgentPubKey::try_from(holder.agent.as_str())
            .map_err(|_| Problem::new(Code::TokenInvalid, "the token names no key"))?;
        let known = Arc::new(Known {
            own: Arc::new(access::own(&public_of(&agent))),
            caller,
            expires: holder.expires,
            version,
        });
        let mut held = self.held();
        if held.len() >= TOKENS_MAX {
            held.retain(|_, known| now < known.expires && known.version == version);
        }
        if held.len() >= TOKENS_MAX {
            held.clear();
        }
        held.insert(key, Arc::clone(&known));
        Ok(known)
    }

    fn held(&self) -> MutexGuard<'_, HashMap<ContentHash, Arc<Known>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the name of a namespace.
pub(crate) fn namespace(name: &str) -> Result<Namespace, Problem> {
    name.parse::<Namespace>()
        .map_err(|error| Problem::new(Code::MalformedName, error.to_string()))
}

fn missing() -> Problem {
    Problem::new(Code::TokenMissing, Code::TokenMissing.title())
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
