//! Checking what a doorway served, without trusting it.
//!
//! The records inside a proof are checked first: signatures, hashes, links, the DNA. Then the whole document is made
//! again from them and compared byte by byte, so that nothing that was added, left out or changed goes unnoticed.

use base::{Code, Problem};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chain::kind::Opened;
use chain::{
    Action, ActionData, AgentPubKey, DnaHash, Envelope, Item, Record, Rejection, Rules, Verifier,
    public_of, record,
};
use crypto::PublicKey;

use crate::item::Evidence;
use crate::{ChainView, HeadView, ItemView, ProofView, RecordView, SCHEMA_VERSION};

/// What a proof showed.
#[derive(Clone, Debug)]
pub struct Proven {
    /// The view, every byte of which follows from signed records.
    pub view: ItemView,
    /// The item.
    pub item: Item,
    /// The record of this version.
    pub record: Record,
    /// Who signed it.
    pub author: AgentPubKey,
    /// The community that the author's chain belongs to.
    pub dna: DnaHash,
}

/// Checks a document as served by `/api/v1/cache/{type}/{id}?proof=1`.
///
/// The position is checked against the record before it; whether the rest of the chain stands behind that is what
/// [`Walk`] shows.
///
/// # Errors
/// A [`Problem`] that says what does not fit.
pub fn check(document: &[u8]) -> Result<Proven, Problem> {
    let differs = |detail: &str| Problem::new(Code::AnswerDiffers, detail);
    let view: ItemView = serde_json::from_slice(document)
        .map_err(|error| differs(&format!("the document cannot be read: {error}")))?;
    let Some(proof) = &view.proof else {
        return Err(Problem::new(
            Code::NothingToVerify,
            "the document carries no proof; ask for it with ?proof=1",
        ));
    };
    let records = Records::decode(proof)?;
    let item = records.item(proof)?;
    let original = records.original.as_ref().unwrap_or(&records.record);
    let id = original.action_address().to_string();
    let spilled = records.spilled.as_deref();
    let again = ItemView::of(id, &records.record, &item).with_proof(&Evidence {
        record: &records.record,
        previous: &records.previous,
        original: records.original.as_ref(),
        genesis: &records.genesis,
        spilled,
    });
    if again.to_json().as_bytes() != document {
        return Err(differs(
            "the document says something else than its signed record",
        ));
    }
    let ActionData::Dna(genesis) = &records.genesis.action().data else {
        return Err(Problem::new(
            Code::BadGenesis,
            "the first record names no DNA",
        ));
    };
    Ok(Proven {
        author: records.record.action().author().clone(),
        dna: genesis.dna_hash.clone(),
        record: records.record,
        view: again,
        item,
    })
}

/// The decoded records of a proof, each with a signature that fits.
struct Records {
    record: Record,
    previous: Record,
    original: Option<Record>,
    genesis: Record,
    spilled: Option<Vec<u8>>,
}

impl Records {
    fn decode(proof: &ProofView) -> Result<Self, Problem> {
        let record = decode(&proof.record)?;
        let author = record.action().author();
        let key = PublicKey::from_bytes(&public_of(author)).map_err(|_| Rejection::Key)?;
        let all = Self {
            previous: decode(&proof.previous)?,
            original: proof.original.as_ref().map(decode).transpose()?,
            genesis: decode(&proof.genesis)?,
            spilled: proof
                .spilled
                .as_ref()
                .map(|body| STANDARD.decode(body))
                .transpose()
                .map_err(|_| Problem::new(Code::AnswerDiffers, "the spilled body is not base64"))?,
            record,
        };
        for side in all.each() {
            all.check_signed(side, &key)?;
        }
        all.check_links()?;
        Ok(all)
    }

    fn each(&self) -> impl Iterator<Item = &Record> {
        [&self.record, &self.previous, &self.genesis]
            .into_iter()
            .chain(self.original.as_ref())
    }

    fn check_signed(&self, side: &Record, key: &PublicKey) -> Result<(), Problem> {
        let action = side.action();
        let seq = action.action_seq();
        if action.author() != self.record.action().author() {
            let found = action.author().clone();
            return Err(Rejection::ForeignAuthor { seq, found }.into());
        }
        key.verify(&record::action_bytes(action), &side.signature().0)
            .map_err(|_| Rejection::Signature { seq })?;
        let Some(entry) = record::present(side) else {
            return Ok(());
        };
        if action.entry_hash() != Some(&record::entry_hash(entry)) {
            return Err(Rejection::Entry { seq }.into());
        }
        Ok(())
    }

    /// The record follows the previous one, the genesis is one, and an update refers to its original.
    fn check_links(&self) -> Result<(), Problem> {
        let (action, previous) = (self.record.action(), self.previous.action());
        let seq = action.action_seq();
        let follows = action.prev_action() == Some(self.previous.action_address())
            && Some(seq) == previous.action_seq().checked_add(1)
            && record::timestamp(&self.record) >= record::timestamp(&self.previous);
        if !follows {
            return Err(position(
                "the record does not follow the one that is given as its predecessor",
            ));
        }
        let genesis = self.genesis.action();
        let is_genesis = genesis.action_seq() == 0
            && genesis.prev_action().is_none()
            && matches!(genesis.data, ActionData::Dna(_));
        if !is_genesis {
            return Err(Problem::new(
                Code::BadGenesis,
                "the first record is not a genesis record",
            ));
        }
        match (&action.data, &self.original) {
            (ActionData::Create(_), None) => Ok(()),
            (ActionData::Update(update), Some(original))
                if update.original_action_address == *original.action_address()
                    && is_create_before(original.action(), action) =>
            {
                Ok(())
            }
            _ => Err(position(
                "the record is not a version of the item it is given for",
            )),
        }
    }

    fn item(&self, proof: &ProofView) -> Result<Item, Problem> {
        let malformed = |detail: String| Problem::new(Code::MalformedKind, detail);
        let Some(entry) = record::present(&self.record) else {
            return Err(Problem::new(
                Code::EntryMismatch,
                "the proof holds no entry",
            ));
        };
        let envelope = Envelope::from_entry(entry).map_err(|error| malformed(error.to_string()))?;
        let opened = Item::open(&envelope).map_err(|error| malformed(error.to_string()))?;
        match (opened, &self.spilled) {
            (Opened::Item(item), None) => Ok(item),
            (Opened::Spilled { .. }, Some(body)) => Item::open_spilled(&envelope, body)
                .map_err(|error| Problem::new(Code::EntryMismatch, error.to_string())),
            (Opened::Item(_), Some(_)) | (Opened::Spilled { .. }, None) => Err(Problem::new(
                Code::EntryMismatch,
                format!(
                    "the body is {} the proof",
                    if proof.spilled.is_some() {
                        "twice in"
                    } else {
                        "missing from"
                    }
                ),
            )),
        }
    }
}

fn is_create_before(original: &Action, version: &Action) -> bool {
    matches!(original.data, ActionData::Create(_)) && original.action_seq() < version.action_seq()
}

fn position(detail: &str) -> Problem {
    Problem::new(Code::PositionDiffers, detail)
}

fn decode(view: &RecordView) -> Result<Record, Problem> {
    view.decode()
        .map_err(|error| Problem::new(Code::MalformedRecord, error.to_string()))
}

/// Walks a whole chain, page by page, and looks for one record in it.
pub struct Walk {
    verifier: Verifier,
    agent: String,
    wanted: Record,
    item: chain::ActionHash,
    dna: String,
    /// The head that the newest page names.
    named: Option<HeadView>,
    is_found: bool,
    is_replaced: bool,
}

impl Walk {
    /// Starts before the first record of the author of `proven`.
    ///
    /// # Errors
    /// When the author's key is no key.
    pub fn new(proven: &Proven) -> Result<Self, Problem> {
        let item = match &proven.record.action().data {
            ActionData::Update(update) => update.original_action_address.clone(),
            _ => proven.record.action_address().clone(),
        };
        Ok(Self {
            verifier: Verifier::new(proven.dna.clone(), proven.author.clone(), Rules::Commonhold)?,
            agent: proven.author.to_string(),
            wanted: record::withhold(&proven.record),
            item,
            dna: proven.dna.to_string(),
            named: None,
            is_found: false,
            is_replaced: false,
        })
    }

    /// Takes the next page; returns what to ask for next, or nothing at the end.
    ///
    /// # Errors
    /// When the chain does not hold together, belongs to somebody else, or has another record at the wanted place.
    pub fn take(&mut self, page: &ChainView) -> Result<Option<u32>, Problem> {
        if page.agent != self.agent {
            return Err(position("the chain of another author was served"));
        }
        if page.dna_hash != self.dna || page.schema_version != SCHEMA_VERSION {
            let detail = "the pages of the chain say something else than its records";
            return Err(Problem::new(Code::AnswerDiffers, detail));
        }
        self.named.clone_from(&page.head);
        for view in &page.records {
            let next = decode(view)?;
            self.verifier.apply(&next)?;
            if view.action_hash != next.action_address().to_string() {
                let detail = format!("record {} has another hash", next.action().action_seq());
                return Err(Problem::new(Code::HashDiffers, detail));
            }
            self.look_at(&next)?;
        }
        let reached = self.verifier.head().map(|head| head.seq);
        match page.next_after {
            Some(after) if Some(after) == reached && !page.records.is_empty() => Ok(Some(after)),
            Some(_) => Err(position("the pages of the chain do not follow each other")),
            None => Ok(None),
        }
    }

    fn look_at(&mut self, next: &Record) -> Result<(), Problem> {
        let action = next.action();
        if action.action_seq() == self.wanted.action().action_seq() {
            self.is_found = next.action_address() == self.wanted.action_address();
            if !self.is_found {
                return Err(position(
                    "the author's chain has another record at this place",
                ));
            }
            return Ok(());
        }
        let changes = match &action.data {
            ActionData::Update(update) => Some(&update.original_action_address),
            ActionData::Delete(delete) => Some(&delete.deletes_address),
            _ => None,
        };
        self.is_replaced |= self.is_found && changes == Some(&self.item);
        Ok(())
    }

    /// Ends the walk: the record was met, and nothing after it replaced or withdrew the item.
    ///
    /// # Errors
    /// [`Code::PositionDiffers`] when it was not met, [`Code::Outdated`] when the author changed the item later.
    pub fn finish(self) -> Result<u32, Problem> {
        let reached = self.verifier.head().map(|head| HeadView {
            seq: head.seq,
            action_hash: head.hash.to_string(),
        });
        if !self.is_found || reached != self.named {
            return Err(position(
                "the author's chain does not hold the record, or ends elsewhere than it says",
            ));
        }
        if self.is_replaced {
            return Err(Problem::new(
                Code::Outdated,
                "the author's chain holds a newer version or a withdrawal of this item",
            ));
        }
        Ok(self.verifier.wanted())
    }
}

#[cfg(test)]
mod tests;
