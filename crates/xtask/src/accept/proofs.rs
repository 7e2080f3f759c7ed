//! `commonhold verify` accepts what a doorway serves, and rejects it after any one byte was changed on the way.
//!
//! A doorway serves a course with a long page and a changed one; the reader asks through somebody in the middle who
//! turns over one bit of one body: of the page, of the proof, of a page of the chain, of the blob, of a saved file.
//! Every run is the real program; it must end with the status of a refusal, not of a fault of its own.

use std::ops::AddAssign;
use std::path::Path;

use anyhow::Context as _;

use super::community::{Community, First, Person, list, text};
use super::proxy::{Alteration, Proxy};
use super::{Stage, files};

/// What was counted.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    accepted: u32,
    rejected: u32,
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.rejected += other.rejected;
    }
}

/// How many places are tried.
#[derive(Clone, Copy, Debug)]
struct Places {
    /// In each body that a command receives.
    per_body: usize,
    /// In each saved file; all of them in files that are shorter.
    per_file: usize,
}

/// Runs the scenario.
pub(crate) fn run(stage: &Stage<'_>) -> anyhow::Result<String> {
    let places = if stage.is_full {
        Places {
            per_body: 60,
            per_file: 20_000,
        }
    } else {
        Places {
            per_body: 4,
            per_file: 40,
        }
    };
    let steward = Person::new(stage, "steward");
    let community = Community::start(&steward, First::Nothing)?;
    write(&steward, &community, stage.scratch)?;
    let documents = documents(&community)?;
    let proxy = Proxy::start(community.address())?;
    let mut count = Count::default();
    for document in &documents {
        let seen = through(&steward, &proxy, document, places.per_body);
        count += seen.with_context(|| format!("{document} through somebody in the middle"))?;
    }
    let mut bytes = 0;
    let saved = save(&community, &documents, stage.scratch)?;
    for (name, contents) in &saved {
        bytes += contents.len();
        let seen = file(&steward, stage.scratch, name, contents, places.per_file);
        count += seen.with_context(|| format!("{name}, saved"))?;
    }
    drop(proxy);
    community.end()?;
    Ok(format!(
        "{} documents and {} saved files of {bytes} bytes were accepted untouched ({} runs); \
         {} times one bit was turned over, and {} of these were rejected; 0 false accepts",
        documents.len(),
        saved.len(),
        count.accepted,
        count.rejected,
        count.rejected,
    ))
}

/// Publishes a course with a page that is too long for an entry, changes a page, and signs a profile.
fn write(steward: &Person<'_>, community: &Community, scratch: &Path) -> anyhow::Result<()> {
    let folder = scratch.join("bread");
    files::copy(&files::fixture(), &folder)?;
    let paragraph = "A long page is kept as a blob, and its hash stands in the entry.\n\n";
    let long = format!("# A long page\n\n{}", paragraph.repeat(1_100));
    std::fs::write(folder.join("oven/long.md"), long).context("write the long page")?;
    files::replace(
        &folder.join("config.yaml"),
        "- oven/brotzeit.md",
        "- oven/brotzeit.md\n      - oven/long.md",
    )?;
    steward.publish(&folder, &community.url())?;
    files::replace(
        &folder.join("basics/flour.md"),
        "Bakers count",
        "All bakers count",
    )?;
    steward.publish(&folder, &community.url())?;
    let url = community.url();
    steward.json(&["profile", "--name", "Ada", "--about", "bakes", "--to", &url])?;
    Ok(())
}

/// Returns the paths of one document of each sort.
fn documents(community: &Community) -> anyhow::Result<Vec<String>> {
    let mut client = community.client();
    let mut documents = Vec::new();
    let pages = list(&mut client, "content")?;
    for slug in ["flour", "long", "brotzeit"] {
        let page = pages.iter().find(|page| page["slug"] == slug);
        let page = page.with_context(|| format!("the list has no page {slug}"))?;
        documents.push(format!(
            "/api/v1/cache/content/{}?proof=1",
            text(page, "/id")?
        ));
    }
    for kind in ["path", "blob-manifest", "profile"] {
        let items = list(&mut client, kind)?;
        let item = items
            .first()
            .with_context(|| format!("no {kind} is listed"))?;
        documents.push(format!(
            "/api/v1/cache/{kind}/{}?proof=1",
            text(item, "/id")?
        ));
        if kind == "blob-manifest" {
            let item = client.json(&format!("/api/v1/cache/{kind}/{}", text(item, "/id")?))?;
            documents.push(format!("/store/{}", text(&item, "/blob/hash")?));
        }
    }
    let author = text(&pages[0], "/author")?;
    documents.push(format!("/api/v1/chains/{author}"));
    for page in ["flour", "long", "brotzeit"] {
        documents.push(format!("/courses/bread/{page}"));
    }
    documents.push("/courses/bread".to_owned());
    Ok(documents)
}

/// Verifies a document through somebody in the middle: untouched, and with one bit turned over in each body in turn.
fn through(
    person: &Person<'_>,
    proxy: &Proxy,
    document: &str,
    places: usize,
) -> anyhow::Result<Count> {
    let url = format!("{}{document}", proxy.url());
    proxy.alter(None);
    accepted(person, &url)?;
    let bodies = proxy.passed();
    anyhow::ensure!(!bodies.is_empty(), "nothing passed");
    let mut count = Count {
        accepted: 1,
        rejected: 0,
    };
    for body in &bodies {
        for position in spread(body.bytes, places) {
            let wanted = Alteration {
                target: body.target.clone(),
                position,
                mask: mask(position),
            };
            proxy.alter(Some(wanted.clone()));
            rejected(person, &url).with_context(|| format!("{wanted:?}"))?;
            let altered = proxy
                .passed()
                .iter()
                .filter(|passed| passed.is_altered)
                .count();
            anyhow::ensure!(altered == 1, "{wanted:?}: {altered} bodies were changed");
            count.rejected += 1;
        }
    }
    Ok(count)
}

/// Saves proofs and the chain as files.
fn save(
    community: &Community,
    documents: &[String],
    scratch: &Path,
) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut client = community.client();
    let mut saved = Vec::new();
    for document in documents.iter().filter(|path| path.starts_with("/api/")) {
        let answer = client.get(document)?;
        let mut body = answer.body;
        anyhow::ensure!(
            answer.head.word(1) == "200",
            "GET {document}: {}",
            answer.head.start
        );
        if body.len() > 64 * 1_024 {
            // The long page: its proof is tried on the way already, and byte by byte it says nothing new.
            continue;
        }
        let name = document
            .trim_start_matches("/api/v1/")
            .replace(['/', '?', '='], "-");
        std::fs::write(scratch.join(&name), &body).with_context(|| format!("write {name}"))?;
        body.shrink_to_fit();
        saved.push((name, body));
    }
    Ok(saved)
}

/// Verifies a saved file: untouched, and with one bit turned over in one place after the other.
fn file(
    person: &Person<'_>,
    scratch: &Path,
    name: &str,
    contents: &[u8],
    places: usize,
) -> anyhow::Result<Count> {
    accepted(person, &scratch.join(name).to_string_lossy())?;
    let positions = spread(contents.len(), places);
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let share = positions.len().div_ceil(workers);
    std::thread::scope(|scope| {
        let started: Vec<_> = positions
            .chunks(share)
            .enumerate()
            .map(|(worker, positions)| {
                let copy = scratch.join(format!("{name}-{worker}"));
                scope.spawn(move || -> anyhow::Result<()> {
                    for &position in positions {
                        let mut changed = contents.to_vec();
                        changed[position] ^= mask(position);
                        std::fs::write(&copy, &changed)?;
                        let what = copy.to_string_lossy();
                        rejected(person, &what).with_context(|| format!("byte {position}"))?;
                    }
                    Ok(())
                })
            })
            .collect();
        for worker in started {
            worker
                .join()
                .map_err(|_| anyhow::anyhow!("a worker panicked"))??;
        }
        anyhow::Ok(())
    })?;
    Ok(Count {
        accepted: 1,
        rejected: u32::try_from(positions.len())?,
    })
}

fn accepted(person: &Person<'_>, what: &str) -> anyhow::Result<()> {
    let ran = person.command(&["verify", what]).output()?;
    let told = String::from_utf8_lossy(&ran.stdout);
    let complained = String::from_utf8_lossy(&ran.stderr);
    anyhow::ensure!(
        ran.status.success() && told.starts_with("verified: "),
        "verify {what} ended with {}: {told}{complained}",
        ran.status,
    );
    Ok(())
}

/// A rejection has the status of one, and a code; a crash is no rejection.
fn rejected(person: &Person<'_>, what: &str) -> anyhow::Result<()> {
    let ran = person.command(&["verify", what]).output()?;
    let told = String::from_utf8_lossy(&ran.stdout);
    let complained = String::from_utf8_lossy(&ran.stderr);
    let is_refusal = matches!(ran.status.code(), Some(1 | 2)) && complained.contains("CH-");
    anyhow::ensure!(
        is_refusal,
        "verify {what} was to be rejected; it ended with {}: {told}{complained}",
        ran.status,
    );
    Ok(())
}

/// Returns up to `count` places in `len` bytes, spread evenly, the first and the last among them.
fn spread(len: usize, count: usize) -> Vec<usize> {
    if len <= count {
        return (0..len).collect();
    }
    (0..count)
        .map(|index| index * (len - 1) / (count - 1).max(1))
        .collect()
}

/// Chooses the bit by the place, so that all eight come up.
const fn mask(position: usize) -> u8 {
    1 << (position % 8)
}

#[cfg(test)]
mod tests;
