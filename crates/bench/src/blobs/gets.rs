//! Random reads of 1 KiB out of 20,000 blobs by two threads, everything in memory or in the page cache of the system.

use anyhow::Context as _;
use serde_json::Value;

use super::contenders::{Contender, IROH_SYNCED, OURS_FROM_DISK};
use super::puts::number;
use super::table::{Limit, Row};
use super::{Stage, limits, turns};
use crate::figure::{Figure, Goal, Spread};

const READERS: u64 = 2;
const BYTES: u64 = 1_024;
const COUNT: u64 = 20_000;
const WARM_UP_MS: u64 = 500;

/// What the table says of the content that a peer gives out.
const UNCHECKED: &str = "nothing is acknowledged; content is not compared with its hash";

/// What all rounds of one contender showed.
#[derive(Debug, Default)]
struct Measured {
    per_second: Vec<f64>,
    cpu_us: Vec<f64>,
}

/// Measures everybody.
pub(super) fn measure(stage: &mut Stage) -> anyhow::Result<()> {
    // iroh-blobs reads in the same way whatever is synced.
    let mut contenders = stage.contenders(&[OURS_FROM_DISK]);
    contenders.retain(|contender| *contender != IROH_SYNCED);
    let mut all: Vec<Measured> = contenders.iter().map(|_| Measured::default()).collect();
    let (mut look_ups, mut hashes) = (Vec::new(), Vec::new());
    for round in 0..stage.rounds {
        eprintln!("round {} of {}", round + 1, stage.rounds);
        let shape = [
            ("clients", READERS),
            ("bytes", BYTES),
            ("count", COUNT),
            ("warm-up-ms", WARM_UP_MS),
            ("measured-ms", u64::from(stage.secs) * 1_000),
            ("seed", u64::from(round) + 1),
        ];
        for index in turns(round, contenders.len()) {
            all[index].take(&contenders[index].run(stage, "gets", &shape)?)?;
        }
        look_ups.push(limits::look_ups_per_second(stage.secs));
        hashes.push(limits::hashes_per_second(stage.secs));
    }
    let mut measured = all.into_iter();
    let cached = measured.next().context("ours is the first")?;
    let disk = measured.next().context("and the second")?;
    let peers: Vec<(Contender, Measured)> = contenders.into_iter().skip(2).zip(measured).collect();
    let look_ups = limit("a map in memory", look_ups);
    let hashes = limit("SHA-256 of 1 KiB alone", hashes);
    let cached = Ours {
        figure: "random reads of 1 KiB, two threads, from the cache",
        measured: &cached,
        goal: Goal::AtLeast(1_500_000.0),
        limit: &look_ups,
    };
    let disk = Ours {
        figure: "random reads of 1 KiB, two threads, from the page cache, compared with the hash",
        measured: &disk,
        goal: Goal::AtLeast(800_000.0),
        limit: &hashes,
    };
    for ours in [cached, disk] {
        stage.rows.extend(peers.iter().map(|peer| ours.row(peer)));
    }
    Ok(())
}

/// One of our ways to read.
struct Ours<'a> {
    figure: &'static str,
    measured: &'a Measured,
    goal: Goal,
    limit: &'a Limit,
}

impl Ours<'_> {
    fn row(&self, (peer, theirs): &(Contender, Measured)) -> Row {
        let spread = |values: &[f64]| Spread::of(values.iter().copied());
        Row {
            figure: Figure {
                figure: self.figure,
                ours: spread(&self.measured.per_second),
                unit: "/s",
                against: peer.name,
                theirs: spread(&theirs.per_second),
                goal: self.goal,
                more: vec![
                    ("ours_cpu_us", spread(&self.measured.cpu_us).median()),
                    ("theirs_cpu_us", spread(&theirs.cpu_us).median()),
                ],
            },
            acknowledged: UNCHECKED.to_owned(),
            limit: Some(self.limit.clone()),
        }
    }
}

impl Measured {
    fn take(&mut self, told: &Value) -> anyhow::Result<()> {
        let (done, secs) = (number(told, "done")?, number(told, "secs")?);
        anyhow::ensure!(done > 0.0, "nothing was read");
        self.per_second.push(done / secs);
        self.cpu_us.push(number(told, "cpu_secs")? * 1e6 / done);
        Ok(())
    }
}

fn limit(name: &'static str, measured: Vec<f64>) -> Limit {
    Limit {
        name,
        measured: Spread::of(measured),
    }
}
