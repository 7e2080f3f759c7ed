//! A storm: 1,000 clients ask for one key that is not in the cache, at the same instant, and its origin takes 200 ms.
//!
//! Our origin is PostgreSQL behind a way that takes its time ([`Delay`]); Varnish has an HTTP origin as slow. What
//! counts is how often the origin is called, which should be once, and when the last client has its answer.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use testkit::servers::Postgres;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::Stage;
use super::answer::{Answer, Asked};
use super::background;
use super::course::Published;
use super::delay::Delay;
use super::origin::Origin;
use super::rivals::{Rival, free};
use crate::figure::{Figure, Goal, Spread};

/// Clients at once.
const CLIENTS: u32 = 1_000;

/// How long the origin takes.
const ORIGIN: Duration = Duration::from_millis(200);

/// Within which all should be answered, in milliseconds.
const MS_MAX: f64 = 300.0;

/// How long to wait for the last answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// How our count of calls is called on the admin port.
const CALLS: &str = "doorway_origin_calls_total";

/// How long to wait before the count is read: it is renewed once a second.
const RENEWED: Duration = Duration::from_millis(1_500);

/// The environment variable that says where the admin port listens.
const ADMIN: &str = "ADMIN_LISTEN";

/// What one storm showed.
#[derive(Clone, Debug)]
struct Storm {
    /// When each client had its answer after the common start, in milliseconds.
    answered_ms: Spread,
    /// How often the origin was called, when that is known.
    calls: Option<f64>,
}

/// Measures the rows.
pub(super) fn measure(stage: &mut Stage) -> anyhow::Result<()> {
    let theirs = match stage.program(|all| &all.varnish, "the storm beside Varnish") {
        Some(program) => Some(varnish(stage, &program)?),
        None => None,
    };
    let Some(ours) = ours(stage)? else {
        if let Some(theirs) = &theirs {
            let slowest = slowest(theirs);
            eprintln!(
                "storm on Varnish: the slowest after {:.1} ms",
                slowest.median()
            );
        }
        return Ok(());
    };
    let (against, theirs) = match theirs {
        Some(theirs) => ("Varnish, HTTP origin of 200 ms", theirs),
        None => ("our own storms", ours.clone()),
    };
    let quantile = |storms: &[Storm], share: f64| {
        let each = storms.iter().map(|storm| storm.answered_ms.quantile(share));
        Spread::of(each).median()
    };
    stage.figures.push(Figure {
        figure: "slowest of 1,000 clients on one cold key, origin of 200 ms",
        ours: slowest(&ours),
        unit: "ms",
        against,
        theirs: slowest(&theirs),
        goal: Goal::Below(MS_MAX),
        more: vec![
            ("ours_p50_ms", quantile(&ours, 0.5)),
            ("theirs_p50_ms", quantile(&theirs, 0.5)),
            ("ours_p99_ms", quantile(&ours, 0.99)),
            ("theirs_p99_ms", quantile(&theirs, 0.99)),
        ],
    });
    let (Some(our_calls), Some(their_calls)) = (calls(&ours), calls(&theirs)) else {
        stage.leave_out(format!(
            "calls of the origin in a storm; nobody tells {CALLS}"
        ));
        return Ok(());
    };
    stage.figures.push(Figure {
        figure: "calls of the origin for 1,000 clients on one cold key",
        ours: our_calls,
        unit: "calls",
        against,
        theirs: their_calls,
        goal: Goal::Exactly(1.0),
        more: Vec::new(),
    });
    Ok(())
}

fn slowest(storms: &[Storm]) -> Spread {
    Spread::of(storms.iter().map(|storm| storm.answered_ms.ends().1))
}

fn calls(storms: &[Storm]) -> Option<Spread> {
    let each: Option<Vec<f64>> = storms.iter().map(|storm| storm.calls).collect();
    each.map(Spread::of)
}

/// Storms on Varnish, each on a key that it does not know; the first is thrown away.
fn varnish(stage: &mut Stage, program: &Path) -> anyhow::Result<Vec<Storm>> {
    let published = stage.published()?;
    let answer = published.small()?.fetch(published.address())?;
    let origin = Origin::start(&answer, ORIGIN)?;
    let folder = stage.folder("storm")?;
    let rival = Rival::varnish(&stage.bench, program, &folder, origin.address())?;
    let mut storms = Vec::new();
    for round in 0..=stage.rounds {
        let before = origin.calls();
        let asked = Asked::path(format!("/document?round={round}"));
        let answered_ms = storm(rival.address(), &asked, CLIENTS).context("on Varnish")?;
        storms.push(Storm {
            answered_ms,
            calls: Some((origin.calls() - before) as f64),
        });
    }
    storms.remove(0);
    Ok(storms)
}

/// Storms on ourselves, or `None` with a note when the program reads no PostgreSQL.
fn ours(stage: &mut Stage) -> anyhow::Result<Option<Vec<Storm>>> {
    let Some(database) = Postgres::start()? else {
        let install = "PostgreSQL is not installed: apt-get install postgresql";
        stage.leave_out(format!("our storm; {install}"));
        return Ok(None);
    };
    let direct = SocketAddr::from((Ipv4Addr::LOCALHOST, database.port()));
    let delay = Delay::start(direct)?;
    let port = |address: SocketAddr| format!(":{}/", address.port());
    let url = database
        .url()
        .replace(&port(direct), &port(delay.address()));
    let admin = free()?;
    let listen = admin.to_string();
    let home = stage.scratch.join("storm-ours");
    let environment = [("DATABASE_URL", &*url), (ADMIN, &*listen)];
    let published = Published::start_with(&stage.bench, &home, &environment)?;
    if delay.bursts() == 0 {
        stage.leave_out("our storm; this build does not read PostgreSQL".to_owned());
        return Ok(None);
    }
    let mut storms = Vec::new();
    for round in 0..=stage.rounds {
        let asked = published.cold(round as usize)?;
        let before = settled_calls(admin).ok();
        delay.hold_back(ORIGIN);
        let answered_ms = storm(published.address(), &asked, CLIENTS).context("on us")?;
        delay.hold_back(Duration::ZERO);
        let after = settled_calls(admin).ok();
        let calls = after.zip(before).map(|(after, before)| after - before);
        storms.push(Storm { answered_ms, calls });
    }
    storms.remove(0);
    published.end()?;
    Ok(Some(storms))
}

/// Reads from an admin port how often the origin was called so far.
///
/// Source of the format: Prometheus' text exposition, where a counter may have one line for each set of labels.
fn origin_calls(admin: SocketAddr) -> anyhow::Result<f64> {
    let answer = Asked::path("/metrics").fetch(admin)?;
    anyhow::ensure!(answer.status == 200, "/metrics answered {}", answer.status);
    count(&String::from_utf8_lossy(&answer.body), CALLS)
}

/// Reads the same once it counts everything that happened until now.
fn settled_calls(admin: SocketAddr) -> anyhow::Result<f64> {
    std::thread::sleep(RENEWED);
    origin_calls(admin)
}

fn count(metrics: &str, name: &str) -> anyhow::Result<f64> {
    let lines = metrics.lines().filter(|line| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
    });
    let values: Vec<f64> = lines
        .map(|line| {
            let value = line.rsplit(' ').next().unwrap_or_default();
            value.parse().with_context(|| format!("read {line:?}"))
        })
        .collect::<anyhow::Result<_>>()?;
    anyhow::ensure!(!values.is_empty(), "there is no {name}");
    Ok(values.iter().sum())
}

/// Opens all connections, then asks on all of them at once; returns when each had its whole answer, in milliseconds.
///
/// # Errors
/// When one is not answered with 200, or not with the same body as the others.
pub(super) fn storm(address: SocketAddr, asked: &Asked, clients: u32) -> anyhow::Result<Spread> {
    background::runtime()?.block_on(async {
        let request: Arc<[u8]> = asked.request(address, "close").into_bytes().into();
        let (start, started) = watch::channel(None);
        let mut waiting = Vec::new();
        for _ in 0..clients {
            let stream = TcpStream::connect(address).await.context("connect")?;
            stream.set_nodelay(true)?;
            let client = client(stream, request.clone(), started.clone());
            waiting.push(tokio::spawn(client));
        }
        start.send(Some(Instant::now())).context("somebody waits")?;
        let mut answered_ms = Vec::new();
        let mut first: Option<Answer> = None;
        for client in waiting {
            let (took, answer) = timeout(PATIENCE, client)
                .await
                .context("the last answer")???;
            anyhow::ensure!(answer.status == 200, "one client got {}", answer.status);
            let first = first.get_or_insert_with(|| answer.clone());
            anyhow::ensure!(
                first.body == answer.body,
                "two clients got different answers"
            );
            answered_ms.push(took.as_secs_f64() * 1_000.0);
        }
        Ok(Spread::of(answered_ms))
    })
}

async fn client(
    mut stream: TcpStream,
    request: Arc<[u8]>,
    mut started: watch::Receiver<Option<Instant>>,
) -> anyhow::Result<(Duration, Answer)> {
    let start = *started.wait_for(Option::is_some).await?;
    let start = start.context("it was waited for")?;
    stream.write_all(&request).await.context("ask")?;
    let mut received = Vec::new();
    stream.read_to_end(&mut received).await.context("receive")?;
    Ok((start.elapsed(), Answer::read(&received)?))
}

#[cfg(test)]
mod tests;
