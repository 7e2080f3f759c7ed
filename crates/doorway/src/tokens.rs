//! What other services of the same process ask about tokens and members: one log-in is good for all of them.

use base::Problem;
use doorway_core::session::{Holder, Role};

use crate::service::Doorway;

impl Doorway {
    /// Tells whether tokens are given here; a copy gives none.
    #[must_use]
    pub fn gives_tokens(&self) -> bool {
        self.home().is_ok()
    }

    /// Returns whose token this is. Does not block.
    ///
    /// # Errors
    /// What is wrong with the token; [`base::Code::ReadOnlyCopy`] for a copy.
    pub fn token_holder(&self, token: &str) -> Result<Holder, Problem> {
        self.home()?.tokens.holder(token, self.now())
    }

    /// Returns what an agent is in the community; `None` for who is no member.
    ///
    /// # Errors
    /// When the store fails; [`base::Code::ReadOnlyCopy`] for a copy.
    pub async fn role_of(&self, agent: &str) -> Result<Option<Role>, Problem> {
        let member = self.home()?.community.member(agent).await?;
        Ok(member.map(|member| member.role))
    }

    /// Returns a number that is another one after each change of the list of members.
    #[must_use]
    pub fn members_version(&self) -> u64 {
        self.home().map_or(0, |home| home.community.version())
    }
}
