//! A port that this test holds, and rows as the kernel writes them.

use super::*;

#[test]
fn the_holder_of_a_port_is_found() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = listener.local_addr().expect("it listens");
    let holder = holder(address).expect("this process holds it");
    assert_eq!(holder.pid, std::process::id());
    assert!(!holder.name.is_empty());
}

#[test]
fn a_port_that_nobody_holds_has_no_holder() {
    // An address of loopback that nothing else uses, so that nobody takes the port in between.
    let listener = TcpListener::bind("127.83.1.1:0").expect("loopback has a free port");
    let address = listener.local_addr().expect("it listens");
    drop(listener);
    assert_eq!(holder(address), None);
}

#[test]
fn a_free_port_near_a_taken_one_can_be_listened_on() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = listener.local_addr().expect("it listens");
    if let Some(port) = free_near(address) {
        assert!(port > address.port());
    } else {
        assert!(
            address.port() > u16::MAX - TRIES_MAX,
            "only the last ports have no neighbours"
        );
    }
}

#[test]
fn rows_of_the_kernel_are_read() {
    const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
    let row = |local: &str, state: &str| {
        format!(
            "{HEAD}   0: {local} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0"
        )
    };
    let loopback: SocketAddr = "127.0.0.1:8080".parse().expect("an address");
    for (local, state, expected) in [
        ("0100007F:1F90", "0A", vec![4711]),
        ("00000000:1F90", "0A", vec![4711]),
        ("00000000000000000000000000000000:1F90", "0A", vec![4711]),
        ("0000000000000000FFFF00000100007F:1F90", "0A", vec![4711]),
        ("0200007F:1F90", "0A", vec![]),
        ("0100007F:1F91", "0A", vec![]),
        ("0100007F:1F90", "01", vec![]),
    ] {
        assert_eq!(
            listeners(&row(local, state), loopback),
            expected,
            "{local} {state}"
        );
    }
}
