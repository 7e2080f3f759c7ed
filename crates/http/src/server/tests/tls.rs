//! TLS on real sockets: both protocols, certificates that change, peers that do not shake hands.

use base::Timestamp;
use bytes::Bytes;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::process::Command;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::hot::Prepared;
use super::*;
use crate::{Pem, Tls, self_signed};

fn pair() -> (String, String) {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    self_signed(&names, Timestamp::from_secs(4_000_000_000)).unwrap()
}

fn pem<'a>(file: &'a str, text: &'a str) -> Pem<'a> {
    Pem {
        file,
        bytes: text.as_bytes(),
    }
}

fn make(pair: &(String, String)) -> Arc<Tls> {
    Arc::new(Tls::new(pem("cert.pem", &pair.0), pem("key.pem", &pair.1)).unwrap())
}

async fn start(tls: &Arc<Tls>, limits: Limits) -> Server {
    let served = Served {
        router: standard(hot::routes(), None),
        hot: Some(Arc::new(Prepared::default())),
        gate: None,
        direct: None,
    };
    let listener = listener().await.with_tls(Arc::clone(tls), None);
    Server::with(listener, served, limits)
}

/// Trusts one certificate whatever the date, as the tests' certificates are of the far future.
#[derive(Debug)]
struct Pinned(CertificateDer<'static>);

impl rustls::client::danger::ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        if *own != self.0 {
            return Err(rustls::Error::General("another certificate".to_owned()));
        }
        let mut roots = RootCertStore::empty();
        roots.add(self.0.clone())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .unwrap();
        let now = rustls::pki_types::UnixTime::since_unix_epoch(Duration::from_secs(4_000_000_000));
        verifier.verify_server_cert(own, &[], name, &[], now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

/// Shakes hands, trusting one certificate.
async fn shake(
    server: &Server,
    trusted: &str,
    protocol: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let certificate = CertificateDer::from_pem_slice(trusted.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned(certificate)))
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, server.connect().await).await
}

async fn get_hot(stream: &mut TlsStream<TcpStream>) {
    let request = "GET /hot HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    read_until(stream, &"h".repeat(1_024)).await;
}

#[tokio::test]
async fn http1_is_served_over_tls() {
    let pair = pair();
    for limits in [LIMITS, ON_MAIN] {
        let server = start(&make(&pair), limits).await;
        let mut stream = shake(&server, &pair.0, "http/1.1").await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        get_hot(&mut stream).await;
        stream.write_all(CLOSE.as_bytes()).await.unwrap();
        assert!(read_to_end(&mut stream).await.ends_with("hello"));
    }
}

#[tokio::test]
async fn http2_is_served_over_tls() {
    let pair = pair();
    let server = start(&make(&pair), LIMITS).await;
    let stream = shake(&server, &pair.0, "h2").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let io = TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
        .await
        .unwrap();
    let group = server.supervisor.group("client");
    group.spawn(async move { drop(connection.await) });
    for (path, length) in [("/hot", 1_024), ("/", 5), ("/hot/large", 3_000_000)] {
        let request = hyper::Request::get(format!("https://x{path}"))
            .body(Empty::<Bytes>::new())
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body.len(), length);
    }
}

#[tokio::test]
async fn curl_speaks_http2_with_it() {
    let server = start(&make(&pair()), LIMITS).await;
    let url = format!("https://{}/", server.address);
    let mut curl = Command::new("curl");
    curl.args([
        "--http2",
        "--insecure",
        "--silent",
        "--show-error",
        "--max-time",
        "60",
    ])
    .args(["--write-out", " %{http_version}", &url]);
    let Ok(output) = curl.output().await else {
        println!("left out: there is no curl here");
        return;
    };
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "hello 2",
        "{output:?}"
    );
}

#[tokio::test]
async fn another_certificate_is_used_from_the_next_handshake_on() {
    let (former, latter) = (pair(), pair());
    let tls = make(&former);
    let server = start(&tls, LIMITS).await;
    let mut old = shake(&server, &former.0, "http/1.1").await.unwrap();
    get_hot(&mut old).await;
    tls.replace(pem("cert.pem", &latter.0), pem("key.pem", &latter.1))
        .unwrap();
    get_hot(&mut old).await;
    let mut new = shake(&server, &latter.0, "http/1.1").await.unwrap();
    get_hot(&mut new).await;
    assert!(shake(&server, &former.0, "http/1.1").await.is_err());
    // Files that do not fit change nothing.
    let refused = tls.replace(pem("cert.pem", &former.0), pem("key.pem", &latter.1));
    assert!(refused.is_err());
    get_hot(&mut shake(&server, &latter.0, "http/1.1").await.unwrap()).await;
}

#[tokio::test]
async fn plain_requests_are_sent_to_https() {
    let server = start(&make(&pair()), LIMITS).await;
    let mut stream = server.connect().await;
    let host = format!("localhost:{}", server.address.port());
    for method in ["GET", "HEAD"] {
        let request = format!("{method} /a?b=c HTTP/1.1\r\nHost: {host}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = read_until(&mut stream, "\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
        assert!(
            answer.contains(&format!("\r\nlocation: https://{host}/a?b=c\r\n")),
            "{answer}"
        );
    }
    let answer = server.exchange("GET / HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 400 "), "{answer}");
    assert!(answer.contains("names no host"), "{answer}");
}

#[tokio::test]
async fn a_second_port_only_redirects() {
    let listener = listener().await;
    let address = listener.address();
    let supervisor = Supervisor::default();
    let name = Some("school.example".to_owned());
    let connections = supervisor.group("redirects");
    let redirecting = redirect(
        listener,
        name,
        8_443,
        connections,
        supervisor.shutdown(),
        LIMITS,
    );
    drop(supervisor.spawn("redirect", TaskKind::Essential, redirecting));
    for (host, expect) in [
        ("Host: a.example\r\n", "https://a.example:8443/x?y"),
        ("", "https://school.example:8443/x?y"),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("POST /x?y HTTP/1.0\r\n{host}Content-Length: 3\r\n\r\nabc");
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = read_to_end(&mut stream).await;
        assert!(
            answer.contains(&format!("\r\nlocation: {expect}\r\n")),
            "{answer}"
        );
    }
    supervisor.shutdown().request();
    assert!(supervisor.run().await.unwrap().is_clean());
}

#[tokio::test]
async fn who_does_not_shake_hands_is_cut() {
    let limits = Limits {
        head_ms_max: 50,
        handshakes_max: 1,
        ..LIMITS
    };
    let pair = pair();
    let server = start(&make(&pair), limits).await;
    for start in [
        &b""[..],
        b"\x16",
        b"\x16\x03\x01\x02\x00\x01",
        b"\x16\x03\x01\x00\x04oops",
        b"GE",
    ] {
        let mut stream = server.connect().await;
        stream.write_all(start).await.unwrap();
        assert!(!read_to_end(&mut stream).await.contains("200 OK"));
    }
    server.members(0).await;
    // The only place for a handshake is free again.
    let limits = Limits {
        handshakes_max: 1,
        ..LIMITS
    };
    let server = start(&make(&pair), limits).await;
    let shakes = (0..5).map(|_| shake(&server, &pair.0, "http/1.1"));
    for stream in futures::future::join_all(shakes).await {
        get_hot(&mut stream.unwrap()).await;
    }
}

#[tokio::test]
async fn shutdown_does_not_wait_for_handshakes() {
    let server = start(&make(&pair()), LIMITS).await;
    let mut silent = server.connect().await;
    let mut half = server.connect().await;
    half.write_all(b"\x16\x03\x01").await.unwrap();
    server.members(2).await;
    server.supervisor.shutdown().request();
    read_to_end(&mut silent).await;
    read_to_end(&mut half).await;
    assert!(server.supervisor.run().await.unwrap().is_clean());
}
