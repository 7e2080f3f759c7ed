//! What a doorway has that takes changes: the list of members, the key that signs tokens, the conductor.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::{Code, Problem};
use chain::{ActionHash, AgentPubKey, DnaHash, Head, Record};
use conductor::{AppId, CellId, ChainPage, Conductor, Custody, Hosted, Origin, Provision};
use doorway_core::projector::Input;
use doorway_core::session::Tokens;
use tokio::time;

use crate::community::{Community, Member};
use crate::guarded::Guarded;
use crate::service::{Doorway, conductor_problem};

/// Chains that the conductor is asked for at once.
const HOSTED_PAGE: u32 = 500;

/// How long a reader waits for the conductor before what is projected has to do.
const CALL_TIME_MAX: Duration = Duration::from_secs(2);

/// What is needed to take changes.
pub(crate) struct Home {
    pub(crate) community: Community,
    pub(crate) tokens: Tokens,
    pub(crate) conductor: Arc<dyn Conductor>,
    pub(crate) dna: DnaHash,
    /// Bounds what readers may ask of the conductor.
    pub(crate) fallback: Guarded,
}

impl Home {
    /// Names an agent's chain in this community.
    pub(crate) fn cell(&self, agent: &AgentPubKey) -> CellId {
        CellId {
            dna: self.dna.clone(),
            agent: agent.clone(),
        }
    }

    /// Reads a page of a chain.
    pub(crate) async fn chain(
        &self,
        agent: &AgentPubKey,
        after: Option<u32>,
        limit: u32,
    ) -> Result<ChainPage, Problem> {
        let page = self.conductor.chain(&self.cell(agent), after, limit).await;
        page.map_err(conductor_problem)
    }

    /// Reads a page of a chain for a reader: bounded, and not while the conductor keeps failing.
    pub(crate) async fn show_chain(
        &self,
        agent: &AgentPubKey,
        after: Option<u32>,
        limit: u32,
    ) -> Result<ChainPage, Problem> {
        let page = in_time(self.chain(agent, after, limit));
        self.fallback.call(page).await
    }

    /// Tells whether the conductor answers, and takes requests.
    pub(crate) async fn is_conductor_ready(&self) -> bool {
        let health = time::timeout(CALL_TIME_MAX, self.conductor.health()).await;
        matches!(health, Ok(Ok(health)) if health.is_ready)
    }

    /// Looks for a record that is committed and not projected yet.
    pub(crate) async fn find_record(
        &self,
        agent: &AgentPubKey,
        action: &ActionHash,
    ) -> Result<Option<Record>, Problem> {
        let cell = self.cell(agent);
        let find = async {
            let found = self.conductor.find(&cell, action).await;
            found.map_err(conductor_problem)
        };
        self.fallback.call(in_time(find)).await
    }

    /// Returns whose chains of this community are here: those of members, and of former members too, because
    /// what they wrote stays.
    pub(crate) async fn hosted(&self) -> Result<Vec<(AgentPubKey, Option<Head>)>, Problem> {
        let mut agents = Vec::new();
        let mut after: Option<AppId> = None;
        loop {
            let page = self.conductor.hosted(after.as_ref(), HOSTED_PAGE).await;
            let page = page.map_err(conductor_problem)?;
            let Some(last) = page.last() else {
                return Ok(agents);
            };
            after = Some(last.app_id.clone());
            let ours = |hosted: Hosted| {
                let is_ours = hosted.cell.dna == self.dna;
                is_ours.then_some((hosted.cell.agent, hosted.head))
            };
            agents.extend(page.into_iter().filter_map(ours));
        }
    }

    /// Makes the cell of a member who signs on a device of their own.
    async fn host(&self, agent: &AgentPubKey) -> Result<(), Problem> {
        let app_id = AppId::of_agent(agent);
        let provision = Provision {
            app_id: app_id.clone(),
            cell: self.cell(agent),
            origin: Origin::Genesis,
            custody: Custody::External,
        };
        let provisioned = self.conductor.provision(provision).await;
        provisioned.map_err(conductor_problem)?;
        let enabled = self.conductor.set_enabled(&app_id, true).await;
        enabled.map_err(conductor_problem)
    }
}

/// Breaks a call off that takes too long.
async fn in_time<T>(call: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    let answered = time::timeout(CALL_TIME_MAX, call).await;
    answered.unwrap_or_else(|_| {
        let detail = "the conductor did not answer in time";
        Err(Problem::new(Code::Unavailable, detail))
    })
}

impl Doorway {
    /// Hosts the chains of all members and projects everything that is hosted.
    pub(crate) async fn take_up_chains(&self) -> Result<(), Problem> {
        let (home, Some(projection)) = (self.home()?, self.projection()) else {
            return Ok(());
        };
        for member in home.community.members().await? {
            home.host(&member.agent).await?;
        }
        let mut cursors: BTreeMap<_, _> = self.store().cursors().await?.into_iter().collect();
        for (agent, head) in home.hosted().await? {
            let cursor = cursors.remove(&agent);
            if let Some(head) = head {
                projection.committed(&agent, head.seq);
            }
            projection.tell(Input::Follow { agent, cursor }).await;
        }
        Ok(())
    }

    /// Puts a member on the list, hosts their chain and projects it.
    pub(crate) async fn admit(&self, member: &Member) -> Result<(), Problem> {
        let home = self.home()?;
        home.community
            .admit(&member.agent, member.role, member.added_at)
            .await?;
        self.welcome(&member.agent).await
    }

    /// Hosts the chain of somebody who is on the list of members and projects it; doing it again changes nothing.
    pub(crate) async fn welcome(&self, agent: &AgentPubKey) -> Result<(), Problem> {
        self.home()?.host(agent).await?;
        let cursor = self.store().cursor(agent).await?;
        let agent = agent.clone();
        if let Some(projection) = self.projection() {
            projection.tell(Input::Follow { agent, cursor }).await;
        }
        self.hot().lists_changed();
        Ok(())
    }

    /// Takes a member off the list; what they wrote stays, and their chain takes nothing more.
    pub(crate) async fn dismiss(&self, agent: &AgentPubKey) -> Result<bool, Problem> {
        self.home()?.community.remove(agent).await
    }
}
