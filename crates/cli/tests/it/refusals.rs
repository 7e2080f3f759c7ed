//! What bad input gets: a code, a place, a hint, and nothing changed.

use std::fs;

use serde_json::Value;

use crate::home::{Home, fixture};

/// A code, with the file and the line that it names.
type Refusal = (&'static str, &'static str, u64);

/// Every folder in `fixtures/bad`, with all that it is refused for.
const BAD: &[(&str, &[Refusal])] = &[
    (
        "broken-link",
        &[
            ("CH-0503", "index.md", 5),
            ("CH-0503", "index.md", 7),
            ("CH-0503", "index.md", 9),
            ("CH-0503", "index.md", 11),
        ],
    ),
    ("config", &[("CH-0506", "config.yaml", 4)]),
    ("front-matter", &[("CH-0502", "index.md", 3)]),
    ("front-matter-open", &[("CH-0502", "index.md", 1)]),
    (
        "missing-page",
        &[("CH-0506", "config.yaml", 4), ("CH-0504", "config.yaml", 6)],
    ),
    ("not-utf8", &[("CH-0501", "index.md", 3)]),
    (
        "outside",
        &[("CH-0504", "index.md", 3), ("CH-0504", "index.md", 5)],
    ),
    (
        "script",
        &[
            ("CH-0510", "index.md", 3),
            ("CH-0510", "index.md", 5),
            ("CH-0510", "index.md", 5),
            ("CH-0510", "index.md", 6),
            ("CH-0510", "index.md", 6),
        ],
    ),
    ("slug-taken", &[("CH-0507", "two.md", 1)]),
];

#[test]
fn bad_folders_are_refused_with_file_and_line_and_nothing_is_sent() {
    let (home, doorway) = Home::with_doorway();
    home.publish(&home.bread(), &doorway);
    let newest = doorway.newest(&home.key());
    for (name, expect) in BAD {
        let folder = fixture("bad").join(name);
        let folder = folder.to_str().unwrap();
        let ran = home.run(&["publish", folder, "--to", &doorway.url]);
        assert_eq!(ran.status, 1, "{name}: {}", ran.stderr);
        assert_eq!(ran.stdout, "", "{name}");
        for (code, file, line) in *expect {
            let told = format!("rejection {code}: {file}:{line}: ");
            assert!(ran.stderr.contains(&told), "{name}: {}", ran.stderr);
        }
        insta::assert_snapshot!(format!("bad-{name}"), ran.stderr);

        let ran = home.run(&["publish", folder, "--to", &doorway.url, "--json"]);
        assert_eq!(ran.problems(1).len(), expect.len(), "{name}");
        let said: Value = serde_json::from_str(&ran.stdout).unwrap();
        let told = said["problems"].as_array().unwrap().iter();
        let told: Vec<_> = told
            .map(|problem| {
                let text = |key: &str| problem[key].as_str().unwrap();
                assert_eq!(text("kind"), "rejection");
                assert!(!text("hint").is_empty() && !text("title").is_empty());
                assert_eq!(doorway.status(text("page")), 200, "{problem}");
                (
                    text("code"),
                    text("file"),
                    problem["line"].as_u64().unwrap(),
                )
            })
            .collect();
        assert_eq!(told, *expect, "{name}");
        assert_eq!(doorway.newest(&home.key()), newest, "{name}");
    }
}

#[test]
fn every_bad_folder_is_named_here() {
    let mut folders: Vec<String> = fs::read_dir(fixture("bad"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    let named: Vec<&str> = BAD.iter().map(|(name, _)| *name).collect();
    assert_eq!(folders, named);
}

#[test]
fn what_is_no_folder_with_markdown_is_refused() {
    let (home, doorway) = Home::with_doorway();
    home.write("page.md", "# A page\n");
    home.write("pictures/crumb.txt", "no Markdown");
    fs::create_dir(home.at("empty")).unwrap();
    for (name, status, code) in [
        ("missing", 2, "CH-0509"),
        ("page.md", 2, "CH-0509"),
        ("empty", 1, "CH-0505"),
        ("pictures", 1, "CH-0505"),
    ] {
        let words = ["publish", name, "--to", &doorway.url];
        let ran = home.run(&words).refused(status, code);
        assert!(ran.stderr.contains(name), "{}", ran.stderr);
        let ran = home.run(&[&words[..], &["--json"]].concat());
        assert_eq!(ran.code(status), code);
    }
    assert_eq!(doorway.head(&home.key()), None);
}

#[test]
fn a_stranger_is_told_how_to_become_a_member() {
    let (home, doorway) = Home::with_doorway();
    let stranger = Home::new();
    let bread = stranger.bread();
    let words = ["publish", "bread", "--to", &doorway.url];
    for words in [&words[..], &[&words[..], &["--dry-run"]].concat()] {
        let ran = stranger.run(words).refused(1, "CH-0205");
        assert!(
            ran.stderr.contains("commonhold member add"),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains(&stranger.key()), "{}", ran.stderr);
    }
    let crumb = base::ContentHash::of(&fs::read(bread.join("images/crumb.png")).unwrap());
    assert_eq!(
        doorway.status(&format!("/store/{crumb}")),
        404,
        "no file was taken"
    );
    assert_eq!(doorway.head(&stranger.key()), None);

    let words = ["member", "add", &stranger.key(), "--to", &doorway.url];
    home.run(&words).ok();
    assert_eq!(stranger.publish(&bread, &doorway)["pages"]["new"], 5);
    assert_eq!(doorway.status("/courses/bread/flour"), 200);
}

#[test]
fn an_address_belongs_to_its_first_author() {
    let (home, doorway) = Home::with_doorway();
    let bea = Home::new();
    home.run(&["member", "add", &bea.key(), "--to", &doorway.url])
        .ok();
    home.publish(&home.bread(), &doorway);
    home.write("news/news.md", "# News\n");
    home.publish(&home.at("news"), &doorway);

    let bread = bea.bread();
    bea.write("news/news.md", "# Other news\n");
    for (folder, slug) in [(&bread, "bread"), (&bea.at("news"), "news")] {
        let problems = bea.try_publish(folder, &doorway).problems(1);
        let [(code, detail)] = &problems[..] else {
            panic!("{problems:?}");
        };
        assert_eq!(code, "CH-0507");
        assert!(
            detail.contains(slug) && detail.contains(&home.key()),
            "{detail}"
        );
    }
    assert_eq!(doorway.head(&bea.key()), None, "nothing was signed or sent");
    // What the message advises works.
    let config = fs::read_to_string(bread.join("config.yaml")).unwrap();
    bea.write(
        "bread/config.yaml",
        config.replace("slug: bread", "slug: bread-of-bea"),
    );
    bea.publish(&bread, &doorway);
    assert_eq!(doorway.status("/courses/bread-of-bea/flour"), 200);
    // Who withdraws a course gives up only their own.
    bea.run(&["unpublish", "bread", "--to", &doorway.url])
        .refused(1, "CH-0105");
    assert_eq!(doorway.status("/courses/bread/flour"), 200);
}

#[test]
fn a_doorway_that_is_not_there_is_named() {
    let home = Home::new();
    home.bread();
    let port = {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        socket.local_addr().unwrap().port()
    };
    let address = format!("http://127.0.0.1:{port}");
    let ran = home
        .run(&["publish", "bread", "--to", &address])
        .refused(2, "CH-0603");
    assert!(
        ran.stderr.contains(&format!("127.0.0.1:{port}")),
        "{}",
        ran.stderr
    );
    for address in ["ftp://example.org", "bread", ""] {
        home.run(&["publish", "bread", "--to", address])
            .refused(2, "CH-0603");
    }
}

#[test]
fn a_file_that_is_larger_than_the_doorway_takes_is_named() {
    let home = Home::new();
    let mut command = home.command(&["up", "--empty", "--listen", "127.0.0.1:0"]);
    command.env("BLOB_BYTES_MAX", "2000");
    let doorway = home.start(command);
    home.bread();
    let ran = home
        .run(&["publish", "bread", "--to", &doorway.url])
        .refused(1, "CH-0508");
    assert!(ran.stderr.contains("images/"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("this doorway takes 2000"),
        "{}",
        ran.stderr
    );
    assert_eq!(doorway.head(&home.key()), None, "nothing was signed");
    // Exactly as large as the limit is not too large.
    home.write(
        "note/note.md",
        "# Note\n\n[A file](file.bin) and [one more](more.bin)\n",
    );
    home.write("note/file.bin", vec![7; 2_000]);
    home.write("note/more.bin", vec![7; 2_001]);
    let code = home.try_publish(&home.at("note"), &doorway).code(1);
    assert_eq!(code, "CH-0508");
    home.write("note/more.bin", vec![8; 2_000]);
    home.publish(&home.at("note"), &doorway);
}

/// Answers every request with these bytes, on a port of its own, until the test's process ends.
fn server(answer: &'static [u8]) -> String {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            drop(stream.read(&mut [0; 65_536]));
            drop(stream.write_all(answer));
        }
    });
    format!("http://{address}")
}

#[test]
fn a_server_that_is_no_doorway_is_not_understood() {
    let home = Home::new();
    home.bread();
    for answer in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\nConnection: close\r\n\r\n<h1>Welcome</h1"[..],
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    ] {
        let url = server(answer);
        let ran = home.run(&["publish", "bread", "--to", &url]);
        ran.refused(2, "CH-0604");
    }
    // A proxy in front of a doorway that is away.
    let away = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\nConnection: close\r\n\r\noven";
    let ran = home.run(&["publish", "bread", "--to", &server(away)]);
    ran.refused(2, "CH-0603");
    for answer in [
        &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\nConnection: close\r\n\r\n{",
        b"",
    ] {
        let url = server(answer);
        let ran = home.run(&["publish", "bread", "--to", &url]);
        ran.refused(2, "CH-0603");
    }
    assert_eq!(home.chains(), 0, "nothing was signed");
}

#[test]
fn one_key_publishes_one_thing_at_a_time() {
    let (home, doorway) = Home::with_doorway();
    home.bread();
    // A server that accepts and says nothing keeps the first one busy.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let mut first = home.spawn(home.command(&["publish", "bread", "--to", &url]));
    let asked = silent.accept().unwrap();
    let ran = home.try_publish(&home.at("bread"), &doorway);
    let problems = ran.problems(2);
    assert_eq!(problems[0].0, "CH-0404");
    let holder = format!("by process {}", first.id());
    assert!(problems[0].1.contains(&holder), "{problems:?}");
    first.kill().unwrap();
    drop(asked);
    assert_eq!(home.publish(&home.at("bread"), &doorway)["pages"]["new"], 5);
}
