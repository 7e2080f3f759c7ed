//! 1,000 readers that take 16 KiB a second of a blob of 50 MiB: what the server holds in memory for them.
//!
//! Receive buffers are small, so that the bytes wait at the server. Memory is not noise: no round is thrown away, and
//! a round is long enough for a server that gives up on slow readers to do so.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep_until};

use super::Stage;
use super::answer::Asked;
use super::background;
use super::course::Blob;
use super::rivals::Rival;
use crate::figure::{Figure, Goal, Spread};
use crate::machine;

/// Readers at once.
const READERS: u32 = 1_000;

/// What a reader takes in a second, in bytes.
const PACE_BYTES: usize = 16 << 10;

/// Size of a reader's receive buffer, in bytes.
const BUFFER_BYTES: u32 = 16 << 10;

/// Length of a round, in seconds: longer than a server waits for a reader that takes nothing.
const SECS: u32 = 40;

/// Rounds; memory hardly differs between them.
const ROUNDS: u32 = 3;

/// Most memory that is allowed, in MiB.
const MIB_MAX: f64 = 256.0;

/// What one round showed.
#[derive(Debug)]
struct Round {
    /// Most memory that the server held while they read, in MiB.
    most_mib: f64,
    /// What it held before, in MiB.
    before_mib: f64,
    /// Readers that were cut off.
    cut_off: u64,
    /// The server's time on its core per MiB that was read, in µs.
    us_per_mib: f64,
}

/// Measures the row.
pub(super) fn measure(stage: &mut Stage) -> anyhow::Result<()> {
    stage.published()?;
    let mut published = stage.published.take().context("it was just made")?;
    let nginx = stage.program(|all| &all.nginx, "slow readers of nginx");
    let folder = stage.folder("slow")?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        published = published.again(&stage.bench)?;
        let asked = published.blob(Blob::Mib50);
        ours.push(round(published.community.pid(), published.address(), &asked).context("ours")?);
        if let Some(program) = &nginx {
            let rival = Rival::nginx(&stage.bench, program, &folder, None)?;
            let bytes = published.bytes(Blob::Mib50)?;
            std::fs::write(folder.join("www/blob"), bytes).context("write a file for nginx")?;
            let asked = Asked::path("/blob");
            theirs.push(round(rival.pid(), rival.address(), &asked).context("nginx")?);
        }
    }
    stage.published = Some(published);
    let against = if theirs.is_empty() {
        theirs.push(Round::at_rest(&ours));
        "at rest"
    } else {
        "nginx"
    };
    stage.figures.push(figure(&ours, against, &theirs));
    Ok(())
}

impl Round {
    /// Stands in the place of a rival: what the server held before anybody came.
    fn at_rest(rounds: &[Self]) -> Self {
        let before = Spread::of(rounds.iter().map(|round| round.before_mib));
        Self {
            most_mib: before.median(),
            before_mib: before.median(),
            cut_off: 0,
            us_per_mib: 0.0,
        }
    }
}

fn figure(ours: &[Round], against: &'static str, theirs: &[Round]) -> Figure {
    let spread = |rounds: &[Round], of: fn(&Round) -> f64| Spread::of(rounds.iter().map(of));
    let median = |rounds, of| spread(rounds, of).median();
    Figure {
        figure: "memory while 1,000 slow readers take 50 MiB",
        ours: spread(ours, |round| round.most_mib),
        unit: "MiB",
        against,
        theirs: spread(theirs, |round| round.most_mib),
        goal: Goal::Below(MIB_MAX),
        more: vec![
            ("ours_before_mib", median(ours, |round| round.before_mib)),
            (
                "theirs_before_mib",
                median(theirs, |round| round.before_mib),
            ),
            ("ours_cut_off", median(ours, |round| round.cut_off as f64)),
            (
                "theirs_cut_off",
                median(theirs, |round| round.cut_off as f64),
            ),
            ("ours_us_per_mib", median(ours, |round| round.us_per_mib)),
            (
                "theirs_us_per_mib",
                median(theirs, |round| round.us_per_mib),
            ),
        ],
    }
}

fn round(pid: u32, address: SocketAddr, asked: &Asked) -> anyhow::Result<Round> {
    eprintln!("1,000 slow readers, {SECS} s");
    let before_mib = machine::resident_mib(pid)?;
    let cpu_before = machine::family_cpu_seconds(pid)?;
    let taken = Arc::new(AtomicU64::new(0));
    let cut_off = background::runtime()?.block_on(async {
        let end = Instant::now() + Duration::from_secs(u64::from(SECS));
        let request: Arc<[u8]> = asked.request(address, "close").into_bytes().into();
        let mut readers = Vec::new();
        for _ in 0..READERS {
            let socket = TcpSocket::new_v4()?;
            socket.set_recv_buffer_size(BUFFER_BYTES)?;
            let stream = socket.connect(address).await.context("connect")?;
            let reading = read(stream, request.clone(), end, taken.clone());
            readers.push(tokio::spawn(reading));
        }
        let mut cut_off = 0;
        for reader in readers {
            cut_off += u64::from(reader.await?.is_err());
        }
        anyhow::Ok(cut_off)
    })?;
    let cpu = machine::family_cpu_seconds(pid)? - cpu_before;
    let mib = taken.load(Ordering::Relaxed) as f64 / (1_024.0 * 1_024.0);
    anyhow::ensure!(mib > 0.0, "nobody got a byte");
    Ok(Round {
        most_mib: machine::most_resident_mib(pid)?,
        before_mib,
        cut_off,
        us_per_mib: cpu * 1e6 / mib,
    })
}

/// Takes a piece each second until the end; an error when the server ends it first.
async fn read(
    mut stream: TcpStream,
    request: Arc<[u8]>,
    end: Instant,
    taken: Arc<AtomicU64>,
) -> anyhow::Result<()> {
    stream.write_all(&request).await?;
    let mut piece = vec![0; PACE_BYTES];
    let mut due = Instant::now();
    while due < end {
        stream.read_exact(&mut piece).await?;
        taken.fetch_add(PACE_BYTES as u64, Ordering::Relaxed);
        due += Duration::from_secs(1);
        sleep_until(due.min(end)).await;
    }
    Ok(())
}
