//! Logs of a process: one line per event on standard error, for people or for programs.

use std::panic;
use std::str::FromStr;

use thiserror::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// A JSON object per line.
    Json,
}

/// Logs could not be started.
#[derive(Debug, Error)]
pub enum InitError {
    /// The level is neither a level nor a list of `target=level`.
    #[error("log level {level:?}: {reason}")]
    Level {
        /// The level as given.
        level: String,
        /// Why it cannot be used.
        reason: String,
    },
    /// This process has logs already.
    #[error("logs were started already")]
    Again,
}

/// The text is no format.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is no log format: give text or json")]
pub struct ParseFormatError(pub String);

impl FromStr for Format {
    type Err = ParseFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(ParseFormatError(text.to_owned())),
        }
    }
}

/// Starts the logs of this process. From then on a panic is a line in them as well.
///
/// `level` is `error`, `warn`, `info`, `debug`, `trace`, `off`, or a list such as `info,doorway=debug`.
///
/// # Errors
///
/// [`InitError`] when the level cannot be read or logs were started before.
pub fn init(format: Format, level: &str) -> Result<(), InitError> {
    let filter = EnvFilter::builder()
        .parse(level)
        .map_err(|error| InitError::Level {
            level: level.to_owned(),
            reason: error.to_string(),
        })?;
    let registry = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let started = match format {
        Format::Text => registry.with(lines.with_ansi(false)).try_init(),
        Format::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    };
    started.map_err(|_| InitError::Again)?;
    panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn log_panic(panic: &panic::PanicHookInfo<'_>) {
    let place = panic
        .location()
        .map_or_else(|| "unknown".to_owned(), ToString::to_string);
    tracing::error!(
        target: "runtime::event::panicked",
        place,
        reason = panic.payload_as_str().unwrap_or("unknown"),
        "a task panicked"
    );
}

#[cfg(test)]
mod tests;
