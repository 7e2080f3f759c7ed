//! Writing with a signer: stage, sign, store.

use std::sync::Arc;

use chain::author::Draft;
use chain::{
    Action, Author, Entry, Envelope, Record, Rejection, Rules, SignError, SignedActions, Signer,
    Verifier, Write, record,
};

use crate::embedded::lane::Lane;
use crate::embedded::store::{self, Loaded, SignedRow, StagedRow};
use crate::embedded::{Embedded, RECORDS_PER_TURN};
use crate::{CellId, Fault};

/// What a signer made of a batch.
struct Signed {
    /// The records, verified, as far as it signed.
    records: Vec<Record>,
    rows: Vec<SignedRow>,
    /// The chain after them.
    verifier: Verifier,
    /// Why it stopped for good.
    refusal: Option<Fault>,
}

impl Embedded {
    /// See [`crate::Conductor::write`].
    pub(super) async fn write_batch(
        &self,
        cell: &CellId,
        writes: Vec<Write>,
    ) -> Result<Vec<Record>, Fault> {
        let limit = self.limits.batch_len_max;
        if writes.len() > limit as usize {
            return Err(Fault::TooMany { limit });
        }
        let shared = self.lanes.get(cell);
        let mut lane = shared.lock().await;
        let result = self.write_in(cell, &mut lane, writes).await;
        drop(lane);
        if matches!(result, Err(Fault::UnknownCell(_))) {
            self.lanes.forget(cell, shared);
        }
        result
    }

    async fn write_in(
        &self,
        cell: &CellId,
        lane: &mut Lane,
        writes: Vec<Write>,
    ) -> Result<Vec<Record>, Fault> {
        let Some(mut loaded) = self.load(cell, lane).await? else {
            return Err(Fault::UnknownCell(cell.clone()));
        };
        if !loaded.is_enabled {
            return Err(Fault::Disabled(cell.clone()));
        }
        let Some(signer) = lane.signer.clone() else {
            return Err(Fault::NoSigner(cell.clone()));
        };
        if loaded.has_staged {
            loaded = self.finish(cell, lane, &signer).await?;
        }
        if loaded.is_closed {
            return Err(Fault::Closed);
        }
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        let mut author = Author::new(cell.agent.clone(), loaded.head.clone());
        if loaded.head.is_none() {
            return Err(Fault::Rejected(Rejection::Genesis { seq: 0 }));
        }
        let now = self.now();
        let drafts: Vec<_> = writes
            .into_iter()
            .map(|write| author.write(now, write))
            .collect();
        check_envelopes(&drafts)?;
        self.stage(cell, lane, &drafts).await?;
        self.sign_and_store(cell, lane, &signer, &loaded, drafts)
            .await
    }

    /// Signs and stores what an earlier change left waiting.
    pub(super) async fn finish(
        &self,
        cell: &CellId,
        lane: &mut Lane,
        signer: &Arc<dyn Signer>,
    ) -> Result<Loaded, Fault> {
        let wanted = cell.clone();
        let (loaded, drafts) = self
            .db
            .write(move |tx| -> Result<_, Fault> {
                let loaded = store::load(tx, &wanted)?;
                Ok((loaded, store::staged(tx, &wanted)?))
            })
            .await?;
        let Some(loaded) = loaded else {
            return Err(Fault::UnknownCell(cell.clone()));
        };
        if !drafts.is_empty() {
            self.sign_and_store(cell, lane, signer, &loaded, drafts)
                .await?;
        }
        match self.load(cell, lane).await? {
            Some(loaded) => Ok(loaded),
            None => Err(Fault::UnknownCell(cell.clone())),
        }
    }

    /// Keeps drafts on stable storage before anybody signs them.
    async fn stage(&self, cell: &CellId, lane: &mut Lane, drafts: &[Draft]) -> Result<(), Fault> {
        let rows: Vec<_> = drafts.iter().map(StagedRow::of).collect();
        let cell = cell.clone();
        lane.loaded = None;
        self.db
            .write(move |tx| store::stage(tx, &cell, &rows))
            .await?;
        Ok(())
    }

    /// Signs drafts that are staged, stores them, and tells readers.
    pub(super) async fn sign_and_store(
        &self,
        cell: &CellId,
        lane: &mut Lane,
        signer: &Arc<dyn Signer>,
        loaded: &Loaded,
        drafts: Vec<Draft>,
    ) -> Result<Vec<Record>, Fault> {
        lane.loaded = None;
        let signed = sign(cell, signer, loaded, drafts).await?;
        let Signed {
            records,
            rows,
            verifier,
            refusal,
        } = signed;
        let has_refusal = refusal.is_some();
        let wanted = cell.clone();
        self.db
            .write(move |tx| -> Result<(), Fault> {
                for row in &rows {
                    if !store::release(tx, &wanted, row)? {
                        return Err(Fault::Damaged { seq: row.seq });
                    }
                }
                if has_refusal {
                    store::unstage(tx, &wanted)?;
                }
                store::insert(tx, &wanted, &rows)
            })
            .await?;
        lane.loaded = Some(Loaded {
            is_enabled: loaded.is_enabled,
            head: verifier.head().cloned(),
            is_closed: verifier.is_closed(),
            has_staged: false,
        });
        if let Some(last) = records.last() {
            self.nudge(cell, last.action().action_seq());
        }
        match refusal {
            Some(fault) => Err(fault),
            None => Ok(records),
        }
    }
}

/// Asks for the signatures in order and verifies each record as a stranger would.
///
/// A signer that refuses keeps what it signed before: its own memory has moved on, and the chain must follow.
async fn sign(
    cell: &CellId,
    signer: &Arc<dyn Signer>,
    loaded: &Loaded,
    drafts: Vec<Draft>,
) -> Result<Signed, Fault> {
    let mut signed = Signed {
        records: Vec::with_capacity(drafts.len()),
        rows: Vec::with_capacity(drafts.len()),
        verifier: Verifier::new(cell.dna.clone(), cell.agent.clone(), Rules::Commonhold)?
            .after(loaded.head.clone(), loaded.is_closed),
        refusal: None,
    };
    let mut drafts = drafts.into_iter().peekable();
    while drafts.peek().is_some() && signed.refusal.is_none() {
        let turn = drafts.by_ref().take(RECORDS_PER_TURN);
        let (actions, entries): (Vec<_>, Vec<_>) =
            turn.map(|draft| (draft.action, draft.entry)).unzip();
        let answer = signer.sign_all(&actions).await;
        let count = answer.signatures.len();
        let end = end_of(&answer, &actions);
        let parts = actions.into_iter().zip(entries).zip(answer.signatures);
        for ((action, entry), signature) in parts {
            let record = record::assemble(action, signature, entry);
            if let Err(rejection) = signed.verifier.apply(&record) {
                signed.refusal = Some(Fault::Rejected(rejection));
                return Ok(signed);
            }
            let row = SignedRow::of(&record, record.action_address().clone());
            signed.rows.push(row.without_entry());
            signed.records.push(record);
        }
        match end {
            Some(pending @ Fault::Pending { .. }) => return Err(pending),
            Some(refusal) => signed.refusal = Some(refusal),
            None if count < RECORDS_PER_TURN => {}
            None => tokio::task::yield_now().await,
        }
    }
    Ok(signed)
}

/// Says why a signer stopped before the last action, if it did.
fn end_of(answer: &SignedActions, actions: &[Action]) -> Option<Fault> {
    let unsigned = actions.get(answer.signatures.len())?;
    let seq = unsigned.action_seq();
    let source = answer
        .end
        .clone()
        .unwrap_or_else(|| SignError::Unavailable("it left actions without an answer".to_owned()));
    Some(match source {
        SignError::Unavailable(_) => Fault::Pending { seq, source },
        SignError::Foreign | SignError::Equivocation { .. } => Fault::Refused { seq, source },
    })
}

/// The rules of the zome, before anything is staged: what is staged is going to be signed.
fn check_envelopes(drafts: &[Draft]) -> Result<(), Fault> {
    for draft in drafts {
        if let Some(entry @ Entry::App(_)) = &draft.entry {
            Envelope::from_entry(entry).map_err(|error| Rejection::Structure {
                seq: draft.action.action_seq(),
                reason: error.to_string(),
            })?;
        }
    }
    Ok(())
}
