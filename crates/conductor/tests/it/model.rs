//! Random histories of one cell against the plainest reference: a list of what must be in the chain.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chain::{
    Action, AgentPubKey, Envelope, KeySigner, Record, Rules, SignError, Signature, Signer,
    Verifier, record,
};
use conductor::{Conductor as _, Custody, Embedded, Fault, Limits};
use proptest::prelude::*;

use crate::{cell, note, open, request, signer};

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// So many notes are written while the signer signs so often and then is away, or refuses.
    Write {
        notes: usize,
        patience: u32,
        is_refusing: bool,
    },
    /// The engine is closed and opened again, and given its signer.
    Restart,
    /// A part of the chain is sent again.
    Resend { first: usize, len: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_usize..5, 0_u32..12, any::<bool>()).prop_map(|(notes, patience, is_refusing)| {
            Step::Write { notes, patience, is_refusing }
        }),
        1 => Just(Step::Restart),
        2 => (0_usize..20, 0_usize..20).prop_map(|(first, len)| Step::Resend { first, len }),
    ]
}

/// What must be in the chain, and what waits for its signature.
#[derive(Default)]
struct Reference {
    written: Vec<String>,
    pending: Vec<String>,
}

impl Reference {
    /// Signs what waits and then `texts`, as far as the signer has patience; answers whether all of `texts` went in.
    fn write(&mut self, texts: Vec<String>, patience: u32, is_refusing: bool) -> bool {
        let mut left = patience as usize;
        let waiting = std::mem::take(&mut self.pending);
        for batch in [waiting, texts] {
            if left < batch.len() {
                if is_refusing {
                    self.written.extend_from_slice(&batch[..left]);
                } else {
                    self.pending = batch;
                }
                return false;
            }
            left -= batch.len();
            self.written.extend(batch);
        }
        true
    }
}

/// A signer that signs so often and then does not.
struct Moody {
    inner: Arc<KeySigner>,
    patience: AtomicU32,
    is_refusing: std::sync::atomic::AtomicBool,
}

impl Signer for Moody {
    fn agent(&self) -> &AgentPubKey {
        self.inner.agent()
    }

    fn sign(&self, action: &Action) -> Result<Signature, SignError> {
        let left = self.patience.load(Ordering::SeqCst);
        if left > 0 {
            self.patience.store(left - 1, Ordering::SeqCst);
            return self.inner.sign(action);
        }
        if self.is_refusing.load(Ordering::SeqCst) {
            let seq = action.action_seq();
            return Err(SignError::Equivocation { seq });
        }
        Err(SignError::Unavailable("away".to_owned()))
    }
}

/// Opens the engine and gives it a signer that signs.
async fn start(folder: &Path) -> (Arc<Embedded>, Arc<Moody>) {
    let engine = open(folder, Limits::default());
    let moody = Arc::new(Moody {
        inner: signer(1),
        patience: AtomicU32::new(u32::MAX),
        is_refusing: false.into(),
    });
    let hosted = engine
        .provision(request(1, Custody::Signer(moody.clone())))
        .await
        .unwrap();
    engine.set_enabled(&hosted.app_id, true).await.unwrap();
    (engine, moody)
}

/// Reads and verifies the chain.
async fn read(engine: &Embedded) -> Vec<Record> {
    let page = engine.chain(&cell(1), None, 1_000).await.unwrap();
    let mut verifier = Verifier::new(cell(1).dna, cell(1).agent, Rules::Commonhold).unwrap();
    for record in &page.records {
        verifier.apply(record).unwrap();
    }
    assert_eq!(page.head.as_ref(), verifier.head());
    page.records
}

fn texts_of(records: &[Record]) -> Vec<String> {
    let envelopes = records.iter().filter_map(record::present);
    envelopes
        .filter_map(|entry| Envelope::from_entry(entry).ok())
        .map(|envelope| String::from_utf8(envelope.body).unwrap())
        .collect()
}

async fn replay(steps: Vec<Step>) {
    let folder = tempfile::tempdir().unwrap();
    let mut reference = Reference::default();
    let (mut engine, mut moody) = start(folder.path()).await;
    for (index, step) in steps.into_iter().enumerate() {
        match step {
            Step::Write {
                notes,
                patience,
                is_refusing,
            } => {
                moody.patience.store(patience, Ordering::SeqCst);
                moody.is_refusing.store(is_refusing, Ordering::SeqCst);
                let texts: Vec<_> = (0..notes).map(|place| format!("{index}-{place}")).collect();
                let batch = texts.iter().map(|text| note(text)).collect();
                let result = engine.write(&cell(1), batch).await;
                let is_whole = reference.write(texts, patience, is_refusing);
                match result {
                    Ok(records) => assert!(is_whole && records.len() == notes),
                    Err(Fault::Refused { .. }) => assert!(!is_whole && is_refusing),
                    Err(Fault::Pending { .. }) => assert!(!is_whole && !is_refusing),
                    Err(other) => panic!("{other}"),
                }
            }
            Step::Restart => {
                engine.close().await.unwrap();
                (engine, moody) = start(folder.path()).await;
                reference.write(Vec::new(), u32::MAX, false);
            }
            Step::Resend { first, len } => {
                moody.patience.store(u32::MAX, Ordering::SeqCst);
                let chain = read(&engine).await;
                let part: Vec<_> = chain.iter().skip(first).take(len).cloned().collect();
                engine.append(&cell(1), part).await.unwrap();
                // What waits is signed before records are looked at.
                reference.write(Vec::new(), u32::MAX, false);
            }
        }
        assert_eq!(texts_of(&read(&engine).await), reference.written);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn chain_holds_what_the_reference_holds(steps in prop::collection::vec(step(), 1..25)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(replay(steps));
    }
}
