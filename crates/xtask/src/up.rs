//! `cargo xtask up`: build Commonhold and start a community.
//!
//! The build uses the profile `up`, which is quicker to make than a release.
//! Whether the port is free is asked before the build, so that nobody waits for minutes to learn that it is not;
//! `commonhold up` asks again when it listens.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::Context as _;

use crate::{fonts, port, step, tools, workspace};

const LISTEN_DEFAULT: &str = "127.0.0.1:8080";

/// How long the first build takes with [`CORES`] cores, measured.
const MINUTES: usize = 8;
const CORES: usize = 2;

/// Builds and starts Commonhold; returns only when that fails.
///
/// # Errors
/// When a tool is missing, the port is taken, or the build fails.
pub(crate) fn run(root: &Path, arguments: &[String]) -> anyhow::Result<()> {
    tools::require_build(root)?;
    let address: Option<SocketAddr> = listen_address(arguments).parse().ok();
    if let Some(address) = address {
        require_free(address, arguments)?;
    }
    fonts::run(root);
    let program = workspace::target_folder(root)?.join("up/commonhold");
    println!("building Commonhold{}", expectation(program.exists()));
    let started = Instant::now();
    step::run(Command::new(workspace::cargo()).current_dir(root).args([
        "build",
        "--package",
        "commonhold",
        "--profile",
        "up",
    ]))?;
    println!(
        "built in {}: {}",
        step::minutes(started.elapsed()),
        program.display()
    );
    let error = Command::new(&program).arg("up").args(arguments).exec();
    Err(error).with_context(|| format!("start {}", program.display()))
}

/// Says how long the build will take on this machine.
fn expectation(is_built: bool) -> String {
    if is_built {
        return ": seconds when nothing changed".to_owned();
    }
    let cores = std::thread::available_parallelism().map_or(CORES, usize::from);
    let minutes = (MINUTES * CORES).div_ceil(cores.max(1)).max(2);
    let cores = if cores == 1 {
        "one core".to_owned()
    } else {
        format!("{cores} cores")
    };
    format!(": about {minutes} minutes the first time on {cores}")
}

/// Returns the address in `--listen ADDR` or `--listen=ADDR`, or the default.
fn listen_address(arguments: &[String]) -> &str {
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--listen" {
            return rest.next().map_or(LISTEN_DEFAULT, String::as_str);
        }
        if let Some(address) = argument.strip_prefix("--listen=") {
            return address;
        }
    }
    LISTEN_DEFAULT
}

/// Returns the arguments with another address to listen on.
fn with_address(arguments: &[String], address: SocketAddr) -> Vec<String> {
    let mut kept = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--listen" {
            rest.next();
        } else if !argument.starts_with("--listen=") {
            kept.push(argument.clone());
        }
    }
    kept.extend(["--listen".to_owned(), address.to_string()]);
    kept
}

fn require_free(address: SocketAddr, arguments: &[String]) -> anyhow::Result<()> {
    let Err(error) = TcpListener::bind(address) else {
        return Ok(());
    };
    if error.kind() != std::io::ErrorKind::AddrInUse {
        return Err(error).with_context(|| format!("listen on {address}"));
    }
    let by = match port::holder(address) {
        Some(holder) => format!("{} (process {})", holder.name, holder.pid),
        None => "a process of another user".to_owned(),
    };
    let offer = port::free_near(address).map_or_else(String::new, |free| {
        let other = with_address(arguments, SocketAddr::new(address.ip(), free));
        format!(
            "; port {free} is free: cargo xtask up -- {}",
            other.join(" ")
        )
    });
    anyhow::bail!("{address} is taken by {by}{offer}")
}

#[cfg(test)]
mod tests;
