//! Taking records that were signed elsewhere.

use chain::fork::ForkProof;
use chain::{
    ActionData, Entry, Envelope, Head, Record, Rejection, Rules, Verifier, public_of, record,
};
use crypto::PublicKey;

use crate::embedded::lane::Lane;
use crate::embedded::store::{self, Loaded, SignedRow};
use crate::embedded::{Embedded, RECORDS_PER_TURN};
use crate::{AppId, CellId, Fault};

/// What a batch of records adds to a chain.
struct Addition {
    /// New records, verified.
    rows: Vec<SignedRow>,
    /// Entries of stored records that came without them: place and bytes.
    fills: Vec<(u32, Vec<u8>)>,
    /// The chain after it.
    verifier: Verifier,
}

impl Embedded {
    /// See [`crate::Conductor::append`].
    pub(super) async fn append_batch(
        &self,
        cell: &CellId,
        records: Vec<Record>,
    ) -> Result<Head, Fault> {
        let limit = self.limits.batch_len_max;
        if records.len() > limit as usize {
            return Err(Fault::TooMany { limit });
        }
        let shared = self.lanes.get(cell);
        let mut lane = shared.lock().await;
        let result = self.append_in(cell, &mut lane, records).await;
        drop(lane);
        if matches!(result, Err(Fault::UnknownCell(_))) {
            self.lanes.forget(cell, shared);
        }
        result
    }

    async fn append_in(
        &self,
        cell: &CellId,
        lane: &mut Lane,
        records: Vec<Record>,
    ) -> Result<Head, Fault> {
        let Some(mut loaded) = self.load(cell, lane).await? else {
            return Err(Fault::UnknownCell(cell.clone()));
        };
        if !loaded.is_enabled {
            return Err(Fault::Disabled(cell.clone()));
        }
        if loaded.has_staged
            && let Some(signer) = lane.signer.clone()
        {
            loaded = self.finish(cell, lane, &signer).await?;
        }
        self.store_records(cell, lane, &loaded, records, None).await
    }

    /// Verifies records against the stored chain and stores them, all or none.
    ///
    /// `admission` enters a new app in the same transaction. Actions that still wait for a signature give way: nobody
    /// outside has seen them, and the author has written something else.
    pub(super) async fn store_records(
        &self,
        cell: &CellId,
        lane: &mut Lane,
        loaded: &Loaded,
        records: Vec<Record>,
        admission: Option<AppId>,
    ) -> Result<Head, Fault> {
        let Addition {
            rows,
            fills,
            verifier,
        } = self.prepare(cell, loaded, records).await?;
        let Some(head) = verifier.head().cloned() else {
            return Err(Fault::Empty);
        };
        let is_growing = !rows.is_empty();
        let has_staged = loaded.has_staged && !is_growing;
        if is_growing || !fills.is_empty() || admission.is_some() {
            let wanted = cell.clone();
            let cells_len_max = self.limits.cells_len_max;
            lane.loaded = None;
            self.db
                .write(move |tx| -> Result<(), Fault> {
                    if let Some(app) = &admission {
                        crate::embedded::roll::admit(tx, app, &wanted, cells_len_max)?;
                    }
                    for (seq, entry) in &fills {
                        store::fill(tx, &wanted, *seq, entry)?;
                    }
                    if is_growing {
                        store::unstage(tx, &wanted)?;
                    }
                    store::insert(tx, &wanted, &rows)
                })
                .await?;
        }
        lane.loaded = Some(Loaded {
            is_enabled: loaded.is_enabled,
            head: Some(head.clone()),
            is_closed: verifier.is_closed(),
            has_staged,
        });
        if is_growing {
            self.nudge(cell, head.seq);
        }
        Ok(head)
    }

    /// Splits a batch into what is there already and what is new, and verifies the latter.
    async fn prepare(
        &self,
        cell: &CellId,
        loaded: &Loaded,
        records: Vec<Record>,
    ) -> Result<Addition, Fault> {
        let verifier = Verifier::new(cell.dna.clone(), cell.agent.clone(), Rules::Commonhold)?
            .after(loaded.head.clone(), loaded.is_closed);
        let mut addition = Addition {
            rows: Vec::new(),
            fills: Vec::new(),
            verifier,
        };
        let Some(first) = records.first().map(|record| record.action().action_seq()) else {
            return match loaded.head {
                Some(_) => Ok(addition),
                None => Err(Fault::Empty),
            };
        };
        let wanted = addition.verifier.wanted();
        if first > wanted {
            return Err(Fault::Gap { wanted });
        }
        check_order(first, &records)?;
        let overlap = records.len().min((wanted - first) as usize);
        let mut records = records;
        let new = records.split_off(overlap);
        addition.fills = self.compare(cell, first, records).await?;
        for (index, record) in new.into_iter().enumerate() {
            if index % RECORDS_PER_TURN == RECORDS_PER_TURN - 1 {
                tokio::task::yield_now().await;
            }
            addition.verifier.apply(&record)?;
            let head = addition.verifier.head().expect("a record was just taken");
            let row = SignedRow::of(&record, head.hash.clone());
            addition.rows.push(row);
        }
        Ok(addition)
    }

    /// Compares records with those stored at their places; returns entries that were missing.
    async fn compare(
        &self,
        cell: &CellId,
        first: u32,
        records: Vec<Record>,
    ) -> Result<Vec<(u32, Vec<u8>)>, Fault> {
        let Some(last) = records.last().map(|record| record.action().action_seq()) else {
            return Ok(Vec::new());
        };
        let cell = cell.clone();
        let fills = self.db.read(move |tx| -> Result<_, Fault> {
            let stored = store::stored(tx, &cell, first, last)?;
            if stored.len() != records.len() {
                return Err(Fault::Damaged { seq: first });
            }
            let mut fills = Vec::new();
            for (stored, offered) in stored.iter().zip(&records) {
                check_same(&stored.record, offered)?;
                if !stored.has_entry
                    && let Some(entry) = missing_entry(offered)?
                {
                    fills.push((offered.action().action_seq(), entry));
                }
            }
            Ok(fills)
        });
        Ok(fills.await?)
    }
}

/// Records of one batch follow one another.
fn check_order(first: u32, records: &[Record]) -> Result<(), Fault> {
    for (wanted, record) in (first..=u32::MAX).zip(records) {
        if record.action().action_seq() != wanted {
            return Err(Fault::Gap { wanted });
        }
    }
    Ok(())
}

/// A record at a stored place is the stored one, or proves a fork, or does not belong there at all.
fn check_same(stored: &Record, offered: &Record) -> Result<(), Fault> {
    if stored.action() == offered.action() {
        return Ok(());
    }
    // Its hash is computed here: whoever sent it may have written down another.
    let offered = record::assemble(
        offered.action().clone(),
        offered.signature().clone(),
        record::present(offered).cloned(),
    );
    if ForkProof::of(stored, &offered).is_some() {
        return Err(Fault::Fork {
            stored: Box::new(stored.clone()),
            offered: Box::new(offered),
        });
    }
    Err(Fault::Rejected(stranger(stored, &offered)))
}

/// Says why a record at a stored place is neither the stored one nor a proof of a fork.
fn stranger(stored: &Record, offered: &Record) -> Rejection {
    let action = offered.action();
    let seq = action.action_seq();
    let author = stored.action().author();
    if action.author() != author {
        return Rejection::ForeignAuthor {
            seq,
            found: action.author().clone(),
        };
    }
    let is_signed = PublicKey::from_bytes(&public_of(author)).is_ok_and(|key| {
        key.verify(&record::action_bytes(action), &offered.signature().0)
            .is_ok()
    });
    match (&stored.action().data, &action.data) {
        _ if !is_signed => Rejection::Signature { seq },
        (ActionData::Dna(wanted), ActionData::Dna(found)) => Rejection::Dna {
            wanted: wanted.dna_hash.clone(),
            found: found.dna_hash.clone(),
        },
        // It continues another branch, whose first record is the proof.
        _ => Rejection::Link { seq },
    }
}

/// Returns the entry that came with a stored record which lacks it.
fn missing_entry(offered: &Record) -> Result<Option<Vec<u8>>, Fault> {
    let Some(entry @ Entry::App(_)) = record::present(offered) else {
        return Ok(None);
    };
    let seq = offered.action().action_seq();
    let is_the_signed_one = offered.action().entry_hash() == Some(&record::entry_hash(entry));
    if !is_the_signed_one || Envelope::from_entry(entry).is_err() {
        return Err(Fault::Rejected(Rejection::Entry { seq }));
    }
    Ok(Some(record::entry_bytes(entry)))
}
