//! Who wants to join, and the invites that let people in.
//!
//! What is decided, [`sign_up`] decides; here it is asked and carried out in one transaction, so that two who ask at the
//! same moment never share the last use of an invite.

use base::{Code, ContentHash, Problem, Timestamp};
use chain::AgentPubKey;
use db::rusqlite::{self, Connection, OptionalExtension as _, Row, params};
use doorway_core::session::{Denial, Role};
use doorway_core::sign_up::{
    self, Brought, Decision, Invite, InviteCode, Limits, Policy, Refusal, Standing, Terms,
};

use super::Community;

/// How long invites that are no longer good are still listed, in microseconds: a week.
const LISTED_US: i64 = 7 * 24 * 60 * 60 * 1_000_000;

/// Somebody who asks to join; their key has signed.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    /// Their key.
    pub(crate) agent: AgentPubKey,
    /// How they want to be called; only shown to those who may approve.
    pub(crate) name: String,
    /// The code that they brought.
    pub(crate) code: Option<InviteCode>,
}

/// An invite that is to be made.
#[derive(Clone, Debug)]
pub(crate) struct NewInvite {
    /// Its name in lists; no secret.
    pub(crate) id: String,
    /// Hash of its code.
    pub(crate) digest: ContentHash,
    /// Who makes it.
    pub(crate) inviter: String,
    /// What it is good for.
    pub(crate) terms: Terms,
    /// A few words of the inviter's, for lists.
    pub(crate) note: String,
}

/// An invite as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeptInvite {
    /// Its name in lists.
    pub(crate) id: String,
    /// Who made it.
    pub(crate) inviter: String,
    /// A few words of theirs.
    pub(crate) note: String,
    /// How many people it lets in.
    pub(crate) uses: u32,
    /// When it was made.
    pub(crate) made_at: Timestamp,
    /// What decides whether it is good.
    pub(crate) invite: Invite,
}

/// Somebody who waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// Their key.
    pub(crate) agent: String,
    /// How they want to be called.
    pub(crate) name: String,
    /// When they asked first.
    pub(crate) asked_at: Timestamp,
}

impl Community {
    /// Makes an invite; returns when it ends.
    ///
    /// # Errors
    /// What [`sign_up::offer`] refuses; [`Code::NotAMember`] for a former member; otherwise when the store fails.
    pub(crate) async fn offer(
        &self,
        new: NewInvite,
        now: Timestamp,
        limits: Limits,
    ) -> Result<Timestamp, Problem> {
        let made = self.write(move |connection| {
            connection
                .prepare_cached("DELETE FROM invites WHERE expires_at_us < ?1")?
                .execute([now.as_micros() - LISTED_US])?;
            let Some(inviter) = role(connection, &new.inviter)? else {
                return Ok(Err(Denial::NotAMember.into()));
            };
            let good = connection
                .prepare_cached(
                    "SELECT count(*) FROM invites WHERE expires_at_us > ?1 AND uses_left > 0",
                )?
                .query_row([now.as_micros()], |row| row.get(0))?;
            match sign_up::offer(inviter, &new.terms, good, now, &limits) {
                Ok(expires) => insert(connection, &new, now, expires).map(|()| Ok(expires)),
                Err(refusal) => Ok(Err(Problem::from(refusal))),
            }
        });
        made.await?
    }

    /// Returns the invites, newest first; those that are no longer good are listed for a week.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn invites(&self) -> Result<Vec<KeptInvite>, Problem> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT invites.id, invites.inviter, note, uses, made_at_us,
                            invites.role, members.role, uses_left, expires_at_us
                     FROM invites LEFT JOIN members ON members.agent = invites.inviter
                     ORDER BY made_at_us DESC, id LIMIT 1000",
                )?
                .query_map([], |row| {
                    Ok(KeptInvite {
                        id: row.get(0)?,
                        inviter: row.get(1)?,
                        note: row.get(2)?,
                        uses: row.get(3)?,
                        made_at: Timestamp(row.get(4)?),
                        invite: invite(row, 5)?,
                    })
                })?
                .collect()
        })
        .await
    }

    /// Withdraws an invite in the name of `agent`; those whom it let in stay members. Returns whether it was there.
    ///
    /// # Errors
    /// What [`sign_up::withdraw`] refuses; otherwise when the store fails.
    pub(crate) async fn withdraw(&self, id: &str, agent: &str) -> Result<bool, Problem> {
        let (id, agent) = (id.to_owned(), agent.to_owned());
        let gone = self.write(move |connection| {
            let inviter: Option<String> = connection
                .prepare_cached("SELECT inviter FROM invites WHERE id = ?1")?
                .query_row([&id], |row| row.get(0))
                .optional()?;
            let (Some(inviter), Some(role)) = (inviter, role(connection, &agent)?) else {
                return Ok(Ok(false));
            };
            if let Err(refusal) = sign_up::withdraw(role, inviter == agent) {
                return Ok(Err(Problem::from(refusal)));
            }
            connection
                .prepare_cached("DELETE FROM invites WHERE id = ?1")?
                .execute([id])
                .map(|gone| Ok(gone == 1))
        });
        gone.await?
    }

    /// Lets somebody in, lets them wait, or refuses them.
    ///
    /// # Errors
    /// What [`sign_up::decide`] refuses; otherwise when the store fails.
    pub(crate) async fn ask(
        &self,
        asking: Asking,
        policy: Policy,
        now: Timestamp,
        limits: Limits,
    ) -> Result<Decision, Problem> {
        let decided = self
            .write(move |connection| ask(connection, &asking, policy, now, &limits))
            .await?;
        if matches!(decided, Ok(Decision::Admit { .. })) {
            self.members_changed();
        }
        Ok(decided?)
    }

    /// Returns who waits, longest first.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn waiting(
        &self,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<Vec<Waiting>, Problem> {
        let since = asked_since(now, limits);
        self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT agent, name, asked_at_us FROM waiting WHERE asked_at_us > ?1
                     ORDER BY asked_at_us, agent",
                )?
                .query_map([since], |row| {
                    Ok(Waiting {
                        agent: row.get(0)?,
                        name: row.get(1)?,
                        asked_at: Timestamp(row.get(2)?),
                    })
                })?
                .collect()
        })
        .await
    }

    /// Turns somebody away who waits; returns whether they did.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn decline(&self, agent: &AgentPubKey) -> Result<bool, Problem> {
        let agent = agent.to_string();
        let gone = self.write(move |connection| forget_wish(connection, &agent));
        Ok(gone.await? == 1)
    }
}

/// Forgets that somebody waits.
pub(super) fn forget_wish(connection: &Connection, agent: &str) -> rusqlite::Result<usize> {
    connection
        .prepare_cached("DELETE FROM waiting WHERE agent = ?1")?
        .execute([agent])
}

fn insert(
    connection: &Connection,
    new: &NewInvite,
    now: Timestamp,
    expires: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO invites
             (digest, id, role, inviter, note, uses, uses_left, made_at_us, expires_at_us)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8)",
        )?
        .execute(params![
            new.digest.to_string(),
            new.id,
            new.terms.role.as_str(),
            new.inviter,
            new.note,
            new.terms.uses,
            now.as_micros(),
            expires.as_micros(),
        ])?;
    Ok(())
}

fn ask(
    connection: &Connection,
    asking: &Asking,
    policy: Policy,
    now: Timestamp,
    limits: &Limits,
) -> rusqlite::Result<Result<Decision, Refusal>> {
    connection
        .prepare_cached("DELETE FROM waiting WHERE asked_at_us <= ?1")?
        .execute([asked_since(now, limits)])?;
    let agent = asking.agent.to_string();
    let digest = asking.code.as_ref().map(|code| code.digest().to_string());
    let (brought, inviter) = match &digest {
        None => (Brought::Nothing, String::new()),
        Some(digest) => brought(connection, digest)?,
    };
    let standing = standing(connection, &agent)?;
    let decided = sign_up::decide(policy, &standing, &brought, now, limits);
    match decided {
        Ok(Decision::Admit { role, is_by_invite }) => {
            if let Some(digest) = digest.filter(|_| is_by_invite) {
                connection
                    .prepare_cached(
                        "UPDATE invites SET uses_left = uses_left - 1 WHERE digest = ?1",
                    )?
                    .execute([digest])?;
            }
            connection
                .prepare_cached(
                    "INSERT INTO members (agent, role, added_at_us, inviter) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![agent, role.as_str(), now.as_micros(), inviter])?;
            forget_wish(connection, &agent)?;
        }
        Ok(Decision::Wait) => {
            connection
                .prepare_cached(
                    "INSERT INTO waiting (agent, name, asked_at_us) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![agent, asking.name, now.as_micros()])?;
        }
        Ok(Decision::Member(_) | Decision::StillWaiting) | Err(_) => {}
    }
    Ok(decided)
}

/// Returns since when a wish counts.
fn asked_since(now: Timestamp, limits: &Limits) -> i64 {
    let waiting_us = i64::try_from(limits.waiting_for.as_micros()).unwrap_or(i64::MAX);
    now.as_micros().saturating_sub(waiting_us)
}

/// Looks an invite up, with who made it.
fn brought(connection: &Connection, digest: &str) -> rusqlite::Result<(Brought, String)> {
    let found = connection
        .prepare_cached(
            "SELECT invites.role, members.role, uses_left, expires_at_us, invites.inviter
             FROM invites LEFT JOIN members ON members.agent = invites.inviter
             WHERE digest = ?1",
        )?
        .query_row([digest], |row| {
            Ok((Brought::Invite(invite(row, 0)?), row.get(4)?))
        })
        .optional()?;
    Ok(found.unwrap_or((Brought::Unknown, String::new())))
}

fn standing(connection: &Connection, agent: &str) -> rusqlite::Result<Standing> {
    let count = |sql: &str| {
        connection
            .prepare_cached(sql)?
            .query_row([], |row| row.get(0))
    };
    Ok(Standing {
        role: role(connection, agent)?,
        is_waiting: connection
            .prepare_cached("SELECT 1 FROM waiting WHERE agent = ?1")?
            .exists([agent])?,
        members: count("SELECT count(*) FROM members")?,
        waiting: count("SELECT count(*) FROM waiting")?,
    })
}

/// Returns what somebody is now.
fn role(connection: &Connection, agent: &str) -> rusqlite::Result<Option<Role>> {
    let word: Option<String> = connection
        .prepare_cached("SELECT role FROM members WHERE agent = ?1")?
        .query_row([agent], |row| row.get(0))
        .optional()?;
    word.map(|word| read_role(&word)).transpose()
}

/// Reads an invite from its role, its inviter's role, its uses and its end, which stand from `column` on.
fn invite(row: &Row<'_>, column: usize) -> rusqlite::Result<Invite> {
    let inviter: Option<String> = row.get(column + 1)?;
    Ok(Invite {
        role: read_role(&row.get::<_, String>(column)?)?,
        inviter: inviter.map(|word| read_role(&word)).transpose()?,
        uses_left: row.get(column + 2)?,
        expires: Timestamp(row.get(column + 3)?),
    })
}

fn read_role(word: &str) -> rusqlite::Result<Role> {
    Role::find(word).ok_or_else(|| {
        rusqlite::Error::InvalidColumnType(0, "role".to_owned(), rusqlite::types::Type::Text)
    })
}

/// Says that somebody whom nobody lets in waits for nothing.
pub(crate) fn nobody_waits(agent: &AgentPubKey) -> Problem {
    Problem::new(
        Code::NotFound,
        format!("{agent} does not wait for approval"),
    )
}
