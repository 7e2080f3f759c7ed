//! A node that keeps blobs and runs alone: how it starts, what keeps it from starting, and that `up` serves the same.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;

use crate::home::{Doorway, Home};

fn start(home: &Home) -> Doorway {
    home.start(home.command(&["storage", "--listen", "127.0.0.1:0"]))
}

/// Stores a file and returns its hash.
fn put(home: &Home, name: &str, text: &str, url: &str) -> String {
    home.write(name, text);
    let said = home
        .run(&["blob", "put", name, "--to", url, "--json"])
        .json();
    said["hash"].as_str().unwrap().to_owned()
}

#[test]
fn the_first_start_admits_the_key_of_the_same_user_and_nobody_else() {
    let home = Home::new();
    let node = start(&home);
    let url = node.url.clone();
    let data = home.at("home/storage");
    for name in ["storage.key", "writers"] {
        let mode = fs::metadata(data.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}");
    }
    let writers = fs::read_to_string(data.join("writers")).unwrap();
    assert!(writers.contains(&home.key()), "{writers}");
    let hash = put(&home, "letter.txt", "dear all", &url);
    let other = Home::new();
    other.write("letter.txt", "dear all");
    let refused = other.run(&["blob", "put", "letter.txt", "--to", &url, "--json"]);
    assert_eq!(refused.code(1), "CH-0205");
    assert_eq!(
        node.status(&format!("/blobs/{hash}")),
        404,
        "without a token nothing is there"
    );
    assert_eq!(node.status("/health"), 200);
    node.stop();
    let node = start(&home);
    let read = home.run(&["blob", "get", &hash, "--to", &node.url]).ok();
    assert_eq!(read.stdout, "dear all");
    node.stop();
}

#[test]
fn one_folder_has_one_node_and_a_taken_port_is_named() {
    let home = Home::new();
    let node = start(&home);
    let second = home.run(&["storage", "--listen", "127.0.0.1:0"]);
    second.refused(2, "CH-0404");
    let other = Home::new();
    let address = node.address.to_string();
    let taken = other.run(&["storage", "--listen", &address]);
    let taken = taken.refused(2, "CH-0601");
    let holder = format!("by commonhold (process {})", node.process.id());
    assert!(taken.stderr.contains(&holder), "{}", taken.stderr);
    assert!(!other.at("home/storage").exists(), "nothing was made");
    node.stop();
}

#[test]
fn settings_are_read_and_unknown_ones_refused() {
    let home = Home::new();
    home.write(
        "node.toml",
        "blob_bytes_max = 5\n[storage]\nuploads_max = 1\n",
    );
    let words = [
        "storage",
        "--listen",
        "127.0.0.1:0",
        "--config",
        "node.toml",
    ];
    let node = home.start(home.command(&words));
    put(&home, "small.txt", "12345", &node.url);
    home.write("large.txt", "123456");
    let over = home.run(&["blob", "put", "large.txt", "--to", &node.url, "--json"]);
    assert_eq!(over.code(1), "CH-0107");
    node.stop();
    home.write("node.toml", "[storage]\nuploads_mx = 1\n");
    let unknown = home.run(&words).refused(1, "CH-0602");
    assert!(unknown.stderr.contains("uploads_max"), "{}", unknown.stderr);
    home.write("node.toml", "writers = [\"ana\"]\n");
    let nobody = home.run(&words).refused(1, "CH-0602");
    assert!(nobody.stderr.contains("ana"), "{}", nobody.stderr);
}

#[test]
fn a_doorway_keeps_blobs_for_its_members() {
    let (home, mut doorway) = Home::with_doorway();
    let admin = doorway.admin();
    let hash = put(&home, "letter.txt", "dear all", &doorway.url);
    assert_eq!(doorway.status(&format!("/blobs/{hash}")), 404);
    assert_eq!(
        doorway.status(&format!("/store/{hash}")),
        404,
        "it is no page's blob"
    );
    let other = Home::new();
    other.write("note.txt", "hello");
    let words = ["blob", "put", "note.txt", "--to", &doorway.url, "--json"];
    assert_eq!(other.run(&words).code(1), "CH-0205");
    let key = other.key();
    home.run(&["member", "add", &key, "--to", &doorway.url])
        .ok();
    other.run(&words).json();
    let theirs = other.run(&["blob", "get", &hash, "--to", &doorway.url, "--json"]);
    assert_eq!(
        theirs.code(1),
        "CH-0815",
        "members do not see each other's blobs"
    );
    home.run(&["member", "remove", &key, "--to", &doorway.url])
        .ok();
    assert_eq!(other.run(&words).code(1), "CH-0205", "at once");
    let mut asked = std::net::TcpStream::connect(admin).unwrap();
    let question = "GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    asked.write_all(question.as_bytes()).unwrap();
    let mut metrics = String::new();
    asked.read_to_string(&mut metrics).unwrap();
    assert!(metrics.contains("storage_requests_total"), "{metrics}");
    doorway.stop();
}
