//! The table of classes, the edges of every bound, a naive reference, and a crowd with a flood in it.

mod reference;
mod simulation;

use core::net::IpAddr;

use base::{Code, Duration, Timestamp};

use super::{Admission, Class, Limits, Place, Reason, Verdict, Visitor};

const START: Timestamp = Timestamp(1_000_000_000);

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn visitor(from: &str, class: Class) -> Visitor {
    Visitor {
        address: address(from),
        class,
        announced_bytes: Some(0),
    }
}

/// Lets one in, or says why not and for how long.
fn admit(
    admission: &mut Admission,
    now: Timestamp,
    visitor: Visitor,
) -> Result<Place, (Reason, u32)> {
    match admission.admit(now, visitor) {
        Verdict::Admitted(place) => Ok(place),
        Verdict::Refused {
            reason,
            retry_after_secs,
        } => Err((reason, retry_after_secs)),
    }
}

/// Lets as many of a class in as get in, from this machine, which pays nothing; returns their places.
fn fill(admission: &mut Admission, class: Class, count_max: usize) -> Vec<Place> {
    let mut places = Vec::new();
    while places.len() < count_max {
        match admit(admission, START, visitor("127.0.0.1", class)) {
            Ok(place) => places.push(place),
            Err((reason, secs)) => {
                assert_eq!(reason, Reason::Load);
                assert!((1..=5).contains(&secs));
                break;
            }
        }
    }
    places
}

/// Lets visits of one address in until it is refused; returns how many got in and what the refusal said.
fn exhaust(admission: &mut Admission, now: Timestamp, from: &str, class: Class) -> (u32, u32) {
    let mut count = 0;
    loop {
        match admit(admission, now, visitor(from, class)) {
            Ok(place) => admission.leave(place),
            Err((reason, secs)) => {
                assert_eq!(reason, Reason::Address);
                return (count, secs);
            }
        }
        count += 1;
    }
}

#[test]
fn whole_table_of_classes() {
    use Class::{Admin, Auth, Blob, Events, Page, Proof, Read, Search, Service, Write};
    let table = [
        ("GET", "/health", Service),
        ("HEAD", "/ready", Service),
        ("GET", "/version?x=1", Service),
        ("GET", "/health/more", Page),
        ("GET", "/", Page),
        ("GET", "", Page),
        ("GET", "/courses/git/intro", Page),
        ("GET", "/assets/style.css", Page),
        ("GET", "/whatever?proof=1", Page),
        ("GET", "/search?q=word", Search),
        ("GET", "/api/v1/search?q=word", Search),
        ("GET", "/api/v1/cache/content", Read),
        ("GET", "/api/v1/cache/content/uhCkk?lang=de", Read),
        ("GET", "/api/v1/cache/content/uhCkk?lang=de&proof=1", Proof),
        ("GET", "/api/v1/cache/content/uhCkk?proof=0", Read),
        ("GET", "/api/v1/chains/uhCAk?after=7", Read),
        ("GET", "/openapi.json", Read),
        ("GET", "/db/schema", Read),
        ("GET", "/.well-known/doorway-keys", Read),
        ("OPTIONS", "/api/v1/cache/content", Read),
        ("GET", "/proofs/uhCkk", Proof),
        ("GET", "/history/uhCkk/3", Proof),
        ("GET", "/store/abc", Blob),
        ("HEAD", "/store/abc", Blob),
        ("GET", "/store/abc/status", Read),
        ("GET", "/blobs", Read),
        ("GET", "/blobs/tags/a/b", Read),
        ("GET", "/blobs/usage", Read),
        ("GET", "/blobs/abc", Blob),
        ("GET", "/blobs/abc/status", Blob),
        ("HEAD", "/blobs/uploads/abc", Blob),
        ("GET", "/api/v1/events", Events),
        ("GET", "/api/v1/events?after=x", Events),
        ("PUT", "/api/v1/chains/uhCAk", Write),
        ("PUT", "/store", Write),
        ("PUT", "/blobs", Write),
        ("PATCH", "/blobs/uploads/abc", Write),
        ("DELETE", "/courses/git", Write),
        ("POST", "/health/x", Write),
        ("BREW", "/", Write),
        ("POST", "/auth/challenge", Auth),
        ("POST", "/auth/token", Auth),
        ("GET", "/auth/me", Auth),
        ("GET", "/admin/members", Admin),
        ("PUT", "/admin/members/uhCAk", Admin),
    ];
    for (method, target, class) in table {
        assert_eq!(Class::of(method, target), class, "{method} {target}");
    }
    for class in Class::ALL {
        assert!(
            table.iter().any(|(_, _, other)| *other == class),
            "{} is missing in the table",
            class.as_str()
        );
    }
}

#[test]
fn reasons_have_their_codes() {
    assert_eq!(
        Reason::ALL.map(Reason::code),
        [Code::TooManyRequests, Code::Overloaded]
    );
}

#[test]
fn address_has_its_burst_and_its_rate_and_not_more() {
    let mut admission = Admission::new(Limits::default());
    assert_eq!(
        exhaust(&mut admission, START, "192.0.2.1", Class::Page),
        (1_000, 1)
    );
    // 3,000 a minute are 50 a second.
    let second = START + Duration::from_secs(1);
    let before = Timestamp(second.0 - 1);
    assert_eq!(
        exhaust(&mut admission, before, "192.0.2.1", Class::Page).0,
        49
    );
    assert_eq!(
        exhaust(&mut admission, second, "192.0.2.1", Class::Page).0,
        1
    );
    let later = second + Duration::from_secs(3_600);
    assert_eq!(
        exhaust(&mut admission, later, "192.0.2.1", Class::Page).0,
        1_000
    );
    assert_eq!(
        exhaust(&mut admission, later, "192.0.2.2", Class::Page).0,
        1_000
    );
}

#[test]
fn refusal_says_when_to_try_again_and_means_it() {
    let limits = Limits {
        address_requests_per_minute: 6,
        address_burst: 7,
        ..Limits::default()
    };
    let mut admission = Admission::new(limits);
    assert_eq!(
        exhaust(&mut admission, START, "192.0.2.1", Class::Search),
        (1, 30)
    );
    // A search costs 5 and 2 tokens are left; a token comes every ten seconds.
    for (millis, secs) in [(0, 30), (1, 30), (1_000, 29), (29_001, 1)] {
        let now = START + Duration::from_millis(millis);
        let refused = admit(&mut admission, now, visitor("192.0.2.1", Class::Search));
        assert_eq!(refused, Err((Reason::Address, secs)));
    }
    let then = START + Duration::from_secs(30);
    assert!(admit(&mut admission, then, visitor("192.0.2.1", Class::Search)).is_ok());
    let page = visitor("192.0.2.1", Class::Page);
    assert_eq!(
        admit(&mut admission, then, page),
        Err((Reason::Address, 10))
    );
}

#[test]
fn class_that_costs_more_than_the_burst_costs_the_burst() {
    let limits = Limits {
        address_requests_per_minute: 0,
        address_burst: 0,
        ..Limits::default()
    };
    let mut admission = Admission::new(limits);
    assert_eq!(
        exhaust(&mut admission, START, "192.0.2.1", Class::Auth),
        (1, 60)
    );
}

#[test]
fn networks_of_version_6_are_one_address_and_mapped_ones_are_version_4() {
    let limits = Limits {
        address_burst: 1,
        ..Limits::default()
    };
    let cases = [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", false),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", true),
        ("192.0.2.1", "::ffff:192.0.2.1", false),
        ("192.0.2.1", "192.0.2.2", true),
    ];
    for (one, other, gets_in) in cases {
        let mut admission = Admission::new(limits.clone());
        exhaust(&mut admission, START, one, Class::Page);
        let verdict = admit(&mut admission, START, visitor(other, Class::Page));
        assert_eq!(verdict.is_ok(), gets_in, "{one} {other}");
    }
}

#[test]
fn this_machine_pays_only_when_it_is_told_to() {
    for (is_exempt, expect) in [(true, 0), (false, 1)] {
        for from in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            let mut admission = Admission::new(Limits {
                loopback_exempt: is_exempt,
                ..Limits::default()
            });
            let place = admit(&mut admission, START, visitor(from, Class::Page));
            assert!(place.is_ok());
            assert_eq!(admission.addresses(), expect, "{from}");
        }
    }
}

#[test]
fn refusals_and_service_routes_cost_nothing() {
    let limits = Limits {
        address_burst: 2,
        in_flight_max: 1,
        ..Limits::default()
    };
    let mut admission = Admission::new(limits);
    let page = visitor("192.0.2.1", Class::Page);
    let place = admit(&mut admission, START, page).expect("the first one");
    for _ in 0..10 {
        let (reason, _) = admit(&mut admission, START, page).expect_err("it is full");
        assert_eq!(reason, Reason::Load);
        let service = visitor("192.0.2.1", Class::Service);
        let place = admit(&mut admission, START, service).expect("always");
        admission.leave(place);
    }
    admission.leave(place);
    assert!(
        admit(&mut admission, START, page).is_ok(),
        "a token is left"
    );
    assert_eq!(admission.counters().admitted(Class::Page), 2);
    assert_eq!(admission.counters().refused(Class::Page, Reason::Load), 10);
    assert_eq!(
        admission.counters().refused(Class::Page, Reason::Address),
        0
    );
}

#[test]
fn full_buckets_are_forgotten_first_and_then_the_one_used_longest_ago() {
    let limits = Limits {
        address_requests_per_minute: 60,
        address_burst: 10,
        addresses_max: 2,
        ..Limits::default()
    };
    let mut admission = Admission::new(limits);
    let visit = |admission: &mut Admission, secs, from: &str, class| {
        let now = START + Duration::from_secs(secs);
        let place = admit(admission, now, visitor(from, class)).expect("it has tokens");
        admission.leave(place);
    };
    visit(&mut admission, 0, "192.0.2.1", Class::Search);
    visit(&mut admission, 0, "192.0.2.2", Class::Page);
    // The second address is full again, the first is not.
    visit(&mut admission, 1, "192.0.2.3", Class::Search);
    assert_eq!(admission.addresses(), 2);
    let now = START + Duration::from_secs(1);
    assert_eq!(exhaust(&mut admission, now, "192.0.2.1", Class::Page).0, 6);
    // Both are in use, and the third address was used longest ago: it starts anew after the fourth came.
    visit(&mut admission, 1, "192.0.2.4", Class::Search);
    assert_eq!(admission.addresses(), 2);
    assert_eq!(exhaust(&mut admission, now, "192.0.2.1", Class::Page).0, 0);
    assert_eq!(exhaust(&mut admission, now, "192.0.2.3", Class::Page).0, 10);
}

#[test]
fn every_share_has_both_sides_of_its_edge() {
    let limits = Limits::default();
    let cases = [
        (Class::Service, 16),
        (Class::Page, 1_024),
        (Class::Read, 1_024),
        (Class::Search, 64),
        (Class::Proof, 1_024),
        (Class::Events, 256),
        (Class::Write, 64),
        (Class::Auth, 64),
        (Class::Admin, 16),
    ];
    let held: Vec<Class> = Class::ALL
        .into_iter()
        .filter(|class| class.holds_place())
        .collect();
    assert_eq!(cases.map(|(class, _)| class).to_vec(), held);
    for (class, count) in cases {
        let mut admission = Admission::new(limits.clone());
        let mut places = fill(&mut admission, class, 2_000);
        assert_eq!((places.len(), admission.in_flight(class)), (count, count));
        admission.leave(places.pop().expect("one of many"));
        assert_eq!(
            fill(&mut admission, class, 2_000).len(),
            1,
            "{}",
            class.as_str()
        );
    }
}

#[test]
fn blobs_hold_no_place_and_get_in_where_reads_do() {
    let mut admission = Admission::new(Limits::default());
    assert_eq!(fill(&mut admission, Class::Blob, 2_000).len(), 2_000);
    assert_eq!(admission.in_flight_total(), 0);
    let mut reads = fill(&mut admission, Class::Read, 2_000);
    assert_eq!(fill(&mut admission, Class::Blob, 1).len(), 0);
    admission.leave(reads.pop().expect("one of many"));
    for place in fill(&mut admission, Class::Blob, 3) {
        assert!(!place.is_held());
        admission.leave(place);
    }
    assert_eq!(admission.in_flight_total(), 1_023);
}

#[test]
fn writes_and_tokens_share_and_the_others_do_not() {
    let mut admission = Admission::new(Limits::default());
    let writes = fill(&mut admission, Class::Write, 60);
    assert_eq!(fill(&mut admission, Class::Auth, 100).len(), 4);
    assert_eq!(fill(&mut admission, Class::Search, 100).len(), 64);
    assert_eq!(fill(&mut admission, Class::Admin, 100).len(), 16);
    assert_eq!(fill(&mut admission, Class::Events, 1_000).len(), 256);
    assert_eq!(fill(&mut admission, Class::Page, 2_000).len(), 1_024 - 144);
    assert_eq!(fill(&mut admission, Class::Service, 100).len(), 16);
    assert_eq!((writes.len(), admission.in_flight_total()), (60, 1_024));
}

#[test]
fn fuller_doorways_let_fewer_classes_in() {
    // Up to which total each class still gets in, with a maximum of 16.
    let cases = [
        (Class::Write, 12),
        (Class::Auth, 12),
        (Class::Search, 14),
        (Class::Admin, 15),
        (Class::Page, 15),
        (Class::Blob, 15),
        (Class::Service, 16),
        (Class::Events, 16),
    ];
    for (class, last) in cases {
        for total in 0..=16 {
            let mut admission = Admission::new(Limits {
                in_flight_max: 16,
                ..Limits::default()
            });
            let places = fill(&mut admission, Class::Page, total);
            assert_eq!(places.len(), total);
            let count = fill(&mut admission, class, 1).len();
            assert_eq!(count == 1, total <= last, "{} at {total}", class.as_str());
        }
    }
}

#[test]
fn bytes_of_writes_are_bounded_by_what_they_announce() {
    let limits = Limits {
        write_bytes_in_flight_max: 100,
        write_bytes_max: 60,
        ..Limits::default()
    };
    let mut admission = Admission::new(limits);
    let write = |announced_bytes| Visitor {
        announced_bytes,
        ..visitor("127.0.0.1", Class::Write)
    };
    let unknown = admit(&mut admission, START, write(None)).expect("60 of 100");
    assert_eq!(admission.write_bytes_in_flight(), 60);
    assert!(admit(&mut admission, START, write(Some(41))).is_err());
    let small = admit(&mut admission, START, write(Some(40))).expect("100 of 100");
    assert!(admit(&mut admission, START, write(Some(1))).is_err());
    assert!(admit(&mut admission, START, write(Some(0))).is_ok());
    admission.leave(unknown);
    admission.leave(small);
    assert_eq!(admission.write_bytes_in_flight(), 0);
    let page = Visitor {
        announced_bytes: None,
        ..visitor("127.0.0.1", Class::Page)
    };
    assert!(admit(&mut admission, START, page).is_ok());
    assert_eq!(
        admission.write_bytes_in_flight(),
        0,
        "only writes have bodies"
    );
}

#[test]
fn one_write_alone_gets_in_however_large() {
    let mut admission = Admission::new(Limits {
        write_bytes_in_flight_max: 10,
        ..Limits::default()
    });
    let write = Visitor {
        announced_bytes: Some(u64::MAX),
        ..visitor("127.0.0.1", Class::Write)
    };
    let place = admit(&mut admission, START, write).expect("nobody else is there");
    assert_eq!(place.class(), Class::Write);
    assert!(admit(&mut admission, START, write).is_err());
}

#[test]
fn jumping_clock_neither_gives_more_than_the_burst_nor_locks_out() {
    let mut admission = Admission::new(Limits::default());
    let day = Duration::from_secs(86_400);
    assert_eq!(
        exhaust(&mut admission, START, "192.0.2.1", Class::Page).0,
        1_000
    );
    let back = START - day;
    assert_eq!(
        exhaust(&mut admission, back, "192.0.2.1", Class::Page),
        (0, 1)
    );
    let soon = back + Duration::from_secs(20);
    assert_eq!(
        exhaust(&mut admission, soon, "192.0.2.1", Class::Page).0,
        1_000
    );
    let forward = soon + day;
    assert_eq!(
        exhaust(&mut admission, forward, "192.0.2.1", Class::Page).0,
        1_000
    );
    for now in [
        Timestamp(i64::MAX),
        Timestamp(i64::MIN),
        Timestamp(i64::MAX),
    ] {
        let (count, secs) = exhaust(&mut admission, now, "192.0.2.1", Class::Page);
        assert!(count <= 1_000 && secs <= 20);
    }
}
