//! Who signs. A signer parses what it signs: it is given the action, not bytes.

use std::pin::Pin;

use crypto::Keypair;
use thiserror::Error;

use crate::{Action, AgentPubKey, Signature, agent_of, record};

/// Why nothing was signed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SignError {
    /// The action names another author.
    #[error("action names another author than the signer's key")]
    Foreign,
    /// The signer has signed a different action at this place or a later one.
    #[error("another action was already signed at sequence number {seq}")]
    Equivocation {
        /// The place in the chain.
        seq: u32,
    },
    /// The signer cannot be reached or its key is locked.
    #[error("signer is not available: {0}")]
    Unavailable(String),
}

/// Holds the key of one agent and signs its actions.
pub trait Signer: Send + Sync {
    /// Returns the agent whose actions it signs.
    fn agent(&self) -> &AgentPubKey;

    /// Signs one action. The same action gives the same signature again.
    ///
    /// # Errors
    /// [`SignError`]; nothing was signed.
    fn sign(&self, action: &Action) -> Result<Signature, SignError>;

    /// Signs actions in order, as far as it can. A signer that has to wait for somebody does so here, and does not keep
    /// a thread waiting.
    ///
    /// # Cancel safety
    /// May be dropped: what was signed by then is signed again, with the same signatures, when it is asked for again.
    fn sign_all<'a>(&'a self, actions: &'a [Action]) -> SignAll<'a> {
        let mut signatures = Vec::with_capacity(actions.len());
        let mut end = None;
        for action in actions {
            match self.sign(action) {
                Ok(signature) => signatures.push(signature),
                Err(error) => {
                    end = Some(error);
                    break;
                }
            }
        }
        Box::pin(std::future::ready(SignedActions { signatures, end }))
    }
}

/// What a signer makes of several actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedActions {
    /// The signatures of the first actions, in order.
    pub signatures: Vec<Signature>,
    /// Why the others were not signed; `None` when all were.
    pub end: Option<SignError>,
}

/// The answer of [`Signer::sign_all`].
pub type SignAll<'a> = Pin<Box<dyn Future<Output = SignedActions> + Send + 'a>>;

/// A signer whose key is in this process.
#[derive(Debug)]
pub struct KeySigner {
    pair: Keypair,
    agent: AgentPubKey,
}

impl KeySigner {
    /// Takes the key pair of an agent.
    #[must_use]
    pub fn new(pair: Keypair) -> Self {
        let agent = agent_of(pair.public());
        Self { pair, agent }
    }

    /// Signs bytes that are no action, such as a doorway's challenge.
    ///
    /// The bytes get a prefix that no action starts with, so that no challenge can be an action in disguise.
    #[must_use]
    pub fn sign_statement(&self, statement: &[u8]) -> Signature {
        Signature(self.pair.sign(&statement_bytes(statement)))
    }
}

/// Returns what is signed for a statement that is no action.
#[must_use]
pub fn statement_bytes(statement: &[u8]) -> Vec<u8> {
    [b"commonhold statement\0".as_slice(), statement].concat()
}

impl Signer for KeySigner {
    fn agent(&self) -> &AgentPubKey {
        &self.agent
    }

    fn sign(&self, action: &Action) -> Result<Signature, SignError> {
        if action.author() != &self.agent {
            return Err(SignError::Foreign);
        }
        Ok(Signature(self.pair.sign(&record::action_bytes(action))))
    }
}

#[cfg(test)]
mod tests;
