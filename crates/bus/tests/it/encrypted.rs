//! Encrypted connections: a server whose certificate is vouched for is believed, any other is not.
//!
//! Which authorities vouch is a matter of the machine. A process is told about others by `SSL_CERT_FILE`, so each side
//! of the test is this program once more, with one test in it and that variable set.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use testkit::servers::free_port;

use super::*;

/// Names the bus to the copy of this program.
const URL: &str = "BUS_TEST_URL";

/// Tells the copy whether it is to be let in.
const IS_VOUCHED: &str = "BUS_TEST_IS_VOUCHED";

/// Certificates in a folder.
struct Certificates {
    folder: TempDir,
}

impl Certificates {
    /// Makes an authority, a certificate of the loopback address, and an authority that knows nothing of it.
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let authority = |name: &str| {
            let mut params = CertificateParams::new(Vec::new()).expect("no names");
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let key = KeyPair::generate().expect("a key");
            let certificate = params.self_signed(&key).expect("a certificate");
            std::fs::write(folder.path().join(name), certificate.pem()).expect("a file");
            Issuer::new(params, key)
        };
        let issuer = authority("authority.pem");
        drop(authority("stranger.pem"));
        let names = vec!["127.0.0.1".to_owned()];
        let params = CertificateParams::new(names).expect("an address");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        std::fs::write(folder.path().join("server.pem"), certificate.pem()).expect("a file");
        std::fs::write(folder.path().join("server.key"), key.serialize_pem()).expect("a file");
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_string_lossy().into_owned()
    }
}

/// Runs the client's side in a process that believes `authority`.
fn check(url: &str, authority: &Path, is_vouched: bool) {
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["encrypted::the_client_of_other_tests", "--exact"])
        .env(URL, url)
        .env(IS_VOUCHED, is_vouched.to_string())
        .env("SSL_CERT_FILE", authority)
        .stdin(Stdio::null())
        .output()
        .expect("it starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_other_tests() {
    let Ok(url) = std::env::var(URL) else {
        return;
    };
    let supervisor = Supervisor::default();
    let bus = open(&url, Limits::default(), &supervisor);
    if std::env::var(IS_VOUCHED).as_deref() == Ok("true") {
        let mut subscription = listen(&bus, "a").await;
        bus.publish(&topic("a"), hint("in")).expect("it fits");
        assert_eq!(next(&mut subscription).await, Message::Hint(hint("in")));
    } else {
        let health = until(&bus, |health| health.last_error.is_some()).await;
        assert!(!health.is_connected, "{health:?}");
        let detail = health.last_error.map(|error| error.detail);
        let detail = detail.unwrap_or_default();
        assert!(detail.contains("certificate"), "{detail}");
    }
}

#[test]
fn redis_is_believed_by_its_certificate() {
    let certificates = Certificates::new();
    let port = free_port().expect("a port");
    let server = Redis::start_with(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &certificates.text("server.pem"),
        "--tls-key-file",
        &certificates.text("server.key"),
        "--tls-ca-cert-file",
        &certificates.text("authority.pem"),
        "--tls-auth-clients",
        "no",
    ])
    .expect("it starts");
    if server.is_some() {
        let url = format!("rediss://127.0.0.1:{port}");
        check(&url, &certificates.path("authority.pem"), true);
        check(&url, &certificates.path("stranger.pem"), false);
    }
}

#[test]
fn nats_is_believed_by_its_certificate() {
    let certificates = Certificates::new();
    let server = Nats::start_with(&[
        "--tls",
        "--tlscert",
        &certificates.text("server.pem"),
        "--tlskey",
        &certificates.text("server.key"),
    ])
    .expect("it starts");
    if let Some(server) = server {
        let url = format!("tls://127.0.0.1:{}", server.port());
        check(&url, &certificates.path("authority.pem"), true);
        check(&url, &certificates.path("stranger.pem"), false);
    }
}
