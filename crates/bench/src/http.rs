//! A connection whose last sent byte has a time.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::Context as _;

const PATIENCE: Duration = Duration::from_secs(60);

/// One connection that is kept.
#[derive(Debug)]
pub(crate) struct Connection {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects.
    pub(crate) fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).context("connect")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self {
            address,
            stream: BufReader::new(stream),
        })
    }

    /// Sends a request; returns when the last byte was handed to the system.
    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> anyhow::Result<Instant> {
        let len = body.len();
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.address);
        if method != "GET" {
            request.push_str(&format!(
                "content-type: application/json\r\ncontent-length: {len}\r\n"
            ));
        }
        request.push_str("\r\n");
        let mut message = request.into_bytes();
        message.extend_from_slice(body);
        self.stream
            .get_mut()
            .write_all(&message)
            .with_context(|| format!("send {path}"))?;
        Ok(Instant::now())
    }

    /// Receives the answer: status and body.
    pub(crate) fn receive(&mut self) -> anyhow::Result<(u16, Vec<u8>)> {
        let start = self.line()?;
        let status = start
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let status = status.with_context(|| format!("{start:?} has no status"))?;
        let mut len = 0;
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').context("a field has a colon")?;
            if name.eq_ignore_ascii_case("content-length") {
                len = value.trim().parse().context("content-length is a number")?;
            }
            anyhow::ensure!(
                !name.eq_ignore_ascii_case("transfer-encoding"),
                "it comes in chunks"
            );
        }
        let mut body = vec![0; len];
        self.stream.read_exact(&mut body).context("read the body")?;
        Ok((status, body))
    }

    /// Fetches a path; returns status and body.
    pub(crate) fn get(&mut self, path: &str) -> anyhow::Result<(u16, Vec<u8>)> {
        self.send("GET", path, &[])?;
        self.receive().with_context(|| format!("GET {path}"))
    }

    /// Fetches a view that must be there.
    pub(crate) fn view<T: serde::de::DeserializeOwned>(&mut self, path: &str) -> anyhow::Result<T> {
        let (status, body) = self.get(path)?;
        anyhow::ensure!(status == 200, "GET {path} answered {status}");
        serde_json::from_slice(&body).with_context(|| format!("GET {path}"))
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        let len = self.stream.read_line(&mut line)?;
        anyhow::ensure!(len > 0, "the connection was closed");
        Ok(line.trim_end().to_owned())
    }
}
