//! The list of those who may store blobs on a node that runs alone, and the key that signs their tokens.
//!
//! The list is a file with one agent key to a line, so that a steward can read and change it; it is read at the start.
//! Whoever is on it runs the node: they may do everything that a steward may.

use std::collections::BTreeSet;

use base::{Code, Problem, Timestamp};
use chain::AgentPubKey;
use crypto::{Keypair, Seed};
use disk::{Folder, Mode};
use doorway_core::session::{Holder, Tokens};
use futures::future::BoxFuture;
use storage_core::access::Caller;

use crate::Authority;

/// Name of the file with the node's own key: 32 secret bytes.
const KEY_FILE: &str = "storage.key";

/// Longest list that is read, in bytes.
const LIST_BYTES_MAX: u64 = 1_024 * 1_024;

/// Who may store, and what signs their tokens.
pub struct Writers {
    tokens: Tokens,
    agents: BTreeSet<String>,
}

impl Writers {
    /// Name of the file with the list, in the data folder.
    pub const FILE: &str = "writers";

    /// Opens the key and the list in a data folder, making the key when it is missing. `configured` are on the list as
    /// well; when nobody is, `first` is admitted and written down. Blocks.
    ///
    /// # Errors
    /// [`Code::KeyFile`] or another code when the files cannot be used, [`Code::Config`] for a line that is no key.
    pub fn open(
        folder: &Folder,
        configured: &[String],
        first: Option<&AgentPubKey>,
        key_seed: &Seed,
    ) -> Result<Self, Problem> {
        let tokens = Tokens::new(own_key(folder, key_seed)?);
        let listed = folder.read(Self::FILE, LIST_BYTES_MAX);
        let listed = listed.map_err(|error| error.problem())?.unwrap_or_default();
        let listed = String::from_utf8_lossy(&listed);
        let mut agents = BTreeSet::new();
        for line in listed.lines().map(str::trim) {
            if !line.is_empty() && !line.starts_with('#') {
                agents.insert(checked(line, "the file writers")?);
            }
        }
        for key in configured {
            agents.insert(checked(key, "writers")?);
        }
        if let (true, Some(first)) = (agents.is_empty(), first) {
            let text = format!("# Who may store blobs here: one agent key to a line.\n{first}\n");
            let written = folder.write_atomic(Self::FILE, text.as_bytes(), Mode::Private);
            written.map_err(|error| error.problem())?;
            tracing::info!(agent = %first, "the first writer was admitted");
            agents.insert(first.to_string());
        }
        Ok(Self { tokens, agents })
    }

    pub(crate) const fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Tells whether an agent may store.
    #[must_use]
    pub fn admits(&self, agent: &str) -> bool {
        self.agents.contains(agent)
    }
}

impl Authority for Writers {
    fn holder(&self, token: &str, now: Timestamp) -> Result<Holder, Problem> {
        self.tokens.holder(token, now)
    }

    fn caller<'a>(&'a self, agent: &'a str) -> BoxFuture<'a, Result<Caller, Problem>> {
        let caller = if self.admits(agent) {
            Caller::Steward
        } else {
            Caller::Stranger
        };
        Box::pin(async move { Ok(caller) })
    }

    fn version(&self) -> u64 {
        0
    }
}

/// Reads a key of the list and writes it in its one form.
fn checked(text: &str, place: &str) -> Result<String, Problem> {
    let key = AgentPubKey::try_from(text).map_err(|error| {
        let detail = format!("{place}: {text} is no agent key: {error}");
        Problem::new(Code::Config, detail)
    })?;
    Ok(key.to_string())
}

/// Reads the node's own key, or makes it at the very first start.
fn own_key(folder: &Folder, seed: &Seed) -> Result<Keypair, Problem> {
    let problem = |error: disk::SecretError| error.problem();
    if let Some(seed) = folder.read_secret::<32>(KEY_FILE).map_err(problem)? {
        return Ok(Keypair::from_seed(&seed));
    }
    folder
        .create_secret(KEY_FILE, seed.as_slice())
        .map_err(problem)?;
    Ok(Keypair::from_seed(seed))
}
