//! Servers of others that tests need: PostgreSQL, Redis and NATS, each in a folder and on a port of its own.
//!
//! Where a server's program is not on the machine, a line says that something is left out.
//!
//! Invariants: nothing is started as a service of the machine; every server listens on the loopback interface alone;
//! a server and its folder are gone when the value that stands for it is, and also when the whole test process is
//! killed.

mod guard;
mod key_value;
mod postgres;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::Context as _;

pub use key_value::{Nats, Redis};
pub use postgres::{Fsync, Postgres};

/// How long a server may take to be ready. A busy machine takes long; a test fails by what it says, not by this.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// Ports below those that Linux gives to outgoing connections, so that nobody takes one between a stop and a restart.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// Folders in which servers lie that are not in everybody's `PATH`.
const SYSTEM_FOLDERS: &[&str] = &["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// Finds a program in `PATH` and in the folders of the system's servers.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(SYSTEM_FOLDERS.iter().map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Says that something is left out.
fn leave_out(what: &str) {
    println!("left out: {what} is not on this machine");
}

/// Finds a port on which nobody listens.
///
/// Nobody can keep it free without listening; whoever starts a server there tries again when somebody else was faster.
///
/// # Errors
/// When no port is free.
pub fn free_port() -> anyhow::Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let len = PORTS.end - PORTS.start;
    // Test processes that run at the same time begin at different places.
    let place = std::process::id().wrapping_mul(97) % u32::from(len);
    let place = u16::try_from(place).context("a remainder is below its divisor")?;
    for _ in 0..len {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = PORTS.start + (place + step % len) % len;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    anyhow::bail!("no port from {PORTS:?} is free")
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Makes a temporary folder with a path that is short enough for a socket and that every user can reach.
fn folder(name: &str) -> anyhow::Result<tempfile::TempDir> {
    tempfile::Builder::new()
        .prefix(&format!("ch-{name}-"))
        .tempdir_in("/tmp")
        .context("make a temporary folder")
}

/// Returns the last lines of a file.
fn tail(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

#[cfg(test)]
mod tests;
