//! The same document over TLS 1.3, on connections that are kept; beside it without TLS, and from nginx with TLS.
//!
//! Left out while the program knows no `tls.self_signed`.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use testkit::Process;

use super::answer::Asked;
use super::course::{Published, SMALL_BYTES};
use super::load::{self, Contender, Unit};
use super::rivals::{Certificate, Rival};
use super::{Stage, why};
use crate::community::Bench;
use crate::figure::Goal;

const FIGURE: &str = "document of 1 KiB over TLS, 64 connections";
const CONNECTIONS: u32 = 64;
const READY: Duration = Duration::from_secs(60);

/// Measures the row.
pub(super) fn measure(stage: &mut Stage) -> anyhow::Result<()> {
    let Some(wrk) = stage.wrk("documents over TLS")? else {
        return Ok(());
    };
    let apart = Published::start(&stage.bench, &stage.scratch.join("secure"))?;
    let asked = apart.small()?;
    let home = apart.end()?;
    let secured = match Secured::start(&stage.bench, &home) {
        Ok(secured) => secured,
        Err(error) => {
            let why = why(&error);
            stage.leave_out(format!(
                "documents over TLS; up with tls.self_signed: {why}"
            ));
            return Ok(());
        }
    };
    let published = stage.published()?;
    let mut contenders = vec![
        Contender::at(
            "commonhold up, TLS",
            secured.process.id(),
            secured.origin,
            &asked,
        ),
        Contender::new(
            "commonhold up, no TLS",
            published.community.pid(),
            published.address(),
            &published.small()?,
        ),
    ];
    let rival = nginx(stage)?;
    if let Some(rival) = &rival {
        let origin = format!("https://{}", rival.address());
        let theirs = Asked::path("/document");
        contenders.push(Contender::at("nginx, TLS", rival.pid(), origin, &theirs));
    }
    eprintln!("{FIGURE}");
    let measured = wrk.take_turns(stage.shape(CONNECTIONS), &contenders)?;
    for (contender, theirs) in contenders[1..].iter().zip(&measured[1..]) {
        let against = (contender.name, theirs);
        let figure = load::figure(FIGURE, Unit::Answer, &measured[0], against, Goal::None);
        stage.figures.push(figure);
    }
    Ok(())
}

/// A doorway with TLS.
struct Secured {
    process: Process,
    origin: String,
}

impl Secured {
    /// Starts it over a home folder that is filled already.
    fn start(bench: &Bench, home: &Path) -> anyhow::Result<Self> {
        let config = home.join("tls.toml");
        std::fs::write(&config, "[tls]\nself_signed = true\n").context("write tls.toml")?;
        let mut command = bench.cores.server(bench.commonhold.path());
        command
            .env("COMMONHOLD_HOME", home)
            .args(["up", "--empty", "--listen", "127.0.0.1:0", "--config"])
            .arg(&config);
        let mut process = Process::spawn(command, &home.join("said"))?;
        let line = process.wait_for_line(READY, |line| secure_address(line).is_some())?;
        let address = secure_address(&line).context("the line was chosen for its address")?;
        Ok(Self {
            process,
            origin: format!("https://{address}"),
        })
    }
}

/// Finds `https://ADDR:PORT` in a line.
fn secure_address(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("https://")?;
    let end = rest.find(|letter: char| !(letter.is_ascii_hexdigit() || ".:[]".contains(letter)));
    let address = &rest[..end.unwrap_or(rest.len())];
    address.trim_end_matches(['.', ':']).parse().ok()
}

/// Starts nginx with a certificate of its own and a document of the same length.
fn nginx(stage: &mut Stage) -> anyhow::Result<Option<Rival>> {
    let what = "documents over TLS beside nginx";
    let Some(program) = stage.program(|all| &all.nginx, what) else {
        return Ok(None);
    };
    let Some(openssl) = stage.program(|all| &all.openssl, what) else {
        return Ok(None);
    };
    let folder = stage.folder("secure-nginx")?;
    let tls = Certificate {
        cert: folder.join("cert.pem"),
        key: folder.join("key.pem"),
    };
    let mut command = Command::new(openssl);
    command
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ])
        .args(["-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout"])
        .arg(&tls.key)
        .arg("-out")
        .arg(&tls.cert);
    let output = command.output().context("start openssl")?;
    anyhow::ensure!(output.status.success(), "openssl makes no certificate");
    let rival = Rival::nginx(&stage.bench, &program, &folder, Some(&tls))?;
    let document = vec![b' '; SMALL_BYTES];
    std::fs::write(folder.join("www/document"), document).context("write a file for nginx")?;
    Ok(Some(rival))
}

#[cfg(test)]
mod tests {
    //! The address is found where programs print it.

    use super::*;

    #[test]
    fn only_secure_addresses_are_found() {
        let line = "Ours is open at https://127.0.0.1:8443.";
        assert_eq!(secure_address(line), "127.0.0.1:8443".parse().ok());
        assert_eq!(secure_address("open at http://127.0.0.1:8080"), None);
    }
}
