//! How bytes get to a doorway: TLS by rustls with the system's trusted certificates, and deadlines on everything.

use std::sync::Arc;
use std::time::Duration;

/// How long a connection may take to be made.
const CONNECT_SECS_MAX: u64 = 10;

/// How long a doorway may stay silent in the middle of an exchange.
const SILENCE_SECS_MAX: u64 = 60;

/// Makes a client; the connection pool inside is shared by its clones.
pub(crate) fn client() -> Result<reqwest::Client, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    // A provider that was installed before is as good: there is one in this program.
    drop(rustls::crypto::CryptoProvider::install_default(
        (*provider).clone(),
    ));
    reqwest::Client::builder()
        .user_agent(concat!("commonhold/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(CONNECT_SECS_MAX))
        .read_timeout(Duration::from_secs(SILENCE_SECS_MAX))
        .redirect(reqwest::redirect::Policy::limited(5))
        .build()
        .map_err(|error| format!("the HTTP client cannot start: {error}"))
}
