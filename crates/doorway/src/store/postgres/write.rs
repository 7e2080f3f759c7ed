//! Applying a batch inside one transaction: exactly once, with few round trips.
//!
//! Statements that do not need each other's answers are sent together, and each table is written with one statement
//! whose parameters are columns of arrays.

use std::collections::HashMap;

use chain::{Record, RecordEntry, record};
use db::Transaction;
use doorway_core::address::Claim;
use doorway_core::event::{self, Changed};
use doorway_core::projector::{Batch, Known};
use futures::try_join;

use super::columns::Columns;
use super::gather::{Draft, Gathered, gather};
use super::grant::{self, signed};
use super::queries::CURSOR;
use super::rows::{self, Value, failed};
use super::text::clean;
use crate::store::{Applied, Apply, EVENTS_KEPT_MAX, StoreError, described};

/// What is known of items: their newest version, and the number of the newest action.
const KNOWN: &str = "SELECT id, author, kind, (SELECT max(versions.seq) FROM versions WHERE versions.item = items.id),
        is_withdrawn, reach, course, slug
     FROM items WHERE id = ANY($1)";

/// Bytes of words that one statement brings; the server has a deadline for each.
const WORDS_BYTES_MAX: usize = 4 * 1_024 * 1_024;

/// Applies a batch when the store stands where the batch starts, and the lease is held under its epoch.
pub(super) async fn apply(
    tx: &Transaction,
    apply: &Apply,
    columns: &[Option<Columns>],
) -> Result<Applied, StoreError> {
    let batch = &apply.batch;
    let agent = batch.agent.to_string();
    let items: Vec<String> = batch
        .changes
        .iter()
        .filter_map(|change| change.item().map(ToString::to_string))
        .collect();
    grant::take_turn(tx).await?;
    let (whose, which): ([Value<'_>; 1], [Value<'_>; 1]) = ([&agent], [&items]);
    let (held, cursor, newest, known) = try_join!(
        tx.query_opt(grant::HELD, &[]),
        tx.query_opt(CURSOR, &whose),
        tx.query_one("SELECT coalesce(max(number), 0) FROM events", &[]),
        tx.query(KNOWN, &which),
    )
    .map_err(failed)?;
    if let Some((holder, epoch)) = described::fence(&grant::table(held.as_ref())?, apply.epoch) {
        return Err(StoreError::Fenced { holder, epoch });
    }
    let cursor = cursor.as_ref().map(rows::cursor).transpose()?;
    let cursor = cursor.map(|(_, cursor)| cursor);
    if cursor.as_ref().map(|cursor| cursor.seq) != batch.after {
        return Ok(Applied::Elsewhere(cursor));
    }
    let known: HashMap<String, Known> = known.iter().map(rows::known).collect::<Result<_, _>>()?;
    let mut gathered = gather(batch, columns, known);
    let newest: u64 = rows::number(&newest, 0)?;
    let changed = std::mem::take(&mut gathered.changed);
    let event = event::of(batch, newest + 1, apply.at, changed);
    try_join!(
        keep(tx, &agent, &batch.records),
        claim(tx, &agent, &apply.claims),
        insert(tx, &agent, &gathered),
        replace(tx, &gathered),
        withdraw(tx, &gathered),
        remember(tx, &gathered),
        remember_bodies(tx, &gathered),
        put_words(tx, &gathered),
        count_skips(tx, &gathered),
        set_cursor(tx, &agent, batch),
        tell(tx, &event),
    )?;
    let skipped = gathered.skipped;
    Ok(Applied::Stored { event, skipped })
}

async fn write(
    tx: &Transaction,
    sql: &'static str,
    values: &[Value<'_>],
) -> Result<(), StoreError> {
    tx.execute(sql, values).await.map(drop).map_err(failed)
}

/// Writes the event of a batch and forgets the oldest ones.
async fn tell(tx: &Transaction, event: &event::Event) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO events (number, at_us, agent, seq, head, changes)
         VALUES ($1, $2, $3, $4, $5, $6::text::jsonb)";
    let number = signed(event.number);
    let forgotten = signed(event.number.saturating_sub(EVENTS_KEPT_MAX));
    let (agent, head) = (event.agent.to_string(), event.head.to_string());
    let (at_us, seq) = (event.at.as_micros(), i64::from(event.seq));
    let changes: Vec<Changed> = event.changes.iter().map(cleaned).collect();
    let changes = described::changes(&changes);
    let values: [Value<'_>; 6] = [&number, &at_us, &agent, &seq, &head, &changes];
    let old: [Value<'_>; 1] = [&forgotten];
    let written = write(tx, SQL, &values);
    let forget = write(tx, "DELETE FROM events WHERE number <= $1", &old);
    try_join!(written, forget).map(drop)
}

fn cleaned(changed: &Changed) -> Changed {
    Changed {
        course: clean(&changed.course).into_owned(),
        slug: clean(&changed.slug).into_owned(),
        ..changed.clone()
    }
}

/// Keeps records as they were signed.
async fn keep(tx: &Transaction, agent: &str, records: &[Record]) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO records (agent, seq, hash, action, signature, entry)
         SELECT $1, given.* FROM unnest($2::bigint[], $3::text[], $4::bytea[], $5::bytea[], $6::bytea[]) AS given";
    if records.is_empty() {
        return Ok(());
    }
    let column = || records.iter();
    let seqs: Vec<i64> = column()
        .map(|one| one.action().action_seq().into())
        .collect();
    let hashes: Vec<String> = column()
        .map(|one| one.action_address().to_string())
        .collect();
    let actions: Vec<Vec<u8>> = column()
        .map(|one| record::action_bytes(one.action()))
        .collect();
    let signatures: Vec<&[u8]> = column().map(|one| one.signature().0.as_slice()).collect();
    let entries: Vec<Option<Vec<u8>>> = column().map(entry_bytes).collect();
    let values: [Value<'_>; 6] = [&agent, &seqs, &hashes, &actions, &signatures, &entries];
    write(tx, SQL, &values).await
}

fn entry_bytes(record: &Record) -> Option<Vec<u8>> {
    match record.entry() {
        RecordEntry::Present(entry) => Some(record::entry_bytes(entry)),
        RecordEntry::Hidden | RecordEntry::NA | RecordEntry::NotStored => None,
    }
}

/// Notes who used which address, and when.
async fn claim(tx: &Transaction, agent: &str, claims: &[Claim]) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO addresses (kind, course, slug, agent, number)
         SELECT given.kind, given.course, given.slug, $1, min(given.number)
         FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[]) AS given(kind, course, slug, number)
         GROUP BY given.kind, given.course, given.slug
         ON CONFLICT (kind, course, slug, agent)
         DO UPDATE SET number = least(addresses.number, excluded.number)";
    if claims.is_empty() {
        return Ok(());
    }
    let addresses = || claims.iter().map(|claim| &claim.address);
    let kinds: Vec<&str> = addresses().map(|address| address.kind).collect();
    let courses: Vec<_> = addresses().map(|address| clean(&address.course)).collect();
    let slugs: Vec<_> = addresses().map(|address| clean(&address.slug)).collect();
    let numbers: Vec<i64> = claims.iter().map(|claim| signed(claim.number)).collect();
    write(tx, SQL, &[&agent, &kinds, &courses, &slugs, &numbers]).await
}

/// Adds the items that the batch brought.
async fn insert(tx: &Transaction, agent: &str, gathered: &Gathered<'_>) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO items (id, seq, action, reach, title, slug, course, summary, language, licence,
                                          tags, changed_at_us, is_withdrawn, kind, created_at_us, author)
         SELECT given.id, given.seq, given.action, given.reach, given.title, given.slug, given.course, given.summary,
                given.language, given.licence, given.tags::jsonb, given.changed_at_us, given.is_withdrawn, given.kind,
                given.created_at_us, $16
         FROM unnest($1::text[], $2::bigint[], $3::text[], $4::smallint[], $5::text[], $6::text[], $7::text[],
                     $8::text[], $9::text[], $10::text[], $11::text[], $12::bigint[], $13::boolean[], $14::text[],
                     $15::bigint[])
              AS given(id, seq, action, reach, title, slug, course, summary, language, licence, tags, changed_at_us,
                       is_withdrawn, kind, created_at_us)";
    let drafts: Vec<&Draft<'_>> = gathered
        .drafts
        .iter()
        .filter(|draft| draft.is_new)
        .collect();
    if drafts.is_empty() {
        return Ok(());
    }
    let kinds: Vec<&str> = drafts.iter().map(|draft| draft.columns.kind).collect();
    let created: Vec<i64> = drafts.iter().map(|draft| draft.created_at_us).collect();
    let sheet = Sheet::of(&drafts);
    let mut values = sheet.values();
    values.extend([&kinds as Value<'_>, &created, &agent]);
    write(tx, SQL, &values).await
}

/// Gives items that were there before their newest version.
async fn replace(tx: &Transaction, gathered: &Gathered<'_>) -> Result<(), StoreError> {
    const SQL: &str = "UPDATE items SET seq = given.seq, action = given.action, reach = given.reach,
                title = given.title, slug = given.slug, course = given.course, summary = given.summary,
                language = given.language, licence = given.licence, tags = given.tags::jsonb,
                changed_at_us = given.changed_at_us, is_withdrawn = given.is_withdrawn,
                kind = CASE WHEN items.kind = 'content' AND items.slug = '' THEN given.kind ELSE items.kind END
         FROM unnest($1::text[], $2::bigint[], $3::text[], $4::smallint[], $5::text[], $6::text[], $7::text[],
                     $8::text[], $9::text[], $10::text[], $11::text[], $12::bigint[], $13::boolean[], $14::text[])
              AS given(id, seq, action, reach, title, slug, course, summary, language, licence, tags, changed_at_us,
                       is_withdrawn, kind)
         WHERE items.id = given.id";
    let drafts: Vec<&Draft<'_>> = gathered
        .drafts
        .iter()
        .filter(|draft| !draft.is_new)
        .collect();
    if drafts.is_empty() {
        return Ok(());
    }
    let kinds: Vec<&str> = drafts.iter().map(|draft| draft.columns.kind).collect();
    let sheet = Sheet::of(&drafts);
    let mut values = sheet.values();
    values.push(&kinds);
    write(tx, SQL, &values).await
}

/// Columns of items, each as an array.
struct Sheet<'a> {
    texts: [Vec<&'a str>; 9],
    seqs: Vec<i64>,
    reaches: Vec<i16>,
    changed: Vec<i64>,
    withdrawn: Vec<bool>,
}

impl<'a> Sheet<'a> {
    fn of(drafts: &[&Draft<'a>]) -> Self {
        let text = |of: fn(&Columns) -> &str| -> Vec<&'a str> {
            drafts.iter().map(|draft| of(draft.columns)).collect()
        };
        Self {
            texts: [
                text(|columns| &columns.id),
                text(|columns| &columns.action),
                text(|columns| &columns.title),
                text(|columns| &columns.slug),
                text(|columns| &columns.course),
                text(|columns| &columns.summary),
                text(|columns| &columns.language),
                text(|columns| &columns.licence),
                text(|columns| &columns.tags),
            ],
            seqs: drafts.iter().map(|draft| draft.columns.seq).collect(),
            reaches: drafts.iter().map(|draft| draft.columns.reach).collect(),
            changed: drafts.iter().map(|draft| draft.columns.at_us).collect(),
            withdrawn: drafts.iter().map(|draft| draft.is_withdrawn).collect(),
        }
    }

    /// The first 13 parameters of the statements that write items.
    fn values(&self) -> Vec<Value<'_>> {
        let [
            id,
            action,
            title,
            slug,
            course,
            summary,
            language,
            licence,
            tags,
        ] = &self.texts;
        vec![
            id,
            &self.seqs,
            action,
            &self.reaches,
            title,
            slug,
            course,
            summary,
            language,
            licence,
            tags,
            &self.changed,
            &self.withdrawn,
        ]
    }
}

/// Marks items that were there before as withdrawn, and forgets their words.
async fn withdraw(tx: &Transaction, gathered: &Gathered<'_>) -> Result<(), StoreError> {
    if gathered.withdrawn.is_empty() {
        return Ok(());
    }
    let items: [Value<'_>; 1] = [&gathered.withdrawn];
    let sql = "UPDATE items SET is_withdrawn = true WHERE id = ANY($1)";
    let marked = write(tx, sql, &items);
    let forgotten = write(tx, "DELETE FROM words WHERE item = ANY($1)", &items);
    try_join!(marked, forgotten).map(drop)
}

/// Notes versions.
async fn remember(tx: &Transaction, gathered: &Gathered<'_>) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO versions (item, seq, change, hash, at_us)
         SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[])";
    let versions = &gathered.versions;
    if versions.is_empty() {
        return Ok(());
    }
    let items: Vec<&str> = versions.iter().map(|noted| noted.item.as_str()).collect();
    let seqs: Vec<i64> = versions.iter().map(|noted| noted.seq).collect();
    let changes: Vec<&str> = versions.iter().map(|noted| noted.change).collect();
    let hashes: Vec<&str> = versions.iter().map(|noted| noted.hash.as_str()).collect();
    let times: Vec<i64> = versions.iter().map(|noted| noted.at_us).collect();
    write(tx, SQL, &[&items, &seqs, &changes, &hashes, &times]).await
}

/// Notes the blobs that hold what versions say.
async fn remember_bodies(tx: &Transaction, gathered: &Gathered<'_>) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO bodies (hash, item, seq, reach)
         SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::smallint[])";
    let bodies = &gathered.bodies;
    if bodies.is_empty() {
        return Ok(());
    }
    let hashes: Vec<_> = bodies
        .iter()
        .map(|columns| columns.spilled.as_deref())
        .collect();
    let items: Vec<&str> = bodies.iter().map(|columns| columns.id.as_str()).collect();
    let seqs: Vec<i64> = bodies.iter().map(|columns| columns.seq).collect();
    let reaches: Vec<i16> = bodies.iter().map(|columns| columns.reach).collect();
    write(tx, SQL, &[&hashes, &items, &seqs, &reaches]).await
}

/// Writes the words of items that can be found, a bounded number of bytes at a time.
async fn put_words(tx: &Transaction, gathered: &Gathered<'_>) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO words (item, body, vector)
         SELECT given.item, given.body, given.vector::tsvector
         FROM unnest($1::text[], $2::text[], $3::text[]) AS given(item, body, vector)
         ON CONFLICT (item) DO UPDATE SET body = excluded.body, vector = excluded.vector";
    let (mut items, mut bodies, mut vectors) = (Vec::new(), Vec::new(), Vec::new());
    let mut bytes = 0;
    for draft in gathered.drafts.iter().filter(|draft| !draft.is_withdrawn) {
        let Some(words) = &draft.columns.words else {
            continue;
        };
        items.push(draft.columns.id.as_str());
        bodies.push(words.body.as_str());
        vectors.push(words.vector.as_str());
        bytes += words.body.len() + words.vector.len();
        if bytes > WORDS_BYTES_MAX {
            write(tx, SQL, &[&items, &bodies, &vectors]).await?;
            items.clear();
            bodies.clear();
            vectors.clear();
            bytes = 0;
        }
    }
    if items.is_empty() {
        return Ok(());
    }
    write(tx, SQL, &[&items, &bodies, &vectors]).await
}

/// Counts what was not projected.
async fn count_skips(tx: &Transaction, gathered: &Gathered<'_>) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO skips (reason, count)
         SELECT given.reason, given.count FROM unnest($1::text[], $2::bigint[]) AS given(reason, count)
         ON CONFLICT (reason) DO UPDATE SET count = skips.count + excluded.count";
    if gathered.skips.is_empty() {
        return Ok(());
    }
    let reasons: Vec<&str> = gathered
        .skips
        .keys()
        .map(|reason| reason.as_str())
        .collect();
    let counts: Vec<i64> = gathered.skips.values().copied().collect();
    write(tx, SQL, &[&reasons, &counts]).await
}

async fn set_cursor(tx: &Transaction, agent: &str, batch: &Batch) -> Result<(), StoreError> {
    const SQL: &str =
        "INSERT INTO cursors (agent, seq, hash, at_us, is_closed) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (agent) DO UPDATE SET seq = $2, hash = $3, at_us = $4, is_closed = $5";
    let cursor = &batch.cursor;
    let (seq, hash) = (i64::from(cursor.seq), cursor.hash.to_string());
    let at_us = cursor.timestamp.as_micros();
    let values: [Value<'_>; 5] = [&agent, &seq, &hash, &at_us, &cursor.is_closed];
    write(tx, SQL, &values).await
}
