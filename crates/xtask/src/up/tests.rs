//! What is said before anything is built.

use super::*;

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn the_address_is_taken_from_either_spelling() {
    assert_eq!(listen_address(&words("--data d")), "127.0.0.1:8080");
    assert_eq!(
        listen_address(&words("--data d --listen 127.0.0.1:1")),
        "127.0.0.1:1"
    );
    assert_eq!(
        listen_address(&words("--listen=[::1]:2 --data d")),
        "[::1]:2"
    );
}

#[test]
fn a_taken_port_is_refused_with_its_holder_and_an_offer() {
    // An address of loopback that nothing else uses, so that nobody takes the port in between.
    let listener = TcpListener::bind("127.83.1.2:0").expect("loopback has a free port");
    let address = listener.local_addr().expect("it listens");
    let arguments = words(&format!("--listen {address} --data d"));
    let error = require_free(address, &arguments)
        .expect_err("this test holds it")
        .to_string();
    let pid = std::process::id();
    assert!(
        error.starts_with(&format!("{address} is taken by ")),
        "{error}"
    );
    assert!(error.contains(&format!("(process {pid})")), "{error}");
    assert!(
        error.contains("cargo xtask up -- --data d --listen 127.83.1.2:"),
        "{error}"
    );
    drop(listener);
    require_free(address, &arguments).expect("it is free now");
}

#[test]
fn the_wait_is_announced() {
    assert!(expectation(false).contains("minutes the first time on"));
    assert!(expectation(true).contains("seconds"));
}
