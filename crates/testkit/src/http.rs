//! Just enough HTTP to ask whether a server answers.
//!
//! Everything beyond a status belongs to the crate `client`, which tests use as everybody does.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::Context as _;

/// Asks for `path` at `address` and returns the status of the answer.
///
/// # Errors
/// When nobody listens, nothing comes within `deadline`, or what comes is not HTTP/1.1.
pub fn status(address: SocketAddr, path: &str, deadline: Duration) -> anyhow::Result<u16> {
    let mut stream = TcpStream::connect_timeout(&address, deadline).context("connect")?;
    stream.set_read_timeout(Some(deadline))?;
    stream.set_write_timeout(Some(deadline))?;
    // One write: a server that answers early would reset the connection before a second one.
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).context("ask")?;
    let mut line = String::new();
    BufReader::new(stream)
        .read_line(&mut line)
        .context("read the answer")?;
    let status = line
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3)?.parse().ok());
    status.with_context(|| format!("{line:?} is not HTTP/1.1"))
}

#[cfg(test)]
mod tests;
