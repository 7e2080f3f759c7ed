//! The address of a server, taken apart. The password never leaves this file except towards the server.
//!
//! The text is PostgreSQL's own connection URI (libpq's documentation, "Connection URIs"). Two things differ:
//! `sslmode=require` and `verify-full` both mean that the certificate must be valid for the host, and `sslrootcert`
//! names the file with the authority when it is not one that the operating system trusts.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::{OpenError, PostgresLimits};

/// How often an idle connection is asked whether it is still there, in seconds.
const KEEPALIVE_SECONDS: u64 = 15;

/// What is said of an address that cannot be read; the address itself may hold a password.
const FORM: &str = "write postgres://user:password@host:5432/database, and write %40 for @, %2F for / and %25 for % \
                    inside of the password";

/// A server and how to sign in there.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) config: Config,
    /// File with the certificates of the authorities to trust; the operating system's when there is none.
    pub(crate) authorities: Option<PathBuf>,
    place: String,
}

impl Address {
    /// Reads a connection URI and sets what the limits say.
    pub(crate) fn parse(url: &str, limits: &PostgresLimits) -> Result<Self, OpenError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(refused(FORM));
        }
        // With a second one, a part of the password would be taken for a host.
        if url.matches('@').count() > 1 {
            return Err(refused(FORM));
        }
        let (url, authorities) = take_own_options(url)?;
        let mut config: Config = url.parse().map_err(|error| refused(reason(&error)))?;
        let place = place(&config)?;
        let has_hosts = config
            .get_hosts()
            .iter()
            .any(|host| matches!(host, Host::Tcp(_)));
        if config.get_ssl_mode() == SslMode::Require && !has_hosts {
            return Err(refused("sslmode=require needs the name of a host"));
        }
        config.connect_timeout(Duration::from_millis(limits.connect_ms_max));
        config.tcp_user_timeout(Duration::from_millis(limits.transaction_ms_max));
        config.keepalives_idle(Duration::from_secs(KEEPALIVE_SECONDS));
        if config.get_application_name().is_none() {
            config.application_name("commonhold");
        }
        Ok(Self {
            config,
            authorities,
            place,
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.place)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Address").field(&self.place).finish()
    }
}

/// Takes out `sslrootcert`, and turns `sslmode=verify-full` into the `require` that means the same here.
fn take_own_options(url: &str) -> Result<(String, Option<PathBuf>), OpenError> {
    // A question mark inside of the password comes before the @.
    let authority_end = url.rfind('@').unwrap_or(0);
    let Some(start) = url[authority_end..].find('?').map(|at| at + authority_end) else {
        return Ok((url.to_owned(), None));
    };
    let mut authorities = None;
    let mut options = Vec::new();
    for option in url[start + 1..].split('&') {
        match option.split_once('=') {
            Some(("sslrootcert", path)) => {
                let path = percent_encoding::percent_decode_str(path)
                    .decode_utf8()
                    .map_err(|_| refused("sslrootcert is not UTF-8 text"))?;
                authorities = Some(PathBuf::from(path.as_ref()));
            }
            Some(("sslmode", "verify-full")) => options.push("sslmode=require"),
            Some(("sslmode", mode)) if !["disable", "prefer", "require"].contains(&mode) => {
                return Err(refused(
                    "sslmode is one of disable, prefer, require and verify-full",
                ));
            }
            _ => options.push(option),
        }
    }
    let mut rest = url[..start].to_owned();
    if !options.is_empty() {
        rest.push('?');
        rest.push_str(&options.join("&"));
    }
    Ok((rest, authorities))
}

/// What a person is told about an address that the library does not take: nothing that could quote a password.
fn reason(error: &tokio_postgres::Error) -> String {
    let told = base::told(error);
    // Names of options come from the library's own list in this message, and in no other.
    match told.split_once("invalid value for option ") {
        Some((_, option)) => format!("the value of {option} is not one that it may have"),
        None => FORM.to_owned(),
    }
}

/// Returns the address without its password.
fn place(config: &Config) -> Result<String, OpenError> {
    let mut hosts = Vec::new();
    for (index, host) in config.get_hosts().iter().enumerate() {
        let port = match config.get_ports() {
            [] => 5_432,
            [port] => *port,
            ports => ports.get(index).copied().unwrap_or(5_432),
        };
        let host = match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        };
        hosts.push(format!("{host}:{port}"));
    }
    if hosts.is_empty() {
        return Err(refused("it names no host"));
    }
    let database = config
        .get_dbname()
        .or(config.get_user())
        .unwrap_or_default();
    Ok(format!("postgres://{}/{database}", hosts.join(",")))
}

fn refused(reason: impl Into<String>) -> OpenError {
    OpenError::Address {
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests;
