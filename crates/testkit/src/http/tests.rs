//! A server of one answer.

use std::io::Read as _;
use std::net::TcpListener;

use super::*;

fn ask(answer: &'static str) -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = listener.local_addr().expect("it listens");
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let (mut stream, _) = listener.accept().expect("the test connects");
            let mut request = [0; 512];
            let count = stream.read(&mut request).expect("the test asks");
            assert!(request[..count].starts_with(b"GET /health HTTP/1.1\r\n"));
            stream.write_all(answer.as_bytes()).expect("the test reads");
        });
        status(address, "/health", Duration::from_secs(20))
    })
}

#[test]
fn the_status_is_returned() {
    assert_eq!(
        ask("HTTP/1.1 503 Service Unavailable\r\n\r\n").expect("it is HTTP"),
        503
    );
}

#[test]
fn what_is_not_http_is_refused() {
    assert!(
        ask("SSH-2.0-x\r\n")
            .expect_err("it is not HTTP")
            .to_string()
            .contains("not HTTP/1.1")
    );
}
