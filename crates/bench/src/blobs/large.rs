//! Puts of 100 MiB by one client, from memory; beside them SHA-256 of as many bytes.

use anyhow::Context as _;
use serde_json::Value;

use super::contenders::{Contender, IROH};
use super::table::{Limit, Row};
use super::{Stage, limits, turns};
use crate::figure::{Figure, Goal, Spread};

/// Length of a blob in bytes.
const BYTES: u64 = 100 * 1_024 * 1_024;

/// Blobs in a round, one after the other.
const COUNT: u64 = 3;

/// What all rounds of one contender showed.
#[derive(Debug, Default)]
struct Measured {
    secs: Vec<f64>,
    cpu_secs: Vec<f64>,
    acknowledged: String,
}

/// Measures everybody.
pub(super) fn measure(stage: &mut Stage) -> anyhow::Result<()> {
    let contenders = stage.contenders(&[]);
    let mut all: Vec<Measured> = contenders.iter().map(|_| Measured::default()).collect();
    let mut hashing = Vec::new();
    for round in 0..stage.rounds {
        eprintln!("round {} of {}", round + 1, stage.rounds);
        let shape = [
            ("bytes", BYTES),
            ("count", COUNT),
            ("seed", u64::from(round) + 1),
        ];
        for index in turns(round, contenders.len()) {
            all[index].take(&contenders[index].run(stage, "large", &shape)?)?;
        }
        hashing.push(limits::hashing_secs(BYTES as usize)?);
    }
    let mut measured = all.into_iter();
    let ours = measured.next().context("ours is the first")?;
    let peers: Vec<(Contender, Measured)> = contenders.into_iter().skip(1).zip(measured).collect();
    stage.rows.extend(rows(&ours, &peers, &hashing));
    Ok(())
}

impl Measured {
    fn take(&mut self, told: &Value) -> anyhow::Result<()> {
        for (name, into) in [
            ("secs_each", &mut self.secs),
            ("cpu_secs_each", &mut self.cpu_secs),
        ] {
            let each = told[name].as_array().context("every put has a time")?;
            into.extend(each.iter().filter_map(Value::as_f64));
        }
        told["acknowledged"]
            .as_str()
            .context("a store says what it acknowledges")?
            .clone_into(&mut self.acknowledged);
        Ok(())
    }
}

fn rows(ours: &Measured, peers: &[(Contender, Measured)], hashing: &[f64]) -> Vec<Row> {
    let spread = |values: &[f64]| Spread::of(values.iter().copied());
    let limit = Limit {
        name: "SHA-256 alone",
        measured: spread(hashing),
    };
    let mut rows: Vec<Row> = peers
        .iter()
        .map(|(peer, theirs)| Row {
            figure: Figure {
                figure: "a put of 100 MiB",
                ours: spread(&ours.secs),
                unit: "s",
                against: peer.name,
                theirs: spread(&theirs.secs),
                goal: if *peer == IROH {
                    Goal::TimesAtMost(0.7)
                } else {
                    Goal::None
                },
                more: vec![
                    ("ours_cpu_secs", spread(&ours.cpu_secs).median()),
                    ("theirs_cpu_secs", spread(&theirs.cpu_secs).median()),
                ],
            },
            acknowledged: match *peer {
                IROH => "taken; its file is not flushed".to_owned(),
                _ => theirs.acknowledged.clone(),
            },
            limit: Some(limit.clone()),
        })
        .collect();
    rows.push(Row::plain(Figure {
        figure: "CPU for a put of 100 MiB",
        ours: spread(&ours.cpu_secs),
        unit: "s",
        against: "SHA-256 alone",
        theirs: spread(hashing),
        goal: Goal::None,
        more: Vec::new(),
    }));
    rows
}
