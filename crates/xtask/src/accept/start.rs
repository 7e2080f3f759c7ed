//! An empty community starts, answers, and ends cleanly when asked to.

use anyhow::Context as _;

use super::Stage;
use super::community::{Community, First, Person};

/// Starts and stops `commonhold up` a few times over one data folder.
pub(crate) fn run(stage: &Stage<'_>) -> anyhow::Result<String> {
    let rounds = if stage.is_full { 10 } else { 2 };
    let steward = Person::new(stage, "steward");
    let mut answers = 0;
    for round in 1..=rounds {
        let community = Community::start(&steward, First::Nothing)?;
        let mut client = community.client();
        for path in ["/health", "/ready", "/version", "/"] {
            let answer = client
                .get(path)
                .with_context(|| format!("round {round}: GET {path}"))?;
            let status = answer.status();
            anyhow::ensure!(status == 200, "round {round}: GET {path} answered {status}");
            answers += 1;
        }
        community.end().with_context(|| format!("round {round}"))?;
    }
    Ok(format!(
        "{rounds} starts over one data folder, {answers} answers with 200, {rounds} clean ends"
    ))
}
