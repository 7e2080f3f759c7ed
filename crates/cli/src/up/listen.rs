//! The port that readers use, with TLS where it is wanted.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base::{Code, Problem};
use disk::{Folder, Mode};
use http_kit::{BindError, Edge, Listener, Pem, Tls};
use runtime::{Clock, Shutdown, Supervisor, TaskKind, port};
use tokio::time;

use super::config::Config;

/// Largest file with a certificate or a key, in bytes.
const PEM_BYTES_MAX: u64 = 1_024 * 1_024;

/// How often the files are looked at.
const RELOAD_INTERVAL: Duration = Duration::from_secs(5);

/// Names of the files in which a certificate for trying out is kept.
const SELF_SIGNED: (&str, &str) = ("self-signed.crt", "self-signed.key");

/// Opens the port, and returns the scheme under which it is reached.
pub(super) async fn open(
    config: &Config,
    folder: &Folder,
    supervisor: &Supervisor,
) -> Result<(Listener, &'static str), Problem> {
    let listener = bind("listen", &config.listen).await?;
    let edge = Edge {
        trusted_proxies: config.trusted_proxies()?,
    };
    let listener = listener.behind(edge);
    let Some(tls) = tls(config, folder, supervisor)? else {
        return Ok((listener, "http"));
    };
    let name = config.public_host();
    let listener = listener.with_tls(tls, name.clone());
    if !config.tls.redirect_listen.is_empty() {
        let plain = bind("tls.redirect_listen", &config.tls.redirect_listen).await?;
        let redirecting = http_kit::redirect(
            plain,
            name,
            listener.address().port(),
            supervisor.group("redirects"),
            supervisor.shutdown(),
            config.http_limits(),
        );
        drop(supervisor.spawn("http redirect", TaskKind::Essential, redirecting));
    }
    Ok((listener, "https"))
}

/// Listens at an address that a key names.
pub(super) async fn bind(key: &str, address: &str) -> Result<Listener, Problem> {
    let address: SocketAddr = address
        .parse()
        .map_err(|_| Problem::new(Code::Config, format!("{key}: {address} is no ADDR:PORT")))?;
    let bound = Listener::bind(address).await;
    bound.map_err(|error| taken(&error, address))
}

/// Makes the certificate ready, and keeps it new.
fn tls(
    config: &Config,
    folder: &Folder,
    supervisor: &Supervisor,
) -> Result<Option<Arc<Tls>>, Problem> {
    let keys = &config.tls;
    let refuse = |detail: &str| Problem::new(Code::Tls, detail);
    match (keys.cert.as_str(), keys.key.as_str(), keys.self_signed) {
        ("", "", false) => Ok(None),
        ("", "", true) => self_signed(config, folder).map(Some),
        (_, _, true) => Err(refuse(
            "tls.self_signed does not go with tls.cert and tls.key",
        )),
        ("", _, false) => Err(refuse("tls.key is given, and tls.cert is missing")),
        (_, "", false) => Err(refuse("tls.cert is given, and tls.key is missing")),
        (cert, key, false) => {
            let (certificate_pem, key_pem) = (read(cert)?, read(key)?);
            let tls = Tls::new(pem(cert, &certificate_pem), pem(key, &key_pem));
            let tls = Arc::new(tls.map_err(|error| error.problem())?);
            if let Some(warning) = tls.warning(Clock::system().now()) {
                tracing::warn!(%warning, "the certificate needs attention");
            }
            let files = Files {
                tls: Arc::clone(&tls),
                cert: cert.to_owned(),
                key: key.to_owned(),
                last: (certificate_pem, key_pem),
            };
            let reload = files.watch(supervisor.shutdown());
            drop(supervisor.spawn("certificate", TaskKind::Essential, reload));
            Ok(Some(tls))
        }
    }
}

/// Reads the certificate for trying out, or makes it.
fn self_signed(config: &Config, folder: &Folder) -> Result<Arc<Tls>, Problem> {
    let (certificate_name, key_name) = SELF_SIGNED;
    let kept = |name: &str| {
        let bytes = folder.read(name, PEM_BYTES_MAX);
        bytes.map_err(|error| error.problem())
    };
    let clock = Clock::system();
    if let (Some(certificate), Some(key)) = (kept(certificate_name)?, kept(key_name)?)
        && let Ok(tls) = Tls::new(pem(certificate_name, &certificate), pem(key_name, &key))
        && tls.warning(clock.now()).is_none()
    {
        return Ok(Arc::new(tls));
    }
    let mut names = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
    ];
    names.extend(config.public_name());
    let made = http_kit::self_signed(&names, clock.now());
    let (certificate, key) = made.map_err(|error| error.problem())?;
    for (name, text) in [(certificate_name, &certificate), (key_name, &key)] {
        let written = folder.write_atomic(name, text.as_bytes(), Mode::Private);
        written.map_err(|error| error.problem())?;
    }
    let certificate = pem(certificate_name, certificate.as_bytes());
    let tls = Tls::new(certificate, pem(key_name, key.as_bytes()));
    Ok(Arc::new(tls.map_err(|error| error.problem())?))
}

/// The files of a certificate that may be replaced while the doorway runs.
struct Files {
    tls: Arc<Tls>,
    cert: String,
    key: String,
    /// What was read last.
    last: (Vec<u8>, Vec<u8>),
}

impl Files {
    /// Reads the files again and again; what cannot be used changes nothing.
    async fn watch(mut self, shutdown: Shutdown) {
        while shutdown.race(time::sleep(RELOAD_INTERVAL)).await.is_some() {
            let (Ok(certificate), Ok(key)) = (read(&self.cert), read(&self.key)) else {
                // It is being replaced, or gone: the old one goes on.
                continue;
            };
            if (&certificate, &key) == (&self.last.0, &self.last.1) {
                continue;
            }
            let replaced = self
                .tls
                .replace(pem(&self.cert, &certificate), pem(&self.key, &key));
            match replaced {
                Ok(()) => tracing::info!("the new certificate is in use"),
                Err(error) => {
                    let problem = error.problem();
                    tracing::warn!(%problem, "the new certificate cannot be used; the old one goes on");
                }
            }
            self.last = (certificate, key);
        }
    }
}

fn read(file: &str) -> Result<Vec<u8>, Problem> {
    let bytes = disk::read_path(Path::new(file), PEM_BYTES_MAX);
    let bytes = bytes.map_err(|error| Problem::new(Code::Tls, error.problem().detail))?;
    bytes.ok_or_else(|| Problem::new(Code::Tls, format!("there is no file {file}")))
}

const fn pem<'a>(file: &'a str, bytes: &'a [u8]) -> Pem<'a> {
    Pem { file, bytes }
}

/// Says by whom the port is taken and which one is free.
fn taken(error: &BindError, address: SocketAddr) -> Problem {
    let mut problem = error.problem();
    if problem.code != Code::PortTaken {
        return problem;
    }
    if let Some(holder) = port::holder(address) {
        problem.detail = format!(
            "{} by {} (process {})",
            problem.detail, holder.name, holder.pid
        );
    }
    if let Some(free) = port::free_near(address) {
        let again = again(SocketAddr::new(address.ip(), free));
        problem.detail = format!("{}; free: {again}", problem.detail);
    }
    problem
}

/// Returns what was typed, with another address to listen on.
fn again(address: SocketAddr) -> String {
    let mut words = vec!["commonhold".to_owned()];
    let mut typed = std::env::args().skip(1);
    while let Some(word) = typed.next() {
        if word == "--listen" {
            typed.next();
        } else if !word.starts_with("--listen=") {
            words.push(word);
        }
    }
    format!("{} --listen {address}", words.join(" "))
}
