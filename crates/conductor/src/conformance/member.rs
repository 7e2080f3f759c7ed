//! Agents for the properties: on the engine, on a device of their own, and with signers that misbehave.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;

use chain::author::Draft;
use chain::{
    Action, AgentPubKey, Author, EntryVisibility, Envelope, Head, KeySigner, Record, Rules,
    SignError, Signature, Signer, Verifier, Write, record,
};
use crypto::Keypair;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::conformance::{Violation, World, ensure};
use crate::{AppId, CellId, Conductor, Custody, Fault, Hosted, Origin, Provision};

/// An agent with a cell.
pub(super) struct Member {
    pub(super) app: AppId,
    pub(super) cell: CellId,
    pub(super) signer: Arc<KeySigner>,
    seed: [u8; 32],
}

impl Member {
    /// Makes the agent of this name.
    pub(super) fn new(world: &dyn World, name: &str) -> Self {
        let seed: [u8; 32] = Sha256::digest(name).into();
        let signer = Arc::new(KeySigner::new(Keypair::from_seed(&seed)));
        let cell = CellId {
            dna: world.dna(),
            agent: signer.agent().clone(),
        };
        Self {
            app: AppId::of_agent(&cell.agent),
            cell,
            signer,
            seed,
        }
    }

    pub(super) fn pair(&self) -> Keypair {
        Keypair::from_seed(&self.seed)
    }

    /// Provisions the cell with a new chain and this signer.
    pub(super) async fn provision(
        &self,
        conductor: &Arc<dyn Conductor>,
        signer: Arc<dyn Signer>,
    ) -> Result<Hosted, Fault> {
        conductor
            .provision(self.request(Origin::Genesis, Custody::Signer(signer)))
            .await
    }

    pub(super) fn request(&self, origin: Origin, custody: Custody) -> Provision {
        Provision {
            app_id: self.app.clone(),
            cell: self.cell.clone(),
            origin,
            custody,
        }
    }

    /// Makes the cell write with the agent's own signer.
    pub(super) async fn host(&self, conductor: &Arc<dyn Conductor>) -> Result<(), Fault> {
        self.provision(conductor, self.signer.clone()).await?;
        conductor.set_enabled(&self.app, true).await
    }

    /// Makes the cell take records from elsewhere.
    pub(super) async fn follow(&self, conductor: &Arc<dyn Conductor>) -> Result<(), Fault> {
        conductor
            .provision(self.request(Origin::Genesis, Custody::External))
            .await?;
        conductor.set_enabled(&self.app, true).await
    }

    /// Returns the whole chain, page by page, after verifying it as a stranger would.
    pub(super) async fn chain(
        &self,
        conductor: &Arc<dyn Conductor>,
    ) -> Result<Vec<Record>, Violation> {
        let cell = &self.cell;
        let mut verifier = Verifier::new(cell.dna.clone(), cell.agent.clone(), Rules::Commonhold)
            .map_err(|rejection| Violation(rejection.to_string()))?;
        let mut records = Vec::new();
        loop {
            let after = verifier.head().map(|head| head.seq);
            let page = conductor.chain(cell, after, 1_000).await?;
            for record in &page.records {
                verifier.apply(record).map_err(|rejection| {
                    Violation(format!("chain does not verify: {rejection}"))
                })?;
            }
            let is_whole = page.head.as_ref() == verifier.head();
            let is_stuck = page.records.is_empty() && !is_whole;
            ensure!(!is_stuck, "the chain ends before its head {:?}", page.head);
            records.extend(page.records);
            if is_whole {
                let is_closed = verifier.is_closed();
                ensure!(page.is_closed == is_closed, "closed: {}", page.is_closed);
                return Ok(records);
            }
        }
    }
}

/// A chain that is written away from every engine.
pub(super) struct Device {
    author: Author,
    signer: Arc<KeySigner>,
    pub(super) records: Vec<Record>,
}

impl Device {
    /// Starts the member's chain.
    pub(super) fn start(world: &dyn World, member: &Member) -> Self {
        let author = Author::new(member.cell.agent.clone(), None);
        let mut device = Self {
            author,
            signer: member.signer.clone(),
            records: Vec::new(),
        };
        for draft in device.author.genesis(&member.cell.dna, world.now()) {
            device.sign(draft);
        }
        device
    }

    /// Writes one item.
    pub(super) fn write(&mut self, world: &dyn World, write: Write) {
        let draft = self.author.write(world.now(), write);
        self.sign(draft);
    }

    /// Closes the chain as Holochain does.
    pub(super) fn close(&mut self) -> Result<(), Violation> {
        let head = self.author.head().cloned();
        let head = head.ok_or_else(|| Violation("a device starts with genesis".to_owned()))?;
        let closing = Closing {
            header: ClosingHeader {
                author: self.signer.agent().clone(),
                timestamp: head.timestamp.as_micros(),
                action_seq: head.seq + 1,
                prev_action: Some(head.hash),
            },
            data: ClosingFields {
                kind: "CloseChain",
                new_target: None,
            },
        };
        let bytes =
            rmp_serde::to_vec_named(&closing).map_err(|error| Violation(error.to_string()))?;
        let action = record::decode_action(&bytes).map_err(|error| Violation(error.to_string()))?;
        let closed = Head {
            seq: action.action_seq(),
            hash: record::action_hash(&action),
            timestamp: head.timestamp,
        };
        self.author = Author::new(self.signer.agent().clone(), Some(closed));
        self.sign(Draft {
            action,
            entry: None,
        });
        Ok(())
    }

    fn sign(&mut self, draft: Draft) {
        let signature = self.signer.sign(&draft.action).expect("its own key signs");
        self.records
            .push(record::assemble(draft.action, signature, draft.entry));
    }
}

/// Holochain's closing action, in the order in which it is hashed.
#[derive(Serialize)]
struct Closing {
    header: ClosingHeader,
    data: ClosingFields,
}

#[derive(Serialize)]
struct ClosingHeader {
    author: AgentPubKey,
    timestamp: i64,
    action_seq: u32,
    prev_action: Option<chain::ActionHash>,
}

#[derive(Serialize)]
struct ClosingFields {
    #[serde(rename = "type")]
    kind: &'static str,
    new_target: Option<()>,
}

/// How a signer misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// It cannot be reached.
    Away,
    /// It says that it signed something else at this place.
    Refusing,
    /// It returns a signature over nothing.
    Careless,
}

/// A signer that does its work a number of times and then misbehaves.
pub(super) struct MoodySigner {
    inner: Arc<KeySigner>,
    patience: AtomicU32,
    mood: Mood,
}

impl MoodySigner {
    pub(super) fn new(member: &Member, patience: u32, mood: Mood) -> Arc<Self> {
        Arc::new(Self {
            inner: member.signer.clone(),
            patience: AtomicU32::new(patience),
            mood,
        })
    }

    /// Lets it sign so many more.
    pub(super) fn calm(&self, patience: u32) {
        self.patience.store(patience, Ordering::SeqCst);
    }
}

impl Signer for MoodySigner {
    fn agent(&self) -> &AgentPubKey {
        self.inner.agent()
    }

    fn sign(&self, action: &Action) -> Result<Signature, SignError> {
        let left = self.patience.load(Ordering::SeqCst);
        if left > 0 {
            self.patience.store(left - 1, Ordering::SeqCst);
            return self.inner.sign(action);
        }
        match self.mood {
            Mood::Away => Err(SignError::Unavailable("out for lunch".to_owned())),
            Mood::Refusing => Err(SignError::Equivocation {
                seq: action.action_seq(),
            }),
            Mood::Careless => Ok(Signature([7; 64])),
        }
    }
}

/// A small public item.
pub(super) fn note(text: &str) -> Write {
    item(text, EntryVisibility::Public)
}

/// A small item.
pub(super) fn item(text: &str, visibility: EntryVisibility) -> Write {
    let envelope = Envelope {
        kind: "note".to_owned(),
        version: 1,
        body: text.as_bytes().to_vec(),
    };
    Write::Create {
        envelope,
        visibility,
    }
}

/// Returns the bodies of the items in a chain, in order.
pub(super) fn bodies(records: &[Record]) -> Vec<String> {
    records
        .iter()
        .filter_map(record::present)
        .filter_map(|entry| Envelope::from_entry(entry).ok())
        .map(|envelope| String::from_utf8_lossy(&envelope.body).into_owned())
        .collect()
}

/// Runs futures side by side on this task and returns their outputs in order.
pub(super) async fn side_by_side<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<Option<Pin<Box<F>>>> = futures.map(|each| Some(Box::pin(each))).collect();
    let mut done: Vec<Option<F::Output>> = waiting.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (slot, output) in waiting.iter_mut().zip(&mut done) {
            if let Some(future) = slot
                && let Poll::Ready(value) = future.as_mut().poll(context)
            {
                *output = Some(value);
                *slot = None;
            }
        }
        if waiting.iter().all(Option::is_none) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    done.into_iter().flatten().collect()
}
