//! One question and its whole answer, over a connection of its own.
//!
//! Reads bodies with a length and in chunks (RFC 9112 §§ 6 and 7.1), and bodies that a status forbids.

use std::io::{BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::Context as _;

const PATIENCE: Duration = Duration::from_secs(60);

/// A question.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The path.
    pub(super) path: String,
    /// Further headers, each as `name: value`.
    pub(super) headers: Vec<String>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The status.
    pub(super) status: u16,
    /// The headers, names in lower case.
    pub(super) headers: Vec<(String, String)>,
    /// The body, out of its chunks and as it was encoded.
    pub(super) body: Vec<u8>,
}

impl Asked {
    /// Asks for a path and says nothing else.
    pub(super) fn path(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            headers: Vec::new(),
        }
    }

    /// Adds a header, as `name: value`.
    pub(super) fn with(mut self, header: impl Into<String>) -> Self {
        self.headers.push(header.into());
        self
    }

    /// Returns the request as it is sent.
    pub(super) fn request(&self, address: SocketAddr, connection: &str) -> String {
        let mut request = format!(
            "GET {} HTTP/1.1\r\nhost: {address}\r\nconnection: {connection}\r\n",
            self.path
        );
        for header in &self.headers {
            request.push_str(header);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        request
    }

    /// Sends it and receives the answer.
    pub(super) fn fetch(&self, address: SocketAddr) -> anyhow::Result<Answer> {
        let attempt = || -> anyhow::Result<Answer> {
            let mut stream = TcpStream::connect_timeout(&address, PATIENCE).context("connect")?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(self.request(address, "close").as_bytes())?;
            let mut received = Vec::new();
            stream.read_to_end(&mut received).context("receive")?;
            Answer::read(&received)
        };
        attempt().with_context(|| format!("GET {} of {address}", self.path))
    }
}

impl Answer {
    /// Reads everything that came over a connection that was closed after one answer.
    pub(super) fn read(received: &[u8]) -> anyhow::Result<Self> {
        let mut rest = BufReader::new(received);
        let start = line(&mut rest)?;
        let status = start.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status: u16 = status.with_context(|| format!("{start:?} has no status"))?;
        let mut headers = Vec::new();
        loop {
            let line = line(&mut rest)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').context("a field has a colon")?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Self {
            status,
            headers,
            body: Vec::new(),
        };
        if status == 204 || status == 304 {
            return Ok(answer);
        }
        if answer.header("transfer-encoding") == Some("chunked") {
            loop {
                let size =
                    usize::from_str_radix(&line(&mut rest)?, 16).context("a chunk's size")?;
                let from = answer.body.len();
                answer.body.resize(from + size, 0);
                rest.read_exact(&mut answer.body[from..])
                    .context("a chunk")?;
                line(&mut rest)?;
                if size == 0 {
                    return Ok(answer);
                }
            }
        }
        rest.read_to_end(&mut answer.body)?;
        if let Some(len) = answer.header("content-length") {
            anyhow::ensure!(
                len.parse::<usize>()? == answer.body.len(),
                "{} bytes came of {len}",
                answer.body.len()
            );
        }
        Ok(answer)
    }

    /// Returns the first header of this name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the headers that belong to the document, and not to the connection, the moment or the framing.
    pub(super) fn own_headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let foreign = [
            "connection",
            "content-length",
            "date",
            "keep-alive",
            "transfer-encoding",
        ];
        self.headers
            .iter()
            .filter(move |(name, _)| !foreign.contains(&name.as_str()))
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

fn line(from: &mut impl std::io::BufRead) -> anyhow::Result<String> {
    let mut line = String::new();
    let len = from.read_line(&mut line)?;
    anyhow::ensure!(len > 0, "the answer ends too early");
    Ok(line.trim_end().to_owned())
}

#[cfg(test)]
mod tests;
