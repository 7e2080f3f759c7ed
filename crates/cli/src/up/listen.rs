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
pub(super) const SELF_SIGNED: (&str, &str) = ("self-signed.crt", "self-signed.key");

/// Name of the file that lists for which names that certificate was made.
const SELF_SIGNED_NAMES: &str = "self-signed.names";

/// The ports of a doorway; nothing is accepted yet.
pub(super) struct Ports {
    main: Listener,
    /// Where readers without TLS are sent on.
    redirect: Option<Listener>,
}

/// The port that readers use, ready to be served.
pub(super) struct Open {
    pub(super) listener: Listener,
    /// `http` or `https`.
    pub(super) scheme: &'static str,
    /// Where readers without TLS are sent on.
    pub(super) redirect: Option<SocketAddr>,
}

/// Takes the ports, before anything is made.
pub(super) async fn ports(config: &Config) -> Result<Ports, Problem> {
    let main = bind("listen", &config.listen).await?;
    let edge = Edge {
        trusted_proxies: config.trusted_proxies()?,
    };
    let redirect = match config.tls.redirect_listen.as_str() {
        "" => None,
        address => Some(bind("tls.redirect_listen", address).await?),
    };
    Ok(Ports {
        main: main.behind(edge),
        redirect,
    })
}

/// Adds the certificate, and starts to send readers to it.
pub(super) fn open(
    ports: Ports,
    config: &Config,
    folder: &Folder,
    supervisor: &Supervisor,
) -> Result<Open, Problem> {
    let Ports { main, redirect } = ports;
    let Some(tls) = tls(config, main.address(), folder, supervisor)? else {
        return Ok(Open {
            listener: main,
            scheme: "http",
            redirect: None,
        });
    };
    let name = config.public_host();
    let listener = main.with_tls(tls, name.clone());
    let address = redirect.as_ref().map(Listener::address);
    if let Some(plain) = redirect {
        let port = config.public_port();
        let redirecting = http_kit::redirect(
            plain,
            name,
            port.unwrap_or_else(|| listener.address().port()),
            supervisor.group("redirects"),
            supervisor.shutdown(),
            config.http_limits(),
        );
        drop(supervisor.spawn("http redirect", TaskKind::Essential, redirecting));
    }
    Ok(Open {
        listener,
        scheme: "https",
        redirect: address,
    })
}

/// Listens at an address that a key names.
async fn bind(key: &str, address: &str) -> Result<Listener, Problem> {
    let address = parse(key, address)?;
    let bound = Listener::bind(address).await;
    bound.map_err(|error| taken(&error, key, address))
}

/// Reads an address that a key names.
pub(super) fn parse(key: &str, address: &str) -> Result<SocketAddr, Problem> {
    let parsed = address.parse();
    parsed.map_err(|_| Problem::new(Code::Config, format!("{key}: {address} is no ADDR:PORT")))
}

/// Makes the certificate ready, and keeps it new.
fn tls(
    config: &Config,
    address: SocketAddr,
    folder: &Folder,
    supervisor: &Supervisor,
) -> Result<Option<Arc<Tls>>, Problem> {
    let keys = &config.tls;
    let refuse = |detail: &str| Problem::new(Code::Tls, detail);
    match (keys.cert.as_str(), keys.key.as_str(), keys.self_signed) {
        ("", "", false) => Ok(None),
        ("", "", true) => self_signed(config, address, folder).map(Some),
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
                is_gone: false,
            };
            let reload = files.watch(supervisor.shutdown());
            drop(supervisor.spawn("certificate", TaskKind::Essential, reload));
            Ok(Some(tls))
        }
    }
}

/// Reads the certificate for trying out, or makes it.
fn self_signed(config: &Config, address: SocketAddr, folder: &Folder) -> Result<Arc<Tls>, Problem> {
    let (certificate_name, key_name) = SELF_SIGNED;
    let names = names(config, address);
    let written = names.join("\n");
    let kept = |name: &str| {
        let bytes = folder.read(name, PEM_BYTES_MAX);
        bytes.map_err(|error| error.problem())
    };
    let clock = Clock::system();
    let is_for_these = kept(SELF_SIGNED_NAMES)?.is_some_and(|kept| kept == written.as_bytes());
    if is_for_these
        && let (Some(certificate), Some(key)) = (kept(certificate_name)?, kept(key_name)?)
        && let Ok(tls) = Tls::new(pem(certificate_name, &certificate), pem(key_name, &key))
        && tls.warning(clock.now()).is_none()
    {
        return Ok(Arc::new(tls));
    }
    let made = http_kit::self_signed(&names, clock.now());
    let (certificate, key) = made.map_err(|error| error.problem())?;
    let files = [
        (certificate_name, &certificate),
        (key_name, &key),
        // Last, so that files which do not belong together are made again.
        (SELF_SIGNED_NAMES, &written),
    ];
    for (name, text) in files {
        let written = folder.write_atomic(name, text.as_bytes(), Mode::Private);
        written.map_err(|error| error.problem())?;
    }
    let certificate = pem(certificate_name, certificate.as_bytes());
    let tls = Tls::new(certificate, pem(key_name, key.as_bytes()));
    Ok(Arc::new(tls.map_err(|error| error.problem())?))
}

/// Returns the names and addresses under which the doorway is reached.
fn names(config: &Config, address: SocketAddr) -> Vec<String> {
    let mut names = ["localhost", "127.0.0.1", "::1"]
        .map(str::to_owned)
        .to_vec();
    let own = Some(address.ip()).filter(|ip| !ip.is_unspecified());
    for name in own
        .map(|ip| ip.to_string())
        .into_iter()
        .chain(config.public_name())
    {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The files of a certificate that may be replaced while the doorway runs.
struct Files {
    tls: Arc<Tls>,
    cert: String,
    key: String,
    /// What was read last.
    last: (Vec<u8>, Vec<u8>),
    /// Whether they could not be read at the last look.
    is_gone: bool,
}

/// What a look at the files showed that the one before did not.
#[derive(Debug)]
enum Seen {
    /// Another certificate, which is in use now.
    Replaced,
    /// Something that cannot be used.
    Unusable(Problem),
    /// Nothing, or nothing that can be read.
    Gone(Problem),
    /// The former certificate again, after nothing could be read.
    Back,
}

impl Files {
    /// Reads the files again and again; what cannot be used changes nothing.
    async fn watch(mut self, shutdown: Shutdown) {
        while shutdown.race(time::sleep(RELOAD_INTERVAL)).await.is_some() {
            match self.look() {
                None => {}
                Some(Seen::Replaced) => tracing::info!("the new certificate is in use"),
                Some(Seen::Back) => tracing::info!("the certificate can be read again"),
                Some(Seen::Unusable(problem)) => {
                    tracing::warn!(%problem, "the new certificate cannot be used; the old one goes on");
                }
                Some(Seen::Gone(problem)) => {
                    tracing::warn!(%problem, "the certificate cannot be read; the old one goes on, and the next start will fail");
                }
            }
        }
    }

    /// Looks at the files once and uses what is new; says nothing twice.
    fn look(&mut self) -> Option<Seen> {
        let pair = match (read(&self.cert), read(&self.key)) {
            (Ok(certificate), Ok(key)) => (certificate, key),
            (Err(problem), _) | (_, Err(problem)) => {
                let was_gone = std::mem::replace(&mut self.is_gone, true);
                return (!was_gone).then_some(Seen::Gone(problem));
            }
        };
        let was_gone = std::mem::take(&mut self.is_gone);
        if pair == self.last {
            return was_gone.then_some(Seen::Back);
        }
        let replaced = self
            .tls
            .replace(pem(&self.cert, &pair.0), pem(&self.key, &pair.1));
        self.last = pair;
        Some(match replaced {
            Ok(()) => Seen::Replaced,
            Err(error) => Seen::Unusable(error.problem()),
        })
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
fn taken(error: &BindError, key: &str, address: SocketAddr) -> Problem {
    let mut problem = error.problem();
    if problem.code != Code::PortTaken {
        return problem;
    }
    problem.detail = with_holder(problem.detail, address);
    if let Some(free) = port::free_near(address) {
        let free = SocketAddr::new(address.ip(), free);
        let way = match key {
            "listen" => again(free),
            _ => format!("{key} = \"{free}\""),
        };
        problem.detail = format!("{}; free: {way}", problem.detail);
    }
    problem
}

/// Adds which program holds a port, where the system tells.
pub(super) fn with_holder(detail: String, address: SocketAddr) -> String {
    match port::holder(address) {
        Some(holder) => format!("{detail} by {} (process {})", holder.name, holder.pid),
        None => detail,
    }
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

#[cfg(test)]
mod tests;
