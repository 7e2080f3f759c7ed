//! A doorway as a process: how it starts, what keeps it from starting, how it stops, and what survives.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;

use base::ContentHash;

use crate::home::{DEADLINE, Doorway, Home};
use crate::relay::Relay;

/// More than the kernel holds for a reader who does not read.
const LARGE_BYTES: usize = 32 * 1_024 * 1_024;

/// Returns the permission bits of a file or folder.
fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn the_first_start_makes_a_home_that_only_its_owner_can_read() {
    let home = Home::new();
    let mut doorway = home.up(&["--empty", "--name", "Number 9"]);
    let admin = doorway.admin();
    assert_eq!(mode(&home.agent()), 0o700);
    assert_eq!(mode(&home.agent().join("agent.key")), 0o600);
    assert_eq!(mode(&home.community()), 0o700);
    for file in crate::home::files_below(&home.community()) {
        assert_eq!(mode(&file) & 0o077, 0, "{}", file.display());
    }
    assert_eq!(doorway.json("/version")["community"]["name"], "Number 9");
    assert_eq!(doorway.json("/health")["healthy"], true);
    assert_eq!(doorway.json("/ready")["ready"], true);
    let said = doorway.process.stdout();
    assert_eq!(
        said.replace(&doorway.url, "http://doorway")
            .replace(&admin.to_string(), "steward"),
        "Number 9 is open at http://doorway\nPublish a folder: commonhold publish DIR. Stop with Ctrl-C.\nStatus and metrics: http://steward/status\n"
    );
    assert_eq!(doorway.process.stderr(), "");
}

#[test]
fn an_empty_folder_gets_the_handbook_once() {
    let home = Home::new();
    let doorway = home.up(&[]);
    let page = doorway.join("/courses/handbook/welcome");
    home.run(&["verify", &page]).ok();
    assert!(doorway.text("/").contains("/courses/handbook"));
    home.run(&["unpublish", "handbook", "--to", &doorway.url])
        .ok();
    doorway.stop();
    let doorway = home.up(&[]);
    assert_eq!(doorway.status("/courses/handbook"), 404, "it was withdrawn");
    doorway.stop();
    let (_home, doorway) = Home::with_doorway();
    assert_eq!(
        doorway.status("/courses/handbook"),
        404,
        "it was not wanted"
    );
}

#[test]
fn a_taken_port_is_named_with_its_holder_and_a_free_one() {
    let (home, doorway) = Home::with_doorway();
    let other = Home::new();
    let address = doorway.address.to_string();
    let ran = other
        .run(&["up", "--listen", &address])
        .refused(2, "CH-0601");
    let pid = doorway.process.id();
    assert!(
        ran.stderr
            .contains(&format!("by commonhold (process {pid})")),
        "{}",
        ran.stderr
    );
    let (_, free) = ran.stderr.split_once("--listen 127.0.0.1:").unwrap();
    let free: u16 = free.lines().next().unwrap().parse().unwrap();
    assert!(free > doorway.address.port());
    assert!(!other.community().exists(), "nothing was made");
    let ran = other.run(&["up", "--listen", &address, "--json"]);
    assert_eq!(ran.code(2), "CH-0601");
    assert_eq!(
        home.run(&["member", "list", "--to", &doorway.url]).status,
        0
    );
}

#[test]
fn one_folder_has_one_doorway() {
    let (home, doorway) = Home::with_doorway();
    let ran = home
        .run(&["up", "--listen", "127.0.0.1:0"])
        .refused(2, "CH-0404");
    assert!(ran.stderr.contains("community"), "{}", ran.stderr);
    assert_eq!(doorway.status("/health"), 200);
    doorway.stop();
    home.up(&[]).stop();
}

#[test]
fn an_unknown_setting_is_named_with_its_line() {
    let home = Home::new();
    let refused = |settings: &str, wanted: &[&str]| {
        home.write("home/community/commonhold.toml", settings);
        let ran = home
            .run(&["up", "--listen", "127.0.0.1:0"])
            .refused(1, "CH-0602");
        for word in wanted {
            assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
        }
    };
    refused(
        "name = \"Us\"\n\nlisten_adress = \"127.0.0.1:0\"\n",
        &["listen_adress", "commonhold.toml:3"],
    );
    refused(
        "name = \"Us\"\nblob_bytes_max = \"many\"\n",
        &["blob_bytes_max", "commonhold.toml:2"],
    );
    refused("name = \n", &["commonhold.toml:1"]);
    refused("log_format = \"xml\"\n", &["xml"]);
    assert!(!home.community().join("community.sqlite").exists());

    home.write("home/community/commonhold.toml", "name = \"Us\"\n");
    let ran = home
        .run(&["up", "--config", "other.toml"])
        .refused(1, "CH-0602");
    assert!(ran.stderr.contains("other.toml"), "{}", ran.stderr);
    let mut command = home.command(&["up"]);
    command.env("LISTEN", "localhost");
    let ran = home.end(command).refused(1, "CH-0602");
    assert!(ran.stderr.contains("localhost"), "{}", ran.stderr);
    let mut command = home.command(&["up", "--listen", "127.0.0.1:0"]);
    command.env("CHAIN_RECORDS_MAX", "-1");
    let ran = home.end(command).refused(1, "CH-0602");
    assert!(ran.stderr.contains("CHAIN_RECORDS_MAX"), "{}", ran.stderr);
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let home = Home::new();
    home.write(
        "home/community/commonhold.toml",
        "listen = \"127.0.0.2:0\"\nname = \"Filed\"\n",
    );
    let start = |environment: Option<&str>, flag: Option<&str>| {
        let mut command = home.command(&["up", "--empty"]);
        command.envs(environment.map(|value| ("LISTEN", value)));
        if let Some(value) = flag {
            command.args(["--listen", value]);
        }
        let doorway = home.start(command);
        let ip = doorway.address.ip().to_string();
        assert_eq!(doorway.json("/version")["community"]["name"], "Filed");
        doorway.stop();
        ip
    };
    assert_eq!(start(None, None), "127.0.0.2");
    assert_eq!(start(Some("127.0.0.3:0"), None), "127.0.0.3");
    assert_eq!(start(Some("127.0.0.3:0"), Some("127.0.0.4:0")), "127.0.0.4");
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let home = Home::new();
    let key = home.key();
    let file = home.agent().join("agent.key");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    for words in [&["whoami"][..], &["up", "--listen", "127.0.0.1:0"]] {
        let ran = home.run(words).refused(1, "CH-0208");
        assert!(ran.stderr.contains("agent.key"), "{}", ran.stderr);
        assert!(ran.stderr.contains("chmod 600"), "{}", ran.stderr);
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(home.key(), key);
    // The doorway's own key is held to the same.
    home.up(&["--empty"]).stop();
    let file = home.community().join("doorway.key");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let ran = home
        .run(&["up", "--listen", "127.0.0.1:0"])
        .refused(1, "CH-0208");
    assert!(ran.stderr.contains("doorway.key"), "{}", ran.stderr);
}

/// Publishes a page with a large file; returns the path of the file and what is in it.
fn publish_large(home: &Home, doorway: &Doorway) -> (String, Vec<u8>) {
    let bytes: Vec<u8> = (0..LARGE_BYTES / 4)
        .flat_map(|word: usize| (word as u32).to_le_bytes())
        .collect();
    home.write("film/film.md", "# A film\n\n[See it](film.bin)\n");
    home.write("film/film.bin", &bytes);
    home.publish(&home.at("film"), doorway);
    (format!("/store/{}", ContentHash::of(&bytes)), bytes)
}

#[test]
fn a_download_under_way_is_finished_before_it_ends() {
    let (home, mut doorway) = Home::with_doorway();
    let (path, bytes) = publish_large(&home, &doorway);
    let mut stream = TcpStream::connect(doorway.address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = vec![0; 4_096];
    stream.read_exact(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 "));

    doorway.process.terminate().unwrap();
    testkit::wait_for("the port to be closed", DEADLINE, || {
        Ok(TcpStream::connect(doorway.address).err())
    })
    .unwrap();
    assert!(
        doorway.process.is_running().unwrap(),
        "it waits for the reader"
    );
    stream.read_to_end(&mut answer).unwrap();
    let head = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap()
        + 4;
    assert!(
        answer[head..] == bytes,
        "{} of {}",
        answer.len() - head,
        bytes.len()
    );
    let status = doorway.process.wait(DEADLINE).unwrap();
    assert!(status.success(), "{status}: {}", doorway.process.stderr());
    let said = doorway.process.stdout();
    assert!(
        said.ends_with("Stopped. Everything is on disk.\n"),
        "{said}"
    );
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let (home, mut doorway) = Home::with_doorway();
    let (path, _) = publish_large(&home, &doorway);
    let mut stream = TcpStream::connect(doorway.address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: here\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    stream.read_exact(&mut [0; 4_096]).unwrap();
    doorway.process.terminate().unwrap();
    testkit::wait_for("the port to be closed", DEADLINE, || {
        Ok(TcpStream::connect(doorway.address).err())
    })
    .unwrap();
    doorway.process.terminate().unwrap();
    doorway.process.wait(DEADLINE).unwrap();
    // What was stored is whole all the same.
    let doorway = home.up(&[]);
    assert_eq!(doorway.status("/pages/film"), 200);
}

#[test]
fn a_restart_keeps_everything() {
    let (home, doorway) = Home::with_doorway();
    home.publish(&home.bread(), &doorway);
    let bea = Home::new();
    home.run(&["member", "add", &bea.key(), "--to", &doorway.url])
        .ok();
    home.run(&["profile", "--name", "Anna", "--to", &doorway.url])
        .ok();
    let paths = [
        "/api/v1/cache/content".to_owned(),
        "/api/v1/cache/path/bread?proof=1".to_owned(),
        "/api/v1/search?q=flour".to_owned(),
        format!("/api/v1/chains/{}", home.key()),
        format!(
            "/store/{}",
            ContentHash::of(&fs::read(home.at("bread/images/crumb.png")).unwrap())
        ),
    ];
    let read = |doorway: &Doorway| {
        paths
            .iter()
            .map(|path| doorway.fetch(path))
            .collect::<Vec<_>>()
    };
    let community = doorway.json("/version")["community"].clone();
    let members = |doorway: &Doorway| {
        home.run(&["member", "list", "--to", &doorway.url])
            .ok()
            .stdout
    };
    let (before, listed) = (read(&doorway), members(&doorway));
    doorway.stop();
    // A name is taken once; later starts do not rename the community.
    let doorway = home.up(&["--name", "Another"]);
    assert_eq!(doorway.json("/version")["community"], community);
    assert!(read(&doorway) == before);
    assert_eq!(members(&doorway), listed);
    assert_eq!(home.publish(&home.at("bread"), &doorway)["records_sent"], 0);
}

#[test]
fn killed_in_the_middle_of_a_publish_it_loses_nothing_that_it_acknowledged() {
    let home = Home::new();
    let start = |words: &[&str]| {
        let mut command = home.command(&["up", "--listen", "127.0.0.1:0"]);
        // Small requests, so that there are many acknowledgements.
        command.env("CHAIN_RECORDS_MAX", "4").args(words);
        home.start(command)
    };
    let mut doorway = start(&["--empty"]);
    for page in 0..60 {
        home.write(
            &format!("pages/page-{page:02}.md"),
            format!("# Page {page}\n\nOven {page}.\n"),
        );
    }
    let relay = Relay::start(doorway.address);
    let enough = 7;
    relay.stop_after(b"\"accepted\":", enough);
    let url = relay.join("");
    home.run(&["publish", "pages", "--to", &url])
        .refused(2, "CH-0603");
    assert_eq!(relay.count(), enough);
    doorway.process.kill().unwrap();

    let doorway = start(&[]);
    let head = doorway.head(&home.key()).unwrap();
    assert!(head as usize + 1 >= 4 * enough, "{head}");
    let chain = doorway.join(&format!("/api/v1/chains/{}", home.key()));
    home.run(&["verify", &chain]).ok();
    let said = home.publish(&home.at("pages"), &doorway);
    // All was signed by the first run; the second one sends the rest of it.
    assert_eq!(said["pages"]["unchanged"], 60, "{said}");
    assert_eq!(
        doorway.head(&home.key()),
        Some(4 + 60),
        "the genesis, the pages, the course"
    );
    for page in ["", "/page-00", "/page-59"] {
        home.run(&["verify", &doorway.join(&format!("/courses/pages{page}"))])
            .ok();
    }
    assert_eq!(home.publish(&home.at("pages"), &doorway)["records_sent"], 0);
}

#[test]
fn killed_while_it_stands_idle_it_starts_again_where_it_was() {
    let (home, mut doorway) = Home::with_doorway();
    home.publish(&home.bread(), &doorway);
    let newest = doorway.newest(&home.key());
    doorway.process.kill().unwrap();
    let doorway = home.up(&[]);
    assert_eq!(doorway.newest(&home.key()), newest);
    home.run(&["verify", &doorway.join("/courses/bread/flour")])
        .ok();
}

#[test]
fn a_publisher_that_is_killed_leaves_nothing_that_a_second_run_does_not_finish() {
    let home = Home::new();
    let mut command = home.command(&["up", "--empty", "--listen", "127.0.0.1:0"]);
    command.env("CHAIN_RECORDS_MAX", "1");
    let doorway = home.start(command);
    let relay = Relay::start(doorway.address);
    for page in 0..60 {
        home.write(
            &format!("pages/page-{page:02}.md"),
            format!("# Page {page}\n"),
        );
    }
    relay.stop_after(b"\"accepted\":", usize::MAX);
    let mut publisher = home.spawn(home.command(&["publish", "pages", "--to", &relay.join("")]));
    testkit::wait_for("the first records", DEADLINE, || {
        Ok((relay.count() >= 3).then_some(()))
    })
    .unwrap();
    publisher.kill().unwrap();
    home.publish(&home.at("pages"), &doorway);
    assert_eq!(
        doorway.head(&home.key()),
        Some(4 + 60),
        "the genesis, the pages, the course"
    );
    home.run(&["verify", &doorway.join("/courses/pages/page-59")])
        .ok();
    assert_eq!(home.publish(&home.at("pages"), &doorway)["records_sent"], 0);
}

#[test]
fn a_first_start_that_was_cut_off_is_made_up_for() {
    let home = Home::new();
    // The handbook's pictures do not fit, so it stops half-way.
    let mut command = home.command(&["up", "--listen", "127.0.0.1:0"]);
    command.env("BLOB_BYTES_MAX", "10");
    home.end(command).refused(1, "CH-0508");
    assert!(home.community().join("community.sqlite").exists());

    let doorway = home.up(&[]);
    home.run(&["verify", &doorway.join("/courses/handbook/welcome")])
        .ok();
    home.run(&["unpublish", "handbook", "--to", &doorway.url])
        .ok();
    doorway.stop();
    assert_eq!(
        home.up(&[]).status("/courses/handbook"),
        404,
        "it is due once"
    );
}

#[test]
fn a_folder_that_cannot_be_one_is_named_with_the_reason() {
    let home = Home::new();
    home.write("file", "not a folder");
    for (words, status, code) in [
        (
            &["up", "--listen", "127.0.0.1:0", "--data", "file"][..],
            1,
            "CH-0602",
        ),
        (
            &[
                "up",
                "--listen",
                "127.0.0.1:0",
                "--agent",
                "file",
                "--empty",
            ],
            2,
            "CH-0402",
        ),
        (&["whoami", "--data", "file"], 2, "CH-0402"),
        (&["whoami", "--data", "file/below"], 2, "CH-0402"),
    ] {
        let said = home.run(words).refused(status, code).stderr.to_lowercase();
        assert!(
            said.contains("not a folder") || said.contains("not a directory"),
            "{said}"
        );
    }
    assert_eq!(fs::read_to_string(home.at("file")).unwrap(), "not a folder");
}
