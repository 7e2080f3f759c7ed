//! Joining a community, and looking after its members.

use api::{
    InviteRequest, InvitesView, MemberPut, MemberView, MembersView, NewInviteView, RegisterRequest,
    RegisterView, SCHEMA_VERSION, WaitingListView,
};
use base::Problem;
use reqwest::Method;

use crate::{Doorway, answer};

impl Doorway {
    /// Lists the members.
    ///
    /// # Errors
    /// As [`Self::fetch`].
    pub async fn members(&self, token: &str) -> Result<MembersView, Problem> {
        let request = self.request(Method::GET, "admin/members")?;
        self.call(request.bearer_auth(token)).await
    }

    /// Admits a member or changes their role.
    ///
    /// # Errors
    /// As [`Self::fetch`].
    pub async fn put_member(
        &self,
        agent: &str,
        role: &str,
        token: &str,
    ) -> Result<MemberView, Problem> {
        let body = MemberPut {
            schema_version: SCHEMA_VERSION,
            role: role.to_owned(),
        };
        let request = self.request(Method::PUT, &format!("admin/members/{agent}"))?;
        self.call(request.bearer_auth(token).json(&body)).await
    }

    /// Takes a member off the list.
    ///
    /// # Errors
    /// As [`Self::fetch`].
    pub async fn remove_member(&self, agent: &str, token: &str) -> Result<(), Problem> {
        let request = self.request(Method::DELETE, &format!("admin/members/{agent}"))?;
        answer::receive(request.bearer_auth(token), &self.patience).await?;
        Ok(())
    }

    /// Asks to join.
    ///
    /// # Errors
    /// As [`Self::fetch`].
    pub async fn register(&self, request: &RegisterRequest) -> Result<RegisterView, Problem> {
        let asked = self.request(Method::POST, "auth/register")?;
        self.call(asked.json(request)).await
    }

    /// Makes an invite.
    ///
    /// # Errors
    /// As [`Self::fetch`].
    pub async fn make_invite(
        &self,
        request: &InviteRequest,
        token: &str,
    ) -> Result<NewInviteView, Problem> {
        let asked = self.request(Method::POST, "admin/invites")?;
        self.call(asked.bearer_auth(token).json(request)).await
    }

    /// Lists the invites.
    ///
    /// # Errors
    /// As [`Self::fetch`].
    pub async fn invites(&self, token: &str) -> Result<InvitesView, Problem> {
        let request = self.request(Method::GET, "admin/invites")?;
        self.call(request.bearer_auth(token)).await
    }

    /// Withdraws an invite.
    ///
    /// # Errors
    /// As [`Self::fetch`].
    pub async fn withdraw_invite(&self, id: &str, token: &str) -> Result<(), Problem> {
        let request = self.request(Method::DELETE, &format!("admin/invites/{id}"))?;
        answer::receive(request.bearer_auth(token), &self.patience).await?;
        Ok(())
    }

    /// Lists who waits for approval.
    ///
    /// # Errors
    /// As [`Self::fetch`].
    pub async fn waiting(&self, token: &str) -> Result<WaitingListView, Problem> {
        let request = self.request(Method::GET, "admin/waiting")?;
        self.call(request.bearer_auth(token)).await
    }

    /// Turns somebody away who waits for approval.
    ///
    /// # Errors
    /// As [`Self::fetch`].
    pub async fn decline(&self, agent: &str, token: &str) -> Result<(), Problem> {
        let request = self.request(Method::DELETE, &format!("admin/waiting/{agent}"))?;
        answer::receive(request.bearer_auth(token), &self.patience).await?;
        Ok(())
    }
}
