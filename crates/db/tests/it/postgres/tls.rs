//! Encryption towards a server, and whom it trusts.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;

use base::Code;
use db::tokio_postgres::{self, NoTls};
use db::{OpenError, Postgres};
use runtime::Supervisor;
use testkit::servers::{Fsync, Postgres as Server};

use super::config;

/// Starts a server that offers TLS with a certificate for `localhost`.
async fn server() -> Option<Server> {
    let mut server = Server::start_with(Fsync::Off).unwrap()?;
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = server.socket_folder().to_owned();
    put(&folder, "server.pem", &made.cert.pem());
    put(&folder, "server.key", &made.signing_key.serialize_pem());
    let (client, connection) = tokio_postgres::connect(&server.url(), NoTls).await.unwrap();
    let settings = async {
        for (name, value) in [
            ("ssl_cert_file", folder.join("server.pem")),
            ("ssl_key_file", folder.join("server.key")),
            ("ssl", "on".into()),
        ] {
            let sql = format!("ALTER SYSTEM SET {name} = '{}'", value.display());
            client.batch_execute(&sql).await.unwrap();
        }
        drop(client);
    };
    let (connection, ()) = futures::join!(connection, settings);
    connection.unwrap();
    server.restart().unwrap();
    Some(server)
}

/// Writes a file that belongs to the server's user.
fn put(folder: &Path, name: &str, text: &str) {
    let file = folder.join(name);
    std::fs::write(&file, text).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let owner = std::fs::metadata(folder).unwrap();
    chown(&file, Some(owner.uid()), Some(owner.gid())).unwrap();
}

async fn is_encrypted(url: &str) -> Result<bool, OpenError> {
    let db = Postgres::connect(config(url), &Supervisor::default()).await?;
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let rows = db.query(sql, &[]).await.unwrap();
    Ok(rows[0].get(0))
}

#[tokio::test]
async fn certificate_is_looked_at_when_encryption_is_required() {
    let Some(server) = server().await else { return };
    let at = |host: &str, options: &str| {
        let port = server.port();
        format!("postgres://postgres@{host}:{port}/postgres{options}")
    };
    assert!(is_encrypted(&at("localhost", "")).await.unwrap());
    assert!(
        is_encrypted(&at("127.0.0.1", "?sslmode=prefer"))
            .await
            .unwrap()
    );
    assert!(
        !is_encrypted(&at("localhost", "?sslmode=disable"))
            .await
            .unwrap()
    );

    let authority = server.socket_folder().join("server.pem");
    for mode in ["require", "verify-full"] {
        let options = format!("?sslmode={mode}&sslrootcert={}", authority.display());
        assert!(is_encrypted(&at("localhost", &options)).await.unwrap());
        let other_name = is_encrypted(&at("127.0.0.1", &options)).await.unwrap_err();
        assert!(
            matches!(other_name, OpenError::Refused { .. }),
            "{other_name:?}"
        );
    }

    // A certificate of somebody else, as an authority.
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    put(server.socket_folder(), "other.pem", &other.cert.pem());
    let other = server.socket_folder().join("other.pem");
    let options = format!("?sslmode=require&sslrootcert={}", other.display());
    let unknown = is_encrypted(&at("localhost", &options)).await.unwrap_err();
    assert!(matches!(unknown, OpenError::Refused { .. }), "{unknown:?}");
    assert_eq!(unknown.code(), Code::Config);

    let options = "?sslmode=require&sslrootcert=/nowhere/at/all.pem";
    let missing = is_encrypted(&at("localhost", options)).await.unwrap_err();
    assert!(matches!(missing, OpenError::Address { .. }), "{missing:?}");
}

#[tokio::test]
async fn encryption_that_is_required_and_not_offered_is_refused() {
    let Some(server) = Server::shared().unwrap() else {
        return;
    };
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("server.pem");
    std::fs::write(&authority, made.cert.pem()).unwrap();
    let url = format!(
        "postgres://postgres@localhost:{}/postgres?sslmode=require&sslrootcert={}",
        server.port(),
        authority.display()
    );
    let error = is_encrypted(&url).await.unwrap_err();
    assert!(matches!(error, OpenError::Refused { .. }), "{error:?}");
    assert!(base::told(&error).contains("TLS"), "{}", base::told(&error));
}
