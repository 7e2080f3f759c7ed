//! A token for those who speak HTTP by hand: a challenge is signed, as the command line does it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chain::{KeySigner, Signer as _};
use crypto::{Keypair, Seed};
use serde_json::{Value, json};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Gets a token of a server.
pub(crate) fn get(server: SocketAddr, key: &Path) -> anyhow::Result<String> {
    let secret = std::fs::read(key).with_context(|| format!("read {}", key.display()))?;
    let mut seed = Seed::default();
    anyhow::ensure!(secret.len() == seed.len(), "a key has 32 bytes");
    seed.copy_from_slice(&secret);
    let signer = KeySigner::new(Keypair::from_seed(&seed));
    let asked = json!({ "agent": signer.agent().to_string() });
    let challenge = post(server, "/auth/challenge", &asked)?;
    let challenge = challenge["challenge"].as_str().context("a challenge")?;
    let signature = signer.sign_statement(challenge.as_bytes());
    let signed = json!({ "challenge": challenge, "signature": STANDARD.encode(signature.0) });
    let answer = post(server, "/auth/token", &signed)?;
    Ok(answer["token"].as_str().context("a token")?.to_owned())
}

fn post(server: SocketAddr, path: &str, body: &Value) -> anyhow::Result<Value> {
    let body = body.to_string();
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE).context("connect")?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let len = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: {server}\r\ncontent-type: application/json\r\n\
         content-length: {len}\r\nconnection: close\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .context("read the answer")?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .context("an answer has a body")?;
    anyhow::ensure!(head.starts_with("HTTP/1.1 200 "), "POST {path}: {answer}");
    serde_json::from_str(body).with_context(|| format!("POST {path}: {body}"))
}
