//! The person at this machine: a key, and a chain of their own in an embedded engine.

use std::path::Path;
use std::sync::Arc;

use base::{Code, ContentHash, Problem};
use blobs::Blobs;
use chain::{AgentPubKey, DnaHash, KeySigner, Record, Signer as _};
use conductor::{
    AppId, CellId, Conductor as _, Config, Custody, Embedded, Limits, Origin, Provision, State,
};
use crypto::{Keypair, Seed};
use disk::Folder;
use runtime::{Clock, ReadAt as _};

/// Name of the file with the key: 32 secret bytes.
const KEY_FILE: &str = "agent.key";

/// Records that are read from the chain at once.
const PAGE_RECORDS: u32 = 500;

/// An agent whose key is on this machine.
pub(crate) struct Agent {
    signer: Arc<KeySigner>,
    engine: Arc<Embedded>,
    /// Bodies of the own chain that are too long for an entry.
    bodies: Blobs,
}

/// Opens the key in a folder, making it at the very first time.
///
/// Of several processes that do so at once, one makes the key and the others take that one.
pub(crate) fn signer(data: &Path) -> Result<KeySigner, Problem> {
    let folder = Folder::open(data).map_err(|error| error.problem())?;
    let problem = |error: disk::SecretError| error.problem();
    if let Some(seed) = folder.read_secret::<32>(KEY_FILE).map_err(problem)? {
        return Ok(KeySigner::new(Keypair::from_seed(&seed)));
    }
    let seed = random_seed()?;
    let seed = match folder.create_secret(KEY_FILE, seed.as_slice()) {
        Ok(()) => seed,
        // Another process was faster. A secret gets its name when it is whole, so there is nothing to wait for.
        Err(taken @ disk::SecretError::Exists { .. }) => folder
            .read_secret::<32>(KEY_FILE)
            .map_err(problem)?
            .ok_or_else(|| problem(taken))?,
        Err(error) => return Err(problem(error)),
    };
    Ok(KeySigner::new(Keypair::from_seed(&seed)))
}

/// Draws 32 random bytes.
pub(crate) fn random_seed() -> Result<Seed, Problem> {
    let mut seed = Seed::default();
    getrandom::fill(seed.as_mut_slice()).map_err(|error| {
        Problem::new(
            Code::Bug,
            format!("the system gives no randomness: {error}"),
        )
    })?;
    Ok(seed)
}

impl Agent {
    /// Opens the key and the engine with the chains.
    pub(crate) fn open(data: &Path) -> Result<Self, Problem> {
        let signer = Arc::new(signer(data)?);
        let config = Config {
            id: "agent".parse().expect("a well-formed name"),
            folder: data.to_owned(),
            limits: Limits::default(),
        };
        let engine = Embedded::open(config, Clock::system())
            .map_err(|error| Problem::caused(error.code(), &error))?;
        let bodies = Blobs::open(&data.join("bodies"), blobs::Limits::default())
            .map_err(|error| error.problem())?;
        Ok(Self {
            signer,
            engine,
            bodies,
        })
    }

    /// Keeps a body of the own chain.
    pub(crate) async fn keep_body(&self, body: &[u8]) -> Result<(), Problem> {
        let kept = self.bodies.put(body.to_vec().into()).await;
        kept.map_err(|error| error.problem())?;
        Ok(())
    }

    /// Returns a body of the own chain, when it was kept.
    pub(crate) async fn body(&self, hash: &ContentHash) -> Result<Option<Vec<u8>>, Problem> {
        let found = self.bodies.get(hash).await;
        let Some(blob) = found.map_err(|error| error.problem())? else {
            return Ok(None);
        };
        let len = blob.len();
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
        let read = move || {
            let mut filled = 0;
            while filled < bytes.len() {
                match blob.read_at(filled as u64, &mut bytes[filled..]) {
                    Ok(0) | Err(_) => return None,
                    Ok(count) => filled += count,
                }
            }
            Some(bytes)
        };
        Ok(self.bodies.files().run(read).await)
    }

    /// Returns who signs.
    pub(crate) fn key(&self) -> &AgentPubKey {
        self.signer.agent()
    }

    /// Returns the signer.
    pub(crate) fn signer(&self) -> &KeySigner {
        &self.signer
    }

    /// Returns the engine with the chains.
    pub(crate) fn engine(&self) -> &Embedded {
        &self.engine
    }

    /// Names this agent's chain in a community.
    pub(crate) fn cell(&self, dna: &DnaHash) -> CellId {
        CellId {
            dna: dna.clone(),
            agent: self.key().clone(),
        }
    }

    /// Returns whether there is a chain in this community already.
    pub(crate) async fn has_chain(&self, cell: &CellId) -> Result<bool, Problem> {
        match self.engine.chain(cell, None, 1).await {
            Ok(page) => Ok(page.head.is_some()),
            Err(conductor::Fault::UnknownCell(_)) => Ok(false),
            Err(fault) => Err(problem(fault)),
        }
    }

    /// Makes the chain, or takes it up; `known` are the records that others hold of it.
    pub(crate) async fn join(&self, cell: &CellId, known: Vec<Record>) -> Result<(), Problem> {
        let app_id = app_of(cell);
        let origin = if known.is_empty() {
            Origin::Genesis
        } else {
            Origin::Records(known)
        };
        let provision = Provision {
            app_id: app_id.clone(),
            cell: cell.clone(),
            origin,
            custody: Custody::Signer(self.signer.clone()),
        };
        let hosted = self.engine.provision(provision).await.map_err(problem)?;
        if hosted.state != State::Enabled {
            self.engine
                .set_enabled(&app_id, true)
                .await
                .map_err(problem)?;
        }
        Ok(())
    }

    /// Returns all records after a place in the chain.
    pub(crate) async fn records(
        &self,
        cell: &CellId,
        mut after: Option<u32>,
    ) -> Result<Vec<Record>, Problem> {
        let mut records = Vec::new();
        loop {
            let page = self
                .engine
                .chain(cell, after, PAGE_RECORDS)
                .await
                .map_err(problem)?;
            let Some(last) = page.records.last() else {
                return Ok(records);
            };
            after = Some(last.action().action_seq());
            let is_last = page.head.map(|head| head.seq) == after;
            records.extend(page.records);
            if is_last {
                return Ok(records);
            }
        }
    }
}

/// One agent may be in several communities, so the community is part of the name.
fn app_of(cell: &CellId) -> AppId {
    let dna = cell.dna.to_string();
    dna.parse()
        .expect("the text of a hash is a well-formed name")
}

/// Tells a person what the engine's fault means.
pub(crate) fn problem(fault: conductor::Fault) -> Problem {
    Problem::caused(fault.code(), &fault)
}
