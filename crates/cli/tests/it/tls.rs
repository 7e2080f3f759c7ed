//! https: certificates of others, one for trying out, their replacement while people read, and what cannot be used.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use client::Events;
use serde_json::Value;
use testkit::Process;

use crate::home::{DEADLINE, Home, block_on};
use crate::wire;

/// A doorway that speaks TLS.
struct Secure {
    process: Process,
    url: String,
    address: SocketAddr,
    told: Value,
}

/// Starts a doorway with these settings and waits until it is open.
fn start(home: &Home, settings: &str, words: &[&str]) -> Secure {
    home.write("tls.toml", settings);
    let fixed = [
        "up",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--config",
        "tls.toml",
    ];
    let mut process = home.spawn(home.command(&[&fixed[..], words].concat()));
    let is_told = |line: &str| line.starts_with('{');
    let line = process.wait_for_line(DEADLINE, is_told).unwrap();
    let told: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(told["ok"], true, "{told}");
    let url = told["url"].as_str().unwrap().to_owned();
    let address = url.strip_prefix("https://").unwrap().parse().unwrap();
    Secure {
        process,
        url,
        address,
        told,
    }
}

/// Makes a certificate for this machine.
fn pair() -> (String, String) {
    let names = ["localhost", "127.0.0.1"].map(str::to_owned);
    http_kit::self_signed(&names, runtime::Clock::system().now()).unwrap()
}

/// Has openssl make a certificate as its manual shows it: one that may sign others.
fn pair_of_openssl(home: &Home) -> bool {
    let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -out cert.pem -keyout key.pem";
    let made = Command::new("openssl")
        .args(words.split(' '))
        .current_dir(home.at(""))
        .output();
    match made {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{said}");
            true
        }
        Err(error) => {
            println!("left out: openssl is not here: {error}");
            false
        }
    }
}

/// Writes a certificate and a key where the settings look for them.
fn put(home: &Home, (certificate, key): (&str, &str)) {
    // The key first, so that nobody reads a pair that changes in the middle for longer than needed.
    home.write("key.pem", key);
    home.write("cert.pem", certificate);
}

/// Asks curl, which knows what this program does not believe; `None` where it is missing.
fn curl(words: &[&str]) -> Option<String> {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--output", "/dev/null"]);
    match command.args(words).output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{words:?}: {said}");
            Some(String::from_utf8(output.stdout).unwrap())
        }
        Err(error) => {
            println!("left out: curl is not here: {error}");
            None
        }
    }
}

#[test]
fn a_certificate_for_trying_out_is_made_once_and_believed_by_who_names_it() {
    let home = Home::new();
    let settings = "[tls]\nself_signed = true\nredirect_listen = \"127.0.0.1:0\"\n";
    let mut doorway = start(&home, settings, &[]);
    let file = doorway.told["certificate"].as_str().unwrap().to_owned();
    let key = fs::metadata(home.community().join("self-signed.key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);

    let page = format!("{}/courses/handbook", doorway.url);
    for (protocol, version) in [("--http1.1", "1.1"), ("--http2", "2")] {
        let told = curl(&[
            protocol,
            "--cacert",
            &file,
            "--write-out",
            "%{http_code} %{http_version}",
            &page,
        ]);
        if let Some(told) = told {
            assert_eq!(told, format!("200 {version}"));
        }
    }
    let plain = wire::ask(doorway.address, "GET /courses/handbook?x=1", &[], "");
    assert_eq!(plain.status, 308, "{}", plain.head);
    let moved = format!("location: {page}?x=1");
    assert!(plain.head.to_lowercase().contains(&moved), "{}", plain.head);
    let redirect = doorway.told["redirect"].as_str().unwrap();
    let redirect = redirect.strip_prefix("http://").unwrap().parse().unwrap();
    let sent = wire::ask(redirect, "GET /courses/handbook?x=1", &[], "");
    assert_eq!(sent.status, 308, "{}", sent.head);
    assert!(sent.head.to_lowercase().contains(&moved), "{}", sent.head);

    let bread = home.bread();
    let publish = ["publish", bread.to_str().unwrap(), "--to", &doorway.url];
    let ran = home.run(&publish).refused(2, "CH-0603");
    assert!(ran.stderr.contains("--ca FILE"), "{}", ran.stderr);
    let with = |file: &str| home.run(&[&publish[..], &["--ca", file]].concat());
    with("nowhere.pem").refused(1, "CH-0606");
    let ran = with("tls.toml").refused(1, "CH-0606");
    assert!(ran.stderr.contains("tls.toml"), "{}", ran.stderr);
    with(&file).ok();
    let page = format!("{}/courses/bread/starter", doorway.url);
    home.run(&["verify", &page, "--ca", &file]).ok();
    let before = fs::read(&file).unwrap();

    let other = Home::new();
    let fixed = ["up", "--listen", "127.0.0.1:0", "--follow", &doorway.url];
    let ran = other.run(&fixed).refused(2, "CH-0603");
    assert!(ran.stderr.contains("--ca FILE"), "{}", ran.stderr);
    let copy = other.up(&["--follow", &doorway.url, "--ca", &file]);
    testkit::wait_for("the copy", DEADLINE, || {
        Ok((copy.status("/courses/bread/starter") == 200).then_some(()))
    })
    .unwrap();

    doorway.process.terminate().unwrap();
    assert!(doorway.process.wait(DEADLINE).unwrap().success());
    let again = start(&home, settings, &[]);
    assert_eq!(
        fs::read(&file).unwrap(),
        before,
        "who believed it believes it still"
    );
    drop(again);
}

#[test]
fn blobs_go_over_tls_for_who_names_the_certificate() {
    let home = Home::new();
    let mut doorway = start(&home, "[tls]\nself_signed = true\n", &["--empty"]);
    let file = doorway.told["certificate"].as_str().unwrap().to_owned();
    // One small file, and one that is sent in pieces.
    home.write("photos/letter", "Dear neighbours");
    home.write("photos/film", vec![7; 20_000_000]);
    let url = doorway.url.clone();
    let blob = |words: &[&str], ca: &str| {
        let fixed = ["--to", &url, "--ca", ca];
        home.run(&[&["blob"], words, &fixed[..]].concat())
    };
    let without = home.run(&["blob", "put", "photos", "--to", &url]);
    let without = without.refused(2, "CH-0603");
    assert!(without.stderr.contains("--ca FILE"), "{}", without.stderr);
    blob(&["ls"], "nowhere.pem").refused(1, "CH-0606");
    let said = blob(&["put", "photos", "--tag", "photos", "--json"], &file).json();
    assert_eq!(said["blobs_sent"], 3);
    blob(&["get", "photos", "-o", "again"], &file).ok();
    for name in ["letter", "film"] {
        let read = |folder: &str| fs::read(home.at(&format!("{folder}/{name}"))).unwrap();
        assert!(read("photos") == read("again"), "{name}");
    }
    let line = blob(&["get", "photos", "--manifest", "-o", "-"], &file).ok();
    assert!(line.stdout.contains("letter"), "{}", line.stdout);
    for words in [&["stat", "photos"][..], &["tag", "ls"], &["usage"], &["gc"]] {
        blob(words, &file).ok();
    }
    blob(&["scrub", "--restart", "--bytes-per-sec", "0"], &file).ok();
    blob(&["export", "out"], &file).ok();
    blob(&["import", "out"], &file).ok();
    doorway.process.terminate().unwrap();
    assert!(doorway.process.wait(DEADLINE).unwrap().success());
}

#[test]
fn a_replaced_certificate_is_used_and_open_connections_go_on() {
    let home = Home::new();
    let (first, second) = (pair(), pair());
    put(&home, (&first.0, &first.1));
    let settings = "[tls]\ncert = \"cert.pem\"\nkey = \"key.pem\"\n";
    let mut doorway = start(&home, settings, &["--empty"]);
    let url = doorway.url.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let reader = client::Doorway::trusting(&url, first.0.as_bytes()).unwrap();
    let mut events = runtime.block_on(reader.events(None)).unwrap();
    runtime.block_on(named(&mut events, "live"));

    put(&home, (&second.0, &second.1));
    let is_new = || {
        // A client of its own each time: what counts is a new handshake.
        let asking = client::Doorway::trusting(&url, second.0.as_bytes()).unwrap();
        let answered = block_on(asking.version());
        Ok(answered.is_ok().then_some(()))
    };
    testkit::wait_for("the new certificate", DEADLINE, is_new).unwrap();
    let stale = client::Doorway::trusting(&url, first.0.as_bytes()).unwrap();
    assert!(block_on(stale.version()).is_err(), "the first one is gone");
    home.write("second.pem", &second.0);
    let words = [
        "profile",
        "--name",
        "Ada",
        "--to",
        &url,
        "--ca",
        "second.pem",
    ];
    home.run(&words).ok();
    runtime.block_on(named(&mut events, "chain"));

    home.write("cert.pem", "this is no certificate\n");
    let is_told = |line: &str| line.contains("cannot be used");
    doorway.process.wait_for_line(DEADLINE, is_told).unwrap();
    is_new().unwrap().expect("the second one goes on");
    fs::remove_file(home.at("cert.pem")).unwrap();
    let is_told = |line: &str| line.contains("cannot be read") && line.contains("cert.pem");
    doorway.process.wait_for_line(DEADLINE, is_told).unwrap();
    is_new().unwrap().expect("the second one still goes on");
}

#[test]
fn files_are_looked_for_beside_the_settings_that_name_them() {
    let home = Home::new();
    let pair = pair();
    home.write("settings/tls/cert.pem", &pair.0);
    home.write("settings/tls/key.pem", &pair.1);
    let settings = "[tls]\ncert = \"tls/cert.pem\"\nkey = \"tls/key.pem\"\n";
    home.write("settings/hall.toml", settings);
    let fixed = ["up", "--json", "--empty", "--listen", "127.0.0.1:0"];
    let words = [&fixed[..], &["--config", "settings/hall.toml"]].concat();
    let mut doorway = home.spawn(home.command(&words));
    let is_told = |line: &str| line.starts_with('{');
    let line = doorway.wait_for_line(DEADLINE, is_told).unwrap();
    let told: Value = serde_json::from_str(&line).unwrap();
    let url = told["url"].as_str().unwrap();
    let reader = client::Doorway::trusting(url, pair.0.as_bytes()).unwrap();
    block_on(reader.version()).unwrap();
}

/// Waits for an event of this name.
async fn named(events: &mut Events, name: &str) {
    let waiting = async {
        loop {
            let event = events.next().await.unwrap().expect("the log goes on");
            if event.name == name {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting)
        .await
        .unwrap();
}

#[test]
fn a_certificate_that_its_steward_made_is_believed_for_its_name_alone() {
    let home = Home::new();
    if !pair_of_openssl(&home) {
        return;
    }
    let settings = "[tls]\ncert = \"cert.pem\"\nkey = \"key.pem\"\n";
    let doorway = start(&home, settings, &["--empty"]);
    let list = ["member", "list", "--ca", "cert.pem", "--to"];
    home.run(&[&list[..], &[&doorway.url]].concat()).ok();
    let other = format!("https://localhost:{}", doorway.address.port());
    let ran = home.run(&[&list[..], &[&other]].concat());
    ran.refused(2, "CH-0603");
    home.write("other.pem", pair().0);
    let list = ["member", "list", "--ca", "other.pem", "--to", &doorway.url];
    home.run(&list).refused(2, "CH-0603");
}

#[test]
fn certificates_that_cannot_be_used_keep_the_doorway_from_starting() {
    let home = Home::new();
    let (first, second) = (pair(), pair());
    put(&home, (&first.0, &second.1));
    let refused = |settings: &str, code: &str, wanted: &[&str]| {
        home.write("tls.toml", settings);
        let fixed = ["up", "--listen", "127.0.0.1:0", "--config", "tls.toml"];
        let ran = home.run(&fixed).refused(1, code);
        for word in wanted {
            assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
        }
        assert!(!ran.stderr.contains("BEGIN "), "{}", ran.stderr);
    };
    let both = "[tls]\ncert = \"cert.pem\"\nkey = \"key.pem\"\n";
    refused(both, "CH-0606", &["key.pem", "does not belong", "cert.pem"]);
    home.write("key.pem", "this is no key\n");
    refused(both, "CH-0606", &["key.pem"]);
    refused("[tls]\ncert = \"cert.pem\"\n", "CH-0606", &["tls.key"]);
    refused("[tls]\nkey = \"key.pem\"\n", "CH-0606", &["tls.cert"]);
    let gone = "[tls]\ncert = \"gone.pem\"\nkey = \"key.pem\"\n";
    refused(gone, "CH-0606", &["gone.pem"]);
    let three = format!("{both}self_signed = true\n");
    refused(&three, "CH-0606", &["tls.self_signed"]);
    let plain = "[tls]\nredirect_listen = \"127.0.0.1:0\"\n";
    refused(plain, "CH-0602", &["tls.redirect_listen", "tls.cert"]);
}
