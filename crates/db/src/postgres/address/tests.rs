//! Addresses: what is taken, what is refused, and that a password is never told.

use std::time::Duration;

use super::*;

const SECRET: &str = "hunter2";

fn parse(url: &str) -> Result<Address, OpenError> {
    Address::parse(url, &PostgresLimits::default())
}

#[test]
fn place_names_hosts_and_database_without_the_password() {
    let cases = [
        (
            "postgres://anna:hunter2@db.example:6432/commons",
            "postgres://db.example:6432/commons",
        ),
        (
            "postgresql://anna:hunter2@a,b:7/x",
            "postgres://a:5432,b:7/x",
        ),
        (
            "postgres://anna:hunter2@[::1]/x?sslmode=disable",
            "postgres://::1:5432/x",
        ),
        (
            "postgres:///x?host=/run/postgresql&user=anna&password=hunter2",
            "postgres:///run/postgresql:5432/x",
        ),
        (
            "postgres://anna:a%40hunter2@host",
            "postgres://host:5432/anna",
        ),
    ];
    for (url, place) in cases {
        let address = parse(url).unwrap();
        assert_eq!(address.to_string(), place);
        assert!(!format!("{address:?}").contains(SECRET), "{address:?}");
        assert!(!format!("{:?}", address.config).contains(SECRET));
    }
}

#[test]
fn malformed_addresses_are_refused_without_showing_the_password() {
    let cases = [
        "",
        "mysql://anna:hunter2@host/x",
        "host=localhost user=anna password=hunter2",
        "postgres://anna:hunter2",
        "postgres:///x?password=hunter2",
        "postgres://anna:pass@hunter2@host/x",
        "postgres://anna:pass@hunter2/x@host/x",
        "postgres://anna:hunter2@host/x?sslmode=verify-ca",
        "postgres://anna:hunter2@host/x?hunter2=1",
        "postgres://anna:hunter2@host/x?hunter2",
        "postgres://anna:hunter2@host:port/x",
        "postgres:///x?host=/run&password=hunter2&sslmode=require",
    ];
    for url in cases {
        let error = parse(url).expect_err(url);
        let problem = base::Problem::from(error);
        assert_eq!(problem.code, base::Code::Config, "{url}");
        assert!(!problem.detail.contains(SECRET), "{}", problem.detail);
    }
}

#[test]
fn message_names_the_option_that_is_wrong() {
    let error = parse("postgres://anna@host:port/x").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the database's address cannot be used: the value of `port` is not one that it may have"
    );
}

#[test]
fn verify_full_and_its_file_are_understood() {
    let url = "postgres://anna@host/x?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem&keepalives=1";
    let address = parse(url).unwrap();
    assert_eq!(address.config.get_ssl_mode(), SslMode::Require);
    assert_eq!(address.authorities, Some(PathBuf::from("/etc/ca.pem")));
    let address = parse("postgres://anna@host/x").unwrap();
    assert_eq!(address.config.get_ssl_mode(), SslMode::Prefer);
    assert_eq!(address.authorities, None);
}

#[test]
fn pauses_double_up_to_the_longest() {
    let limits = PostgresLimits {
        retry_delay_ms_min: 50,
        retry_delay_ms_max: 300,
        ..PostgresLimits::default()
    };
    let pauses = [(1, 50), (2, 100), (3, 200), (4, 300), (u32::MAX, 300)];
    for (failures, wanted) in pauses {
        assert_eq!(limits.retry_delay(failures), Duration::from_millis(wanted));
    }
}
