//! A follower that begins with nothing: records per second of its time on its core, until it has all its writer has.
//!
//! It verifies each record that it copies, stores it and projects it; beside it stands the verification alone, in this
//! process. The words of pages that come in great numbers are indexed after that, which is a figure of its own: the
//! same time and that of the index, until everything can be found. Left out while the program knows no `follow`.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use api::ChainView;
use serde_json::Value;
use testkit::wait_for;

use super::answer::Asked;
use super::{Stage, make, why};
use crate::community::{Bench, Community};
use crate::figure::{Figure, Goal, Spread};
use crate::machine;
use crate::publish::author::Generator;
use crate::publish::made_up::PAGES;
use crate::publish::verification::Served;

/// How many times the pages of `bench publish` are written.
const TIMES: u32 = 10;

/// How long to wait for the whole chain.
const PATIENCE: Duration = Duration::from_secs(300);

/// Records that a follower should take, per second of one core.
const PER_SECOND: f64 = 25_000.0;

/// Measures the row.
pub(super) fn measure(stage: &mut Stage) -> anyhow::Result<()> {
    let home = stage.scratch.join("writer");
    let writer = Community::start(&stage.bench, &home, &["--empty"])?;
    let url = writer.url();
    let probe = start_follower(&stage.bench, &stage.scratch.join("probe"), &url);
    match probe {
        Ok(follower) => follower.end()?,
        Err(error) => {
            stage.leave_out(format!(
                "a follower that catches up; up with follow: {}",
                why(&error)
            ));
            return writer.end();
        }
    }
    let mut generator = Generator::of(&writer)?;
    let served = write(&mut generator)?;
    let agent = generator.agent();
    let head = head(writer.address(), &agent)?.context("the writer has a chain")?;
    let records = f64::from(head) + 1.0;
    let (mut ours, mut theirs, mut walls) = (Vec::new(), Vec::new(), Vec::new());
    let mut searchable = Vec::new();
    for round in 0..=stage.rounds {
        let home = stage.scratch.join(format!("follower-{round}"));
        let begun = std::time::Instant::now();
        let follower = start_follower(&stage.bench, &home, &url)?;
        wait_until_level(follower.address(), &agent, head)?;
        let wall = begun.elapsed().as_secs_f64();
        let cpu = machine::family_cpu_seconds(follower.pid())?;
        wait_until_searchable(follower.address())?;
        let cpu_with_words = machine::family_cpu_seconds(follower.pid())?;
        follower.end()?;
        let rates = served.round()?;
        if round > 0 {
            ours.push(records / cpu);
            theirs.push(rates.served);
            walls.push(records / wall);
            searchable.push(records / cpu_with_words);
        }
    }
    writer.end()?;
    let theirs = Spread::of(theirs);
    stage.figures.push(Figure {
        figure: "records that a new follower verifies, stores and projects, per second of its core",
        ours: Spread::of(ours),
        unit: "/s",
        against: "verification of the chain as served, alone",
        theirs: theirs.clone(),
        goal: Goal::AtLeast(PER_SECOND),
        more: vec![
            ("records", records),
            ("ours_per_second_of_the_clock", Spread::of(walls).median()),
        ],
    });
    stage.figures.push(Figure {
        figure: "the same, until all their words are indexed too",
        ours: Spread::of(searchable),
        unit: "/s",
        against: "verification of the chain as served, alone",
        theirs,
        goal: Goal::None,
        more: vec![("records", records)],
    });
    Ok(())
}

/// Writes the chain; returns its first part for what stands beside it.
fn write(generator: &mut Generator) -> anyhow::Result<Served> {
    let mut served = None;
    for time in 0..TIMES {
        let batches = match time {
            0 => generator.sign_all()?,
            _ => generator.sign_more(time * PAGES..(time + 1) * PAGES)?,
        };
        for batch in &batches {
            generator.send(batch)?;
        }
        if served.is_none() {
            served = Some(Served::fetch(generator)?);
        }
    }
    served.context("something was written")
}

/// Starts a follower in a new home folder; fails when the program knows no `follow`.
fn start_follower(bench: &Bench, home: &Path, writer: &str) -> anyhow::Result<Community> {
    make(home)?;
    let config = home.join("follow.toml");
    std::fs::write(&config, format!("follow = \"{writer}\"\n")).context("write follow.toml")?;
    let config = config.to_string_lossy();
    Community::start(bench, home, &["--config", &config])
}

/// Waits until a follower has the whole chain and tells no lag.
fn wait_until_level(follower: SocketAddr, agent: &str, wanted: u32) -> anyhow::Result<()> {
    wait_for("a follower that is level", PATIENCE, || {
        std::thread::park_timeout(Duration::from_millis(45));
        let ready = Asked::path("/ready").fetch(follower)?;
        let told: Value = serde_json::from_slice(&ready.body).context("GET /ready")?;
        let is_level = ready.status == 200 && has_no_lag(&told);
        Ok((is_level && head(follower, agent)? == Some(wanted)).then_some(()))
    })
}

/// Waits until everything that a follower shows can be found by its words.
fn wait_until_searchable(follower: SocketAddr) -> anyhow::Result<()> {
    wait_for("a follower that has indexed everything", PATIENCE, || {
        std::thread::park_timeout(Duration::from_millis(45));
        let ready = Asked::path("/ready").fetch(follower)?;
        let told: Value = serde_json::from_slice(&ready.body).context("GET /ready")?;
        let waiting = told.get("unindexed_items").and_then(Value::as_u64);
        Ok((waiting.unwrap_or_default() == 0).then_some(()))
    })
}

/// Tells whether every number whose name speaks of a lag is zero.
fn has_no_lag(told: &Value) -> bool {
    match told {
        Value::Object(fields) => fields.iter().all(|(name, value)| {
            let speaks_of_lag = name.split('_').any(|word| word == "lag");
            !(speaks_of_lag && value.as_f64().is_some_and(|lag| lag > 0.0)) && has_no_lag(value)
        }),
        Value::Array(values) => values.iter().all(has_no_lag),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// Returns the sequence number of a chain's newest record as a doorway tells it.
fn head(doorway: SocketAddr, agent: &str) -> anyhow::Result<Option<u32>> {
    let answer = Asked::path(format!("/api/v1/chains/{agent}?limit=1")).fetch(doorway)?;
    if answer.status == 404 {
        return Ok(None);
    }
    anyhow::ensure!(answer.status == 200, "a chain answered {}", answer.status);
    let view: ChainView = serde_json::from_slice(&answer.body).context("read a chain")?;
    Ok(view.head.map(|head| head.seq))
}

#[cfg(test)]
mod tests {
    //! A lag is found wherever it is told.

    use serde_json::json;

    use super::*;

    #[test]
    fn any_lag_counts() {
        assert!(has_no_lag(
            &json!({"ready": true, "projection_lag_records": 0, "seq": 5})
        ));
        assert!(!has_no_lag(
            &json!({"ready": true, "projection_lag_records": 2})
        ));
        assert!(!has_no_lag(&json!({"following": [{"lag": 1}]})));
    }
}
