//! What a page of a chain is worth: how far it continues the projected chain, and what its records change.

use base::ContentHash;
use chain::envelope::EnvelopeError;
use chain::kind::{KindError, Opened, SPILLED_BYTES_MAX};
use chain::{
    ActionData, ActionHash, AgentPubKey, DnaHash, EntryType, EntryVisibility, Envelope,
    EnvelopeRef, Head, Item, Record, Rejection, Rules, Verifier, record,
};

use super::{Change, Cursor, Fetched, Skip, Version};

/// What a page is worth.
pub(super) struct Verdict {
    /// What the usable records change, in order.
    pub(super) changes: Vec<Change>,
    /// The usable records, in order, without entries that are private to their author.
    pub(super) records: Vec<Record>,
    /// Where the chain stands after the usable records; nothing when there was none.
    pub(super) cursor: Option<Cursor>,
    /// Why the page ends there.
    pub(super) end: End,
}

/// Why the usable part of a page ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// All records were usable.
    Complete,
    /// Records are missing before the next one.
    Gap {
        /// The sequence number that continues the chain.
        wanted: u32,
        /// The one that came.
        found: u32,
    },
    /// The next record's body is in a blob that did not come along.
    Missing(ContentHash),
    /// The next record does not continue the chain.
    Invalid(Rejection),
}

/// What one record means.
enum Meaning {
    Nothing,
    Change(Change),
    Missing(ContentHash),
}

/// Reads a page from the cursor on; looks at no more than `limit` records that are new.
pub(super) fn judge(
    dna: &DnaHash,
    agent: &AgentPubKey,
    cursor: Option<&Cursor>,
    fetched: Vec<Fetched>,
    limit: usize,
) -> Verdict {
    let mut verdict = Verdict {
        changes: Vec::new(),
        records: Vec::new(),
        cursor: None,
        end: End::Complete,
    };
    let verifier = Verifier::new(dna.clone(), agent.clone(), Rules::Commonhold);
    let mut verifier = match verifier {
        Ok(verifier) => verifier.after(
            cursor.map(Cursor::to_head),
            cursor.is_some_and(|cursor| cursor.is_closed),
        ),
        Err(rejection) => {
            verdict.end = End::Invalid(rejection);
            return verdict;
        }
    };
    let Page {
        mut records,
        mut changes,
        missing,
    } = Page::read(verifier.head(), fetched, limit);
    let (mut taken, applied) = verifier.apply_all(&records);
    verdict.end = match (applied, missing) {
        (Err(rejection), _) => ending(rejection),
        (Ok(()), Some(hash)) => {
            // It was verified, and is not taken before its body is here.
            taken -= 1;
            End::Missing(hash)
        }
        (Ok(()), None) => End::Complete,
    };
    records.truncate(taken);
    changes.truncate(taken);
    verdict.cursor = records.last().map(cursor_at);
    verdict.changes.extend(changes.into_iter().flatten());
    verdict
        .records
        .extend(records.into_iter().map(without_private));
    verdict
}

/// The new records of a page with what each of them means, before any of them was verified.
struct Page {
    records: Vec<Record>,
    /// What each record changes; the last record has none when its body is missing.
    changes: Vec<Option<Change>>,
    /// The blob that the last record needs.
    missing: Option<ContentHash>,
}

impl Page {
    /// Reads at most `limit` new records; ends with the first one whose body is missing.
    ///
    /// Each record is looked at as if all before it were good. Where one is not, the page ends there, and what was
    /// read behind it is dropped.
    fn read(head: Option<&Head>, fetched: Vec<Fetched>, limit: usize) -> Self {
        let mut page = Self {
            records: Vec::with_capacity(fetched.len().min(limit)),
            changes: Vec::with_capacity(fetched.len().min(limit)),
            missing: None,
        };
        for Fetched { record, body } in fetched {
            if page.records.len() == limit || page.missing.is_some() {
                break;
            }
            let last = page
                .records
                .last()
                .map(|last| (last.action().action_seq(), last.action_address()));
            let last = last.or_else(|| head.map(|head| (head.seq, &head.hash)));
            if is_known(last, &record) {
                continue;
            }
            match mean(&record, body.as_deref()) {
                Meaning::Nothing => page.changes.push(None),
                Meaning::Change(change) => page.changes.push(Some(change)),
                Meaning::Missing(hash) => page.missing = Some(hash),
            }
            page.records.push(record);
        }
        page
    }
}

/// Says where a chain stands behind a verified record.
fn cursor_at(record: &Record) -> Cursor {
    Cursor {
        seq: record.action().action_seq(),
        hash: record.action_address().clone(),
        timestamp: record::timestamp(record),
        is_closed: matches!(record.action().data, ActionData::CloseChain(_)),
    }
}

/// Says why a page ends before a record that was rejected.
fn ending(rejection: Rejection) -> End {
    match rejection {
        Rejection::Gap { wanted, found } if found > wanted => End::Gap { wanted, found },
        // A second record at a place that is taken: the chain was continued twice.
        Rejection::Gap { found, .. } => End::Invalid(Rejection::Link { seq: found }),
        rejection => End::Invalid(rejection),
    }
}

/// Leaves out an entry that is private to its author; the action stays, because the chain needs it.
fn without_private(record: Record) -> Record {
    match record.action().entry_visibility() {
        Some(EntryVisibility::Private) => record::withhold(&record),
        Some(EntryVisibility::Public) | None => record,
    }
}

/// Tells whether a record lies before the newest one or is that itself, as records of a page that overlaps do.
///
/// Another record at the newest one's place is not known: [`ending`] says that the chain was continued twice.
fn is_known(newest: Option<(u32, &ActionHash)>, record: &Record) -> bool {
    let Some((newest, hash)) = newest else {
        return false;
    };
    let seq = record.action().action_seq();
    seq < newest || (seq == newest && record::action_hash(record.action()) == *hash)
}

/// Reads what a record means, provided that it is verified.
fn mean(record: &Record, body: Option<&[u8]>) -> Meaning {
    let action = record.action_address().clone();
    let at = record::timestamp(record);
    let (seq, author) = (
        record.action().action_seq(),
        record.action().author().clone(),
    );
    let item = match &record.action().data {
        ActionData::Delete(data) => {
            let item = data.deletes_address.clone();
            return Meaning::Change(Change::Withdraw {
                item,
                action,
                author,
                seq,
                at,
            });
        }
        ActionData::Create(data) if is_app(&data.entry_type) => None,
        ActionData::Update(data) if is_app(&data.entry_type) => {
            Some(data.original_action_address.clone())
        }
        ActionData::Create(_)
        | ActionData::Update(_)
        | ActionData::Dna(_)
        | ActionData::AgentValidationPkg(_)
        | ActionData::InitZomesComplete(_)
        | ActionData::CreateLink(_)
        | ActionData::DeleteLink(_)
        | ActionData::CloseChain(_)
        | ActionData::OpenChain(_) => return Meaning::Nothing,
    };
    match open(record, body) {
        Ok((content, spilled)) => Meaning::Change(Change::Put(Box::new(Version {
            is_first: item.is_none(),
            item: item.unwrap_or_else(|| action.clone()),
            action,
            seq,
            author,
            at,
            content,
            spilled,
        }))),
        Err(Closed::Missing(hash)) => Meaning::Missing(hash),
        Err(Closed::Skip(reason)) => Meaning::Change(Change::Skip {
            action,
            seq,
            reason,
        }),
    }
}

/// Why a record's content cannot be read.
enum Closed {
    Missing(ContentHash),
    Skip(Skip),
}

/// Reads the content of a record of this application, and which blob holds it when the entry does not.
fn open(record: &Record, body: Option<&[u8]>) -> Result<(Item, Option<ContentHash>), Closed> {
    if record.action().entry_visibility() == Some(&EntryVisibility::Private) {
        return Err(Closed::Skip(Skip::Private));
    }
    // Who serves the chain leaves out what not everybody may see. The version counts all the same: it hides what
    // everybody could see before.
    let Some(entry) = record::present(record) else {
        return Ok((Version::withheld_content(), None));
    };
    let envelope = EnvelopeRef::from_entry(entry)
        .map_err(|_: EnvelopeError| Closed::Skip(Skip::MalformedKind))?;
    let hash = match Item::open_ref(envelope).map_err(|error| Closed::Skip(reason(&error)))? {
        Opened::Item(item) => return Ok((item, None)),
        Opened::Spilled { hash, bytes } if bytes <= SPILLED_BYTES_MAX as u64 => hash,
        Opened::Spilled { .. } => return Err(Closed::Skip(Skip::MalformedKind)),
    };
    let envelope = envelope.to_envelope();
    if let Some(reason) = foreign(&envelope) {
        return Err(Closed::Skip(reason));
    }
    let body = body.ok_or(Closed::Missing(hash))?;
    match Item::open_spilled(&envelope, body) {
        Ok(item) => Ok((item, Some(hash))),
        // The bytes are not those that were signed: the right ones are still missing.
        Err(KindError::Spilled) if ContentHash::of(body) != hash => Err(Closed::Missing(hash)),
        Err(error) => Err(Closed::Skip(reason(&error))),
    }
}

/// Returns why a spilled body would not be understood, so that nobody waits for the blob.
///
/// An envelope without a body is refused for its body only when its kind and version are known.
fn foreign(envelope: &Envelope) -> Option<Skip> {
    let frame = Envelope {
        kind: envelope.kind.clone(),
        version: envelope.version,
        body: Vec::new(),
    };
    match Item::open(&frame).err()? {
        KindError::Unknown(_) => Some(Skip::UnknownKind),
        KindError::Version { .. } => Some(Skip::NewerVersion),
        KindError::Body(_) | KindError::Field { .. } | KindError::Spilled => None,
    }
}

const fn reason(error: &KindError) -> Skip {
    match error {
        KindError::Unknown(_) => Skip::UnknownKind,
        KindError::Version { .. } => Skip::NewerVersion,
        KindError::Body(_) | KindError::Field { .. } | KindError::Spilled => Skip::MalformedKind,
    }
}

const fn is_app(entry_type: &EntryType) -> bool {
    matches!(entry_type, EntryType::App(_))
}
