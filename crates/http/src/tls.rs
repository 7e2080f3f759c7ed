//! Certificates and keys: read, checked, and changed while connections are open.
//!
//! # Invariants
//!
//! * A key is never used with a certificate that it does not belong to.
//! * What cannot be used changes nothing: the certificate in use stays in use.
//! * Private keys appear in no message.
//!
//! It opens no files and watches none; who does gives it bytes and the names to tell people.

mod validity;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use base::{Code, Problem, Timestamp};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, ServerConfig};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

pub use validity::Validity;

/// How long a certificate of [`self_signed`] is good, in days: longer ones are refused by some browsers.
const SELF_SIGNED_DAYS: u64 = 397;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A PEM file (RFC 7468) that somebody has read.
#[derive(Clone, Copy)]
pub struct Pem<'a> {
    /// What it is called, for messages.
    pub file: &'a str,
    /// What is in it.
    pub bytes: &'a [u8],
}

/// A certificate or its key cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The certificates cannot be read.
    #[error("{file} holds no readable certificate: {reason}")]
    Certificate {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The key cannot be read, or is of a kind that is not known.
    #[error("{file} holds no key that can be used: {reason}")]
    Key {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The two do not belong together.
    #[error("the key in {key_file} does not belong to the certificate in {certificate_file}")]
    Mismatch {
        /// The file with the certificate.
        certificate_file: String,
        /// The file with the key.
        key_file: String,
    },
    /// The ciphers cannot be set up.
    #[error("set up TLS")]
    SetUp(#[source] rustls::Error),
}

/// A certificate could not be made.
#[derive(Debug, Error)]
pub enum SelfSignError {
    /// A name is neither a host name nor an address.
    #[error("make a certificate for {names}")]
    Names {
        /// The names, separated by commas.
        names: String,
        /// What is wrong with them.
        source: rcgen::Error,
    },
    /// No key could be drawn, or it could not sign.
    #[error("make a key and sign a certificate")]
    Sign(#[source] rcgen::Error),
}

/// The certificate of a server and how it speaks TLS: versions 1.2 and 1.3, HTTP/2 and HTTP/1.1 by ALPN (RFC 7301).
pub struct Tls {
    chosen: Arc<Chosen>,
    config: Arc<ServerConfig>,
}

/// A certificate that can be used.
struct Pair {
    key: Arc<CertifiedKey>,
    file: String,
    validity: Option<Validity>,
}

/// The pair in use.
struct Chosen {
    pair: ArcSwap<Pair>,
}

impl TlsError {
    /// Returns it as told to a person.
    #[must_use]
    pub fn problem(&self) -> Problem {
        Problem::caused(Code::Tls, self)
    }
}

impl SelfSignError {
    /// Returns it as told to a person.
    #[must_use]
    pub fn problem(&self) -> Problem {
        Problem::caused(Code::Tls, self)
    }
}

impl Tls {
    /// Makes it of a chain of certificates, the server's own first, and its key (PKCS #8, PKCS #1 or SEC 1).
    ///
    /// An expired certificate can be used; [`Tls::warning`] tells.
    ///
    /// # Errors
    ///
    /// [`TlsError`] says which of the two is at fault.
    pub fn new(certificate: Pem<'_>, key: Pem<'_>) -> Result<Self, TlsError> {
        let pair = ArcSwap::from_pointee(Pair::read(certificate, key)?);
        let chosen = Arc::new(Chosen { pair });
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(TlsError::SetUp)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&chosen) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // Sessions are resumed with tickets, so that nothing is kept for peers that never come back.
        config.ticketer = rustls::crypto::ring::Ticketer::new().map_err(TlsError::SetUp)?;
        Ok(Self {
            chosen,
            config: Arc::new(config),
        })
    }

    /// Uses another certificate from the next handshake on; connections that are open stay as they are.
    ///
    /// # Errors
    ///
    /// [`TlsError`] says which of the two is at fault; then the former stays in use.
    pub fn replace(&self, certificate: Pem<'_>, key: Pem<'_>) -> Result<(), TlsError> {
        let pair = Pair::read(certificate, key)?;
        self.chosen.pair.store(Arc::new(pair));
        Ok(())
    }

    /// Returns from when until when the certificate in use is good; `None` when it does not say so readably.
    #[must_use]
    pub fn validity(&self) -> Option<Validity> {
        self.chosen.pair.load().validity
    }

    /// Says what is wrong with the certificate in use at `now`, if it has expired or is not good yet.
    #[must_use]
    pub fn warning(&self, now: Timestamp) -> Option<Problem> {
        let pair = self.chosen.pair.load();
        let validity = pair.validity?;
        let detail = if now > validity.not_after {
            let day = crate::date::format(validity.not_after);
            format!("the certificate in {} has expired: {day}", pair.file)
        } else if now < validity.not_before {
            let day = crate::date::format(validity.not_before);
            format!("the certificate in {} is not good before {day}", pair.file)
        } else {
            return None;
        };
        Some(Problem::new(Code::Tls, detail))
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

/// Makes a certificate for host names and addresses that vouches for itself, good from yesterday for 397 days.
/// Returns the certificate and its key as PEM. Browsers warn of such a certificate.
///
/// # Errors
///
/// [`SelfSignError`] when a name is none, or no key can be made.
pub fn self_signed(names: &[String], now: Timestamp) -> Result<(String, String), SelfSignError> {
    let mut params =
        rcgen::CertificateParams::new(names).map_err(|source| SelfSignError::Names {
            names: names.join(", "),
            source,
        })?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    let name = names.first().map_or("localhost", String::as_str);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    let since = Duration::from_secs(u64::try_from(now.as_secs()).unwrap_or(0)).saturating_sub(DAY);
    params.not_before = rcgen::date_time_ymd(1970, 1, 1) + since;
    params.not_after = params.not_before + DAY * u32::try_from(SELF_SIGNED_DAYS).unwrap_or(1);
    let key = rcgen::KeyPair::generate().map_err(SelfSignError::Sign)?;
    let certificate = params.self_signed(&key).map_err(SelfSignError::Sign)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

impl Pair {
    fn read(certificate: Pem<'_>, key: Pem<'_>) -> Result<Self, TlsError> {
        let refuse_certificate = |reason: String| TlsError::Certificate {
            file: certificate.file.to_owned(),
            reason,
        };
        let refuse_key = |reason: String| TlsError::Key {
            file: key.file.to_owned(),
            reason,
        };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificate.bytes)
            .collect::<Result<_, _>>()
            .map_err(|error| refuse_certificate(told(&error)))?;
        let Some(own) = chain.first() else {
            return Err(refuse_certificate("no section CERTIFICATE".to_owned()));
        };
        let validity = Validity::of(own);
        let der = PrivateKeyDer::from_pem_slice(key.bytes).map_err(|error| match error {
            pem::Error::NoItemsFound => refuse_key("no section PRIVATE KEY".to_owned()),
            error => refuse_key(told(&error)),
        })?;
        let signing = provider()
            .key_provider
            .load_private_key(der)
            .map_err(|error| refuse_key(error.to_string()))?;
        let pair = CertifiedKey::new(chain, signing);
        match pair.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(rustls::Error::InconsistentKeys(_)) => {
                return Err(TlsError::Mismatch {
                    certificate_file: certificate.file.to_owned(),
                    key_file: key.file.to_owned(),
                });
            }
            Err(error) => return Err(refuse_certificate(error.to_string())),
        }
        Ok(Self {
            key: Arc::new(pair),
            file: certificate.file.to_owned(),
            validity,
        })
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn told(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "a section begins wrongly".to_owned(),
        pem::Error::Base64Decode(_) => "a section is not base64".to_owned(),
        // Other messages may quote the file.
        _ => "it is not PEM".to_owned(),
    }
}

impl ResolvesServerCert for Chosen {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.pair.load().key))
    }
}

impl fmt::Debug for Chosen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Chosen").finish_non_exhaustive()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pair = self.chosen.pair.load();
        formatter
            .debug_struct("Tls")
            .field("file", &pair.file)
            .field("validity", &pair.validity)
            .finish_non_exhaustive()
    }
}

/// The file, and not what is in it.
impl fmt::Debug for Pem<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Pem").field(&self.file).finish()
    }
}

#[cfg(test)]
mod tests;
