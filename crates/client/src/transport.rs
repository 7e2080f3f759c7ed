//! How bytes get to a doorway: TLS by rustls, believing what the system believes and the certificates that the caller
//! names, and deadlines on everything.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;

/// How long a connection may take to be made.
const CONNECT_SECS_MAX: u64 = 10;

/// How long a doorway may stay silent in the middle of an exchange.
const SILENCE_SECS_MAX: u64 = 60;

/// Believes the certificates that somebody named, and otherwise whom the system believes.
///
/// A doorway that presents exactly a named certificate is believed whatever the certificate's dates and purposes, as
/// long as it is for the name that was asked: certificates that people make themselves often say the wrong thing there.
/// Named certificates may also have signed the doorway's.
#[derive(Debug)]
struct Named {
    certificates: Vec<CertificateDer<'static>>,
    usual: Verifier,
}

/// Makes a client that trusts the certificates in `pem` besides the system's; the connection pool inside is shared by
/// its clones.
pub(crate) fn client(pem: Option<&[u8]>) -> Result<reqwest::Client, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    // A provider that was installed before is as good: there is one in this program.
    drop(CryptoProvider::install_default((*provider).clone()));
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("commonhold/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(CONNECT_SECS_MAX))
        .read_timeout(Duration::from_secs(SILENCE_SECS_MAX))
        .redirect(reqwest::redirect::Policy::limited(5));
    if let Some(pem) = pem {
        builder = builder.tls_backend_preconfigured(believing(pem, provider)?);
    }
    builder
        .build()
        .map_err(|error| format!("the HTTP client cannot start: {error}"))
}

/// Makes the settings of TLS for who names certificates in a PEM file (RFC 7468).
fn believing(pem: &[u8], provider: Arc<CryptoProvider>) -> Result<ClientConfig, String> {
    let unusable = |error: Error| format!("the certificate cannot be used: {error}");
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    // Other words of the reader may quote the file, and somebody may name the one with the key.
    let certificates = certificates.map_err(|_| "it is not PEM".to_owned())?;
    if certificates.is_empty() {
        return Err("there is no section CERTIFICATE in it".to_owned());
    }
    let usual = Verifier::new_with_extra_roots(certificates.clone(), Arc::clone(&provider));
    let named = Named {
        certificates,
        usual: usual.map_err(unusable)?,
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(named));
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        above: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.certificates.iter().any(|named| named == own) {
            verify_server_name(&ParsedCertificate::try_from(own)?, name)?;
            return Ok(ServerCertVerified::assertion());
        }
        self.usual.verify_server_cert(own, above, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls12_signature(message, own, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls13_signature(message, own, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}
