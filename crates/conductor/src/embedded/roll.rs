//! The statements about apps: admitting, listing, enabling, erasing.

use chain::{AgentPubKey, DnaHash};
use db::rusqlite::{Connection, OptionalExtension as _, params};

use crate::embedded::store;
use crate::{AppId, CellId, DnaUse, Fault, Hosted, State};

/// Enters an app with its cell; fine when it is entered already.
pub(super) fn admit(
    tx: &Connection,
    app: &AppId,
    cell: &CellId,
    cells_len_max: u32,
) -> Result<(), Fault> {
    if let Some(known) = cell_of(tx, app)? {
        return if known == *cell {
            Ok(())
        } else {
            Err(Fault::AppTaken {
                app: app.clone(),
                cell: known,
            })
        };
    }
    let (dna, agent) = (cell.dna.get_raw_39(), cell.agent.get_raw_39());
    if let Some(owner) = app_of(tx, cell)? {
        return Err(Fault::CellTaken { app: owner });
    }
    let count: u32 = tx
        .prepare_cached("SELECT count(*) FROM cells")?
        .query_row([], |row| row.get(0))?;
    if count >= cells_len_max {
        return Err(Fault::Capacity {
            limit: cells_len_max,
        });
    }
    tx.prepare_cached(
        "INSERT INTO cells (dna, agent, app, is_enabled, bytes) VALUES (?1, ?2, ?3, 0, 0)",
    )?
    .execute(params![dna, agent, app.as_str()])?;
    Ok(())
}

/// Returns the app of a cell.
pub(super) fn app_of(tx: &Connection, cell: &CellId) -> Result<Option<AppId>, Fault> {
    let owner: Option<String> = tx
        .prepare_cached("SELECT app FROM cells WHERE dna = ?1 AND agent = ?2")?
        .query_row(
            params![cell.dna.get_raw_39(), cell.agent.get_raw_39()],
            |row| row.get(0),
        )
        .optional()?;
    owner.map(|owner| read_app(&owner)).transpose()
}

/// Returns the cell of an app.
pub(super) fn cell_of(tx: &Connection, app: &AppId) -> Result<Option<CellId>, Fault> {
    let row: Option<(Vec<u8>, Vec<u8>)> = tx
        .prepare_cached("SELECT dna, agent FROM cells WHERE app = ?1")?
        .query_row([app.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    row.map(|(dna, agent)| read_cell(dna, agent)).transpose()
}

/// Lists apps by name.
pub(super) fn list(
    tx: &Connection,
    after: Option<&AppId>,
    limit: u32,
) -> Result<Vec<Hosted>, Fault> {
    let mut statement = tx
        .prepare_cached("SELECT app, dna, agent FROM cells WHERE app > ?1 ORDER BY app LIMIT ?2")?;
    let mut rows = statement.query(params![after.map_or("", AppId::as_str), limit])?;
    let mut apps = Vec::new();
    while let Some(row) = rows.next()? {
        let app: String = row.get(0)?;
        let cell = read_cell(row.get(1)?, row.get(2)?)?;
        apps.push(describe(tx, read_app(&app)?, cell)?);
    }
    Ok(apps)
}

/// Describes an app whose cell is hosted.
pub(super) fn describe(tx: &Connection, app_id: AppId, cell: CellId) -> Result<Hosted, Fault> {
    let Some(loaded) = store::load(tx, &cell)? else {
        return Err(Fault::UnknownCell(cell));
    };
    let state = match (&loaded.head, loaded.has_staged, loaded.is_enabled) {
        (None, true, _) => State::Provisioning,
        (_, _, true) => State::Enabled,
        (_, _, false) => State::Ready,
    };
    Ok(Hosted {
        app_id,
        cell,
        state,
        head: loaded.head,
    })
}

/// Lets a cell write or stops it.
pub(super) fn set_enabled(tx: &Connection, app: &AppId, is_enabled: bool) -> Result<(), Fault> {
    let changed = tx
        .prepare_cached("UPDATE cells SET is_enabled = ?2 WHERE app = ?1")?
        .execute(params![app.as_str(), is_enabled])?;
    if changed == 0 {
        return Err(Fault::UnknownApp(app.clone()));
    }
    Ok(())
}

/// Erases a cell with everything that belongs to it; returns how many records it had, and whether nonces remain.
pub(super) fn erase(tx: &Connection, cell: &CellId) -> Result<(u64, bool), Fault> {
    let key = params![cell.dna.get_raw_39(), cell.agent.get_raw_39()];
    let mut records = 0;
    for table in ["entries", "staged", "records", "cells"] {
        let sql = format!("DELETE FROM {table} WHERE dna = ?1 AND agent = ?2");
        let erased = tx.prepare_cached(&sql)?.execute(key)?;
        if table == "records" {
            records = erased as u64;
        }
    }
    let has_nonces = tx
        .prepare_cached("SELECT 1 FROM nonces WHERE agent = ?1 LIMIT 1")?
        .exists([cell.agent.get_raw_39()])?;
    Ok((records, has_nonces))
}

/// Sums up what each DNA takes.
pub(super) fn sum_up(tx: &Connection) -> Result<Vec<DnaUse>, Fault> {
    let mut statement =
        tx.prepare_cached("SELECT dna, count(*), sum(bytes) FROM cells GROUP BY dna")?;
    let mut rows = statement.query([])?;
    let mut dnas = Vec::new();
    while let Some(row) = rows.next()? {
        let (cells, bytes): (i64, i64) = (row.get(1)?, row.get(2)?);
        dnas.push(DnaUse {
            dna: DnaHash::try_from_raw_39(row.get(0)?).map_err(|_| damaged_roll())?,
            cells: cells.unsigned_abs(),
            bytes: bytes.unsigned_abs(),
        });
    }
    Ok(dnas)
}

fn read_cell(dna: Vec<u8>, agent: Vec<u8>) -> Result<CellId, Fault> {
    Ok(CellId {
        dna: DnaHash::try_from_raw_39(dna).map_err(|_| damaged_roll())?,
        agent: AgentPubKey::try_from_raw_39(agent).map_err(|_| damaged_roll())?,
    })
}

fn read_app(name: &str) -> Result<AppId, Fault> {
    name.parse().map_err(|_| damaged_roll())
}

/// A row of `cells` that this program did not write.
fn damaged_roll() -> Fault {
    let text = "a row of the table of cells cannot be read".to_owned();
    let code = db::rusqlite::ffi::Error::new(db::rusqlite::ffi::SQLITE_CORRUPT);
    db::rusqlite::Error::SqliteFailure(code, Some(text)).into()
}
