//! Signing: parse, have it written down, and only then use the key.

use base::Timestamp;
use chain::Signature;
use crypto::Keypair;
use disk::log::group::{self, Answer, TrySendError};

use super::Vault;
use crate::core::fence::{RawAgent, Refusal};
use crate::envelope::Secret;
use crate::error::SignError;
use crate::history::Signed;
use crate::keeper::{Command, Order};
use crate::request::{Parsed, Request};

impl Vault {
    /// Signs with an unlocked key.
    ///
    /// # Errors
    /// [`SignError`]; no signature was given out. It may have been written down that it would be: asked for again, the
    /// same thing is signed, and nothing else in its place.
    ///
    /// # Cancel safety
    /// May be dropped: what was written down is signed when it is asked for again.
    pub async fn sign(
        &self,
        now: Timestamp,
        agent: &RawAgent,
        request: &Request,
    ) -> Result<Signature, SignError> {
        let (parsed, answer) = self.order(now, agent, request)?;
        answer.await.ok_or(SignError::Ended)??;
        self.make(now, agent, &parsed)
    }

    /// As [`Vault::sign`], for threads that may wait.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn sign_blocking(
        &self,
        now: Timestamp,
        agent: &RawAgent,
        request: &Request,
    ) -> Result<Signature, SignError> {
        let (parsed, answer) = self.order(now, agent, request)?;
        answer.wait().ok_or(SignError::Ended)??;
        self.make(now, agent, &parsed)
    }

    /// Signs several things in order, as far as it can, with one wait for the disk where that is possible.
    ///
    /// Returns the signatures of the first ones, and why the others were not signed.
    ///
    /// # Cancel safety
    /// As [`Vault::sign`].
    pub async fn sign_all(
        &self,
        now: Timestamp,
        agent: &RawAgent,
        requests: &[Request],
    ) -> (Vec<Signature>, Option<SignError>) {
        let mut signatures = Vec::with_capacity(requests.len());
        let ordered: Vec<_> = requests
            .iter()
            .map(|request| self.order(now, agent, request))
            .collect();
        let mut end = None;
        for order in ordered {
            let signature = match order {
                Err(error) => Err(error),
                Ok((parsed, answer)) => match answer.await.ok_or(SignError::Ended) {
                    Ok(Ok(())) => self.make(now, agent, &parsed),
                    Ok(Err(error)) | Err(error) => Err(error),
                },
            };
            match signature {
                Ok(signature) => signatures.push(signature),
                Err(error) => {
                    end = Some(error);
                    break;
                }
            }
        }
        (signatures, end)
    }

    /// Parses a request and has it written down.
    fn order(
        &self,
        now: Timestamp,
        agent: &RawAgent,
        request: &Request,
    ) -> Result<(Parsed, Answer<Result<(), SignError>>), SignError> {
        let parsed = request.parse(now, agent)?;
        // Nothing is written down for a key that could not sign anyway.
        self.seed(now, agent)?;
        let order = Order {
            agent: *agent,
            ask: parsed.ask,
            signed: Signed {
                what: parsed.what,
                epoch: parsed.epoch,
                seq: parsed.seq,
                hash: parsed.hash,
                at: now,
                detail: parsed.detail.clone(),
                before: None,
            },
        };
        let (promise, answer) = group::answer();
        let queue = self.inner.queue.as_ref().ok_or(SignError::Ended)?;
        queue
            .try_send(Command::Sign(order, promise))
            .map_err(|error| match error {
                TrySendError::Full(_) => SignError::Busy,
                TrySendError::Closed(_) => SignError::Ended,
            })?;
        Ok((parsed, answer))
    }

    /// Signs what was written down. The seed is not held while anything is waited for.
    fn make(
        &self,
        now: Timestamp,
        agent: &RawAgent,
        parsed: &Parsed,
    ) -> Result<Signature, SignError> {
        let pair = Keypair::from_seed(&*self.seed(now, agent)?);
        Ok(Signature(pair.sign(&parsed.bytes)))
    }

    fn seed(&self, now: Timestamp, agent: &RawAgent) -> Result<Secret, SignError> {
        let mut unlocked = self.unlocked();
        let unlocked = &mut *unlocked;
        match unlocked.sessions.find(now, agent) {
            Some(place) => Ok(unlocked.arena.get(place)),
            None => {
                let places = unlocked.sessions.expire(now);
                unlocked.arena.wipe(places);
                drop(self.inner.shared.envelope(agent).ok_or(Refusal::Unknown)?);
                Err(SignError::Locked)
            }
        }
    }
}
