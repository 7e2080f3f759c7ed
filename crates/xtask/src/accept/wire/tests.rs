//! A wire to somebody who repeats what they hear.

use std::time::Duration;

use super::*;

fn echo() -> Listener {
    Listener::open("echo", |mut stream| {
        let mut back = stream.try_clone().expect("a stream has two ends");
        drop(std::io::copy(&mut stream, &mut back));
    })
    .expect("loopback has a free port")
}

fn say(wire: &Wire, words: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(wire.listener.address()).expect("the wire is laid");
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .expect("a stream takes a limit");
    stream.write_all(words).expect("the wire takes it");
    stream
}

#[test]
fn without_a_stop_everything_passes_and_is_counted() {
    let echo = echo();
    let wire = Wire::lay(echo.address(), None).expect("it is laid");
    let mut stream = say(&wire, b"hello");
    let mut heard = [0; 5];
    stream.read_exact(&mut heard).expect("it comes back");
    assert_eq!(&heard, b"hello");
    let passed = wire.passed();
    assert_eq!((passed.up, passed.down, passed.files), (5, 5, 0));
    assert!(!wire.is_stopped());
}

#[test]
fn nothing_passes_after_the_chosen_byte() {
    let echo = echo();
    for (way, heard_len) in [(Way::Up, 3), (Way::Down, 3)] {
        let wire = Wire::lay(echo.address(), Some(Place { way, bytes: 3 })).expect("it is laid");
        let mut stream = say(&wire, b"hello");
        let mut heard = vec![0; heard_len];
        if way == Way::Down {
            stream.read_exact(&mut heard).expect("the first bytes come");
            assert_eq!(heard, b"hel");
        }
        testkit::wait_for("the stop", Duration::from_secs(30), || {
            Ok(wire.is_stopped().then_some(()))
        })
        .expect("it is told");
        assert_eq!(*wire.passed().of(way), 3);
    }
}

#[test]
fn what_is_asked_for_is_noted() {
    let mut passed = Passed::default();
    for words in [
        "GET /api/v1/chains/a",
        "PUT /store HTTP/1.1",
        "bytes",
        "PUT /store HTTP/1.1",
    ] {
        passed.note(words.as_bytes());
    }
    assert_eq!(
        (passed.files, passed.pieces, passed.when_signed),
        (2, 0, None)
    );
    passed.down = 7;
    passed.note(b"GET /api/v1/chains/a");
    passed.down = 9;
    passed.note(b"GET /api/v1/chains/a");
    passed.note(b"PUT /api/v1/chains/a");
    assert_eq!(
        (passed.files, passed.pieces, passed.when_signed),
        (2, 1, Some((0, 7)))
    );
}
