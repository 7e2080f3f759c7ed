//! Durable puts of 1 KiB by 64 clients, each of which waits for its acknowledgement before it puts the next blob.
//!
//! The limit is a bare loop that writes what ours wrote in one batch into a file of zeros and flushes it.

use anyhow::Context as _;
use serde_json::Value;

use super::contenders::Contender;
use super::table::{Limit, Row};
use super::{Stage, limits, turns};
use crate::figure::{Figure, Goal, Spread};

/// Clients at the same time, and the length of a blob in bytes.
const CLIENTS: u64 = 64;
const BYTES: u64 = 1_024;

/// What comes before what is measured.
const WARM_UP_MS: u64 = 500;

/// What all rounds of one contender showed.
#[derive(Debug, Default)]
struct Measured {
    per_second: Vec<f64>,
    cpu_us: Vec<f64>,
    p50_ms: Vec<f64>,
    p99_ms: Vec<f64>,
    commits_per_second: Vec<f64>,
    puts_per_commit: Vec<f64>,
    bytes_per_commit: Vec<f64>,
    acknowledged: String,
}

/// Measures everybody.
pub(super) fn measure(stage: &mut Stage) -> anyhow::Result<()> {
    let contenders = stage.contenders(&[]);
    let mut all: Vec<Measured> = contenders.iter().map(|_| Measured::default()).collect();
    let mut bare = Vec::new();
    for round in 0..stage.rounds {
        eprintln!("round {} of {}", round + 1, stage.rounds);
        for index in turns(round, contenders.len()) {
            let told = contenders[index].run(stage, "puts", &shape(stage.secs, round))?;
            all[index].take(&told)?;
            if index == 0 {
                bare.push(bare_loop(stage, &all[0])?);
            }
        }
    }
    let mut measured = all.into_iter();
    let ours = measured.next().context("ours is the first")?;
    let peers: Vec<(Contender, Measured)> = contenders.into_iter().skip(1).zip(measured).collect();
    let rows = rows(&ours, &peers, &bare);
    stage.rows.extend(rows);
    Ok(())
}

/// Returns the arguments of the workload.
pub(super) fn shape(secs: u32, round: u32) -> [(&'static str, u64); 5] {
    [
        ("clients", CLIENTS),
        ("bytes", BYTES),
        ("warm-up-ms", WARM_UP_MS),
        ("measured-ms", u64::from(secs) * 1_000),
        ("seed", u64::from(round) + 1),
    ]
}

/// Returns the time on a core for one put, in µs.
pub(super) fn cpu_us(told: &Value) -> anyhow::Result<f64> {
    Ok(number(told, "cpu_secs")? * 1e6 / number(told, "done")?)
}

/// Reads a number out of a line.
pub(super) fn number(told: &Value, name: &str) -> anyhow::Result<f64> {
    told[name]
        .as_f64()
        .with_context(|| format!("{name} is not a number in {told}"))
}

fn bare_loop(stage: &mut Stage, ours: &Measured) -> anyhow::Result<f64> {
    let bytes = ours.bytes_per_commit.last().context("ours counts")?;
    let folder = stage.new_folder()?;
    limits::flushes_per_second(&folder, *bytes as usize, stage.secs)
}

impl Measured {
    fn take(&mut self, told: &Value) -> anyhow::Result<()> {
        let (done, secs) = (number(told, "done")?, number(told, "secs")?);
        anyhow::ensure!(done > 0.0, "nothing was put");
        self.per_second.push(done / secs);
        self.cpu_us.push(cpu_us(told)?);
        self.p50_ms.push(number(told, "p50_us")? / 1e3);
        self.p99_ms.push(number(told, "p99_us")? / 1e3);
        if let Some(commits) = told["commits"].as_f64() {
            self.commits_per_second.push(commits / secs);
            self.puts_per_commit.push(done / commits);
            if let Some(written) = told["written_bytes"].as_f64() {
                self.bytes_per_commit.push(written / commits);
            }
        }
        told["acknowledged"]
            .as_str()
            .context("a store says what it acknowledges")?
            .clone_into(&mut self.acknowledged);
        Ok(())
    }
}

fn spread(values: &[f64]) -> Spread {
    Spread::of(values.iter().copied())
}

fn rows(ours: &Measured, peers: &[(Contender, Measured)], bare: &[f64]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (peer, theirs) in peers {
        rows.push(Row {
            figure: Figure {
                figure: "CPU for one put of 1 KiB, 64 clients",
                ours: spread(&ours.cpu_us),
                unit: "µs",
                against: peer.name,
                theirs: spread(&theirs.cpu_us),
                goal: Goal::None,
                more: Vec::new(),
            },
            acknowledged: theirs.acknowledged.clone(),
            limit: None,
        });
    }
    rows.extend(rates(ours, peers, bare));
    rows.push(Row::plain(Figure {
        figure: "flushes during these puts",
        ours: spread(&ours.commits_per_second),
        unit: "/s",
        against: "a bare loop that writes as many bytes into a file of zeros, and flushes",
        theirs: spread(bare),
        goal: Goal::TimesAtLeast(0.8),
        more: Vec::new(),
    }));
    for (peer, theirs) in peers {
        if !theirs.puts_per_commit.is_empty() {
            rows.push(Row::plain(Figure {
                figure: "puts in one flush",
                ours: spread(&ours.puts_per_commit),
                unit: "puts",
                against: peer.name,
                theirs: spread(&theirs.puts_per_commit),
                goal: Goal::None,
                more: Vec::new(),
            }));
        }
    }
    rows
}

/// Puts per second; the goal stands in the row of the best peer that is durable.
fn rates(ours: &Measured, peers: &[(Contender, Measured)], bare: &[f64]) -> Vec<Row> {
    let median = |measured: &Measured| spread(&measured.per_second).median();
    let best = peers
        .iter()
        .filter(|(peer, _)| peer.is_durable)
        .max_by(|(_, one), (_, other)| median(one).total_cmp(&median(other)));
    let best = best.map(|(peer, _)| *peer);
    let at_limit = bare.iter().zip(&ours.puts_per_commit);
    let limit = Limit {
        name: "the bare loop, with as many puts in a flush",
        measured: Spread::of(at_limit.map(|(flushes, puts)| flushes * puts)),
    };
    let row = |(peer, theirs): &(Contender, Measured)| Row {
        figure: Figure {
            figure: "puts of 1 KiB, 64 clients",
            ours: spread(&ours.per_second),
            unit: "/s",
            against: peer.name,
            theirs: spread(&theirs.per_second),
            goal: if best == Some(*peer) {
                Goal::TimesAtLeast(1.3)
            } else {
                Goal::None
            },
            more: vec![
                ("ours_p50_ms", spread(&ours.p50_ms).median()),
                ("theirs_p50_ms", spread(&theirs.p50_ms).median()),
                ("ours_p99_ms", spread(&ours.p99_ms).median()),
                ("theirs_p99_ms", spread(&theirs.p99_ms).median()),
            ],
        },
        acknowledged: theirs.acknowledged.clone(),
        limit: Some(limit.clone()),
    };
    peers.iter().map(row).collect()
}
