//! Blobs and uploads, against a server that answers from a script.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use super::*;

/// A request as the server got it: its first line, its fields in small letters, its body.
#[derive(Clone, Debug)]
struct Got {
    line: String,
    fields: Vec<String>,
    body: Vec<u8>,
}

impl Got {
    #[track_caller]
    fn expect(&self, line: &str, fields: &[&str]) {
        assert_eq!(self.line, line);
        for field in fields {
            assert!(
                self.fields.iter().any(|found| found == field),
                "{field}: {:?}",
                self.fields
            );
        }
    }
}

/// Answers each request with the next of `answers`, in which `{address}` is replaced.
#[allow(
    clippy::disallowed_methods,
    reason = "a test's server ends with its process"
)]
fn server(answers: Vec<String>) -> (BlobStore, Arc<Mutex<Vec<Got>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(Vec::new()));
    let (got, own) = (Arc::clone(&requests), address.clone());
    thread::spawn(move || {
        for answer in answers {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream);
            let mut lines = Vec::new();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if line.trim().is_empty() {
                    break;
                }
                lines.push(line.trim().to_owned());
            }
            let line = lines.remove(0);
            let fields: Vec<String> = lines
                .iter()
                .map(|line| {
                    let (name, value) = line.split_once(": ").unwrap();
                    format!("{}: {value}", name.to_lowercase())
                })
                .collect();
            let length = fields
                .iter()
                .find_map(|field| field.strip_prefix("content-length: ")?.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            reader.read_exact(&mut body).unwrap();
            got.lock().unwrap().push(Got { line, fields, body });
            let answer = answer.replace("{address}", &own);
            reader.get_mut().write_all(answer.as_bytes()).unwrap();
        }
    });
    let store = Doorway::new(&address).unwrap().blobs(Some("community"));
    (store, requests)
}

fn answer(status: u16, fields: &[&str], body: &str) -> String {
    let mut text = format!("HTTP/1.1 {status} Said\r\nConnection: close\r\n");
    for field in fields {
        text.push_str(&format!("{field}\r\n"));
    }
    text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    text
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(future)
}

#[test]
fn an_upload_goes_piece_by_piece_with_checksums() {
    let hash = ContentHash::of(b"breadbread");
    let done = format!("X-Blob-Hash: {hash}");
    let (store, requests) = server(vec![
        answer(201, &["Location: /blobs/uploads/7"], ""),
        answer(204, &["Upload-Offset: 5"], ""),
        answer(460, &[], ""),
        answer(204, &["Upload-Offset: 10", &done], ""),
    ]);
    run(async {
        let upload = store
            .begin_upload(Some(10), Some(&hash), "t")
            .await
            .unwrap();
        assert_eq!(upload.path(), "/blobs/uploads/7");
        let append = |offset| store.append_upload(&upload, offset, "bread".into(), None, "t");
        let state = |offset, hash| UploadState {
            offset,
            length: None,
            hash,
        };
        assert_eq!(append(0).await.unwrap(), Appended::Taken(state(5, None)));
        assert_eq!(append(5).await.unwrap(), Appended::Changed);
        let whole = Appended::Taken(state(10, Some(hash)));
        assert_eq!(append(5).await.unwrap(), whole);
    });
    let requests = requests.lock().unwrap();
    let name = STANDARD.encode("community");
    let metadata = format!(
        "upload-metadata: sha256 {},namespace {name}",
        STANDARD.encode(hash.to_string())
    );
    let fields = [
        "tus-resumable: 1.0.0",
        "upload-length: 10",
        &metadata,
        "authorization: Bearer t",
    ];
    requests[0].expect("POST /blobs/uploads?namespace=community HTTP/1.1", &fields);
    let digest = STANDARD.encode(ContentHash::of(b"bread").as_bytes());
    let checksum = format!("upload-checksum: sha256 {digest}");
    let fields = [
        "content-type: application/offset+octet-stream",
        "upload-offset: 0",
        &checksum,
    ];
    requests[1].expect("PATCH /blobs/uploads/7 HTTP/1.1", &fields);
    assert_eq!(requests[1].body, b"bread");
}

#[test]
fn an_upload_of_unknown_length_says_it_with_the_last_piece() {
    let (store, requests) = server(vec![
        answer(201, &["Location: {address}/blobs/uploads/7"], ""),
        answer(204, &["Upload-Offset: 5"], ""),
    ]);
    run(async {
        let upload = store.begin_upload(None, None, "t").await.unwrap();
        let sent = store.append_upload(&upload, 0, "bread".into(), Some(5), "t");
        sent.await.unwrap();
    });
    let requests = requests.lock().unwrap();
    let line = "POST /blobs/uploads?namespace=community HTTP/1.1";
    requests[0].expect(line, &["upload-defer-length: 1"]);
    requests[1].expect("PATCH /blobs/uploads/7 HTTP/1.1", &["upload-length: 5"]);
}

#[test]
fn a_token_goes_to_no_other_server() {
    for elsewhere in [
        "http://192.0.2.1/blobs/uploads/7",
        "//192.0.2.1/blobs/uploads/7",
    ] {
        let location = format!("Location: {elsewhere}");
        let (store, _) = server(vec![answer(201, &[&location], "")]);
        let begun = run(store.begin_upload(Some(1), None, "t"));
        assert_eq!(begun.unwrap_err().code, Code::ServerAnswer, "{elsewhere}");
    }
}

#[test]
fn where_an_upload_stands_is_told_apart_from_that_it_is_gone() {
    let check = |status: u16, fields: &[&str], expect: Option<Option<u64>>| {
        let (store, _) = server(vec![answer(status, fields, "")]);
        let upload = store.server().join("/blobs/uploads/7").unwrap();
        let state = run(store.upload_state(&upload, "t")).ok();
        assert_eq!(
            state.map(|state| state.map(|state| state.offset)),
            expect,
            "{status}"
        );
    };
    check(
        200,
        &["Upload-Offset: 5", "Upload-Length: 10"],
        Some(Some(5)),
    );
    check(404, &[], Some(None));
    check(410, &[], Some(None));
    check(200, &[], None);
    check(500, &[], None);
}

#[test]
fn a_part_must_be_the_one_that_was_asked_for() {
    let check = |status: u16, range: &str, expect: Option<(u64, u64)>| {
        let (store, requests) = server(vec![answer(status, &[range], "bread")]);
        let hash = ContentHash::of(b"breadbread");
        let read = run(store.read(&hash, 5, "t"));
        let found = read
            .ok()
            .flatten()
            .map(|reading| (reading.from, reading.total));
        assert_eq!(found, expect, "{status} {range}");
        let line = format!("GET /blobs/{hash}?namespace=community HTTP/1.1");
        requests.lock().unwrap()[0].expect(&line, &["range: bytes=5-"]);
    };
    check(206, "Content-Range: bytes 5-9/10", Some((5, 10)));
    check(206, "Content-Range: bytes 4-8/10", None);
    check(206, "Content-Range: bytes 5-9/*", None);
    check(206, "X: y", None);
    // The range was passed over: it begins at the beginning.
    check(200, "X: y", Some((0, 5)));
}

#[test]
fn the_slashes_of_a_tag_stand_in_the_path() {
    let problem = r#"{"type":"","title":"","status":404,"code":"CH-0105","kind":"rejection"}"#;
    let (store, requests) = server(vec![answer(404, &[], problem)]);
    assert_eq!(run(store.tag("photos/2026@home", "t")), Ok(None));
    let line = "GET /blobs/tags/photos/2026@home?namespace=community HTTP/1.1";
    requests.lock().unwrap()[0].expect(line, &[]);
}

#[test]
fn what_was_stored_under_another_hash_is_a_fault() {
    let other = ContentHash::of(b"butter");
    let ack = r#"{"tier":"accepted","at_us":1,"lsn":1}"#;
    let view = format!(r#"{{"hash":"{other}","bytes":5,"is_new":true,"ack":{ack}}}"#);
    let (store, requests) = server(vec![answer(201, &[], &view)]);
    let hash = ContentHash::of(b"bread");
    let body = || std::future::ready(Ok(Body::from("bread")));
    let stored = run(store.put(&hash, 5, body, "t"));
    assert_eq!(stored.unwrap_err().code, Code::ServerAnswer);
    assert_eq!(requests.lock().unwrap()[0].body, b"bread");
}

#[test]
fn an_answer_for_another_number_of_hashes_is_a_fault() {
    let (store, _) = server(vec![answer(200, &[], r#"{"have":[true]}"#)]);
    let hashes = [ContentHash::of(b"one"), ContentHash::of(b"two")];
    let have = run(store.have(&hashes, "t"));
    assert_eq!(have.unwrap_err().code, Code::ServerAnswer);
}

#[test]
fn a_status_without_a_body_says_as_much_as_it_can() {
    let cases = [
        (507, Code::DiskFull, "its disk is full"),
        (503, Code::Unavailable, "takes no changes"),
        (500, Code::StoreFailed, "see its log"),
        (423, Code::UploadBusy, "somebody else"),
        (401, Code::TokenInvalid, "token"),
        (418, Code::ServerAnswer, "418"),
    ];
    for (status, code, said) in cases {
        let (store, _) = server(vec![answer(status, &[], "")]);
        let asked = run(async {
            let upload = store.server().join("/blobs/uploads/7").unwrap();
            store.upload_state(&upload, "t").await
        });
        let problem = asked.unwrap_err();
        assert_eq!(problem.code, code, "{status}");
        assert!(
            problem.detail.contains(said),
            "{status}: {}",
            problem.detail
        );
        assert!(problem.detail.contains(&status.to_string()), "{status}");
    }
}

#[test]
fn a_full_disk_is_told_with_the_words_of_the_node() {
    let body = r#"{"schema_version":1,"type":"/errors/CH-0401","title":"the disk is full","status":507,"detail":"the blob was not stored: the disk of the node is full","code":"CH-0401","kind":"failure","hint":"free space","page":"/errors/CH-0401","instance":"","request_id":""}"#;
    let hash = ContentHash::of(b"bread");
    let (store, _) = server(vec![answer(507, &[], body), answer(507, &[], body)]);
    run(async {
        let put = store.put(&hash, 5, || async { Ok(Body::from("bread")) }, "t");
        let begun = store.begin_upload(Some(5), Some(&hash), "t");
        for problem in [put.await.unwrap_err(), begun.await.unwrap_err()] {
            assert_eq!(problem.code, Code::DiskFull);
            assert!(problem.detail.contains("the disk of the node is full"));
        }
    });
}
