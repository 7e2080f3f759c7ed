//! A conversation with a doorway: its community, tokens, and the two chains brought level.

use std::future;
use std::time::Duration;

use api::{RecordView, VersionView};
use base::{Code, ContentHash, Problem};
use chain::kind::Opened;
use chain::{DnaHash, EntryVisibility, Envelope, Item, Record, dna, record};
use client::Doorway;
use conductor::{CellId, Conductor as _};

use crate::agent::{self, Agent};
use crate::args::ServerArgs;
use crate::dial::{self, Progress};
use crate::output::Output;
use crate::token::KeptToken;

/// Records that are asked for at once.
const PAGE_RECORDS: u32 = 500;

/// How long to wait until what was sent can be read, in tenths of a second.
const VISIBLE_TENTHS_MAX: u32 = 100;

/// Most bytes of records that are sent at once, in base64.
const SENT_BYTES_MAX: usize = 8 * 1_024 * 1_024;

/// A doorway that this agent talks to.
pub(crate) struct Session<'a> {
    pub(crate) agent: &'a Agent,
    pub(crate) doorway: Doorway,
    pub(crate) version: VersionView,
    pub(crate) cell: CellId,
    /// What a person sees of it.
    pub(crate) progress: Progress,
    token: KeptToken,
}

impl<'a> Session<'a> {
    /// Asks a doorway who it is.
    pub(crate) async fn open(
        agent: &'a Agent,
        server: &ServerArgs,
        output: &Output,
    ) -> Result<Self, Problem> {
        let address = &server.to;
        let progress = Progress::new(*output);
        let doorway = dial::doorway(address, server.ca.as_deref(), &progress)?;
        let version = doorway.version().await?;
        let community = &version.community;
        let named = DnaHash::try_from(community.dna_hash.as_str());
        let computed = dna::hash_for(&community.network_seed);
        if named.as_ref() != Ok(&computed) {
            let detail = format!(
                "{address} names the DNA {}, but its network seed gives {computed}",
                community.dna_hash
            );
            return Err(Problem::new(Code::WrongDna, detail));
        }
        Ok(Self {
            cell: agent.cell(&computed),
            agent,
            doorway,
            version,
            progress,
            token: KeptToken::new(),
        })
    }

    /// Returns a token that is good for a while.
    pub(crate) async fn token(&self) -> Result<String, Problem> {
        self.token.get(&self.doorway, self.agent.signer()).await
    }

    /// Takes up this agent's chain: what the doorway knows more is fetched and verified first.
    pub(crate) async fn join(&self) -> Result<(), Problem> {
        if !self.agent.has_chain(&self.cell).await? {
            let known = self.fetch(None).await?;
            return self.agent.join(&self.cell, known).await;
        }
        self.agent.join(&self.cell, Vec::new()).await?;
        let local = self.local_head().await?;
        let missing = match self.remote_head().await? {
            Some(remote) if Some(remote) > local => self.fetch(local).await?,
            Some(_) | None => return Ok(()),
        };
        self.agent
            .engine()
            .append(&self.cell, missing)
            .await
            .map_err(agent::problem)?;
        Ok(())
    }

    /// Returns how many records the doorway does not have.
    pub(crate) async fn unsent(&self) -> Result<u64, Problem> {
        let places = |head: Option<u32>| head.map_or(0, |seq| u64::from(seq) + 1);
        let remote = places(self.remote_head().await?);
        Ok(places(self.local_head().await?).saturating_sub(remote))
    }

    /// Sends what the doorway does not have; returns how many records that were.
    pub(crate) async fn send(&self, on_sent: impl Fn(u64)) -> Result<u64, Problem> {
        let remote = self.remote_head().await?;
        let local = self.local_head().await?;
        if remote >= local {
            return Ok(0);
        }
        let records = self.agent.records(&self.cell, remote).await?;
        self.send_bodies(&records).await?;
        let author = self.agent.key().to_string();
        let mut sent = 0;
        for batch in batches(&records, self.version.chain_put_records_max as usize) {
            let count = batch.len() as u64;
            self.doorway.append(&author, batch).await?;
            sent += count;
            on_sent(count);
        }
        Ok(sent)
    }

    /// Stores the long bodies of records where the doorway does not have them; private ones stay on this machine.
    async fn send_bodies(&self, records: &[Record]) -> Result<(), Problem> {
        for hash in records.iter().filter_map(body_that_leaves) {
            let token = self.token().await?;
            if self.doorway.has_blob(&hash, &token).await? {
                continue;
            }
            // Where it is not kept here either, the doorway refuses the record and names the blob.
            if let Some(body) = self.agent.body(&hash).await? {
                let bytes = body.len() as u64;
                self.doorway
                    .put_blob(
                        &hash,
                        bytes,
                        || future::ready(Ok(body.clone().into())),
                        &token,
                    )
                    .await?;
            }
        }
        Ok(())
    }

    /// Asks the doorway until it has projected everything, or for ten seconds.
    pub(crate) async fn wait_until_visible(&self) -> Result<(), Problem> {
        for _ in 0..VISIBLE_TENTHS_MAX {
            if self.doorway.ready().await?.projection_lag_records == 0 {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let detail = "everything was sent and is safe; the doorway is still busy showing it";
        Err(Problem::new(Code::Unavailable, detail))
    }

    async fn local_head(&self) -> Result<Option<u32>, Problem> {
        let page = self.agent.engine().chain(&self.cell, None, 1).await;
        let page = page.map_err(agent::problem)?;
        Ok(page.head.map(|head| head.seq))
    }

    async fn remote_head(&self) -> Result<Option<u32>, Problem> {
        let author = self.agent.key().to_string();
        match self.doorway.chain(&author, None, 1, None).await {
            Ok(page) => Ok(page.head.map(|head| head.seq)),
            Err(problem) if problem.code == Code::NotFound => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    /// Fetches the records after a place of this agent's chain, with its own private things.
    async fn fetch(&self, mut after: Option<u32>) -> Result<Vec<Record>, Problem> {
        let author = self.agent.key().to_string();
        if self.remote_head().await?.is_none() {
            return Ok(Vec::new());
        }
        let token = self.token().await?;
        let mut records = Vec::new();
        loop {
            let page = self
                .doorway
                .chain(&author, after, PAGE_RECORDS, Some(&token))
                .await?;
            for view in &page.records {
                let record = view
                    .decode()
                    .map_err(|error| Problem::new(Code::MalformedRecord, error.to_string()))?;
                records.push(record);
            }
            let reached = records.last().map(|record| record.action().action_seq());
            match page.next_after {
                Some(next) if Some(next) == reached && Some(next) > after => after = Some(next),
                Some(_) => {
                    let detail = "the pages of the chain do not follow each other";
                    return Err(Problem::new(Code::ServerAnswer, detail));
                }
                None => return Ok(records),
            }
        }
    }
}

/// Cuts records into requests of a bounded length.
fn batches(records: &[Record], records_max: usize) -> Vec<Vec<RecordView>> {
    let mut batches: Vec<Vec<RecordView>> = Vec::new();
    let mut bytes = 0;
    for record in records {
        let view = shown(record);
        let len = view.action.len() + view.entry.as_ref().map_or(0, String::len) + 256;
        match batches.last_mut() {
            Some(batch) if batch.len() < records_max && bytes + len <= SENT_BYTES_MAX => {
                bytes += len;
                batch.push(view);
            }
            Some(_) | None => {
                bytes = len;
                batches.push(vec![view]);
            }
        }
    }
    batches
}

/// Shows a record as it leaves this machine: private entries stay.
fn shown(record: &Record) -> RecordView {
    if is_private(record) {
        RecordView::without_entry(record)
    } else {
        RecordView::of(record)
    }
}

/// Names the blob that holds the body of a record which is not private.
fn body_that_leaves(record: &Record) -> Option<ContentHash> {
    let entry = record::present(record).filter(|_| !is_private(record))?;
    let envelope = Envelope::from_entry(entry).ok()?;
    match Item::open(&envelope).ok()? {
        Opened::Spilled { hash, .. } => Some(hash),
        Opened::Item(_) => None,
    }
}

/// Returns whether a record's entry is for its author alone.
fn is_private(record: &Record) -> bool {
    let kind = record.action().entry_type();
    kind.is_some_and(|kind| *kind.visibility() == EntryVisibility::Private)
}
