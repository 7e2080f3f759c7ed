//! Requests that the client of the program does not make: other names, other methods, other headers.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use crate::home::DEADLINE;

/// What was answered.
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Sends a request as it is written, its `Host` the address unless `headers` name one, and reads the answer to its end.
pub(crate) fn ask(address: SocketAddr, line: &str, headers: &[&str], body: &str) -> Answered {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut request = format!("{line} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|header| header.starts_with("Host:")) {
        request.push_str(&format!("Host: {address}\r\n"));
    }
    for header in headers {
        request.push_str(&format!("{header}\r\n"));
    }
    request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Answered {
        status: head["HTTP/1.1 ".len()..][..3].parse().unwrap(),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// Asks with GET and expects success.
#[track_caller]
pub(crate) fn get(address: SocketAddr, path: &str) -> String {
    let answered = ask(address, &format!("GET {path}"), &[], "");
    assert_eq!(answered.status, 200, "{path}: {}", answered.head);
    answered.body
}
