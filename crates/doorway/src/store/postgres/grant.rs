//! Who may write, and for whom.

use base::{Duration, Timestamp};
use db::Transaction;
use db::tokio_postgres::Row as Found;
use doorway_core::lease::{Epoch, GrantTable, HolderId, Reply, Request};
use futures::try_join;

use super::rows::{self, Value, failed};
use super::text::clean;
use crate::store::{Introduction, StoreError, foreign};

/// Lets writers come one after the other. It is sent alone and before everything else: the transaction sees the
/// database as it is once the lock is there, and so never meets what somebody else changed meanwhile.
const TURN: &str = "LOCK TABLE log IN SHARE ROW EXCLUSIVE MODE";

/// The community that the store belongs to.
pub(super) const COMMUNITY: &str = "SELECT name, network_seed, origin FROM community";

/// Waits for the turn to write.
pub(super) async fn take_turn(tx: &Transaction) -> Result<(), StoreError> {
    tx.execute(TURN, &[]).await.map(drop).map_err(failed)
}

/// Says which community this is.
pub(super) async fn introduce(
    tx: &Transaction,
    introduction: &Introduction,
) -> Result<(), StoreError> {
    const SQL: &str =
        "INSERT INTO community (number, name, network_seed, origin) VALUES (1, $1, $2, $3)
         ON CONFLICT (number) DO UPDATE SET name = $1, origin = $3";
    take_turn(tx).await?;
    let known = tx.query_opt(COMMUNITY, &[]).await.map_err(failed)?;
    let known = known.as_ref().map(self::introduction).transpose()?;
    let seed = clean(&introduction.network_seed);
    if known.is_some_and(|known| known.network_seed != seed) {
        return Err(foreign());
    }
    let (name, origin) = (clean(&introduction.name), clean(&introduction.origin));
    let values: [Value<'_>; 3] = [&name, &seed, &origin];
    let written = tx.execute(SQL, &values).await;
    written.map(drop).map_err(failed)
}

/// Reads a community: `name, network_seed, origin`.
pub(super) fn introduction(found: &Found) -> Result<Introduction, StoreError> {
    Ok(Introduction {
        name: rows::get(found, 0)?,
        network_seed: rows::get(found, 1)?,
        origin: rows::get(found, 2)?,
    })
}

/// Lets the core decide about the lease, by the server's clock.
pub(super) async fn ask(tx: &Transaction, request: &Request) -> Result<Reply, StoreError> {
    const ROW: &str = "SELECT holder, epoch, until_us, ttl_us FROM lease FOR UPDATE";
    const NOW: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
    const WRITE: &str =
        "INSERT INTO lease (number, holder, epoch, until_us, ttl_us) VALUES (1, $1, $2, $3, $4)
         ON CONFLICT (number) DO UPDATE SET holder = $1, epoch = $2, until_us = $3, ttl_us = $4";
    take_turn(tx).await?;
    let both = try_join!(tx.query_opt(ROW, &[]), tx.query_one(NOW, &[]));
    let (row, now) = both.map_err(failed)?;
    let before = table(row.as_ref())?;
    let mut table = before.clone();
    let reply = table.apply(Timestamp(rows::get(&now, 0)?), request);
    if table != before {
        let holder = table.holder().map(|holder| clean(&holder.0));
        let epoch = signed(table.epoch().0);
        let (until_us, ttl_us) = (table.until().as_micros(), signed(table.ttl().as_micros()));
        let values: [Value<'_>; 4] = [&holder, &epoch, &until_us, &ttl_us];
        tx.execute(WRITE, &values).await.map_err(failed)?;
    }
    Ok(reply)
}

/// Who may write; kept as it is until the transaction ends.
pub(super) const HELD: &str = "SELECT holder, epoch, until_us, ttl_us FROM lease FOR SHARE";

/// Reads who may write: `holder, epoch, until_us, ttl_us`; nobody had the grant yet where there is no row.
pub(super) fn table(found: Option<&Found>) -> Result<GrantTable, StoreError> {
    let Some(found) = found else {
        return Ok(GrantTable::default());
    };
    let holder: Option<String> = rows::get(found, 0)?;
    Ok(GrantTable::restore(
        Epoch(rows::number(found, 1)?),
        holder.map(HolderId),
        Timestamp(rows::get(found, 2)?),
        Duration::from_micros(rows::number(found, 3)?),
    ))
}

/// A count as the server holds it; nobody counts as far as this cuts off.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
