//! The lies that are told, and with which words a copy must name each.

use serde_json::json;

use super::lie::Lie;
use super::sources::{Head, Sources};
use super::trial::{Before, Case, Expected, Start};
use crate::accept::lesson;

/// How far an event runs ahead of the chain that it is about.
const AHEAD: u64 = 50;

/// The code of what does not prove itself.
const FORGED: &str = "CH-0706";

/// Another record is announced where the copy has one already.
pub(super) fn fork_in_place(sources: &Sources<'_>) -> anyhow::Result<Case> {
    let other = Head::of(&sources.fork)?;
    let make = move |head: &Before| {
        let is_fork = head.seq == other.seq && head.action_hash != other.action_hash;
        assert!(is_fork, "both chains have record {} in common", other.seq);
        Expected {
            lie: Lie::Announced {
                event: event(&other.agent, other.seq, &other.action_hash),
            },
            words: vec![FORGED.to_owned(), format!("record {}", other.seq)],
        }
    };
    Ok(Case {
        name: "a fork where the copy has a record",
        start: Start::Complete,
        is_published: false,
        make: Box::new(make),
    })
}

/// The chain goes on behind another record than the copy has.
pub(super) fn fork_that_goes_on(sources: &Sources<'_>) -> Case {
    let doorway = sources.fork.address();
    let make = move |head: &Before| Expected {
        lie: Lie::Elsewhere { doorway },
        words: vec![FORGED.to_owned(), format!("record {} ", head.seq + 1)],
    };
    Case {
        name: "a fork that goes on",
        start: Start::Complete,
        is_published: true,
        make: Box::new(make),
    }
}

/// Lies about a record `offset` after the head that the copy has, and about one in the beginning.
pub(super) fn records(sources: &Sources<'_>, offset: u64) -> Vec<Case> {
    let foreign = sources.foreign.clone();
    let named = |seq: u64| vec![FORGED.to_owned(), format!("record {seq}")];
    let gap = |seq: u64| vec![format!("record {} came where {seq} was expected", seq + 1)];
    vec![
        record("a changed signature", Start::Complete, offset, move |seq| {
            Expected {
                lie: Lie::Signature { seq },
                words: named(seq),
            }
        }),
        record("another entry", Start::Complete, offset, move |seq| {
            Expected {
                lie: Lie::Entry { seq },
                words: named(seq),
            }
        }),
        record("a record left out", Start::Complete, offset, move |seq| {
            Expected {
                lie: Lie::LeftOut { seq },
                words: gap(seq),
            }
        }),
        record("two records swapped", Start::Complete, offset, move |seq| {
            Expected {
                lie: Lie::Swapped { seq },
                words: gap(seq),
            }
        }),
        record(
            "a record of another author",
            Start::Empty,
            offset,
            move |seq| Expected {
                lie: Lie::Foreign {
                    seq,
                    record: foreign.get(seq as usize).cloned().unwrap_or_default(),
                },
                words: vec![FORGED.to_owned(), format!("record {seq} was written by")],
            },
        ),
        record(
            "a changed signature in the beginning",
            Start::Empty,
            offset,
            move |seq| Expected {
                lie: Lie::Signature { seq },
                words: named(seq),
            },
        ),
    ]
}

fn record(
    name: &'static str,
    start: Start,
    offset: u64,
    make: impl Fn(u64) -> Expected + 'static,
) -> Case {
    Case {
        name,
        start,
        is_published: start == Start::Complete,
        make: Box::new(move |head| {
            make(match start {
                Start::Complete => head.seq + offset,
                Start::Empty => offset,
            })
        }),
    }
}

/// Lies about anything else.
pub(super) fn others(sources: &Sources<'_>) -> Vec<Case> {
    let elsewhere = sources.elsewhere.address();
    let case = |name, start, make: Box<dyn Fn(&Before) -> Expected>| Case {
        name,
        start,
        is_published: start == Start::Complete,
        make,
    };
    vec![
        Case {
            name: "a changed blob",
            start: Start::Complete,
            is_published: true,
            make: Box::new(|head| {
                let hash = lesson::drawing_hash(0, head.version + 1);
                Expected {
                    lie: Lie::Blob { hash: hash.clone() },
                    words: vec![hash],
                }
            }),
        },
        case(
            "the author's chain in another community",
            Start::Empty,
            Box::new(move |head| Expected {
                lie: Lie::OtherCommunity {
                    doorway: elsewhere,
                    dna_hash: head.dna_hash.clone(),
                },
                words: vec![FORGED.to_owned(), "chain belongs to".to_owned()],
            }),
        ),
        case(
            "another community",
            Start::Complete,
            Box::new(move |_| Expected {
                lie: Lie::Elsewhere { doorway: elsewhere },
                words: vec!["belongs to another community".to_owned()],
            }),
        ),
    ]
}

/// Lies in the log of events.
pub(super) fn events(sources: &Sources<'_>) -> Vec<Case> {
    let stranger = sources.stranger.clone();
    let case = |name, start, make: Box<dyn Fn(&Before) -> Expected>| Case {
        name,
        start,
        is_published: start == Start::Complete,
        make,
    };
    vec![
        case(
            "an endless event",
            Start::Complete,
            Box::new(|_| Expected {
                lie: Lie::EndlessEvent,
                words: vec!["event is too long".to_owned()],
            }),
        ),
        case(
            "an event about a record that is not there",
            Start::Complete,
            Box::new(|head| {
                let seq = head.seq + AHEAD;
                Expected {
                    lie: Lie::Announced {
                        event: event(&head.agent, seq, &head.action_hash),
                    },
                    words: vec![format!("record {seq} was announced and is not there")],
                }
            }),
        ),
        case(
            "an event about a chain that is not there",
            Start::Complete,
            Box::new(move |head| Expected {
                lie: Lie::Announced {
                    event: event(&stranger, AHEAD, &head.action_hash),
                },
                words: vec![stranger.clone()],
            }),
        ),
    ]
}

/// Writes an event as a doorway sends it.
fn event(agent: &str, seq: u64, action_hash: &str) -> String {
    let data = json!({
        "schema_version": 1,
        "at_us": 0,
        "agent": agent,
        "seq": seq,
        "action_hash": action_hash,
        "changes": [],
    });
    format!("event: chain\ndata: {data}\n\n")
}
