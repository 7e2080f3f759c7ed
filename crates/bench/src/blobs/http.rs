//! Puts of 1 KiB over HTTP by 64 connections, beside what they are made of: hyper that takes the same body and gives
//! the same answer, and the put in process.
//!
//! The server has a core of its own in all three; what counts is its time on that core for one put.

use std::convert::Infallible;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use api::{ChallengeView, TokenView};
use bytes::Bytes;
use chain::{KeySigner, Signer as _};
use clap::Args;
use crypto::Keypair;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use testkit::{Binary, Process};
use tokio::net::TcpListener;

use super::contenders::OURS;
use super::table::{Limit, Row};
use super::wrk::{Turn, Wrk};
use super::{Stage, puts, turns};
use crate::figure::{Figure, Goal, Spread};
use crate::http::Connection;
use crate::machine::Cores;

const READY: Duration = Duration::from_secs(60);
const END: Duration = Duration::from_secs(60);

/// A blob for the one put whose answer is copied.
const FIRST: &[u8] = &[7; 1_024];

/// The peer: hyper that takes bodies and gives one answer.
#[derive(Args)]
pub(crate) struct RawPost {
    /// The status of the answer.
    #[arg(long)]
    status: u16,
    /// A header of the answer, as `name: value`.
    #[arg(long)]
    header: Vec<String>,
    /// The body of the answer.
    #[arg(long)]
    body: String,
}

/// What one put was answered with.
struct Answer {
    status: u16,
    headers: Vec<String>,
    body: String,
}

/// A running storage service, and what is sent with every put.
struct Service {
    process: Process,
    address: SocketAddr,
    authority: String,
}

/// Measures all three, taking turns.
pub(super) fn measure(stage: &mut Stage) -> anyhow::Result<()> {
    let home = stage.new_folder()?;
    let Some(mut wrk) = Wrk::new(&home)? else {
        let missing = "puts over HTTP; wrk is not installed: apt-get install wrk";
        stage.left_out.push(missing.to_owned());
        return Ok(());
    };
    stage.cores = Cores::part();
    let service = match Service::start(stage.cores, &home) {
        Ok(service) => service,
        Err(error) => {
            let why: String = format!("{error:#}").chars().take(240).collect();
            let why = why.replace('\n', " ");
            stage.left_out.push(format!("puts over HTTP: {why}"));
            return Ok(());
        }
    };
    let answer = service.put(FIRST)?;
    let (raw, raw_address) = answer.serve(stage.cores, &home)?;
    let headers = [service.authority.clone()];
    let (mut ours, mut theirs, mut in_process) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..stage.rounds {
        eprintln!("round {} of {}", round + 1, stage.rounds);
        for turn in turns(round, 3) {
            match turn {
                0 => {
                    let pid = service.process.id();
                    ours.push(wrk.turn(pid, service.address, &headers, stage.secs)?);
                }
                1 => theirs.push(wrk.turn(raw.id(), raw_address, &headers, stage.secs)?),
                _ => {
                    let by: &[&str] = match stage.cores {
                        Cores::Apart => &["taskset", "-c", "0"],
                        Cores::Shared => &[],
                    };
                    let told = OURS.run_by(stage, by, "puts", &puts::shape(stage.secs, round))?;
                    in_process.push(puts::cpu_us(&told)?);
                }
            }
        }
    }
    service.end()?;
    stage.rows.extend(rows(&ours, &theirs, &in_process));
    Ok(())
}

fn rows(ours: &[Turn], raw: &[Turn], in_process: &[f64]) -> [Row; 3] {
    let median = |of: fn(&Turn) -> f64| Spread::of(ours.iter().map(of)).median();
    let parts = raw.iter().zip(in_process);
    let sum = Spread::of(parts.map(|(raw, put)| raw.cpu_us + put));
    let row = |against, theirs: Spread, goal| Row {
        figure: Figure {
            figure: "a put of 1 KiB over HTTP, 64 connections",
            ours: Spread::of(ours.iter().map(|turn| turn.cpu_us)),
            unit: "µs of server CPU",
            against,
            theirs,
            goal,
            more: vec![
                ("ours_per_second", median(|turn| turn.per_second)),
                ("ours_p50_ms", median(|turn| turn.p50_ms)),
                ("ours_p99_ms", median(|turn| turn.p99_ms)),
            ],
        },
        acknowledged: String::new(),
        limit: Some(Limit {
            name: "the sum of both",
            measured: sum.clone(),
        }),
    };
    [
        row(
            "raw hyper with the same body and answer, and the put in process",
            sum.clone(),
            Goal::TimesAtMost(1.15),
        ),
        row(
            "raw hyper alone",
            Spread::of(raw.iter().map(|turn| turn.cpu_us)),
            Goal::None,
        ),
        row(
            "the put in process alone",
            Spread::of(in_process.iter().copied()),
            Goal::None,
        ),
    ]
}

impl Service {
    fn start(cores: Cores, home: &Path) -> anyhow::Result<Self> {
        let binary = Binary::commonhold()?;
        let mut command = cores.server(binary.path());
        command
            .env("COMMONHOLD_HOME", home)
            .args(["storage", "--listen", "127.0.0.1:0", "--data"])
            .arg(home.join("storage"));
        let mut process = Process::spawn(command, home)?;
        let address = process.wait_for_address(READY)?;
        let token = token(home, address)?;
        Ok(Self {
            process,
            address,
            authority: format!("authorization: Bearer {token}"),
        })
    }

    /// Puts one blob and returns the whole answer.
    fn put(&self, blob: &[u8]) -> anyhow::Result<Answer> {
        let mut stream = TcpStream::connect(self.address).context("connect")?;
        stream.set_read_timeout(Some(READY))?;
        let head = format!(
            "PUT /blobs HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{}\r\ncontent-length: {}\r\n\r\n",
            self.address,
            self.authority,
            blob.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(blob)?;
        let mut said = String::new();
        stream.read_to_string(&mut said).context("receive")?;
        Answer::read(&said).with_context(|| format!("it answered {said}"))
    }

    /// Ends it in order.
    fn end(mut self) -> anyhow::Result<()> {
        self.process.terminate()?;
        let status = self.process.wait(END)?;
        anyhow::ensure!(status.success(), "it ended with {status}");
        Ok(())
    }
}

/// Gets a token for the key that the service admitted first, which is that of the command line.
fn token(home: &Path, address: SocketAddr) -> anyhow::Result<String> {
    let path = home.join("agent/agent.key");
    let seed = std::fs::read(&path).with_context(|| format!("read {}", path.display()))?;
    let seed: [u8; 32] = seed.try_into().ok().context("a key has 32 bytes")?;
    let signer = KeySigner::new(Keypair::from_seed(&seed));
    let mut connection = Connection::open(address)?;
    let mut ask = |path: &str, body: serde_json::Value| -> anyhow::Result<Vec<u8>> {
        connection.send("POST", path, body.to_string().as_bytes())?;
        let (status, body) = connection.receive()?;
        anyhow::ensure!(status == 200, "{path} answered {status}");
        Ok(body)
    };
    let body = ask(
        "/auth/challenge",
        json!({ "agent": signer.agent().to_string() }),
    )?;
    let challenge: ChallengeView = serde_json::from_slice(&body)?;
    let signature = signer.sign_statement(challenge.challenge.as_bytes());
    let signature = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, signature.0);
    let proof = json!({ "challenge": challenge.challenge, "signature": signature });
    let token: TokenView = serde_json::from_slice(&ask("/auth/token", proof)?)?;
    Ok(token.token)
}

impl Answer {
    /// Reads everything that came over a connection that was closed after one answer.
    fn read(said: &str) -> anyhow::Result<Self> {
        let (head, body) = said.split_once("\r\n\r\n").context("a head ends")?;
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let status: u16 = status.context("an answer has a status")?.parse()?;
        anyhow::ensure!(status < 300, "the put failed");
        let foreign = ["connection:", "content-length:", "date:"];
        let headers = lines
            .filter(|line| {
                let line = line.to_ascii_lowercase();
                !foreign.iter().any(|name| line.starts_with(name))
            })
            .map(str::to_owned)
            .collect();
        Ok(Self {
            status,
            headers,
            body: body.to_owned(),
        })
    }

    /// Starts hyper that gives this answer, on the server's core.
    fn serve(&self, cores: Cores, folder: &Path) -> anyhow::Result<(Process, SocketAddr)> {
        let this = std::env::current_exe().context("find the running program")?;
        let mut command = cores.server(&this);
        command.args(["raw-post", "--status", &self.status.to_string()]);
        for header in &self.headers {
            command.args(["--header", header]);
        }
        command.args(["--body", &self.body]);
        let mut process = Process::spawn(command, folder)?;
        let address = process.wait_for_address(READY)?;
        Ok((process, address))
    }
}

impl RawPost {
    /// Serves until the process is ended.
    pub(crate) fn serve(&self) -> anyhow::Result<()> {
        let body = Bytes::from(self.body.clone());
        let mut ready = Response::new(());
        *ready.status_mut() = StatusCode::from_u16(self.status)?;
        for header in &self.header {
            let (name, value) = header.split_once(": ").context("a header has a value")?;
            let name = hyper::header::HeaderName::from_bytes(name.as_bytes())?;
            ready.headers_mut().append(name, value.parse()?);
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            println!("http://{}", listener.local_addr()?);
            loop {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let (ready, body) = (ready.clone(), body.clone());
                let answering = service_fn(move |request: Request<Incoming>| {
                    let response = ready.clone().map(|()| Full::new(body.clone()));
                    async move {
                        // The whole body is taken before the answer is given, as a store must.
                        drop(request.into_body().collect().await);
                        Ok::<_, Infallible>(response)
                    }
                });
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), answering);
                drop(tokio::spawn(connection));
            }
        })
    }
}
