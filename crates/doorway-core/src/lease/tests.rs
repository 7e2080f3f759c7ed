//! The rules of machine and table one by one, naive references of both, and three processes in a bad world.

mod reference;
mod simulation;

use base::{Duration, Machine as _, Timestamp};

use super::{
    Call, Epoch, GrantTable, HolderId, Input, Lease, Limits, Output, Reply, Request, State, Stop,
};

const START: Timestamp = Timestamp(1_000_000_000);
const TTL: Duration = Duration::from_secs(15);

fn after(millis: u64) -> Timestamp {
    START + Duration::from_millis(millis)
}

fn holder(name: &str) -> HolderId {
    HolderId(name.to_owned())
}

fn outputs(lease: &mut Lease, now: Timestamp, input: Input) -> Vec<Output> {
    lease.handle(now, input);
    std::iter::from_fn(|| lease.poll_output()).collect()
}

fn granted(call: u64, epoch: u64) -> Input {
    Input::Granted {
        call: Call(call),
        epoch: Epoch(epoch),
        ttl: TTL,
    }
}

fn denied(call: u64, name: Option<&str>, epoch: u64) -> Input {
    Input::Denied {
        call: Call(call),
        holder: name.map(holder),
        epoch: Epoch(epoch),
        remaining: TTL,
    }
}

fn acquire(call: u64) -> Output {
    Output::TryAcquire {
        call: Call(call),
        holder: holder("me"),
        ttl: TTL,
    }
}

fn renew(call: u64, epoch: u64) -> Output {
    Output::Renew {
        call: Call(call),
        holder: holder("me"),
        epoch: Epoch(epoch),
        ttl: TTL,
    }
}

fn stop(reason: Stop) -> Output {
    Output::Stop { reason }
}

/// A lease that holds epoch 1, granted at the start.
fn holding() -> Lease {
    let mut lease = Lease::new(holder("me"), Limits::default());
    assert_eq!(outputs(&mut lease, START, Input::Timeout), [acquire(0)]);
    assert_eq!(
        outputs(&mut lease, START, granted(0, 1)),
        [Output::Start { epoch: Epoch(1) }]
    );
    lease
}

/// Wakes the lease when it wants to be woken; returns when that was, in milliseconds, and what it asked for.
fn wake(lease: &mut Lease) -> (u64, Vec<Output>) {
    let (at, _) = lease.poll_timeout().expect("it waits for something");
    let outputs = outputs(lease, at, Input::Timeout);
    (at.since(START).as_micros() / 1_000, outputs)
}

#[test]
fn holder_renews_after_a_third_and_goes_on() {
    let mut lease = holding();
    assert_eq!(lease.may_write(START), Some(Epoch(1)));
    assert_eq!(wake(&mut lease), (5_000, vec![renew(1, 1)]));
    assert_eq!(outputs(&mut lease, after(5_500), granted(1, 1)), []);
    assert_eq!(
        lease.state(),
        State::Holding {
            epoch: Epoch(1),
            until: after(18_000)
        },
        "counted from when the request was sent"
    );
    assert_eq!(wake(&mut lease), (10_000, vec![renew(2, 1)]));
}

#[test]
fn holder_that_cannot_reach_the_store_tries_again_and_stops_in_time() {
    let mut lease = holding();
    assert_eq!(wake(&mut lease), (5_000, vec![renew(1, 1)]));
    // No answer for two seconds, one second's pause.
    assert_eq!(wake(&mut lease), (7_000, vec![]));
    assert_eq!(wake(&mut lease), (8_000, vec![renew(2, 1)]));
    assert_eq!(
        outputs(&mut lease, after(8_100), Input::Failed { call: Call(2) }),
        []
    );
    assert_eq!(wake(&mut lease), (9_100, vec![renew(3, 1)]));
    assert_eq!(wake(&mut lease), (11_100, vec![]));
    assert_eq!(wake(&mut lease), (12_100, vec![renew(4, 1)]));
    assert_eq!(lease.may_write(after(12_999)), Some(Epoch(1)));
    assert_eq!(
        lease.may_write(after(13_000)),
        None,
        "even before it is woken"
    );
    assert_eq!(wake(&mut lease), (13_000, vec![stop(Stop::Expired)]));
    assert_eq!(
        lease.state(),
        State::Lost {
            to: None,
            epoch: Epoch(1)
        }
    );
    // The renewal was granted after all; only its answer took long.
    assert_eq!(
        outputs(&mut lease, after(13_500), granted(4, 1)),
        [Output::Start { epoch: Epoch(1) }]
    );
}

#[test]
fn answers_to_older_requests_are_ignored() {
    let mut lease = Lease::new(holder("me"), Limits::default());
    assert_eq!(outputs(&mut lease, START, Input::Timeout), [acquire(0)]);
    let late = after(2_000);
    assert_eq!(outputs(&mut lease, late, Input::Timeout), []);
    assert_eq!(outputs(&mut lease, late, granted(0, 1)), []);
    assert_eq!(
        outputs(&mut lease, after(4_000), Input::Timeout),
        [acquire(1)]
    );
    assert_eq!(
        outputs(&mut lease, after(4_000), denied(0, Some("her"), 7)),
        []
    );
    assert_eq!(lease.state(), State::Candidate { holder: None });
}

#[test]
fn grant_that_arrives_when_it_is_over_starts_nothing() {
    let mut lease = Lease::new(
        holder("me"),
        Limits {
            request_time_max: Duration::from_secs(60),
            ..Limits::default()
        },
    );
    outputs(&mut lease, START, Input::Timeout);
    assert_eq!(outputs(&mut lease, after(13_000), granted(0, 1)), []);
    assert_eq!(lease.may_write(after(13_000)), None);
    assert_eq!(wake(&mut lease), (15_000, vec![acquire(1)]));
}

#[test]
fn candidate_keeps_asking_and_knows_who_writes() {
    let mut lease = Lease::new(holder("me"), Limits::default());
    outputs(&mut lease, START, Input::Timeout);
    assert_eq!(outputs(&mut lease, START, denied(0, Some("her"), 7)), []);
    assert_eq!(
        lease.state(),
        State::Candidate {
            holder: Some((holder("her"), Epoch(7)))
        }
    );
    assert_eq!(wake(&mut lease), (2_000, vec![acquire(1)]));
    let soon = Input::Denied {
        call: Call(1),
        holder: Some(holder("her")),
        epoch: Epoch(7),
        remaining: Duration::from_millis(700),
    };
    assert_eq!(outputs(&mut lease, after(2_000), soon), []);
    assert_eq!(wake(&mut lease), (2_700, vec![acquire(2)]));
    let now = Input::Denied {
        call: Call(2),
        holder: Some(holder("her")),
        epoch: Epoch(7),
        remaining: Duration::ZERO,
    };
    assert_eq!(outputs(&mut lease, after(2_700), now), []);
    assert_eq!(wake(&mut lease), (3_200, vec![acquire(3)]), "not too often");
}

#[test]
fn refused_renewal_and_refused_write_stop_it() {
    let mut lease = holding();
    wake(&mut lease);
    let reason = Stop::Denied {
        to: Some(holder("her")),
        epoch: Epoch(2),
    };
    assert_eq!(
        outputs(&mut lease, after(5_000), denied(1, Some("her"), 2)),
        [stop(reason)]
    );
    assert_eq!(
        lease.state(),
        State::Lost {
            to: Some(holder("her")),
            epoch: Epoch(2)
        }
    );
    assert_eq!(wake(&mut lease), (7_000, vec![acquire(2)]));

    let mut lease = holding();
    let fenced = |epoch| Input::Fenced {
        epoch: Epoch(epoch),
    };
    assert_eq!(
        outputs(&mut lease, after(1), fenced(1)),
        [],
        "that is its own"
    );
    assert_eq!(
        outputs(&mut lease, after(1), fenced(0)),
        [],
        "that is long ago"
    );
    assert_eq!(
        outputs(&mut lease, after(1), fenced(2)),
        [stop(Stop::Fenced { epoch: Epoch(2) })]
    );
    assert_eq!(lease.may_write(after(1)), None);
    assert_eq!(outputs(&mut lease, after(2), fenced(3)), []);
    assert_eq!(wake(&mut lease), (2_001, vec![acquire(1)]));
}

#[test]
fn leaving_gives_the_grant_back_once_and_asks_no_more() {
    let mut lease = holding();
    let release = Output::Release {
        holder: holder("me"),
        epoch: Epoch(1),
    };
    assert_eq!(
        outputs(&mut lease, after(1), Input::Leave),
        [stop(Stop::Leaving), release]
    );
    assert_eq!(outputs(&mut lease, after(2), Input::Leave), []);
    assert_eq!(outputs(&mut lease, after(99_000), Input::Timeout), []);
    assert_eq!((lease.state(), lease.poll_timeout()), (State::Left, None));

    let mut lease = Lease::new(holder("me"), Limits::default());
    outputs(&mut lease, START, Input::Timeout);
    assert_eq!(outputs(&mut lease, START, Input::Leave), []);
    assert_eq!(outputs(&mut lease, START, granted(0, 1)), []);
}

#[test]
fn clock_that_jumps_forward_stops_it_and_back_costs_an_instant() {
    let mut lease = holding();
    assert_eq!(
        outputs(&mut lease, after(3_600_000), Input::Timeout),
        [stop(Stop::Expired), acquire(1)]
    );
    let mut lease = holding();
    let back = START - Duration::from_secs(3_600);
    assert_eq!(outputs(&mut lease, back, Input::Timeout), []);
    let renewed = outputs(&mut lease, back + Duration::from_secs(5), Input::Timeout);
    assert_eq!(renewed, [renew(1, 1)]);
}

fn ask(name: &str) -> Request {
    Request::TryAcquire {
        holder: holder(name),
        ttl: TTL,
    }
}

fn epoch_of(reply: &Reply) -> Option<u64> {
    match reply {
        Reply::Granted { epoch, .. } => Some(epoch.0),
        Reply::Denied { .. } | Reply::Released | Reply::Accepted | Reply::Fenced { .. } => None,
    }
}

#[test]
fn table_gives_one_grant_at_a_time_and_counts_them() {
    let mut table = GrantTable::default();
    let mut ask_at = |millis, name| epoch_of(&table.apply(after(millis), &ask(name)));
    assert_eq!(ask_at(0, "ada"), Some(1));
    assert_eq!(ask_at(1_000, "ada"), Some(1), "it is hers");
    assert_eq!(ask_at(15_999, "bob"), None);
    assert_eq!(ask_at(16_000, "bob"), Some(2));
    assert_eq!(ask_at(31_000, "bob"), Some(3), "it had run out");
}

#[test]
fn table_renews_only_what_lasts_and_takes_back_only_what_is_current() {
    let mut table = GrantTable::default();
    let renew = |name: &str, epoch| Request::Renew {
        holder: holder(name),
        epoch: Epoch(epoch),
        ttl: TTL,
    };
    let release = |name: &str, epoch| Request::Release {
        holder: holder(name),
        epoch: Epoch(epoch),
    };
    let accepts = |table: &GrantTable, epoch| table.check(Epoch(epoch)) == Reply::Accepted;
    table.apply(START, &ask("ada"));
    assert_eq!(
        epoch_of(&table.apply(after(14_999), &renew("ada", 1))),
        Some(1)
    );
    for wrong in [renew("ada", 0), renew("bob", 1), renew("ada", 2)] {
        assert_eq!(
            epoch_of(&table.apply(after(15_000), &wrong)),
            None,
            "{wrong:?}"
        );
    }
    let over = Reply::Denied {
        holder: None,
        epoch: Epoch(1),
        remaining: Duration::ZERO,
    };
    assert_eq!(table.apply(after(29_999), &renew("ada", 1)), over);
    assert!(accepts(&table, 1), "nobody else has asked");
    assert!(!accepts(&table, 0) && !accepts(&table, 2));
    for wrong in [release("bob", 1), release("ada", 0)] {
        assert_eq!(table.apply(START, &wrong), Reply::Released);
        assert!(accepts(&table, 1));
    }
    table.apply(START, &release("ada", 1));
    assert_eq!(table.check(Epoch(1)), Reply::Fenced { epoch: Epoch(1) });
    assert_eq!(epoch_of(&table.apply(START, &ask("ada"))), Some(2));
}

#[test]
fn nothing_may_write_before_the_first_grant() {
    assert_eq!(
        GrantTable::default().check(Epoch(0)),
        Reply::Fenced { epoch: Epoch(0) }
    );
}

#[test]
fn grant_lasts_no_longer_when_the_stores_clock_jumps_back() {
    let mut table = GrantTable::default();
    table.apply(START, &ask("ada"));
    let back = START - Duration::from_secs(86_400);
    let reply = table.apply(back, &ask("bob"));
    assert!(matches!(reply, Reply::Denied { remaining, .. } if remaining == TTL));
    assert_eq!(epoch_of(&table.apply(back + TTL, &ask("bob"))), Some(2));
}
