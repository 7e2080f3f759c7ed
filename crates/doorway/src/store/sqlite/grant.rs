//! Who may write, and for whom.

use base::{Duration, Timestamp};
use db::rusqlite::{self, Connection, OptionalExtension as _, params};
use doorway_core::lease::{Epoch, GrantTable, HolderId, Reply, Request};

use crate::store::Introduction;

/// Says which community this is; false when the store belongs to another one.
pub(super) fn introduce(
    connection: &Connection,
    introduction: &Introduction,
) -> rusqlite::Result<bool> {
    let known = self::introduction(connection)?;
    if known.is_some_and(|known| known.network_seed != introduction.network_seed) {
        return Ok(false);
    }
    connection.execute(
        "INSERT INTO community (number, name, network_seed, origin) VALUES (1, ?1, ?2, ?3)
         ON CONFLICT (number) DO UPDATE SET name = ?1, origin = ?3",
        params![
            introduction.name,
            introduction.network_seed,
            introduction.origin
        ],
    )?;
    Ok(true)
}

/// Returns which community this is.
pub(super) fn introduction(connection: &Connection) -> rusqlite::Result<Option<Introduction>> {
    connection
        .prepare_cached("SELECT name, network_seed, origin FROM community")?
        .query_row([], |row| {
            Ok(Introduction {
                name: row.get(0)?,
                network_seed: row.get(1)?,
                origin: row.get(2)?,
            })
        })
        .optional()
}

/// Lets the core decide about the lease, by the store's clock.
pub(super) fn ask(connection: &Connection, request: &Request) -> rusqlite::Result<Reply> {
    let now: i64 = connection
        .prepare_cached("SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER)")?
        .query_row([], |row| row.get(0))?;
    let mut table = table(connection)?;
    let reply = table.apply(Timestamp(now), request);
    connection
        .prepare_cached(
            "INSERT INTO lease (number, holder, epoch, until_us, ttl_us) VALUES (1, ?1, ?2, ?3, ?4)
             ON CONFLICT (number) DO UPDATE SET holder = ?1, epoch = ?2, until_us = ?3, ttl_us = ?4",
        )?
        .execute(params![
            table.holder().map(|holder| &holder.0),
            table.epoch().0,
            table.until().as_micros(),
            table.ttl().as_micros(),
        ])?;
    Ok(reply)
}

/// Reads who may write.
pub(super) fn table(connection: &Connection) -> rusqlite::Result<GrantTable> {
    let row = connection
        .prepare_cached("SELECT holder, epoch, until_us, ttl_us FROM lease")?
        .query_row([], |row| {
            let holder: Option<String> = row.get(0)?;
            Ok(GrantTable::restore(
                Epoch(row.get(1)?),
                holder.map(HolderId),
                Timestamp(row.get(2)?),
                Duration::from_micros(row.get(3)?),
            ))
        });
    Ok(row.optional()?.unwrap_or_default())
}
