//! Which bus an address means.
//!
//! Invariant: nothing here says the user or the password of an address, neither `Debug` nor an error.

use std::fmt;

use base::{Code, Problem};
use percent_encoding::percent_decode_str;
use url::Url;

/// Where the bus is.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// In this process alone.
    Memory,
    /// On a Redis server.
    Redis(Server),
    /// On a NATS server.
    Nats(Server),
}

/// A server, with what opens its door.
#[derive(Clone)]
pub(crate) struct Server {
    /// The address without user and password.
    pub(crate) address: Url,
    /// The user, when the address has one.
    pub(crate) user: Option<String>,
    /// The password, when the address has one.
    pub(crate) password: Option<String>,
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.address)
    }
}

impl Target {
    /// Reads an address: empty or `memory:`, `redis:`, `rediss:`, `nats:` or `tls:`.
    ///
    /// # Errors
    ///
    /// [`Code::Config`] when it is none of these or carries what none of them takes.
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        if text.is_empty() || text == "memory:" {
            return Ok(Self::Memory);
        }
        let url = Url::parse(text).map_err(|error| wrong(&format!("is no URL: {error}")))?;
        let is_redis = match url.scheme() {
            "redis" | "rediss" => true,
            "nats" | "tls" => false,
            _ => {
                return Err(wrong(
                    "has an unknown scheme; write redis://, rediss://, nats://, tls:// or memory:",
                ));
            }
        };
        if url.host_str().is_none_or(str::is_empty) {
            return Err(wrong("names no host"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("goes on with ? or #, which means nothing here"));
        }
        let path = url.path().trim_start_matches('/');
        if is_redis {
            if !path.is_empty() && path.parse::<u16>().is_err() {
                return Err(wrong("names a database that is not a number"));
            }
            return Ok(Self::Redis(Server::of(url)?));
        }
        if !path.is_empty() {
            return Err(wrong("has a path, which NATS does not know"));
        }
        Ok(Self::Nats(Server::of(url)?))
    }
}

impl Server {
    fn of(mut url: Url) -> Result<Self, Problem> {
        let user = decoded(url.username())?;
        let password = url.password().map(decoded).transpose()?;
        let is_stripped = url.set_username("").is_ok() && url.set_password(None).is_ok();
        if !is_stripped {
            return Err(wrong("names no host"));
        }
        Ok(Self {
            address: url,
            user: Some(user).filter(|user| !user.is_empty()),
            password,
        })
    }

    /// Tells whether the connection is to be encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        matches!(self.address.scheme(), "rediss" | "tls")
    }
}

fn decoded(text: &str) -> Result<String, Problem> {
    percent_decode_str(text)
        .decode_utf8()
        .map(|text| text.into_owned())
        .map_err(|_| wrong("has a user or a password that is not UTF-8"))
}

fn wrong(what: &str) -> Problem {
    Problem::new(Code::Config, format!("the address of the bus {what}"))
}

#[cfg(test)]
mod tests;
