//! What a steward sees: metrics, tasks, the level of the logs, the status page, logs for programs, traces.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;
use std::thread;

use serde_json::Value;
use testkit::browser::{Browser, Screen, Start};

use crate::home::{DEADLINE, Home};
use crate::wire::{ask, get};

/// Reads Prometheus' text format (exposition formats, version 0.0.4); returns the names of all samples.
#[track_caller]
fn samples(text: &str) -> BTreeSet<String> {
    let is_name = |name: &str| {
        let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "_:".contains(letter);
        !name.is_empty()
            && !name.starts_with(|letter: char| letter.is_ascii_digit())
            && name.chars().all(is_letter)
    };
    let mut names = BTreeSet::new();
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let (word, rest) = comment.split_once(' ').expect(line);
            let (name, rest) = rest.split_once(' ').expect(line);
            assert!(is_name(name), "{line}");
            match word {
                "HELP" => {}
                "TYPE" => assert!(
                    ["counter", "gauge", "histogram", "untyped"].contains(&rest),
                    "{line}"
                ),
                _ => panic!("{line}"),
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').expect(line);
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        assert!(is_name(name), "{line}");
        let labels = labels.strip_suffix('}').expect(line);
        for label in labels.split("\",").filter(|label| !label.is_empty()) {
            let (label, value) = label.split_once("=\"").expect(line);
            assert!(
                is_name(label) && !value.trim_end_matches('"').contains('"'),
                "{line}"
            );
        }
        names.insert(name.to_owned());
    }
    names
}

#[test]
fn the_admin_port_shows_metrics_and_tasks_and_changes_the_level() {
    let home = Home::new();
    let mut command = home.command(&["up", "--empty", "--listen", "127.0.0.1:0"]);
    command.env("ADMIN_HOSTS", "blade1.lan");
    let mut doorway = home.start(command);
    let admin = doorway.admin();
    assert_eq!(doorway.status("/"), 200);
    let names = samples(&get(admin, "/metrics"));
    for name in [
        "commonhold_build_info",
        "process_resident_memory_bytes",
        "process_uptime_seconds",
        "telemetry_spans_exported_total",
        "doorway_admission_refused_total",
    ] {
        assert!(names.contains(name), "{name}: {names:?}");
    }
    let workers: Value = serde_json::from_str(&get(admin, "/workers")).unwrap();
    let tasks = workers["tasks"].as_array().unwrap();
    for name in ["http", "admin", "projector", "lease"] {
        let is_running = |task: &&Value| task["name"] == name && task["status"] == "running";
        assert!(
            tasks.iter().any(|task| is_running(&task)),
            "{name}: {workers}"
        );
    }

    assert_eq!(get(admin, "/log-level"), "warn\n");
    assert!(!doorway.process.stderr().contains("DEBUG"));
    let set = |level: &str, headers: &[&str]| ask(admin, "PUT /log-level", headers, level);
    assert_eq!(set("doorway=loud", &[]).status, 400);
    let foreign = ["Origin: https://elsewhere.example"];
    assert_eq!(set("debug", &foreign).status, 403);
    assert_eq!(get(admin, "/log-level"), "warn\n");
    let changed = set("debug", &[]);
    assert_eq!((changed.status, changed.body.as_str()), (200, "debug\n"));
    home.run(&["profile", "--name", "Ada", "--to", &doorway.url])
        .ok();
    let is_debug = |line: &str| line.contains("DEBUG");
    doorway.process.wait_for_line(DEADLINE, is_debug).unwrap();

    let named = |host: &str| ask(admin, "GET /metrics", &[host], "").status;
    assert_eq!(named("Host: localhost"), 200);
    assert_eq!(named("Host: blade1.lan:9090"), 200);
    assert_eq!(
        named("Host: rebound.example"),
        404,
        "a name that somebody else points here"
    );
    assert_eq!(doorway.status("/metrics"), 404, "readers do not see them");
    assert_eq!(doorway.status("/status"), 404, "unless the steward says so");
}

#[test]
fn the_status_page_fits_every_screen_and_is_public_when_wanted() {
    let home = Home::new();
    let mut command = home.command(&["up", "--empty", "--listen", "127.0.0.1:0"]);
    command.env("STATUS_PUBLIC", "true");
    let mut doorway = home.start(command);
    let admin = doorway.admin();
    let public = get(doorway.address, "/status");
    assert!(
        public.contains("<svg") && !public.contains("/log-level"),
        "{public}"
    );
    let mut browser = match Browser::start().unwrap() {
        Start::Available(browser) => browser,
        Start::LeftOut(reason) => return println!("{reason}"),
    };
    let mut colours = BTreeSet::new();
    for screen in [
        Screen::DESKTOP,
        Screen::DESKTOP.dark(),
        Screen::PHONE,
        Screen::PHONE.dark(),
    ] {
        browser.look_with(screen).unwrap();
        browser.open(&format!("http://{admin}/status")).unwrap();
        let width = browser
            .evaluate("document.scrollingElement.scrollWidth")
            .unwrap();
        assert!(
            width.as_u64().unwrap() <= u64::from(screen.width),
            "{screen:?}: {width}"
        );
        let heading = browser
            .evaluate("document.querySelector('h1').innerText")
            .unwrap();
        assert!(!heading.as_str().unwrap().is_empty());
        let colour = "getComputedStyle(document.documentElement).backgroundColor + getComputedStyle(document.body).backgroundColor";
        colours.insert(browser.evaluate(colour).unwrap().to_string());
    }
    assert_eq!(colours.len(), 2, "light and dark: {colours:?}");
}

#[test]
fn a_taken_admin_port_and_one_for_everybody_are_told() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().map(|address| (taken, address)).unwrap();
    let mut command = home.command(&["up", "--empty", "--listen", "127.0.0.1:0"]);
    command.env("ADMIN_LISTEN", taken.1.to_string());
    let mut doorway = home.start(command);
    let admin = doorway.admin();
    assert_ne!(admin, taken.1);
    assert!(!get(admin, "/metrics").is_empty());
    let said = doorway.process.stderr();
    for word in [
        "warning: ",
        "admin_listen",
        &taken.1.port().to_string(),
        &admin.to_string(),
        "CH-0601",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    doorway.stop();

    let mut command = home.command(&["up", "--json", "--listen", "127.0.0.1:0"]);
    command.env("ADMIN_LISTEN", "0.0.0.0:0");
    let mut process = home.spawn(command);
    let is_told = |line: &str| line.starts_with('{');
    let line = process.wait_for_line(DEADLINE, is_told).unwrap();
    let told: Value = serde_json::from_str(&line).unwrap();
    let warnings = told["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1, "{told}");
    assert!(
        warnings[0].as_str().unwrap().starts_with("admin_listen: "),
        "{told}"
    );
    assert!(
        told["admin"]
            .as_str()
            .unwrap()
            .starts_with("http://0.0.0.0:"),
        "{told}"
    );
}

#[test]
fn logs_for_programs_are_flat_json_line_by_line() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = home.command(&["up", "--empty", "--listen", "127.0.0.1:0"]);
    command
        .env("LOG_FORMAT", "json")
        .env("LOG_LEVEL", "debug")
        .env("ADMIN_LISTEN", taken.local_addr().unwrap().to_string());
    let mut doorway = home.start(command);
    home.publish(&home.bread(), &doorway);
    assert_eq!(doorway.status("/courses/nothing-here"), 404);
    let refused = ask(
        doorway.address,
        "PUT /store",
        &[],
        "a body that nobody may store",
    );
    assert_eq!(refused.status, 401, "{}", refused.body);
    doorway.process.terminate().unwrap();
    assert!(doorway.process.wait(DEADLINE).unwrap().success());
    let said = doorway.process.stderr();
    for line in said.lines() {
        let told: Value = serde_json::from_str(line).expect(line);
        let fields = told.as_object().expect(line);
        for key in ["timestamp", "level", "target", "message"] {
            assert!(fields.contains_key(key), "{key}: {line}");
        }
        let is_flat = |value: &Value| !value.is_object() && !value.is_array();
        assert!(fields.values().all(is_flat), "{line}");
    }
    assert!(
        said.contains("admin_listen"),
        "a warning of the start is a line too: {said}"
    );
    assert!(said.lines().count() > 5, "{said}");
}

/// Takes one batch of traces, answers as a collector does, and passes on what came.
fn collector() -> (SocketAddr, mpsc::Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, received) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let (mut head, mut line) = (String::new(), String::new());
            while reader.read_line(&mut line).unwrap() > 2 {
                head.push_str(&line.to_lowercase());
                line.clear();
            }
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let Some(length) = length else { continue };
            let mut body = vec![0; length.trim().parse().unwrap()];
            reader.read_exact(&mut body).unwrap();
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            reader.get_mut().write_all(answer).unwrap();
            if sender.send((head, body)).is_err() {
                return;
            }
        }
    });
    (address, received)
}

#[test]
fn a_collector_gets_the_span_of_a_request_in_the_trace_of_who_asked() {
    let (collector, batches) = collector();
    let home = Home::new();
    let mut command = home.command(&["up", "--empty", "--listen", "127.0.0.1:0"]);
    command
        .env("OTLP_URL", format!("http://{collector}"))
        .env("TRACE_SAMPLE_RATIO", "0");
    let doorway = home.start(command);
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parent = format!("traceparent: 00-{trace}-b7ad6b7169203331-01");
    assert_eq!(
        ask(doorway.address, "GET /version", &[&parent], "").status,
        200
    );
    let (head, body) = batches.recv_timeout(DEADLINE).unwrap();
    assert!(head.starts_with("post /v1/traces "), "{head}");
    let holds = |wanted: &[u8]| body.windows(wanted.len()).any(|window| window == wanted);
    assert!(holds(
        &u128::from_str_radix(trace, 16).unwrap().to_be_bytes()
    ));
    for word in ["service.name", "commonhold", "request", "/version"] {
        assert!(holds(word.as_bytes()), "{word}");
    }
}
