//! A burst arrives whole and not before its time; what comes back arrives too.

use std::io::{Read as _, Write as _};
use std::time::Instant;

use super::*;

const DELAY: Duration = Duration::from_millis(30);

#[test]
fn a_burst_is_held_back_and_its_answer_is_not() {
    let target = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Delay::start(target.local_addr().unwrap()).unwrap();
    proxy.hold_back(DELAY);
    let mut client = std::net::TcpStream::connect(proxy.address()).unwrap();
    let (mut server, _) = target.accept().unwrap();
    let started = Instant::now();
    client.write_all(b"onetwo").unwrap();
    let mut received = [0; 6];
    server.read_exact(&mut received).unwrap();
    assert_eq!(&received, b"onetwo");
    assert!(started.elapsed() >= DELAY);
    assert_eq!(proxy.bursts(), 1);
    server.write_all(b"back").unwrap();
    drop(server);
    let mut back = Vec::new();
    client.read_to_end(&mut back).unwrap();
    assert_eq!(back, b"back");
}
