//! HTTP as the scenarios see it: what came over the wire, header by header and byte by byte.
//!
//! It is a reader of its own on purpose: what the product's client would overlook is seen here.
//! HTTP/1.1 over loopback only; nothing is decoded that was not asked for.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::Context as _;

/// How long one read or write may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Longest head of a message, in bytes.
const HEAD_BYTES_MAX: u64 = 64 * 1_024;

/// Longest body that is kept, in bytes.
const BODY_BYTES_MAX: usize = 256 * 1_024 * 1_024;

/// The head of a request or an answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Head {
    /// The first line, without its end.
    pub(super) start: String,
    /// Names and values in their order.
    pub(super) fields: Vec<(String, String)>,
}

impl Head {
    /// Reads a head; `None` when the other side has closed the connection before it.
    pub(super) fn read(reader: &mut impl BufRead) -> anyhow::Result<Option<Self>> {
        let mut limited = reader.take(HEAD_BYTES_MAX);
        let Some(start) = line(&mut limited)? else {
            return Ok(None);
        };
        let mut fields = Vec::new();
        loop {
            let text = line(&mut limited)?.context("a head ends with an empty line")?;
            if text.is_empty() {
                return Ok(Some(Self { start, fields }));
            }
            let (name, value) = text.split_once(':').context("a field has a colon")?;
            fields.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    /// Returns a field's value by its name, whatever its case.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Returns a word of the first line: method, target and version, or version and status.
    pub(super) fn word(&self, index: usize) -> &str {
        self.start.split(' ').nth(index).unwrap_or_default()
    }

    /// Returns the fields that somebody in the middle passes on: all but the host's name.
    pub(super) fn passed_on(&self) -> Vec<(&str, &str)> {
        let fields = self.fields.iter();
        fields
            .filter(|(name, _)| !name.eq_ignore_ascii_case("host"))
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }

    /// Reads the body that follows: by its announced length, in chunks, or nothing.
    pub(super) fn body(&self, reader: &mut impl BufRead) -> anyhow::Result<Vec<u8>> {
        let is_chunked = self
            .field("transfer-encoding")
            .is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
        if is_chunked {
            return chunks(reader);
        }
        let announced = self.field("content-length").unwrap_or("0");
        let len: usize = announced.parse().context("content-length is a number")?;
        anyhow::ensure!(len <= BODY_BYTES_MAX, "{len} bytes are more than is kept");
        let mut body = vec![0; len];
        reader.read_exact(&mut body).context("read the body")?;
        Ok(body)
    }
}

/// An answer that was received whole.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// Status and fields.
    pub(super) head: Head,
    /// The body as it was sent.
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// Reads an answer; one to `HEAD`, and one with 204 or 304, has no body.
    pub(super) fn read(reader: &mut impl BufRead, method: &str) -> anyhow::Result<Option<Self>> {
        let Some(head) = Head::read(reader)? else {
            return Ok(None);
        };
        let has_body = method != "HEAD" && !matches!(head.word(1), "204" | "304");
        let body = if has_body {
            head.body(reader)?
        } else {
            Vec::new()
        };
        Ok(Some(Self { head, body }))
    }

    /// Returns the status.
    pub(super) fn status(&self) -> u16 {
        self.head.word(1).parse().unwrap_or_default()
    }

    /// Returns the media type without its parameters.
    pub(super) fn media_type(&self) -> &str {
        let value = self.head.field("content-type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim()
    }

    /// Writes it down again, with the length that its body has now.
    pub(super) fn written(&self) -> Vec<u8> {
        let mut message = format!("{}\r\n", self.head.start);
        for (name, value) in &self.head.fields {
            let is_framing = ["transfer-encoding", "content-length"]
                .iter()
                .any(|framing| name.eq_ignore_ascii_case(framing));
            if !is_framing {
                message.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        message.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        let mut message = message.into_bytes();
        message.extend_from_slice(&self.body);
        message
    }

    /// Reads the body as JSON.
    pub(super) fn json(&self) -> anyhow::Result<serde_json::Value> {
        serde_json::from_slice(&self.body).context("the body is JSON")
    }
}

/// One reader at a doorway, with one connection that is kept.
#[derive(Debug)]
pub(super) struct Client {
    address: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
    /// Whether a kept connection that was closed is a fault.
    is_strict: bool,
}

impl Client {
    /// Names the doorway; nothing is sent yet.
    pub(super) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            connection: None,
            is_strict: false,
        }
    }

    /// Names the doorway for a reader who does not put up with a connection that ends without having said so.
    pub(super) fn strict(address: SocketAddr) -> Self {
        Self {
            is_strict: true,
            ..Self::new(address)
        }
    }

    /// Fetches a path, whatever comes of it.
    pub(super) fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        self.ask("GET", path, &[])
    }

    /// Fetches a view that must be there.
    pub(super) fn json(&mut self, path: &str) -> anyhow::Result<serde_json::Value> {
        let answer = self.get(path)?;
        let status = answer.status();
        anyhow::ensure!(status == 200, "GET {path} answered {status}");
        answer.json().with_context(|| format!("GET {path}"))
    }

    /// Sends a request without a body.
    pub(super) fn ask(
        &mut self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> anyhow::Result<Answer> {
        self.send(method, path, fields, &[])
    }

    /// Sends a request with a body; an empty one is not announced for `GET`, `HEAD`, `DELETE` and `OPTIONS`.
    pub(super) fn send(
        &mut self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> anyhow::Result<Answer> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.address);
        for (name, value) in fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() || matches!(method, "PUT" | "POST" | "PATCH") {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let request = [head.as_bytes(), body].concat();
        // A connection that was kept may have been closed meanwhile: a fresh one tells.
        if let Some(kept) = self.connection.take() {
            match self.exchange(kept, method, &request) {
                Ok(Some(answer)) => return Ok(answer),
                Ok(None) if self.is_strict => {
                    anyhow::bail!("{method} {path}: the connection was closed unannounced");
                }
                Err(error) if self.is_strict => {
                    return Err(error.context(format!("{method} {path}")));
                }
                Ok(None) | Err(_) => {}
            }
        }
        let fresh = connect(self.address)?;
        let answer = self.exchange(fresh, method, &request);
        let answer = answer.with_context(|| format!("{method} {path}"))?;
        answer.with_context(|| format!("{method} {path}: the connection was closed"))
    }

    fn exchange(
        &mut self,
        mut connection: BufReader<TcpStream>,
        method: &str,
        request: &[u8],
    ) -> anyhow::Result<Option<Answer>> {
        connection.get_mut().write_all(request)?;
        let answer = Answer::read(&mut connection, method)?;
        let is_kept = answer.as_ref().is_some_and(|answer| {
            let wish = answer.head.field("connection").unwrap_or_default();
            !wish.eq_ignore_ascii_case("close")
        });
        self.connection = is_kept.then_some(connection);
        Ok(answer)
    }
}

/// Opens a connection that does not wait for ever.
pub(super) fn connect(address: SocketAddr) -> anyhow::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)
        .with_context(|| format!("connect to {address}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(BufReader::new(stream))
}

/// Reads one line of a head; `None` at the end of the stream.
fn line(reader: &mut impl BufRead) -> anyhow::Result<Option<String>> {
    let mut bytes = Vec::new();
    if reader.read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    anyhow::ensure!(bytes.ends_with(b"\r\n"), "a line of a head was cut off");
    bytes.truncate(bytes.len() - 2);
    Ok(Some(String::from_utf8(bytes).context("a head is text")?))
}

/// Reads a body in chunks (RFC 9112 §7.1).
fn chunks(reader: &mut impl BufRead) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let head = line(reader)?.context("a chunk has a length")?;
        let digits = head.split(';').next().unwrap_or_default().trim();
        let len = usize::from_str_radix(digits, 16).context("a chunk's length is a number")?;
        anyhow::ensure!(body.len() + len <= BODY_BYTES_MAX, "more than is kept");
        if len == 0 {
            while line(reader)?.is_some_and(|trailer| !trailer.is_empty()) {}
            return Ok(body);
        }
        let start = body.len();
        body.resize(start + len, 0);
        reader.read_exact(&mut body[start..])?;
        anyhow::ensure!(
            line(reader)?.as_deref() == Some(""),
            "a chunk ends with a line break"
        );
    }
}

#[cfg(test)]
mod tests;
