//! The edges of quotas, a recount beside the books, and a server that crashes with uploads under way.

mod reference;
mod simulation;

use super::{Announced, Books, Bound, Change, Full, Quota, Settled, Usage};
use crate::Sum;

fn books(bytes_max: u64, blobs_max: u64) -> Books {
    Books::new(Quota {
        bytes_max: Some(bytes_max),
        blobs_max: Some(blobs_max),
    })
}

fn sum(blobs: u64, bytes: u64) -> Sum {
    Sum { blobs, bytes }
}

fn full(bound: Bound, wanted: u64, free: u64, max: u64) -> Full {
    Full {
        bound,
        wanted,
        free,
        max,
    }
}

#[test]
fn quota_holds_exactly_what_it_says() {
    let cases = [
        (100, 2, 99, Ok(())),
        (100, 2, 100, Ok(())),
        (100, 2, 101, Err(full(Bound::Bytes, 101, 100, 100))),
        (100, 1, 0, Ok(())),
        (100, 0, 0, Err(full(Bound::Blobs, 1, 0, 0))),
        (0, 1, 0, Ok(())),
        (0, 1, 1, Err(full(Bound::Bytes, 1, 0, 0))),
    ];
    for (bytes_max, blobs_max, bytes, expect) in cases {
        let mut books = books(bytes_max, blobs_max);
        let found = books.admit(Announced::Bytes(bytes));
        assert_eq!(found.as_ref().map(|_| ()).map_err(|full| *full), expect);
        let reserved = if found.is_ok() {
            Sum::of(bytes)
        } else {
            Sum::ZERO
        };
        assert_eq!(books.usage().reserved, reserved);
    }
}

#[test]
fn without_a_bound_there_is_the_last_number() {
    let mut books = Books::new(Quota::default());
    let all = books.admit(Announced::Bytes(u64::MAX)).expect("no bound");
    let refused = books.admit(Announced::Bytes(1));
    assert_eq!(refused, Err(full(Bound::Bytes, 1, 0, u64::MAX)));
    books.settle(all, Settled::GivenUp).expect("it counts");
    assert_eq!(books.usage(), Usage::default());
}

#[test]
fn what_runs_counts_until_it_is_settled() {
    let mut books = books(100, 10);
    let first = books.admit(Announced::Bytes(60)).expect("room");
    assert_eq!(
        books.admit(Announced::Bytes(41)),
        Err(full(Bound::Bytes, 41, 40, 100))
    );
    let second = books.admit(Announced::Bytes(40)).expect("room");
    books.settle(first, Settled::New(60)).expect("it fits");
    assert_eq!(books.usage().live, sum(1, 60));
    assert_eq!(books.usage().reserved, sum(1, 40));
    books.settle(second, Settled::Known).expect("it fits");
    assert_eq!(books.usage().reserved, Sum::ZERO);
    assert_eq!(books.usage().live, sum(1, 60));
}

#[test]
fn stream_of_unknown_length_reserves_as_it_comes() {
    let mut books = books(100, 10);
    let mut stream = books.admit(Announced::Unknown).expect("room");
    books.grow(&mut stream, 64).expect("room");
    books.grow(&mut stream, 32).expect("it has that already");
    assert_eq!(books.usage().reserved, sum(1, 64));
    books.grow(&mut stream, 100).expect("room");
    assert_eq!(
        books.grow(&mut stream, 101),
        Err(full(Bound::Bytes, 1, 0, 100))
    );
    assert_eq!(books.usage().reserved, sum(1, 100));
    books.settle(stream, Settled::New(99)).expect("it fits");
    assert_eq!(books.usage().reserved, Sum::ZERO);
    assert_eq!(books.usage().live, sum(1, 99));
}

#[test]
fn trash_counts_and_what_is_dead_does_not() {
    let mut books = books(10, 10);
    books.apply(Change::Put(10)).expect("it fits");
    books.apply(Change::Trash(10)).expect("it fits");
    assert!(books.admit(Announced::Bytes(1)).is_err());
    books.apply(Change::Restore(10)).expect("it fits");
    books.apply(Change::Trash(10)).expect("it fits");
    books.apply(Change::Purge(10)).expect("it fits");
    assert_eq!(books.usage().dead, sum(1, 10));
    let reservation = books.admit(Announced::Bytes(10)).expect("room");
    books
        .settle(reservation, Settled::GivenUp)
        .expect("it fits");
    books.apply(Change::Reclaim(sum(1, 10))).expect("it fits");
    assert_eq!(books.usage(), Usage::default());
}

#[test]
fn change_that_does_not_fit_changes_nothing() {
    let cases = [
        Change::Trash(10),
        Change::Restore(1),
        Change::Purge(1),
        Change::Lose(10),
        Change::Reclaim(sum(0, 1)),
        Change::Put(u64::MAX),
    ];
    for change in cases {
        let mut books = books(100, 10);
        books.apply(Change::Put(9)).expect("it fits");
        let before = books.clone();
        let drift = books.apply(change).expect_err("it does not fit");
        assert_eq!(drift.change, change);
        assert_eq!(books, before);
    }
}

#[test]
fn lower_quota_stops_what_is_new_alone() {
    let mut books = books(100, 10);
    books.apply(Change::Put(90)).expect("it fits");
    books.set_quota(Quota {
        bytes_max: Some(50),
        blobs_max: None,
    });
    assert_eq!(
        books.admit(Announced::Bytes(1)),
        Err(full(Bound::Bytes, 1, 0, 50))
    );
    assert!(books.admit(Announced::Bytes(0)).is_ok());
    let found_again = books.readmit(5);
    assert_eq!(books.usage().reserved.bytes, 5);
    books.settle(found_again, Settled::New(5)).expect("it fits");
    assert_eq!(books.usage().live, sum(2, 95));
}
