//! Keys that this conductor made itself, one file of mode 0600 each, named after the agent key.
//!
//! They are for programs that bring no signer of their own, as `@holochain/client` does; members' keys stay in the vault.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use chain::{AgentPubKey, KeySigner, Signer as _};
use crypto::Keypair;
use disk::Folder;

use crate::Fault;
use crate::server::ServeError;
use crate::socket::lock;

/// The folder inside of the conductor's.
const FOLDER: &str = "keys";

/// Most keys.
const KEYS_MAX: usize = 10_000;

/// The keys, in memory and on disk.
pub(super) struct Keys {
    folder: Folder,
    signers: Mutex<HashMap<AgentPubKey, Arc<KeySigner>>>,
}

impl Keys {
    pub(super) fn open(folder: &Path) -> Result<Self, ServeError> {
        let folder = Folder::open(folder.join(FOLDER))?;
        let mut signers = HashMap::new();
        for name in folder.names().map_err(disk::SecretError::from)? {
            let Some(seed) = folder.read_secret::<32>(&name)? else {
                continue;
            };
            let signer = KeySigner::new(Keypair::from_seed(&seed));
            signers.insert(signer.agent().clone(), Arc::new(signer));
        }
        Ok(Self {
            folder,
            signers: Mutex::new(signers),
        })
    }

    /// Makes a key; it is on stable storage before anybody hears of it.
    pub(super) fn generate(&self) -> Result<AgentPubKey, Fault> {
        let mut signers = lock(&self.signers);
        if signers.len() >= KEYS_MAX {
            let limit = KEYS_MAX as u32;
            return Err(Fault::TooMany { limit });
        }
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)
            .map_err(|error| Fault::Elsewhere(format!("no randomness: {error}")))?;
        let signer = KeySigner::new(Keypair::from_seed(&seed));
        let agent = signer.agent().clone();
        self.folder
            .create_secret(&agent.to_string(), &seed)
            .map_err(|error| Fault::Elsewhere(format!("keep the key: {error}")))?;
        signers.insert(agent.clone(), Arc::new(signer));
        Ok(agent)
    }

    pub(super) fn get(&self, agent: &AgentPubKey) -> Option<Arc<KeySigner>> {
        lock(&self.signers).get(agent).cloned()
    }

    pub(super) fn is_empty(&self) -> bool {
        lock(&self.signers).is_empty()
    }
}
