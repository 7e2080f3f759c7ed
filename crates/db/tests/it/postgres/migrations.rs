//! Schema versions on a server that several processes share.

use base::Code;
use db::{Access, Migration, OpenError, Postgres, PostgresConfig, PostgresLimits};
use runtime::Supervisor;

use super::{LIMITS, ROWS, config, database, ids, open, write};

/// Takes long enough for others to come in between, and cannot be applied twice.
const SLOW: &[Migration] = &[
    ROWS[0],
    Migration {
        version: 2,
        name: "slow",
        sql: "SELECT pg_sleep(0.3); ALTER TABLE rows ADD COLUMN note TEXT",
    },
];

async fn connect(config: PostgresConfig<'_>) -> Result<Postgres, OpenError> {
    Postgres::connect(config, &Supervisor::default()).await
}

#[tokio::test]
async fn processes_that_start_at_once_migrate_once() {
    let Some(url) = database() else { return };
    let slow = PostgresConfig {
        migrations: SLOW,
        ..config(&url)
    };
    let reader = PostgresConfig {
        access: Access::ReadOnly,
        ..slow
    };
    // The reader comes first and waits for the others.
    let opened = futures::join!(connect(reader), connect(slow), connect(slow), connect(slow));
    let db = opened.1.unwrap();
    for other in [opened.0, opened.2, opened.3] {
        assert_eq!(other.unwrap().schema_version(), 2);
    }
    let rows = db
        .query(
            "SELECT version FROM schema_migrations ORDER BY version",
            &[],
        )
        .await
        .unwrap();
    let versions: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(versions, [1, 2]);
}

#[tokio::test]
async fn a_reader_of_an_empty_database_names_the_writer() {
    let Some(url) = database() else { return };
    let limits = PostgresLimits {
        start_ms_max: 600_000,
        ..LIMITS
    };
    let reader = PostgresConfig {
        access: Access::ReadOnly,
        limits,
        ..config(&url)
    };
    // It does not wait for as long as for a server that is away.
    let error = connect(reader).await.unwrap_err();
    assert!(matches!(error, OpenError::Empty { .. }), "{error:?}");
    assert!(
        error.to_string().contains("has not been there yet"),
        "{error}"
    );
    assert_eq!(error.code(), Code::Unavailable);
}

#[tokio::test]
async fn reader_gives_up_when_nobody_brings_the_schema_up_to_date() {
    let Some(url) = database() else { return };
    let writer = connect(config(&url)).await.unwrap();
    let limits = PostgresLimits {
        start_ms_max: 300,
        ..LIMITS
    };
    let reader = PostgresConfig {
        access: Access::ReadOnly,
        migrations: SLOW,
        limits,
        ..config(&url)
    };
    let error = connect(reader).await.unwrap_err();
    assert!(
        matches!(
            error,
            OpenError::NotMigrated {
                found: 1,
                wanted: 2
            }
        ),
        "{error:?}"
    );
    assert_eq!(error.code(), Code::Unavailable);
    writer.close().await;
}

#[tokio::test]
async fn newer_and_edited_schemas_are_refused() {
    let Some(url) = database() else { return };
    let slow = PostgresConfig {
        migrations: SLOW,
        ..config(&url)
    };
    write(&connect(slow).await.unwrap(), 1).await.unwrap();
    for access in [Access::ReadWrite, Access::ReadOnly] {
        let older = PostgresConfig {
            access,
            ..config(&url)
        };
        let error = connect(older).await.unwrap_err();
        assert!(
            matches!(error, OpenError::Newer { found: 2, known: 1 }),
            "{error:?}"
        );
        let edited = [
            Migration {
                sql: "CREATE TABLE rows (id BIGINT PRIMARY KEY)",
                ..ROWS[0]
            },
            SLOW[1],
        ];
        let edited = PostgresConfig {
            access,
            migrations: &edited,
            ..config(&url)
        };
        let error = connect(edited).await.unwrap_err();
        assert!(
            matches!(error, OpenError::Edited { version: 1, .. }),
            "{error:?}"
        );
    }
    assert_eq!(ids(&connect(slow).await.unwrap()).await, [1]);
}

#[tokio::test]
async fn failed_migration_leaves_the_version_before_it() {
    let Some(url) = database() else { return };
    let broken = [
        ROWS[0],
        Migration {
            version: 2,
            name: "broken",
            sql: "CREATE TABLE half (id BIGINT); CREATE TABLE rows (id BIGINT)",
        },
    ];
    let broken = PostgresConfig {
        migrations: &broken,
        ..config(&url)
    };
    let error = connect(broken).await.unwrap_err();
    assert!(
        matches!(error, OpenError::Migrate { version: 2, .. }),
        "{error:?}"
    );
    let db = open(&url).await;
    let rows = db
        .query("SELECT to_regclass('half') IS NULL", &[])
        .await
        .unwrap();
    assert!(rows[0].get::<_, bool>(0));
}

#[tokio::test]
async fn schemas_of_one_database_do_not_meet() {
    let Some(url) = database() else { return };
    let other = PostgresConfig {
        schema: "another_one",
        ..config(&url)
    };
    let (one, other) = futures::join!(connect(config(&url)), connect(other));
    let (one, other) = (one.unwrap(), other.unwrap());
    write(&one, 1).await.unwrap();
    write(&other, 2).await.unwrap();
    assert_eq!((ids(&one).await, ids(&other).await), (vec![1], vec![2]));
}
