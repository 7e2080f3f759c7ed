//! Which addresses are taken, and what they show.

use super::*;

fn shown(text: &str) -> Result<String, String> {
    Target::parse(text)
        .map(|target| format!("{target:?}"))
        .map_err(|problem| {
            assert_eq!(problem.code, Code::Config, "{text}");
            problem.detail
        })
}

#[test]
fn an_address_names_a_backend() {
    for (text, expected) in [
        ("", "Memory"),
        ("memory:", "Memory"),
        ("redis://127.0.0.1", "Redis(redis://127.0.0.1)"),
        ("rediss://h:7/3", "Redis(rediss://h:7/3)"),
        ("nats://h", "Nats(nats://h)"),
        ("tls://h:4222", "Nats(tls://h:4222)"),
    ] {
        assert_eq!(shown(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn what_opens_the_door_is_read_and_not_shown() {
    let target = Target::parse("nats://ann:o%40pen@h:1").expect("an address");
    assert_eq!(format!("{target:?}"), "Nats(nats://h:1)");
    let Target::Nats(server) = target else {
        panic!("it is one of NATS");
    };
    assert_eq!(server.user.as_deref(), Some("ann"));
    assert_eq!(server.password.as_deref(), Some("o@pen"));
    assert_eq!(
        shown("redis://:secret@h").as_deref(),
        Ok("Redis(redis://h)")
    );
}

#[test]
fn a_wrong_address_is_a_fault_of_the_configuration_that_tells_no_secret() {
    for text in [
        "h:6379",
        "http://ann:secret@h",
        "redis://:secret@",
        "redis:",
        "nats://:secret@h/path",
        "redis://:secret@h/zero",
        "rediss://:secret@h#insecure",
        "nats://:secret@h:port",
        "nats://ann:secret@a,nats://b",
        "secret",
        "redis://:secret%ff@h",
    ] {
        let detail = shown(text).expect_err(text);
        assert!(!detail.contains("secret"), "{text}: {detail}");
        assert!(detail.starts_with("the address of the bus "), "{detail}");
    }
}
