//! The signer that a conductor uses for a hosted member: the vault, for one agent and in one epoch.

use base::{Code, Problem};
use chain::signer::{SignAll, SignedActions};
use chain::{Action, AgentPubKey, SignError, Signature, Signer, agent_of};
use runtime::{Blocking, Clock};

use crate::core::fence::RawAgent;
use crate::socket::{ACTIONS_MAX, Call, Remote, Reply};
use crate::{Request, Vault};

/// Signs the actions of one agent with the key that a vault keeps.
#[derive(Clone, Debug)]
pub struct HostedSigner {
    line: Line,
    key: RawAgent,
    agent: AgentPubKey,
    epoch: u64,
}

/// Where the vault is.
#[derive(Clone, Debug)]
enum Line {
    Inside(Vault, Clock),
    Outside(Remote, Blocking),
}

impl HostedSigner {
    /// Signs with a vault in this process, in the epoch in which the agent is hosted; once something was signed in a
    /// later one, this signs nothing any more.
    #[must_use]
    pub fn inside(vault: Vault, clock: Clock, key: RawAgent, epoch: u64) -> Self {
        Self::new(Line::Inside(vault, clock), key, epoch)
    }

    /// Signs with a vault behind a socket; it waits for the answer on threads of `blocking`.
    #[must_use]
    pub fn outside(remote: Remote, blocking: Blocking, key: RawAgent, epoch: u64) -> Self {
        Self::new(Line::Outside(remote, blocking), key, epoch)
    }

    fn new(line: Line, key: RawAgent, epoch: u64) -> Self {
        Self {
            line,
            key,
            agent: agent_of(key),
            epoch,
        }
    }

    fn requests(&self, actions: &[Action]) -> Vec<Request> {
        let requests = actions.iter().map(|action| Request::Action {
            epoch: self.epoch,
            action: action.clone(),
        });
        requests.collect()
    }

    fn call(&self, actions: &[Action]) -> Call {
        Call::SignActions {
            agent: self.key,
            epoch: self.epoch,
            actions: actions.to_vec(),
        }
    }
}

impl Signer for HostedSigner {
    fn agent(&self) -> &AgentPubKey {
        &self.agent
    }

    fn sign(&self, action: &Action) -> Result<Signature, SignError> {
        let actions = std::slice::from_ref(action);
        let signed = match &self.line {
            Line::Inside(vault, clock) => {
                let [request] = &self.requests(actions)[..] else {
                    return Err(SignError::Unavailable(
                        "there is nothing to sign".to_owned(),
                    ));
                };
                let signed = vault.sign_blocking(clock.now(), &self.key, request);
                return signed.map_err(SignError::from);
            }
            Line::Outside(remote, _) => outcome(actions, remote.call(&self.call(actions))),
        };
        let mut signatures = signed.signatures;
        signatures
            .pop()
            .ok_or_else(|| signed.end.unwrap_or_else(unanswered))
    }

    fn sign_all<'a>(&'a self, actions: &'a [Action]) -> SignAll<'a> {
        Box::pin(async move {
            match &self.line {
                Line::Inside(vault, clock) => {
                    let requests = self.requests(actions);
                    let signed = vault.sign_all(clock.now(), &self.key, &requests).await;
                    SignedActions {
                        signatures: signed.0,
                        end: signed.1.map(SignError::from),
                    }
                }
                Line::Outside(remote, blocking) => {
                    let mut all = SignedActions {
                        signatures: Vec::with_capacity(actions.len()),
                        end: None,
                    };
                    for part in actions.chunks(ACTIONS_MAX) {
                        let (remote, call) = (remote.clone(), self.call(part));
                        let answer = blocking.run(move || remote.call(&call)).await;
                        let signed = outcome(part, answer);
                        all.signatures.extend(signed.signatures);
                        all.end = signed.end;
                        if all.end.is_some() {
                            break;
                        }
                    }
                    all
                }
            }
        })
    }
}

/// Says what an answer from outside means for actions.
fn outcome(actions: &[Action], answer: Result<Reply, Problem>) -> SignedActions {
    let (signatures, problem) = match answer {
        Ok(Reply::Signed(signatures, end)) => (signatures, end),
        Ok(_) => (Vec::new(), None),
        Err(problem) => (Vec::new(), Some(problem)),
    };
    let unsigned = actions.get(signatures.len());
    let end = unsigned.map(|action| match problem {
        None => unanswered(),
        Some(problem) => match problem.code {
            Code::ChainFork => SignError::Equivocation {
                seq: action.action_seq(),
            },
            Code::ForeignAuthor => SignError::Foreign,
            _ => SignError::Unavailable(problem.detail),
        },
    });
    SignedActions { signatures, end }
}

fn unanswered() -> SignError {
    SignError::Unavailable("the vault left actions without an answer".to_owned())
}
