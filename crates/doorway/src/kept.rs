//! Which blobs the community's chains need: what keeps them from being collected.
//!
//! The chains are the truth, and the projection says what is withdrawn. A blob is kept when
//! * a record's body is in it, whether the item is withdrawn or not: without it the chain cannot be projected again, and
//!   no copy can take it; or
//! * any version of an item that is not withdrawn names it, so that older versions stay whole.
//!
//! # Invariants
//! * What cannot be read, or is not understood, keeps more and never less: whatever looks like a hash counts as one, and
//!   an item counts as withdrawn only when its chain and the projection both say so.
//! * Where a chain, the projection or the body of a page gives no answer, there is no answer at all.
//! * What is about to name a blob touches it first, so that no collection that began before takes it away.

use std::collections::{BTreeMap, BTreeSet};

use base::{Code, ContentHash, Problem};
use blobs::HAVE_MAX;
use chain::kind::SPILLED_BYTES_MAX;
use chain::{ActionData, ActionHash, AgentPubKey, Record, record};

use crate::home::Home;
use crate::projection::spilled_of;
use crate::service::Doorway;
use crate::store::{Sight, Wanted};

/// Records that are read at once.
const PAGE_RECORDS: u32 = 256;

/// Longest run of hex digits in which hashes are looked for; a longer one is no address.
const HEX_RUN_MAX: usize = 128;

/// Hex digits of a hash.
const HEX_DIGITS: usize = 64;

/// How a hash in the form of a CIDv1 of raw bytes begins, and how long it is.
const CID_START: &[u8] = b"bafkrei";
const CID_LEN: usize = 59;

/// How msgpack writes 32 bytes down: what stands before them.
const BYTES_32: [u8; 2] = [0xc4, 32];

/// What the records of one chain name.
#[derive(Default)]
struct Named {
    /// By the first action of the item.
    items: BTreeMap<ActionHash, Item>,
    /// Items that the chain withdraws.
    withdrawn: BTreeSet<ActionHash>,
}

/// What the versions of one item name.
#[derive(Default)]
struct Item {
    hashes: BTreeSet<ContentHash>,
    /// Blobs that hold bodies, which may name more.
    bodies: BTreeSet<ContentHash>,
}

impl Doorway {
    /// Returns the blobs that published things need, those in bodies included.
    ///
    /// # Errors
    /// [`Code::BlobCorrupt`] when a page's body cannot be read, and whatever keeps chains or projection from answering:
    /// then nobody knows what is needed, and nothing may be collected.
    ///
    /// # Cancel safety
    /// May be dropped.
    pub async fn kept_blobs(&self) -> Result<Vec<ContentHash>, Problem> {
        let home = self.home()?;
        let mut kept = BTreeSet::new();
        for (agent, _) in home.hosted().await? {
            let mut named = self.read_whole(home, &agent).await?;
            for item in named.items.values() {
                kept.extend(&item.bodies);
            }
            self.leave_out_withdrawn(&agent, &mut named).await?;
            for item in named.items.into_values() {
                kept.extend(item.hashes);
                for body in item.bodies {
                    kept.extend(self.named_in_body(body).await?);
                }
            }
        }
        Ok(kept.into_iter().collect())
    }

    /// Touches what records name before they are appended, and brings it out of the trash.
    pub(crate) async fn touch_named(&self, records: &[Record]) -> Result<(), Problem> {
        let mut hashes = BTreeSet::new();
        for record in records {
            look_at(entry_bytes(record), &mut hashes);
        }
        let hashes: Vec<ContentHash> = hashes.into_iter().collect();
        for some in hashes.chunks(HAVE_MAX) {
            let have = self.blobs().have(some).await;
            let have = have.map_err(|error| error.problem())?;
            for (hash, _) in some.iter().zip(have).filter(|(_, is_here)| !is_here) {
                let restored = self.blobs().restore(hash).await;
                restored.map_err(|error| error.problem())?;
            }
        }
        Ok(())
    }

    /// Reads a chain from its first record to its last.
    async fn read_whole(&self, home: &Home, agent: &AgentPubKey) -> Result<Named, Problem> {
        let mut named = Named::default();
        let mut after = None;
        loop {
            let page = home.chain(agent, after, PAGE_RECORDS).await?;
            let Some(head) = page.head else {
                return Ok(named);
            };
            let last = page.records.last();
            let last = last.map(|record| record.action().action_seq());
            let (records, mut so_far) = (page.records, named);
            let looked = move || {
                records.iter().for_each(|record| so_far.take(record));
                so_far
            };
            named = self.blobs().files().run(looked).await;
            match last {
                Some(last) if head.seq <= last => return Ok(named),
                Some(last) => after = Some(last),
                // It had grown when it was asked for last, or its end is missing.
                None if after.is_some_and(|after| head.seq <= after) => return Ok(named),
                None => {
                    let detail = format!("the chain of {agent} ends before its last record");
                    return Err(Problem::new(Code::StoreFailed, detail));
                }
            }
        }
    }

    /// Leaves out the items that the chain withdraws, when the projection does not show them any more.
    async fn leave_out_withdrawn(
        &self,
        agent: &AgentPubKey,
        named: &mut Named,
    ) -> Result<(), Problem> {
        // Authors see all of their own.
        let author = Sight {
            key: Some(agent.to_string()),
            is_member: true,
        };
        for item in std::mem::take(&mut named.withdrawn) {
            if !named.items.contains_key(&item) {
                continue;
            }
            let shown = self.store().find(Wanted::Id(item.to_string()), &author);
            if shown.await?.is_none() {
                named.items.remove(&item);
            }
        }
        Ok(())
    }

    /// Returns what the body of a version names that a blob holds.
    async fn named_in_body(&self, body: ContentHash) -> Result<BTreeSet<ContentHash>, Problem> {
        let bytes = crate::blob_bytes(self.blobs(), &body, SPILLED_BYTES_MAX as u64).await;
        let bytes = bytes.ok_or_else(|| {
            let detail = format!(
                "blob {body} holds the text of a page and cannot be read, so nobody knows what that page shows"
            );
            Problem::new(Code::BlobCorrupt, detail)
        })?;
        let look = move || {
            let mut found = BTreeSet::new();
            look_at(&bytes, &mut found);
            found
        };
        Ok(self.blobs().files().run(look).await)
    }
}

impl Named {
    /// Notes what a record names.
    fn take(&mut self, record: &Record) {
        let item = match &record.action().data {
            ActionData::Delete(data) => {
                self.withdrawn.insert(data.deletes_address.clone());
                return;
            }
            ActionData::Update(data) => &data.original_action_address,
            ActionData::Create(_)
            | ActionData::Dna(_)
            | ActionData::AgentValidationPkg(_)
            | ActionData::InitZomesComplete(_)
            | ActionData::CreateLink(_)
            | ActionData::DeleteLink(_)
            | ActionData::CloseChain(_)
            | ActionData::OpenChain(_) => record.action_address(),
        };
        let mut hashes = BTreeSet::new();
        look_at(entry_bytes(record), &mut hashes);
        if hashes.is_empty() {
            return;
        }
        let item = self.items.entry(item.clone()).or_default();
        item.hashes.append(&mut hashes);
        item.bodies.extend(spilled_of(record));
    }
}

/// Returns what a record's entry holds; nothing where there is none.
fn entry_bytes(record: &Record) -> &[u8] {
    match record::present(record) {
        Some(chain::Entry::App(bytes)) => bytes.bytes(),
        Some(_) | None => &[],
    }
}

/// Finds everything that may be a hash: 32 bytes of msgpack, and the forms in which a text writes one.
fn look_at(bytes: &[u8], found: &mut BTreeSet<ContentHash>) {
    let parsed = |text: &[u8]| str::from_utf8(text).ok()?.parse::<ContentHash>().ok();
    for (at, byte) in bytes.iter().enumerate() {
        // Most bytes begin neither.
        if *byte != BYTES_32[0] && *byte != CID_START[0] {
            continue;
        }
        let rest = &bytes[at..];
        if let Some(hash) = rest.strip_prefix(&BYTES_32)
            && let Some(hash) = hash.first_chunk::<32>()
        {
            found.insert(ContentHash::from_bytes(*hash));
        }
        if rest.starts_with(CID_START) {
            found.extend(rest.get(..CID_LEN).and_then(parsed));
        }
    }
    for run in bytes.split(|byte| !byte.is_ascii_hexdigit()) {
        if run.len() <= HEX_RUN_MAX {
            found.extend(run.windows(HEX_DIGITS).filter_map(parsed));
        }
    }
}

#[cfg(test)]
mod tests;
