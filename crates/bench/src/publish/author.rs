//! The generator: a member who signs pages in this process and sends them over a connection of its own.

use std::ops::Range;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use api::{ChainPut, ItemView, ListView, RecordView, SCHEMA_VERSION, VersionView};
use base::{Reach, Timestamp};
use chain::author::Draft;
use chain::kind::{Content, ReachWord};
use chain::{
    ActionHash, Author, DnaHash, EntryVisibility, Item, KeySigner, Signer as _, Write, record,
};
use crypto::Keypair;

use super::made_up;
use crate::community::Community;
use crate::http::Connection;

/// Records in one request, as `commonhold publish` sends them.
const RECORDS_PER_PUT: usize = 500;

/// How long to wait until something is visible.
const PATIENCE: Duration = Duration::from_secs(60);

/// A member whose chain has not begun yet.
#[derive(Debug)]
pub(crate) struct Generator {
    signer: KeySigner,
    author: Author,
    dna: DnaHash,
    connection: Connection,
    polls: u64,
}

/// A request that is ready to be sent.
#[derive(Debug)]
pub(crate) struct Batch {
    body: Vec<u8>,
    last: ActionHash,
}

impl Generator {
    /// Takes the place of a community's first steward.
    pub(crate) fn of(community: &Community) -> anyhow::Result<Self> {
        let signer = KeySigner::new(Keypair::from_seed(&community.seed()?));
        let mut connection = community.connect()?;
        let version: VersionView = connection.view("/version")?;
        let dna = DnaHash::try_from(version.community.dna_hash.as_str());
        Ok(Self {
            author: Author::new(signer.agent().clone(), None),
            signer,
            dna: dna.ok().context("a community names its DNA")?,
            connection,
            polls: 0,
        })
    }

    /// Returns whose chain it is.
    pub(crate) fn agent(&self) -> String {
        self.signer.agent().to_string()
    }

    /// Returns the community's DNA.
    pub(crate) const fn dna(&self) -> &DnaHash {
        &self.dna
    }

    /// Signs the first records and all pages.
    pub(crate) fn sign_all(&mut self) -> anyhow::Result<Vec<Batch>> {
        let now = now()?;
        let mut drafts = self.author.genesis(&self.dna, now);
        for page in 0..made_up::PAGES {
            drafts.push(self.draft(now, page)?);
        }
        self.batches(drafts)
    }

    /// Signs more pages of a chain that has begun.
    pub(crate) fn sign_more(&mut self, pages: Range<u32>) -> anyhow::Result<Vec<Batch>> {
        let now = now()?;
        let drafts: anyhow::Result<Vec<Draft>> = pages.map(|page| self.draft(now, page)).collect();
        self.batches(drafts?)
    }

    /// Signs one more page.
    pub(crate) fn sign_one(&mut self, page: u32) -> anyhow::Result<Batch> {
        let draft = self.draft(now()?, page)?;
        let batches = self.batches(vec![draft])?;
        batches
            .into_iter()
            .next()
            .context("one record makes one batch")
    }

    fn draft(&mut self, now: Timestamp, page: u32) -> anyhow::Result<Draft> {
        let item = Item::Content(Content {
            title: format!("Page {page}"),
            slug: format!("page-{page:04}"),
            course: "measured".to_owned(),
            body: made_up::text(page),
            language: "en".to_owned(),
            licence: "CC0-1.0".to_owned(),
            reach: ReachWord(Reach::Commons),
            ..Content::default()
        });
        let write = Write::Create {
            envelope: item.seal()?.envelope,
            visibility: EntryVisibility::Public,
        };
        Ok(self.author.write(now, write))
    }

    fn batches(&self, drafts: Vec<Draft>) -> anyhow::Result<Vec<Batch>> {
        let mut batches = Vec::new();
        let mut views = Vec::new();
        let count = drafts.len();
        for (index, draft) in drafts.into_iter().enumerate() {
            let signature = self.signer.sign(&draft.action)?;
            let signed = record::assemble(draft.action, signature, draft.entry);
            views.push(RecordView::of(&signed));
            if views.len() == RECORDS_PER_PUT || index + 1 == count {
                let put = ChainPut {
                    schema_version: SCHEMA_VERSION,
                    records: std::mem::take(&mut views),
                };
                batches.push(Batch {
                    body: serde_json::to_vec(&put)?,
                    last: signed.action_address().clone(),
                });
            }
        }
        Ok(batches)
    }

    /// Sends a batch; returns when its last byte was sent and when it was acknowledged.
    pub(crate) fn send(&mut self, batch: &Batch) -> anyhow::Result<(Instant, Instant)> {
        let path = format!("/api/v1/chains/{}", self.agent());
        let sent = self.connection.send("PUT", &path, &batch.body)?;
        let (status, answer) = self.connection.receive()?;
        let acknowledged = Instant::now();
        anyhow::ensure!(
            status == 200,
            "PUT answered {status}: {}",
            String::from_utf8_lossy(&answer)
        );
        Ok((sent, acknowledged))
    }

    /// Asks for the last page of a batch, each time in other words so that no cache answers, until it is there.
    pub(crate) fn wait_for(&mut self, batch: &Batch, pause: Duration) -> anyhow::Result<Instant> {
        let started = Instant::now();
        loop {
            self.polls += 1;
            let path = format!("/api/v1/cache/content/{}?poll={}", batch.last, self.polls);
            let (status, _) = self.connection.get(&path)?;
            if status == 200 {
                return Ok(Instant::now());
            }
            anyhow::ensure!(status == 404, "GET {path} answered {status}");
            anyhow::ensure!(started.elapsed() < PATIENCE, "{path} never came");
            if !pause.is_zero() {
                std::thread::park_timeout(pause);
            }
        }
    }

    /// Times one question about a page that is there.
    pub(crate) fn time_read(&mut self, batch: &Batch) -> anyhow::Result<Duration> {
        let started = Instant::now();
        self.polls += 1;
        let path = format!("/api/v1/cache/content/{}?poll={}", batch.last, self.polls);
        let _: ItemView = self.connection.view(&path)?;
        Ok(started.elapsed())
    }

    /// Counts the pages that the lists show.
    pub(crate) fn count_visible(&mut self) -> anyhow::Result<usize> {
        let mut count = 0;
        let mut path = "/api/v1/cache/content?limit=1000".to_owned();
        loop {
            let view: ListView = self.connection.view(&path)?;
            count += view.items.len();
            let Some(next) = view.next else {
                return Ok(count);
            };
            path = format!("/api/v1/cache/content?limit=1000&cursor={next}");
        }
    }

    /// Returns the connection.
    pub(crate) const fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

impl Batch {
    /// Returns how many bytes are sent.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.body
    }
}

fn now() -> anyhow::Result<Timestamp> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(Timestamp(i64::try_from(since.as_micros())?))
}
