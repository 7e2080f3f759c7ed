//! A real cluster, asked by `psql` beside its server.

use super::*;

/// Runs a statement and returns what it prints.
fn ask(postgres: &Postgres, url: &str, statement: &str) -> anyhow::Result<String> {
    let output = Command::new(postgres.programs.join("psql"))
        .args([
            "--no-psqlrc",
            "--tuples-only",
            "--no-align",
            "--command",
            statement,
            url,
        ])
        .env("PGCONNECT_TIMEOUT", "5")
        .stdin(Stdio::null())
        .output()?;
    anyhow::ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[test]
fn what_was_committed_is_there_after_an_immediate_stop() {
    let Some(mut postgres) = Postgres::start().expect("it starts") else {
        return;
    };
    let url = postgres.database("kept").expect("a database");
    assert_eq!(ask(&postgres, &url, "show fsync").expect("an answer"), "on");
    ask(&postgres, &url, "create table t as select 7 as n").expect("a table");
    let port = postgres.port();
    postgres.stop();
    assert!(ask(&postgres, &url, "select 1").is_err());
    assert!(postgres.pause().is_err());
    postgres.restart().expect("it starts again");
    assert_eq!(postgres.port(), port);
    assert_eq!(ask(&postgres, &url, "select n from t").expect("a row"), "7");

    postgres.pause().expect("it runs");
    let error = ask(&postgres, &url, "select 1").expect_err("nobody answers");
    assert!(error.to_string().contains("timeout"), "{error}");
    postgres.resume().expect("it runs");
    assert_eq!(ask(&postgres, &url, "select n from t").expect("a row"), "7");

    let folder = postgres.folder.path().to_owned();
    drop(postgres);
    assert!(!folder.exists());
}

#[test]
fn databases_of_the_shared_cluster_are_empty_and_apart() {
    let Some(postgres) = Postgres::shared().expect("it starts") else {
        return;
    };
    let (first, second) = (
        postgres.database("same").expect("a database"),
        postgres.database("same").expect("a database"),
    );
    ask(postgres, &first, "create table t (n int)").expect("a table");
    ask(postgres, &second, "create table t (n int)").expect("a table of the same name");
    assert!(postgres.database("no; such").is_err());
    assert_eq!(
        ask(postgres, &first, "show fsync").expect("an answer"),
        "off"
    );
    let socket = format!(
        "host={} port={} user=postgres dbname=postgres",
        postgres.socket_folder().display(),
        postgres.port()
    );
    assert_eq!(ask(postgres, &socket, "select 1").expect("a row"), "1");
    let again = Postgres::shared().expect("it runs").expect("it is there");
    assert_eq!(again.port(), postgres.port());
}

#[test]
fn versions_and_users_are_read() {
    for (line, expected) in [
        (
            "postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)",
            Some(15),
        ),
        ("postgres (PostgreSQL) 18beta1", Some(18)),
        ("something else", None),
    ] {
        assert_eq!(version_in(line), expected, "{line}");
    }
    let users = "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65533:n:/nonexistent:/bin/false\n";
    let user = user_in(users, "nobody").expect("a user");
    assert_eq!((user.uid, user.gid), (65_534, 65_533));
    assert!(user_in(users, "postgres").is_none());
}
