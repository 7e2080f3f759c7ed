//! A second machine: a copy that follows another doorway, and what it refuses.

use crate::home::{DEADLINE, Doorway, Home};

/// Nobody listens here: the port for TCP multiplexers (RFC 1078).
const NOBODY: &str = "http://127.0.0.1:1";

/// Waits until a doorway shows a page.
fn wait_for(doorway: &Doorway, path: &str) {
    testkit::wait_for(path, DEADLINE, || {
        Ok((doorway.status(path) == 200).then_some(()))
    })
    .unwrap();
}

/// Starts the copy of a home.
fn follow(home: &Home, url: &str) -> Doorway {
    home.up(&["--follow", url])
}

#[test]
fn a_copy_shows_what_its_writer_published_and_outlives_it() {
    let (home, mut writer) = Home::with_doorway();
    let other = Home::new();
    let copy = follow(&other, &writer.url);
    home.publish(&home.bread(), &writer);
    wait_for(&copy, "/courses/bread/starter");
    let said = copy.process.stdout();
    let sentence = format!(
        "A copy of {}; it takes no changes. Stop with Ctrl-C.",
        writer.url
    );
    assert!(said.contains(&sentence), "{said}");

    let bread = home.at("bread");
    let ran = home
        .run(&["publish", bread.to_str().unwrap(), "--to", &copy.url])
        .refused(1, "CH-0116");
    assert!(ran.stderr.contains(&writer.url), "{}", ran.stderr);

    writer.process.kill().unwrap();
    assert_eq!(copy.status("/courses/bread/starter"), 200);
    copy.stop();
    let copy = follow(&other, &writer.url);
    assert_eq!(copy.status("/courses/bread/starter"), 200);
    let address = copy.join("/courses/bread/starter");
    home.run(&["verify", &address]).ok();
    copy.stop();

    let ran = other
        .run(&["up", "--listen", "127.0.0.1:0"])
        .refused(1, "CH-0602");
    let way = format!("--follow {}", writer.url);
    assert!(ran.stderr.contains(&way), "{}", ran.stderr);

    let stranger = Home::new();
    let foreign = stranger.up(&["--empty", "--name", "Elsewhere"]);
    let ran = other
        .run(&["up", "--listen", "127.0.0.1:0", "--follow", &foreign.url])
        .refused(1, "CH-0602");
    for word in ["Our community", "Elsewhere", "--data"] {
        assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
    }
}

#[test]
fn a_copy_that_cannot_begin_says_why_and_spoils_nothing() {
    let home = Home::new();
    let listen = ["up", "--listen", "127.0.0.1:0"];
    let refused = |words: &[&str], status: i32, code: &str, wanted: &[&str]| {
        let ran = home
            .run(&[&listen[..], words].concat())
            .refused(status, code);
        for word in wanted {
            assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
        }
    };
    refused(
        &["--follow", NOBODY],
        2,
        "CH-0603",
        &[NOBODY, "commonhold up"],
    );
    refused(&["--follow", "school.example"], 1, "CH-0602", &["follow:"]);
    for flag in [&["--name", "Us"][..], &["--agent", "key"], &["--empty"]] {
        let words = [&["--follow", NOBODY], flag].concat();
        refused(&words, 1, "CH-0602", &[flag[0], "copy"]);
    }
    let doorway = home.up(&["--empty"]);
    assert_eq!(
        doorway.json("/ready")["ready"],
        true,
        "the folder is as good as new"
    );
    doorway.stop();
    let wanted = ["hosts chains of its own", "--data"];
    refused(&["--follow", NOBODY], 1, "CH-0602", &wanted);
    home.up(&[]).stop();
}

#[test]
fn addresses_that_cannot_be_used_are_named_by_their_key_and_passwords_are_not_repeated() {
    let home = Home::new();
    let config = |name: &str, value: &str, key: &str| {
        let mut command = home.command(&["up", "--listen", "127.0.0.1:0", "--empty"]);
        command.env(name, value);
        let ran = home.end(command).refused(1, "CH-0602");
        assert!(ran.stderr.contains(key), "{name}: {}", ran.stderr);
        assert!(!ran.stderr.contains("hunter2"), "{name}: {}", ran.stderr);
    };
    config("PROJECTION_WRITER", "false", "database_url");
    config(
        "DATABASE_URL",
        "mysql://us:hunter2@127.0.0.1/db",
        "database_url",
    );
    config(
        "DATABASE_URL",
        "postgres://us:hunter2@127.0.0.1:port/db",
        "database_url",
    );
    config("BUS_URL", "http://us:hunter2@127.0.0.1", "bus_url");
    config("TRUSTED_PROXIES", "10.0.0.0/99", "trusted_proxies");
    config(
        "PUBLIC_URL",
        "https://us:hunter2@school.example",
        "public_url",
    );
    config("FOLLOW", "http://us:hunter2@school.example", "follow");
    config(
        "WRITER_URL",
        "ftp://us:hunter2@school.example",
        "writer_url",
    );
    config("OTLP_URL", "ftp://us:hunter2@127.0.0.1", "otlp_url");
    config("TRACE_SAMPLE_RATIO", "2", "trace_sample_ratio");
    config("LOG_LEVEL", "doorway=loud", "log_level");
    config("ADMIN_LISTEN", "here", "admin_listen");
    config("FOLLOW_CA", "ca.pem", "follow_ca");
}

#[test]
fn a_database_that_is_away_is_named_without_its_password() {
    let home = Home::new();
    let mut command = home.command(&["up", "--listen", "127.0.0.1:0", "--empty"]);
    command.env("DATABASE_URL", "postgres://us:hunter2@127.0.0.1:1/db");
    let ran = home.end(command).refused(2, "CH-0409");
    assert!(ran.stderr.contains("127.0.0.1"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
}
