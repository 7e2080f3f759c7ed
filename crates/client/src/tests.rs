//! Requests that are put off, against a server that says so.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use super::*;

#[allow(
    clippy::disallowed_methods,
    reason = "a test's server ends with its process"
)]
/// Answers each request with the next of `answers`; returns its address and the bodies that it got.
fn server(answers: &'static [&'static str]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let got = Arc::clone(&bodies);
    thread::spawn(move || {
        for answer in answers {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream);
            let (mut length, mut line) = (0, String::new());
            while reader.read_line(&mut line).unwrap() > 2 {
                let lower = line.to_lowercase();
                if let Some(value) = lower.strip_prefix("content-length: ") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            got.lock().unwrap().push(String::from_utf8(body).unwrap());
            reader.get_mut().write_all(answer.as_bytes()).unwrap();
        }
    });
    (address, bodies)
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(future)
}

const LATER: &str = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
// Without a length: it ends with the connection.
const NOT_THE_WRITER: &str = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n{\"type\":\"\",\"title\":\"\",\"status\":503,\"code\":\"CH-0408\",\"kind\":\"failure\"}";
const COPY: &str = "HTTP/1.1 421 Misdirected Request\r\nRetry-After: 0\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
const STORED: &str = "HTTP/1.1 201 Created\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";

#[test]
fn a_body_is_opened_again_for_each_try_and_the_wait_is_told() {
    let (address, bodies) = server(&[LATER, LATER, STORED]);
    let (opened, told) = (AtomicU32::new(0), Arc::new(Mutex::new(Vec::new())));
    let heard = Arc::clone(&told);
    let doorway = Doorway::new(&address).unwrap();
    let doorway = doorway.telling(move |waiting| heard.lock().unwrap().push(waiting));
    let body = || {
        opened.fetch_add(1, Ordering::Relaxed);
        let pieces = ["bre", "ad"].map(|piece| Ok(bytes::Bytes::from(piece)));
        std::future::ready(Ok(body_of(futures::stream::iter(pieces))))
    };
    let hash = ContentHash::of(b"bread");
    // What is answered at last is no view; that it was reached is what counts.
    let ended = run(doorway.put_blob(&hash, 5, body, "token"));
    assert_eq!(ended.unwrap_err().code, Code::ServerAnswer);
    assert_eq!(*bodies.lock().unwrap(), ["bread", "bread", "bread"]);
    assert_eq!(opened.load(Ordering::Relaxed), 3);
    let (began, ended) = (Waiting::Began, Waiting::Ended);
    assert_eq!(*told.lock().unwrap(), [began, ended, began, ended]);
}

#[test]
fn what_is_for_another_doorway_is_not_asked_again() {
    let (address, bodies) = server(&[COPY, STORED]);
    let doorway = Doorway::new(&address).unwrap();
    assert!(run(doorway.members("token")).is_err());
    assert_eq!(bodies.lock().unwrap().len(), 1);
}

#[test]
fn a_place_is_asked_again_while_another_process_writes() {
    let (address, bodies) = server(&[NOT_THE_WRITER, LATER, STORED]);
    let doorway = Doorway::new(&address).unwrap();
    let ended = run(doorway.append("agent", Vec::new()));
    assert_eq!(ended.unwrap_err().code, Code::ServerAnswer);
    assert_eq!(bodies.lock().unwrap().len(), 3);
}
