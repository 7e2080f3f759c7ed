//! How many files and sockets this process may have open.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use thiserror::Error;

/// The kernel did not let the limit be raised.
#[derive(Debug, Error)]
#[error("raise the limit on open files from {from} to {to}")]
pub struct RaiseLimitError {
    /// The limit as it is.
    pub from: u64,
    /// The limit that was asked for.
    pub to: u64,
    /// Why.
    pub source: io::Error,
}

/// Raises the soft limit on open files to the hard one (`RLIMIT_NOFILE`, getrlimit(2)) and returns the limit that
/// holds now; `None` means there is none.
///
/// # Errors
///
/// [`RaiseLimitError`] when the kernel refuses.
pub fn raise_limit() -> Result<Option<u64>, RaiseLimitError> {
    let limit = getrlimit(Resource::Nofile);
    let Some(from) = limit.current else {
        return Ok(None);
    };
    if limit.maximum == Some(from) {
        return Ok(Some(from));
    }
    let wanted = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, wanted).map_err(|error| RaiseLimitError {
        from,
        to: limit.maximum.unwrap_or(u64::MAX),
        source: error.into(),
    })?;
    Ok(limit.maximum)
}
