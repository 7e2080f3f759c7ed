//! What the sockets remember in the conductor's folder: since when apps are there, with which seed, and app interfaces.

use std::path::Path;

use base::Timestamp;
use db::rusqlite::{OptionalExtension as _, params};
use db::{Migration, Sqlite};

use crate::protocol::admin::InterfaceView;
use crate::{AppId, Fault};

/// Name of the database inside of the folder.
const FILE: &str = "sockets.db";

const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "apps and app interfaces",
    sql: "
CREATE TABLE apps (
    app TEXT PRIMARY KEY,
    network_seed TEXT NOT NULL,
    installed INTEGER NOT NULL,
    was_enabled INTEGER NOT NULL CHECK (was_enabled IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE interfaces (
    port INTEGER PRIMARY KEY CHECK (port BETWEEN 1 AND 65535),
    origins TEXT NOT NULL,
    app TEXT
) STRICT;
",
}];

/// What is remembered of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AppNote {
    /// The seed that its DNA comes from.
    pub(super) network_seed: String,
    /// When it was installed.
    pub(super) installed: Timestamp,
    /// Whether it ever wrote.
    pub(super) was_enabled: bool,
}

/// The notes.
pub(super) struct Book {
    db: Sqlite,
}

impl Book {
    pub(super) fn open(folder: &Path) -> Result<Self, db::OpenError> {
        let limits = db::Limits {
            readers: 1,
            ..db::Limits::default()
        };
        let db = Sqlite::open(folder.join(FILE), MIGRATIONS, limits)?;
        Ok(Self { db })
    }

    pub(super) async fn close(&self) -> Result<(), Fault> {
        Ok(self.db.close().await?)
    }

    /// Notes an app, unless it is noted.
    pub(super) async fn note(
        &self,
        app: &AppId,
        network_seed: &str,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let (app, seed) = (app.to_string(), network_seed.to_owned());
        self.db
            .write(move |tx| -> Result<(), Fault> {
                tx.prepare_cached(
                    "INSERT OR IGNORE INTO apps (app, network_seed, installed, was_enabled)
                     VALUES (?1, ?2, ?3, 0)",
                )?
                .execute(params![app, seed, now.as_micros()])?;
                Ok(())
            })
            .await?;
        Ok(())
    }

    pub(super) async fn forget(&self, app: &AppId) -> Result<(), Fault> {
        let app = app.to_string();
        self.db
            .write(move |tx| -> Result<(), Fault> {
                tx.prepare_cached("DELETE FROM apps WHERE app = ?1")?
                    .execute([app])?;
                Ok(())
            })
            .await?;
        Ok(())
    }

    /// Notes that an app wrote, or may.
    pub(super) async fn note_enabled(&self, app: &AppId) -> Result<(), Fault> {
        let app = app.to_string();
        self.db
            .write(move |tx| -> Result<(), Fault> {
                tx.prepare_cached("UPDATE apps SET was_enabled = 1 WHERE app = ?1")?
                    .execute([app])?;
                Ok(())
            })
            .await?;
        Ok(())
    }

    pub(super) async fn app(&self, app: &AppId) -> Result<Option<AppNote>, Fault> {
        let app = app.to_string();
        let note = self.db.read(move |tx| -> Result<_, Fault> {
            let note = tx
                .prepare_cached(
                    "SELECT network_seed, installed, was_enabled FROM apps WHERE app = ?1",
                )?
                .query_row([app], |row| {
                    Ok(AppNote {
                        network_seed: row.get(0)?,
                        installed: Timestamp(row.get(1)?),
                        was_enabled: row.get(2)?,
                    })
                })
                .optional()?;
            Ok(note)
        });
        Ok(note.await?)
    }

    pub(super) async fn note_interface(&self, interface: InterfaceView) -> Result<(), Fault> {
        self.db
            .write(move |tx| -> Result<(), Fault> {
                tx.prepare_cached(
                    "INSERT OR REPLACE INTO interfaces (port, origins, app) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![
                    interface.port,
                    interface.allowed_origins,
                    interface.installed_app_id
                ])?;
                Ok(())
            })
            .await?;
        Ok(())
    }

    /// All app interfaces, by port.
    pub(super) async fn interfaces(&self) -> Result<Vec<InterfaceView>, Fault> {
        let interfaces = self.db.read(|tx| -> Result<_, Fault> {
            let mut statement =
                tx.prepare_cached("SELECT port, origins, app FROM interfaces ORDER BY port")?;
            let rows = statement.query_map([], |row| {
                Ok(InterfaceView {
                    port: row.get(0)?,
                    allowed_origins: row.get(1)?,
                    installed_app_id: row.get(2)?,
                })
            })?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        });
        Ok(interfaces.await?)
    }
}
