//! The limit: hyper alone, with the body and the headers of our own answer.
//!
//! Runs as a process of its own (`bench raw-hyper`), fetches one answer when it starts, and gives it to every request
//! from a header map that was built once. It routes nothing, decides nothing and counts nothing.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use clap::Args;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use testkit::Process;
use tokio::net::TcpListener;

use super::answer::{Answer, Asked};
use super::background;
use crate::community::Bench;

const READY: Duration = Duration::from_secs(30);

/// Which answer it gives.
#[derive(Args)]
pub(crate) struct RawHyper {
    /// The server that has it.
    #[arg(long)]
    from: SocketAddr,
    /// Its path.
    #[arg(long)]
    path: String,
    /// A header of the request, as `name: value`.
    #[arg(long)]
    header: Vec<String>,
}

/// The answer, ready to be cloned.
struct Ready {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl RawHyper {
    /// Starts it as a process on the server's core; returns it and its address.
    pub(super) fn start(
        bench: &Bench,
        from: SocketAddr,
        asked: &Asked,
        folder: &Path,
    ) -> anyhow::Result<(Process, SocketAddr)> {
        let this = std::env::current_exe().context("find the running program")?;
        let mut command: Command = bench.cores.server(&this);
        command.args([
            "raw-hyper",
            "--from",
            &from.to_string(),
            "--path",
            &asked.path,
        ]);
        for header in &asked.headers {
            command.args(["--header", header]);
        }
        let mut process = Process::spawn(command, folder)?;
        let address = process.wait_for_address(READY)?;
        Ok((process, address))
    }

    /// Serves until the process is ended.
    pub(crate) fn serve(&self) -> anyhow::Result<()> {
        let asked = Asked {
            path: self.path.clone(),
            headers: self.header.clone(),
        };
        let ready = Arc::new(Ready::of(&asked.fetch(self.from)?)?);
        background::runtime()?.block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            println!("http://{}", listener.local_addr()?);
            loop {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let ready = ready.clone();
                let answering = service_fn(move |_: Request<Incoming>| {
                    let response = ready.response();
                    async move { Ok::<_, Infallible>(response) }
                });
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), answering);
                drop(tokio::spawn(connection));
            }
        })
    }
}

impl Ready {
    fn of(answer: &Answer) -> anyhow::Result<Self> {
        let mut headers = HeaderMap::new();
        for (name, value) in answer.own_headers() {
            let name = HeaderName::from_bytes(name.as_bytes())?;
            headers.append(name, HeaderValue::from_str(value)?);
        }
        Ok(Self {
            status: StatusCode::from_u16(answer.status)?,
            headers,
            body: Bytes::copy_from_slice(&answer.body),
        })
    }

    fn response(&self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body.clone()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers.clone();
        response
    }
}
