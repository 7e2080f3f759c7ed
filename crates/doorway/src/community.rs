//! What belongs to this community alone and has one owner: its name, its network seed, its members, its uploads.

mod sign_up;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base::{Code, ContentHash, Problem, Timestamp};
use chain::{AgentPubKey, DnaHash, dna};
use db::rusqlite::{self, Connection, OptionalExtension as _, params};
use db::{Fault, Limits, Migration, OpenError, Sqlite};
use doorway_core::address::{Address, Claim};
use doorway_core::session::Role;

use crate::store::Introduction;

pub(crate) use sign_up::{Asking, KeptInvite, NewInvite, Waiting, nobody_waits};

const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "community, members, uploads",
        sql: "
-- One row: which community this is.
CREATE TABLE community (
    number        INTEGER PRIMARY KEY CHECK (number = 1),
    name          TEXT NOT NULL,
    network_seed  TEXT NOT NULL
) STRICT;

-- Who may write here.
CREATE TABLE members (
    agent        TEXT PRIMARY KEY,
    role         TEXT NOT NULL,
    added_at_us  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who brought which blob: they may see it before any manifest names it.
CREATE TABLE uploads (
    hash   TEXT NOT NULL,
    agent  TEXT NOT NULL,
    at_us  INTEGER NOT NULL,
    PRIMARY KEY (hash, agent)
) STRICT, WITHOUT ROWID;
",
    },
    Migration {
        version: 2,
        name: "addresses",
        sql: "
-- Who used which address, in the order of arrival.
CREATE TABLE addresses (
    number  INTEGER PRIMARY KEY,
    kind    TEXT NOT NULL,
    course  TEXT NOT NULL,
    slug    TEXT NOT NULL,
    agent   TEXT NOT NULL,
    UNIQUE (kind, course, slug, agent)
) STRICT;
",
    },
    Migration {
        version: 3,
        name: "invites, people who wait",
        sql: "
-- What lets people in. The code itself is kept nowhere.
CREATE TABLE invites (
    digest         TEXT PRIMARY KEY,
    id             TEXT NOT NULL UNIQUE,
    role           TEXT NOT NULL,
    inviter        TEXT NOT NULL,
    note           TEXT NOT NULL,
    uses           INTEGER NOT NULL,
    uses_left      INTEGER NOT NULL,
    made_at_us     INTEGER NOT NULL,
    expires_at_us  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who wants to join and waits for a steward.
CREATE TABLE waiting (
    agent        TEXT PRIMARY KEY,
    name         TEXT NOT NULL,
    asked_at_us  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Whose invite let a member in; empty for those whom a steward admitted.
ALTER TABLE members ADD COLUMN inviter TEXT NOT NULL DEFAULT '';
",
    },
];

/// Which community this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its name.
    pub name: String,
    /// The seed that gives it a DNA hash of its own.
    pub network_seed: String,
    /// That hash.
    pub dna: DnaHash,
}

impl From<Introduction> for Identity {
    fn from(introduction: Introduction) -> Self {
        Self {
            name: introduction.name,
            dna: dna::hash_for(&introduction.network_seed),
            network_seed: introduction.network_seed,
        }
    }
}

/// One member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The agent key.
    pub agent: AgentPubKey,
    /// What they may do.
    pub role: Role,
    /// When they were admitted.
    pub added_at: Timestamp,
    /// Whose invite let them in; empty when a steward admitted them.
    pub inviter: String,
}

/// The community's own store.
#[derive(Clone)]
pub struct Community {
    sqlite: Sqlite,
    /// How often the list of members was changed since the start.
    version: Arc<AtomicU64>,
}

impl Community {
    /// Opens the store, making it when it is missing.
    ///
    /// # Errors
    /// [`OpenError`] when another process has it, or it is newer than this program.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let limits = Limits {
            readers: 2,
            ..Limits::default()
        };
        let sqlite = Sqlite::open(path, MIGRATIONS, limits)?;
        Ok(Self {
            sqlite,
            version: Arc::default(),
        })
    }

    /// Returns a number that is another one after each change of the list of members.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }

    /// Returns which community this is; at the very first start it becomes the one that is proposed.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn identity(&self, name: &str, network_seed: &str) -> Result<Identity, Problem> {
        let (name, network_seed) = (name.to_owned(), network_seed.to_owned());
        let (name, network_seed) = self
            .write(move |connection| {
                connection.execute(
                    "INSERT INTO community (number, name, network_seed) VALUES (1, ?1, ?2)
                     ON CONFLICT DO NOTHING",
                    params![name, network_seed],
                )?;
                connection.query_row("SELECT name, network_seed FROM community", [], |row| {
                    Ok((row.get(0)?, row.get::<_, String>(1)?))
                })
            })
            .await?;
        Ok(Identity {
            name,
            dna: dna::hash_for(&network_seed),
            network_seed,
        })
    }

    /// Gives the community another name; its seed stays.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn rename(&self, name: &str) -> Result<(), Problem> {
        let name = name.to_owned();
        self.write(move |connection| connection.execute("UPDATE community SET name = ?1", [name]))
            .await?;
        Ok(())
    }

    /// Admits the first steward when there is no member at all; returns whether it did.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn admit_first(&self, agent: &AgentPubKey, now: Timestamp) -> Result<bool, Problem> {
        let agent = agent.to_string();
        let changed = self
            .write(move |connection| {
                connection.execute(
                    "INSERT INTO members (agent, role, added_at_us)
                     SELECT ?1, ?2, ?3 WHERE NOT EXISTS (SELECT 1 FROM members)",
                    params![agent, Role::Steward.as_str(), now.as_micros()],
                )
            })
            .await?;
        Ok(changed == 1)
    }

    /// Returns the members in the order of their admission.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn members(&self) -> Result<Vec<Member>, Problem> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT agent, role, added_at_us, inviter FROM members
                     ORDER BY added_at_us, agent",
                )?
                .query_map([], member)?
                .collect()
        })
        .await
    }

    /// Returns one member.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn member(&self, agent: &str) -> Result<Option<Member>, Problem> {
        let agent = agent.to_owned();
        self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT agent, role, added_at_us, inviter FROM members WHERE agent = ?1",
                )?
                .query_row([agent], member)
                .optional()
        })
        .await
    }

    /// Admits a member or changes their role; they no longer wait.
    ///
    /// # Errors
    /// [`Code::StewardOnly`] when no steward would be left; otherwise when the store fails.
    pub async fn admit(
        &self,
        agent: &AgentPubKey,
        role: Role,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let agent = agent.to_string();
        let is_done = self
            .write(move |connection| {
                if role != Role::Steward && !has_other_steward(connection, &agent)? {
                    return Ok(false);
                }
                connection.execute(
                    "INSERT INTO members (agent, role, added_at_us) VALUES (?1, ?2, ?3)
                     ON CONFLICT (agent) DO UPDATE SET role = ?2",
                    params![agent, role.as_str(), now.as_micros()],
                )?;
                sign_up::forget_wish(connection, &agent)?;
                Ok(true)
            })
            .await?;
        self.members_changed();
        is_done.then_some(()).ok_or_else(last_steward)
    }

    /// Takes a member off the list, unless no steward would be left; returns whether they were on it.
    ///
    /// # Errors
    /// [`Code::StewardOnly`] for the last steward; otherwise when the store fails.
    pub async fn remove(&self, agent: &AgentPubKey) -> Result<bool, Problem> {
        let agent = agent.to_string();
        let outcome = self
            .write(move |connection| {
                if !has_other_steward(connection, &agent)? {
                    return Ok(None);
                }
                connection
                    .execute("DELETE FROM members WHERE agent = ?1", [agent])
                    .map(Some)
            })
            .await?;
        self.members_changed();
        outcome.map(|removed| removed == 1).ok_or_else(last_steward)
    }

    /// Remembers who brought a blob.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn uploaded(
        &self,
        hash: &ContentHash,
        agent: &str,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let (hash, agent) = (hash.to_string(), agent.to_owned());
        self.write(move |connection| {
            connection.execute(
                "INSERT INTO uploads (hash, agent, at_us) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                params![hash, agent, now.as_micros()],
            )
        })
        .await?;
        Ok(())
    }

    /// Returns whether this agent brought this blob.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn has_uploaded(&self, hash: &ContentHash, agent: &str) -> Result<bool, Problem> {
        let (hash, agent) = (hash.to_string(), agent.to_owned());
        self.read(move |connection| {
            connection
                .prepare_cached("SELECT 1 FROM uploads WHERE hash = ?1 AND agent = ?2")?
                .exists(params![hash, agent])
        })
        .await
    }

    /// Notes that an author uses addresses, and returns when they did so first: who used one first keeps it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn claim(
        &self,
        addresses: BTreeSet<Address>,
        agent: &str,
    ) -> Result<Vec<Claim>, Problem> {
        if addresses.is_empty() {
            return Ok(Vec::new());
        }
        let agent = agent.to_owned();
        self.write(move |connection| {
            let mut claim = connection.prepare_cached(
                "INSERT INTO addresses (kind, course, slug, agent) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO NOTHING",
            )?;
            let mut number = connection.prepare_cached(
                "SELECT number FROM addresses
                 WHERE kind = ?1 AND course = ?2 AND slug = ?3 AND agent = ?4",
            )?;
            let claimed = addresses.into_iter().map(|address| {
                let Address { kind, course, slug } = &address;
                claim.execute(params![kind, course, slug, agent])?;
                let number =
                    number.query_row(params![kind, course, slug, agent], |row| row.get(0))?;
                Ok(Claim { address, number })
            });
            claimed.collect()
        })
        .await
    }

    /// Finishes what was queued and closes the file.
    ///
    /// # Errors
    /// When the file cannot be brought to its final state.
    pub async fn close(&self) -> Result<(), Problem> {
        self.sqlite.close().await.map_err(Problem::from)
    }

    fn members_changed(&self) {
        self.version.fetch_add(1, Ordering::SeqCst);
    }

    async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let done = self.sqlite.write(change).await;
        done.map_err(|error| Fault::from(error).into())
    }

    async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let done = self.sqlite.read(question).await;
        done.map_err(|error| Fault::from(error).into())
    }
}

/// Returns whether somebody else than this agent is a steward.
fn has_other_steward(connection: &Connection, agent: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM members WHERE role = ?1 AND agent <> ?2")?
        .exists(params![Role::Steward.as_str(), agent])
}

fn last_steward() -> Problem {
    Problem::new(
        Code::StewardOnly,
        "the last steward stays one; admit another one first",
    )
}

fn member(row: &rusqlite::Row<'_>) -> rusqlite::Result<Member> {
    let agent: String = row.get(0)?;
    let role: String = row.get(1)?;
    let unreadable = |column| {
        rusqlite::Error::InvalidColumnType(
            column,
            "members".to_owned(),
            rusqlite::types::Type::Text,
        )
    };
    Ok(Member {
        agent: AgentPubKey::try_from(agent).map_err(|_| unreadable(0))?,
        role: Role::find(&role).ok_or_else(|| unreadable(1))?,
        added_at: Timestamp(row.get(2)?),
        inviter: row.get(3)?,
    })
}
