//! What a well-behaved client never does, or never waits for: wrong checksums, wrong places, the end of an upload.

use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::accept::Stage;
use crate::accept::community::number;
use crate::accept::http::Answer;
use crate::accept::node::{Caller, NodePlan, expect};
use crate::accept::trial::Trial;

/// How long an upload may take to expire: it is told a second.
const EXPIRED_WITHIN: Duration = Duration::from_secs(30);

const UPLOADS: &str = "/blobs/uploads";
const TUS: (&str, &str) = ("tus-resumable", "1.0.0");
const STREAM: (&str, &str) = ("content-type", "application/offset+octet-stream");

/// Twenty bytes that go in two pieces.
const FIRST: &[u8] = b"the first.";
const SECOND: &[u8] = b"the second";

/// Runs all of it.
pub(super) fn run(stage: &Stage<'_>, trial: &Trial) -> anyhow::Result<String> {
    let plan = NodePlan::new(stage, "by-hand")?.with("STORAGE_UPLOAD_IDLE_SECS", "3600");
    let node = plan.start()?;
    let token = plan.token(trial, &node)?;
    let mut caller = Caller::new(node.address(), &token);
    promises(&mut caller).context("what the node promises")?;
    let checked = checksums(&mut caller).context("checksums")?;
    termination(&mut caller).context("termination")?;
    node.end()?;
    expiration(stage, trial).context("expiration")?;
    Ok(format!(
        "by hand {checked} wrong checksums answered 460 and changed nothing, a wrong place 409, an unknown version 412; \
         a terminated and an expired upload were gone with their bytes"
    ))
}

fn promises(caller: &mut Caller) -> anyhow::Result<()> {
    let answer = caller.ask("OPTIONS", UPLOADS, &[], &[])?;
    expect(&answer, &[200, 204])?;
    anyhow::ensure!(
        field(&answer, "tus-version")?
            .split(',')
            .any(|version| version == "1.0.0")
    );
    let extensions = field(&answer, "tus-extension")?;
    for wanted in ["creation", "expiration", "checksum", "termination"] {
        anyhow::ensure!(
            extensions.split(',').any(|one| one.trim() == wanted),
            "{extensions} lacks {wanted}"
        );
    }
    for version in [&[][..], &[("tus-resumable", "0.2.2")][..]] {
        let fields = [version, &[("upload-length", "20")]].concat();
        let answer = caller.ask("POST", UPLOADS, &fields, &[])?;
        expect(&answer, &[412]).with_context(|| format!("version {version:?}"))?;
    }
    Ok(())
}

/// Sends pieces with wrong checksums; nothing of them stays. Returns how many.
fn checksums(caller: &mut Caller) -> anyhow::Result<u64> {
    let path = create(caller)?;
    let right = |bytes: &[u8]| format!("sha256 {}", STANDARD.encode(Sha256::digest(bytes)));
    let wrong = [
        right(SECOND),
        format!("sha1 {}", STANDARD.encode([0; 20])),
        format!("sha256 {}", STANDARD.encode([255; 32])),
    ];
    for checksum in &wrong {
        let answer = patch(caller, &path, 0, FIRST, Some(checksum))?;
        expect(&answer, &[460]).with_context(|| checksum.clone())?;
        anyhow::ensure!(
            offset(caller, &path)? == 0,
            "a piece with a wrong checksum stayed"
        );
    }
    let answer = patch(caller, &path, 0, FIRST, Some("crc99 AAAA"))?;
    expect(&answer, &[400])?;
    let answer = patch(caller, &path, 0, FIRST, Some(&right(FIRST)))?;
    expect(&answer, &[204])?;
    expect(&patch(caller, &path, 0, FIRST, None)?, &[409])?;
    anyhow::ensure!(
        offset(caller, &path)? == 10,
        "a wrong place changed something"
    );
    let answer = patch(caller, &path, 10, SECOND, Some(&right(SECOND)))?;
    expect(&answer, &[204])?;
    let whole = [FIRST, SECOND].concat();
    let hash = super::hex(&Sha256::digest(&whole));
    anyhow::ensure!(field(&answer, "x-blob-hash")? == hash, "the blob is {hash}");
    let answer = caller.ask("GET", &format!("/blobs/{hash}"), &[], &[])?;
    anyhow::ensure!(
        answer.status() == 200 && answer.body == whole,
        "the blob is not there"
    );
    Ok(wrong.len() as u64)
}

fn termination(caller: &mut Caller) -> anyhow::Result<()> {
    let path = create(caller)?;
    expect(&patch(caller, &path, 0, FIRST, None)?, &[204])?;
    let answer = caller.ask("DELETE", &path, &[TUS], &[])?;
    expect(&answer, &[204])?;
    for _ in 0..2 {
        let answer = caller.ask("HEAD", &path, &[TUS], &[])?;
        expect(&answer, &[404, 410])?;
    }
    expect(&patch(caller, &path, 10, SECOND, None)?, &[404, 410])?;
    let held = upload_bytes(caller)?;
    anyhow::ensure!(held == 0, "{held} bytes are held for uploads");
    Ok(())
}

/// Lets an upload expire on a node that waits a second.
fn expiration(stage: &Stage<'_>, trial: &Trial) -> anyhow::Result<()> {
    let plan = NodePlan::new(stage, "expiring")?.with("STORAGE_UPLOAD_IDLE_SECS", "1");
    let node = plan.start()?;
    let token = plan.token(trial, &node)?;
    let mut caller = Caller::new(node.address(), &token);
    let path = create(&mut caller)?;
    let answer = patch(&mut caller, &path, 0, FIRST, None)?;
    expect(&answer, &[204])?;
    field(&answer, "upload-expires")?;
    testkit::wait_for("the end of an upload", EXPIRED_WITHIN, || {
        let status = caller.ask("HEAD", &path, &[TUS], &[])?.status();
        anyhow::ensure!(matches!(status, 200 | 404 | 410), "it answers {status}");
        Ok((status != 200).then_some(()))
    })?;
    expect(&patch(&mut caller, &path, 10, SECOND, None)?, &[404, 410])?;
    // Its room comes back within a minute, or at the next start.
    node.end()?;
    let node = plan.start()?;
    let token = plan.token(trial, &node)?;
    let mut caller = Caller::new(node.address(), &token);
    testkit::wait_for("the room of an upload", EXPIRED_WITHIN, || {
        Ok((upload_bytes(&mut caller)? == 0).then_some(()))
    })?;
    node.end()
}

fn create(caller: &mut Caller) -> anyhow::Result<String> {
    let answer = caller.ask("POST", UPLOADS, &[TUS, ("upload-length", "20")], &[])?;
    expect(&answer, &[201])?;
    field(&answer, "upload-expires")?;
    Ok(field(&answer, "location")?.to_owned())
}

fn patch(
    caller: &mut Caller,
    path: &str,
    offset: u64,
    bytes: &[u8],
    checksum: Option<&str>,
) -> anyhow::Result<Answer> {
    let offset = offset.to_string();
    let mut fields = vec![TUS, STREAM, ("upload-offset", offset.as_str())];
    fields.extend(checksum.map(|checksum| ("upload-checksum", checksum)));
    caller.ask("PATCH", path, &fields, bytes)
}

fn offset(caller: &mut Caller, path: &str) -> anyhow::Result<u64> {
    let answer = caller.ask("HEAD", path, &[TUS], &[])?;
    expect(&answer, &[200])?;
    field(&answer, "upload-offset")?
        .parse()
        .context("an offset")
}

fn upload_bytes(caller: &mut Caller) -> anyhow::Result<u64> {
    let usage = caller.ask("GET", "/blobs/usage", &[], &[])?.json()?;
    number(&usage, "/upload_bytes")
}

fn field<'a>(answer: &'a Answer, name: &str) -> anyhow::Result<&'a str> {
    let found = answer.head.field(name);
    found.with_context(|| format!("{} without {name}", answer.status()))
}
