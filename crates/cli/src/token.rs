//! The token that a server gave: got by signing a challenge, and replaced before it ends.

use base::{Code, Problem, Timestamp};
use chain::{KeySigner, Signer as _};
use client::Doorway;
use runtime::Clock;
use tokio::sync::Mutex;

/// How long before its end a token is replaced, in seconds.
const SPARE_SECS: u64 = 60;

/// A token with its end, once one was needed.
pub(crate) struct KeptToken {
    clock: Clock,
    kept: Mutex<Option<(String, Timestamp)>>,
}

impl KeptToken {
    pub(crate) fn new() -> Self {
        Self {
            clock: Clock::system(),
            kept: Mutex::new(None),
        }
    }

    /// Returns a token that is good for a while, signing for one where there is none.
    pub(crate) async fn get(
        &self,
        server: &Doorway,
        signer: &KeySigner,
    ) -> Result<String, Problem> {
        let mut kept = self.kept.lock().await;
        let soon = self.clock.now() + base::Duration::from_secs(SPARE_SECS);
        if let Some((token, end)) = kept.as_ref()
            && *end > soon
        {
            return Ok(token.clone());
        }
        let challenge = server.challenge(&signer.agent().to_string()).await?;
        let signature = signer.sign_statement(challenge.challenge.as_bytes());
        let view = server
            .token(challenge.challenge.clone(), &signature.0)
            .await
            .map_err(|problem| name_key(problem, signer))?;
        let end = self.clock.now() + base::Duration::from_secs(view.expires_secs.into());
        *kept = Some((view.token.clone(), end));
        Ok(view.token)
    }
}

/// Says which key is on no list: a steward needs it whole.
fn name_key(problem: Problem, signer: &KeySigner) -> Problem {
    if problem.code != Code::NotAMember {
        return problem;
    }
    let key = signer.agent();
    let detail = format!("your key {key} is not on this community's list of members");
    Problem::new(Code::NotAMember, detail)
}
