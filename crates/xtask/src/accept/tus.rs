//! Uploads that are resumed: tus-js-client against a real node, and what it never sends by hand.
//!
//! The client is interrupted twice: once it aborts in the middle of a request, once the node dies in the middle of one
//! and starts again over the same folder. It goes on by its own notes, in a process of its own each time.

mod by_hand;
mod client;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

use super::Stage;
use super::community::text;
use super::node::{Caller, Node, NodePlan, expect};
use super::trial::Trial;
use client::{Install, Interruption, Ran, TusClient};

/// Length of the file, in bytes.
const FILE_BYTES: usize = 24 * 1024 * 1024;

/// Where it is interrupted, in bytes: in the middle of pieces.
const ABORT_BYTES: u64 = 7_500_000;
const KILL_BYTES: u64 = 15_500_000;

/// Runs the scenario.
pub(crate) fn run(stage: &Stage<'_>) -> anyhow::Result<String> {
    let trial = Trial::find(stage)?;
    let by_hand = by_hand::run(stage, &trial).context("by hand")?;
    let by_client = match client::install()? {
        Install::Ready(client) => {
            let times = if stage.is_full { 8 } else { 1 };
            let mut said = String::new();
            for time in 0..times {
                said = upload(stage, &trial, &client, time).context("with tus-js-client")?;
            }
            format!("{times} times {said}")
        }
        Install::LeftOut(why) => {
            println!("left out: uploads with tus-js-client, because {why}");
            "tus-js-client was left out".to_owned()
        }
    };
    Ok(format!("{by_client}; {by_hand}"))
}

/// An upload that is to be interrupted.
struct Course<'a> {
    stage: &'a Stage<'a>,
    trial: &'a Trial,
    client: &'a TusClient,
    plan: NodePlan<'a>,
    file: PathBuf,
    /// Where the client itself keeps where an upload goes on.
    urls: PathBuf,
}

fn upload(
    stage: &Stage<'_>,
    trial: &Trial,
    client: &TusClient,
    time: u64,
) -> anyhow::Result<String> {
    let plan = NodePlan::new(stage, &format!("node-{time}"))?;
    let course = Course {
        stage,
        trial,
        client,
        // What is lost when the node dies is then less than a piece.
        plan: plan.with("STORAGE_UPLOAD_CHECKPOINT_BYTES", "1048576"),
        file: stage.scratch.join(format!("film-{time}.bin")),
        urls: stage.scratch.join(format!("urls-{time}.json")),
    };
    let bytes = bytes(time);
    std::fs::write(&course.file, &bytes).context("write the file")?;
    let killed = course.interrupt()?;
    let done = course.finish(&killed, &bytes)?;
    for path in [&course.file, &course.urls] {
        remove(path)?;
    }
    Ok(format!(
        "tus-js-client uploaded {FILE_BYTES} bytes with two interruptions: after an abort at {ABORT_BYTES} it went on at \
         {}, after SIGKILL of the node at {KILL_BYTES} at {}, and the blob has the right hash",
        killed.resumed_at, done.resumed_at
    ))
}

impl Course<'_> {
    fn run(&self, node: &Node, interruption: Option<Interruption>) -> anyhow::Result<Ran> {
        let token = self.plan.token(self.trial, node)?;
        let files = [self.file.as_path(), self.urls.as_path()];
        self.client
            .upload(self.stage, node.address(), files, &token, interruption)
    }

    /// Has the client abort, and then the node die; returns what the second run said.
    fn interrupt(&self) -> anyhow::Result<Ran> {
        let node = self.plan.start()?;
        let at = Interruption::Abort { bytes: ABORT_BYTES };
        let aborted = self.run(&node, Some(at))?;
        anyhow::ensure!(
            aborted.status == 3 && aborted.previous == 0 && aborted.accepted > 0,
            "the first run was to abort: {aborted:?}"
        );
        let at = Interruption::Kill {
            bytes: KILL_BYTES,
            process: node.id(),
        };
        let killed = self.run(&node, Some(at))?;
        anyhow::ensure!(
            killed.status == 4,
            "the node was to die under the second run: {killed:?}"
        );
        anyhow::ensure!(killed.previous == 1, "the client has no note: {killed:?}");
        anyhow::ensure!(
            killed.resumed_at >= aborted.accepted,
            "{} bytes were acknowledged, and it goes on at {}",
            aborted.accepted,
            killed.resumed_at
        );
        node.kill()?;
        Ok(killed)
    }

    /// Lets the client come to the end at a new node over the same folder, and compares the blob.
    fn finish(&self, killed: &Ran, bytes: &[u8]) -> anyhow::Result<Ran> {
        let node = self.plan.start()?;
        let done = self.run(&node, None)?;
        anyhow::ensure!(done.status == 0, "the third run did not upload: {done:?}");
        anyhow::ensure!(
            done.previous == 1 && done.resumed_at >= killed.accepted,
            "{} bytes were acknowledged before the node died: {done:?}",
            killed.accepted
        );
        let hash = hex(&Sha256::digest(bytes));
        anyhow::ensure!(
            done.hash.as_deref() == Some(hash.as_str()),
            "the blob is {hash}: {done:?}"
        );
        let mut caller = Caller::new(node.address(), &self.plan.token(self.trial, &node)?);
        let answer = caller.ask("GET", &format!("/blobs/{hash}"), &[], &[])?;
        expect(&answer, &[200])?;
        anyhow::ensure!(answer.body == bytes, "other bytes come back");
        let tag = caller.ask("GET", "/blobs/tags/films/by-tus", &[], &[])?;
        anyhow::ensure!(text(&tag.json()?, "/hash")? == hash, "the name is missing");
        node.end()?;
        Ok(done)
    }
}

fn remove(path: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", path.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Makes the bytes of a file.
fn bytes(time: u64) -> Vec<u8> {
    let words = (0..FILE_BYTES as u64 / 8)
        .map(|word| (word ^ (time << 40)).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    words.flat_map(u64::to_le_bytes).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
