//! An empty community starts, answers, and ends cleanly when asked to.

use std::time::Duration;

use anyhow::Context as _;
use testkit::http;

use super::Stage;

const READY: Duration = Duration::from_secs(30);
const END: Duration = Duration::from_secs(20);

/// Starts and stops `commonhold up` a few times over one data folder.
pub(crate) fn run(stage: &Stage<'_>) -> anyhow::Result<String> {
    let rounds = if stage.is_full { 10 } else { 2 };
    let data = stage.scratch.join("data");
    let mut answers = 0;
    for round in 1..=rounds {
        let mut process = stage.commonhold.spawn(
            stage.scratch,
            &[
                "up",
                "--data",
                &data.to_string_lossy(),
                "--listen",
                "127.0.0.1:0",
            ],
        )?;
        let address = process.wait_for_address(READY)?;
        for path in ["/health", "/version", "/"] {
            let status = http::status(address, path, READY)
                .with_context(|| format!("round {round}: GET {path}"))?;
            anyhow::ensure!(status == 200, "round {round}: GET {path} answered {status}");
            answers += 1;
        }
        process.terminate()?;
        let status = process.wait(END)?;
        anyhow::ensure!(
            status.success(),
            "round {round}: asked to end, it ended with {status}"
        );
    }
    Ok(format!(
        "{rounds} starts over one data folder, {answers} answers with 200, {rounds} clean ends"
    ))
}
