//! The store's own schema, told from the server's catalog.

use api::{DbSchemaView, SCHEMA_VERSION, TableView};
use db::Postgres;

use super::rows::{failed, get};
use crate::store::StoreError;

/// Tables with their columns and constraints, and the indexes that no constraint made, by name.
const CATALOG: &str = "
    SELECT tables.relname::text,
           'CREATE TABLE ' || tables.relname || E' (\\n' || (
               SELECT string_agg('    ' || line, E',\\n' ORDER BY place, line) FROM (
                   SELECT attnum::int AS place,
                          attname || ' ' || upper(format_type(atttypid, atttypmod))
                          || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END AS line
                   FROM pg_attribute WHERE attrelid = tables.oid AND attnum > 0 AND NOT attisdropped
                   UNION ALL
                   SELECT 10000, pg_get_constraintdef(oid) FROM pg_constraint
                   WHERE conrelid = tables.oid AND contype IN ('p', 'u', 'c', 'f')
               ) AS lines
           ) || E'\\n)'
    FROM pg_class AS tables
    WHERE tables.relnamespace = to_regnamespace($1) AND tables.relkind = 'r'
    UNION ALL
    SELECT indexes.relname::text, pg_get_indexdef(indexes.oid)
    FROM pg_class AS indexes
    WHERE indexes.relnamespace = to_regnamespace($1) AND indexes.relkind = 'i'
      AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexes.oid)
    ORDER BY 1";

/// Tells the schema.
pub(super) async fn schema(
    postgres: &Postgres,
    name: &'static str,
) -> Result<DbSchemaView, StoreError> {
    let found = postgres.query(CATALOG, &[&name]).await.map_err(failed)?;
    let tables = found.iter().map(|found| {
        Ok(TableView {
            name: get(found, 0)?,
            sql: get(found, 1)?,
        })
    });
    Ok(DbSchemaView {
        schema_version: SCHEMA_VERSION,
        migration: postgres.schema_version(),
        backend: "postgres".to_owned(),
        tables: tables.collect::<Result<_, StoreError>>()?,
    })
}
