//! One bit is turned over in each kind of byte of a closed store: it is found, and wrong bytes are never given out.
//! Then the program itself is asked what it says of a store that has lost a blob, and what an export of it is worth.
//!
//! Whoever damages and looks is the trial `bit-rot`: it knows where each kind of byte lies.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use testkit::Process;

use super::Stage;
use super::community::{Person, READY, number, text};
use super::trial::{SEED, Trial, folder};

/// The exit status of a command that met a fault of the world.
const STATUS_FAILURE: i32 = 2;

/// The code of a damaged blob.
const DAMAGED: &str = "CH-0403";

/// Bytes of the blobs that are stored: large enough for files of their own.
const FILE_BYTES: usize = 1_500_000;

/// Runs the scenario.
pub(crate) fn run(stage: &Stage<'_>) -> anyhow::Result<String> {
    let flips = if stage.is_full { "16" } else { "1" };
    let stores = folder(stage, "stores")?;
    let found = Trial::find(stage)?.run(&["bit-rot", &stores, flips, &SEED.to_string()])?;
    let named = exported(stage).context("export a damaged store")?;
    Ok(format!("{found}; {named}"))
}

/// A node that keeps blobs, and the person whose they are; dropped, it ends.
struct Store<'a> {
    person: Person<'a>,
    data: PathBuf,
    url: String,
    _node: Process,
}

impl<'a> Store<'a> {
    /// Starts a node on an empty folder.
    fn start(stage: &'a Stage<'a>, name: &str) -> anyhow::Result<Self> {
        let person = Person::new(stage, name);
        let data = stage.scratch.join(format!("{name}-data"));
        let words = ["storage", "--listen", "127.0.0.1:0", "--data"];
        let mut node = person.start(&[&words[..], &[&data.to_string_lossy()]].concat())?;
        let url = format!("http://{}", node.wait_for_address(READY)?);
        Ok(Self {
            person,
            data,
            url,
            _node: node,
        })
    }

    /// Runs a command that has to end well.
    fn json(&self, words: &[&str]) -> anyhow::Result<serde_json::Value> {
        self.person
            .json(&[&["blob"], words, &["--to", &self.url]].concat())
    }

    /// Runs a command that has to name a damaged blob and to end with a fault.
    fn names(&self, words: &[&str], hash: &str) -> anyhow::Result<()> {
        let words = [&["blob"], words, &["--to", &self.url, "--json"]].concat();
        let ran = self.person.run(&words)?;
        let is_named = ran.stdout.contains(hash) && ran.stdout.contains(DAMAGED);
        anyhow::ensure!(
            ran.status.code() == Some(STATUS_FAILURE) && is_named,
            "{words:?} ended with {} and said {}{}",
            ran.status,
            ran.stdout,
            ran.stderr
        );
        Ok(())
    }
}

/// Damages one of two blobs, and looks at scrubs, exports and imports until it is healed.
fn exported(stage: &Stage<'_>) -> anyhow::Result<String> {
    const SCRUB: [&str; 4] = ["scrub", "--restart", "--bytes-per-sec", "0"];
    let store = Store::start(stage, "keeper")?;
    let source = stage.scratch.join("whole-file");
    let other = stage.scratch.join("other-file");
    write(&source, 1)?;
    write(&other, 2)?;
    let source = source.to_string_lossy();
    let stored = store.json(&["put", &source])?;
    let hash = text(&stored, "/hash")?.to_owned();
    store.json(&["put", &other.to_string_lossy()])?;
    let (old, new) = (stage.scratch.join("old"), stage.scratch.join("new"));
    let (old, new) = (old.to_string_lossy(), new.to_string_lossy());
    store.json(&["export", &old])?;
    flip(&store.data, &hash)?;
    // The first time it is found, later it is known. What is in memory is right, and a scrub reads past it.
    for _ in 0..2 {
        store.names(&SCRUB, &hash)?;
        store.names(&["export", &new], &hash)?;
    }
    let usage = store.json(&["usage"])?;
    anyhow::ensure!(number(&usage, "/damaged_blobs")? == 1, "{usage}");
    let kept = store.json(&["export", &old])?;
    anyhow::ensure!(number(&kept, "/blobs_kept")? == 2, "{kept}");
    let elsewhere = Store::start(stage, "other-keeper")?;
    elsewhere.names(&["import", &new], &hash)?;
    let some = elsewhere.json(&["import", &new, "--skip-damaged"])?;
    anyhow::ensure!(number(&some, "/blobs")? == 1, "{some}");
    let all = elsewhere.json(&["import", &old])?;
    anyhow::ensure!(number(&all, "/blobs")? == 2, "{all}");
    store.json(&["put", &source])?;
    store.json(&SCRUB)?;
    let whole = store.json(&["export", &new])?;
    anyhow::ensure!(number(&whole, "/blobs")? == 2, "{whole}");
    Ok(
        "a damaged blob was named by each scrub, export and import until it was stored again"
            .to_owned(),
    )
}

/// Writes a file whose bytes depend on a number.
fn write(path: &Path, number: u8) -> anyhow::Result<()> {
    let bytes: Vec<u8> = (0..FILE_BYTES)
        .map(|index| (index / 7) as u8 ^ (index / 1_999) as u8 ^ number)
        .collect();
    std::fs::write(path, bytes).with_context(|| format!("write {}", path.display()))
}

/// Turns over a bit of the file of a blob.
fn flip(data: &Path, hash: &str) -> anyhow::Result<()> {
    let mut folders = vec![data.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with(hash) {
                let mut bytes = std::fs::read(&path)?;
                bytes[FILE_BYTES / 2] ^= 8;
                return Ok(std::fs::write(&path, bytes)?);
            }
        }
    }
    anyhow::bail!("the blob {hash} has no file of its own")
}
