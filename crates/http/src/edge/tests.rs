//! Honest chains, malformed ones, and clients that lie about themselves.

use axum::http::HeaderValue;

use super::*;

const PROXIES: [&str; 4] = [
    "10.0.0.0/8",
    "127.0.0.1/32",
    "::1/128",
    "2001:db8:ffff::/48",
];

fn check(peer: &str, lines: &[(&'static str, &str)], expect: &str) {
    let trusted: Vec<IpNet> = PROXIES.iter().map(|net| net.parse().unwrap()).collect();
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    let client = client_address(peer.parse().unwrap(), &headers, &trusted);
    assert_eq!(
        client,
        expect.parse::<IpAddr>().unwrap(),
        "{lines:?} from {peer}"
    );
}

const FOR: &str = "x-forwarded-for";

#[test]
fn a_stranger_is_not_believed() {
    check("192.0.2.9", &[(FOR, "198.51.100.1")], "192.0.2.9");
    check(
        "192.0.2.9",
        &[("forwarded", "for=198.51.100.1")],
        "192.0.2.9",
    );
    check("::ffff:192.0.2.9", &[(FOR, "198.51.100.1")], "192.0.2.9");
    let trusting_nobody = client_address(
        "127.0.0.1".parse().unwrap(),
        &HeaderMap::from_iter([(X_FORWARDED_FOR, HeaderValue::from_static("198.51.100.1"))]),
        &[],
    );
    assert_eq!(trusting_nobody.to_string(), "127.0.0.1");
}

#[test]
fn a_trusted_proxy_says_for_whom_it_asks() {
    check("10.0.0.1", &[], "10.0.0.1");
    check("10.0.0.1", &[(FOR, "198.51.100.1")], "198.51.100.1");
    check("::ffff:10.0.0.1", &[(FOR, "198.51.100.1")], "198.51.100.1");
    check("10.0.0.1", &[(FOR, "198.51.100.1:4711")], "198.51.100.1");
    check("10.0.0.1", &[(FOR, "2001:db8::7")], "2001:db8::7");
    check("10.0.0.1", &[(FOR, "[2001:db8::7]:443")], "2001:db8::7");
    check("10.0.0.1", &[(FOR, "::ffff:198.51.100.1")], "198.51.100.1");
    check(
        "10.0.0.1",
        &[("forwarded", "for=198.51.100.1")],
        "198.51.100.1",
    );
    let full = "by=203.0.113.43;For=\"[2001:db8:cafe::17]:4711\"; proto=https;host=\"a,b;c\"";
    check("10.0.0.1", &[("forwarded", full)], "2001:db8:cafe::17");
    check(
        "10.0.0.1",
        &[("forwarded", "for=\"198.51.100.1:_hidden\"")],
        "198.51.100.1",
    );
}

#[test]
fn proxies_are_passed_over_from_the_right() {
    check(
        "10.0.0.1",
        &[(FOR, "198.51.100.1, 10.0.0.3,10.0.0.2")],
        "198.51.100.1",
    );
    check(
        "10.0.0.1",
        &[(FOR, "198.51.100.1"), (FOR, "10.0.0.2")],
        "198.51.100.1",
    );
    check(
        "::1",
        &[("forwarded", "for=198.51.100.1, for=\"[2001:db8:ffff::1]\"")],
        "198.51.100.1",
    );
    // Proxies all the way: the one farthest away asks.
    check("10.0.0.1", &[(FOR, "10.0.0.3, 10.0.0.2")], "10.0.0.3");
}

#[test]
fn what_a_client_says_itself_stands_left_and_is_not_read() {
    check(
        "10.0.0.1",
        &[(FOR, "127.0.0.1, 198.51.100.1")],
        "198.51.100.1",
    );
    check(
        "10.0.0.1",
        &[(FOR, "203.0.113.5, 198.51.100.1, 10.0.0.2")],
        "198.51.100.1",
    );
    check(
        "10.0.0.1",
        &[("forwarded", "for=127.0.0.1,for=198.51.100.1;by=10.0.0.1")],
        "198.51.100.1",
    );
    // The proxy writes the older header; what the client says of itself in `Forwarded` does not count beside it.
    for own in ["for=198.51.100.1", "for=unknown", "by=x"] {
        let both = [(FOR, "203.0.113.5"), ("forwarded", own)];
        check("10.0.0.1", &both, "203.0.113.5");
    }
    let many = "203.0.113.5,".repeat(5_000) + "198.51.100.1";
    check("10.0.0.1", &[(FOR, &many)], "198.51.100.1");
}

#[test]
fn what_names_no_address_ends_the_reading() {
    for malformed in [
        "unknown",
        "_hidden",
        "",
        "999.1.1.1",
        "198.51.100.1:port",
        "198.51.100.1:123456",
        "[2001:db8::7",
        "[2001:db8::7]x",
        "[198.51.100.1]",
        "2001:db8::7]:1",
        "198.51.100.1 198.51.100.2",
        "\u{fc}",
    ] {
        check(
            "10.0.0.1",
            &[(FOR, &format!("203.0.113.5, {malformed}"))],
            "10.0.0.1",
        );
        let behind = format!("203.0.113.5, {malformed}, 10.0.0.2");
        let expect = if malformed == "\u{fc}" {
            "10.0.0.1"
        } else {
            "10.0.0.2"
        };
        check("10.0.0.1", &[(FOR, &behind)], expect);
    }
    for malformed in [
        "for=unknown",
        "for=_SEVKISEK",
        "for=",
        "for",
        "by=198.51.100.1",
        "for=198.51.100.1;for=198.51.100.2",
        "for=\"198.51.100.1",
        "198.51.100.1",
    ] {
        check("10.0.0.1", &[("forwarded", malformed)], "10.0.0.1");
    }
    // A quote without an end spoils the line it stands in, not the proxy's own one after it.
    let spoilt = [
        ("forwarded", "for=\"203.0.113.5"),
        ("forwarded", "for=198.51.100.1"),
    ];
    check("10.0.0.1", &spoilt, "198.51.100.1");
}

#[test]
fn an_edge_trusts_what_it_lists() {
    let edge = Edge {
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
    };
    assert!(edge.trusts("10.1.2.3".parse().unwrap()));
    assert!(edge.trusts("::ffff:10.1.2.3".parse().unwrap()));
    assert!(!edge.trusts("11.1.2.3".parse().unwrap()));
    assert!(!Edge::default().trusts("127.0.0.1".parse().unwrap()));
}
