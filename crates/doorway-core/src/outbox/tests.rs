//! The rules of cursors and streams one by one, any inputs, and consumers of all sorts before a log that is trimmed.

mod anything;
mod simulation;

use base::{Duration, Machine as _, Timestamp};

use super::{
    Close, EventCursor, Input, Limits, LogId, Malformed, Outbox, Output, Page, Phase, Position,
    Reset,
};

const START: Timestamp = Timestamp(1_000_000_000);
const LOG: LogId = LogId(0xab);

fn limits() -> Limits {
    Limits {
        pending_items_max: 4,
        page_events_max: 2,
        ..Limits::default()
    }
}

fn after(millis: u64) -> Timestamp {
    START + Duration::from_millis(millis)
}

const fn at(number: u64) -> EventCursor {
    EventCursor { log: LOG, number }
}

fn outputs(outbox: &mut Outbox<char>, now: Timestamp, input: Input<char>) -> Vec<Output<char>> {
    outbox.handle(now, input);
    std::iter::from_fn(|| outbox.poll_output()).collect()
}

fn start(position: Position, oldest: u64, newest: u64) -> Input<char> {
    Input::Start {
        position,
        log: LOG,
        oldest,
        newest,
    }
}

/// A page of events that are named by letters, `a` for 1.
fn page(after: u64, letters: &str, is_end: bool) -> Input<char> {
    Input::Page(Page {
        after,
        events: (after + 1..).zip(letters.chars()).collect(),
        oldest: 1,
        is_end,
    })
}

fn sent(number: u64, event: char) -> Output<char> {
    Output::Send {
        cursor: at(number),
        event,
    }
}

const fn read(after: u64) -> Output<char> {
    Output::ReadLog { after, limit: 2 }
}

const fn live(number: u64, event: Option<char>) -> Input<char> {
    Input::Live { number, event }
}

/// A stream that has caught up at event 3 and has nothing pending.
fn caught_up() -> Outbox<char> {
    let mut outbox = Outbox::new(limits());
    assert_eq!(
        outputs(&mut outbox, START, start(Position::After(at(3)), 1, 3)),
        [read(3)]
    );
    assert_eq!(outputs(&mut outbox, START, page(3, "", true)), []);
    assert_eq!(outbox.phase(), Phase::Live);
    outbox
}

/// Wakes the outbox when it wants to be woken; returns when that was, in milliseconds, and what it asked for.
fn wake(outbox: &mut Outbox<char>) -> (u64, Vec<Output<char>>) {
    let (at, _) = outbox.poll_timeout().expect("it waits for something");
    let outputs = outputs(outbox, at, Input::Timeout);
    (at.since(START).as_micros() / 1_000, outputs)
}

#[test]
fn cursors_have_one_text_each() {
    let cases = [
        (0, 0, "0000000000000000-0"),
        (0xab, 42, "00000000000000ab-42"),
        (u64::MAX, u64::MAX, "ffffffffffffffff-18446744073709551615"),
    ];
    for (log, number, text) in cases {
        let cursor = EventCursor {
            log: LogId(log),
            number,
        };
        assert_eq!(cursor.to_string(), text);
        assert_eq!(text.parse(), Ok(cursor));
    }
}

/// The lines of the protocol's blocks with this label, each split at its colon.
fn vectors(label: &str) -> Vec<(&'static str, &'static str)> {
    let page = include_str!("../../../../docs/protocols/doorway.md");
    let start = format!("```vector {label}\n");
    let blocks = page.split(start.as_str()).skip(1);
    let lines = blocks.flat_map(|block| block.lines().take_while(|line| *line != "```"));
    let fields = lines.map(|line| line.split_once(':').expect("a name and a value"));
    fields.map(|(name, value)| (name, value.trim())).collect()
}

#[test]
fn cursors_are_what_the_protocol_says() {
    let accepted = vectors("cursor");
    assert!(accepted.len() >= 9);
    for vector in accepted.chunks(3) {
        let [("log", log), ("number", number), ("cursor", text)] = vector else {
            panic!("{vector:?}");
        };
        let cursor = EventCursor {
            log: LogId(u64::from_str_radix(log, 16).expect("16 hex digits")),
            number: number.parse().expect("a number"),
        };
        assert_eq!(cursor.to_string(), *text);
        assert_eq!(text.parse(), Ok(cursor));
    }
    let refused = vectors("cursor-refused");
    assert!(refused.len() >= 8);
    for (why, text) in refused {
        assert!(text.parse::<EventCursor>().is_err(), "{why}: {text:?}");
    }
}

#[test]
fn malformed_cursors_are_told_apart() {
    let cases = [
        ("", Malformed::Shape),
        ("00000000000000ab", Malformed::Shape),
        ("42", Malformed::Shape),
        ("00000000000000AB-42", Malformed::Log),
        ("0000000000000ab-42", Malformed::Log),
        ("000000000000000ab-42", Malformed::Log),
        ("+0000000000000ab-42", Malformed::Log),
        ("-42", Malformed::Log),
        ("00000000000000ab-", Malformed::Number),
        ("00000000000000ab-042", Malformed::Number),
        ("00000000000000ab-+4", Malformed::Number),
        ("00000000000000ab--4", Malformed::Number),
        ("00000000000000ab-4 ", Malformed::Number),
        ("00000000000000ab-18446744073709551616", Malformed::Number),
    ];
    for (text, fault) in cases {
        assert_eq!(text.parse::<EventCursor>(), Err(fault), "{text:?}");
    }
}

#[test]
fn consumer_gets_what_it_missed_and_then_what_happens() {
    let mut outbox = Outbox::new(limits());
    assert_eq!((outbox.phase(), outbox.poll_timeout()), (Phase::Idle, None));
    let started = outputs(&mut outbox, START, start(Position::After(at(1)), 1, 4));
    assert_eq!(started, [read(1)]);
    let paged = outputs(&mut outbox, START, page(1, "bc", false));
    assert_eq!(paged, [sent(2, 'b'), sent(3, 'c'), read(3)]);
    let paged = outputs(&mut outbox, START, page(3, "d", true));
    assert_eq!(paged, [sent(4, 'd')]);
    assert_eq!((outbox.phase(), outbox.pending()), (Phase::Live, 3));
    assert_eq!(
        outputs(&mut outbox, START, live(5, Some('e'))),
        [sent(5, 'e')]
    );
    assert_eq!(outbox.cursor(), at(5));
}

#[test]
fn where_a_consumer_starts() {
    let reset = |reason| {
        vec![
            Output::Reset { reason },
            Output::TakeSnapshot { request: 1 },
        ]
    };
    let other = EventCursor {
        log: LogId(7),
        number: 4,
    };
    let cases = [
        (Position::Now, 1, 0, vec![read(0)]),
        (Position::Now, 5, 9, vec![read(9)]),
        (Position::Now, 10, 9, vec![read(9)]),
        (Position::Beginning, 1, 9, vec![read(0)]),
        (Position::Beginning, 2, 9, reset(Reset::Outdated)),
        (Position::After(at(0)), 1, 9, vec![read(0)]),
        (Position::After(at(4)), 5, 9, vec![read(4)]),
        (Position::After(at(3)), 5, 9, reset(Reset::Outdated)),
        (Position::After(at(9)), 10, 9, vec![read(9)]),
        (Position::After(at(10)), 5, 9, reset(Reset::Ahead)),
        (Position::After(at(u64::MAX)), 5, 9, reset(Reset::Ahead)),
        (Position::After(other), 1, 9, reset(Reset::OtherLog)),
    ];
    for (position, oldest, newest, expect) in cases {
        let mut outbox = Outbox::new(limits());
        let started = outputs(&mut outbox, START, start(position, oldest, newest));
        assert_eq!(started, expect, "{position:?} of {oldest}..={newest}");
    }
}

#[test]
fn consumer_goes_on_from_a_snapshot() {
    let mut outbox = Outbox::new(limits());
    outputs(&mut outbox, START, start(Position::Beginning, 5, 9));
    assert_eq!(outbox.phase(), Phase::Snapshot);
    let ready = |request| Input::SnapshotReady { request, number: 8 };
    assert_eq!(outputs(&mut outbox, START, ready(0)), []);
    assert_eq!(outputs(&mut outbox, START, Input::Failed), []);
    let asked = Output::TakeSnapshot { request: 2 };
    assert_eq!(wake(&mut outbox), (2_000, vec![asked]));
    assert_eq!(
        outputs(&mut outbox, after(2_000), ready(1)),
        [],
        "that one failed"
    );
    let send = Output::SendSnapshot {
        request: 2,
        cursor: at(8),
    };
    assert_eq!(
        outputs(&mut outbox, after(2_000), ready(2)),
        [send, read(8)]
    );
    assert_eq!(
        outputs(&mut outbox, after(2_000), ready(2)),
        [],
        "once is enough"
    );
    assert_eq!(
        outputs(&mut outbox, after(2_000), page(8, "i", true)),
        [sent(9, 'i')]
    );
}

#[test]
fn log_that_is_trimmed_under_way_resets() {
    let mut outbox = caught_up();
    assert_eq!(wake(&mut outbox), (2_000, vec![read(3)]));
    let trimmed = Input::Page(Page {
        after: 3,
        events: vec![(5, 'e')],
        oldest: 5,
        is_end: true,
    });
    let outdated = Output::Reset {
        reason: Reset::Outdated,
    };
    assert_eq!(
        outputs(&mut outbox, after(2_000), trimmed),
        [outdated, Output::TakeSnapshot { request: 1 }]
    );
}

#[test]
fn announcements_may_be_doubled_late_lost_and_wrong() {
    let mut outbox = caught_up();
    assert_eq!(
        outputs(&mut outbox, START, live(3, Some('x'))),
        [],
        "it has it"
    );
    assert_eq!(
        outputs(&mut outbox, START, live(4, Some('d'))),
        [sent(4, 'd')]
    );
    assert_eq!(outputs(&mut outbox, START, live(4, Some('d'))), []);
    assert_eq!(
        outputs(&mut outbox, START, live(6, Some('f'))),
        [read(4)],
        "a gap"
    );
    assert_eq!(
        outputs(&mut outbox, START, live(5, Some('e'))),
        [],
        "it reads"
    );
    // Something was announced while it read, so it reads once more.
    let paged = outputs(&mut outbox, START, page(4, "ef", true));
    assert_eq!(paged, [sent(5, 'e'), sent(6, 'f')], "no room");
    assert_eq!(
        outputs(&mut outbox, START, Input::Drained { items: 3 }),
        [read(6)]
    );
    assert_eq!(outputs(&mut outbox, START, page(6, "", true)), []);
    assert_eq!(
        outputs(&mut outbox, START, live(99, None)),
        [read(6)],
        "a lie"
    );
    assert_eq!(outputs(&mut outbox, START, page(6, "", true)), []);
    assert_eq!(outbox.phase(), Phase::Live);
    assert_eq!(
        wake(&mut outbox),
        (2_000, vec![read(6)]),
        "nothing is announced"
    );
}

#[test]
fn pages_that_were_not_asked_for_are_ignored() {
    let mut outbox = Outbox::new(limits());
    outputs(&mut outbox, START, start(Position::Beginning, 1, 4));
    assert_eq!(outputs(&mut outbox, START, page(1, "bc", true)), []);
    assert_eq!(outputs(&mut outbox, START, page(9, "", true)), []);
    let mut other = outbox.clone();
    assert_eq!(
        outputs(&mut other, START, page(0, "a", false)),
        [sent(1, 'a'), read(1)],
        "it still waits for this one"
    );
    let crooked = |numbers: [u64; 2]| {
        Input::Page(Page {
            after: 0,
            events: numbers.map(|number| (number, 'x')).to_vec(),
            oldest: 1,
            is_end: true,
        })
    };
    assert_eq!(outputs(&mut outbox, START, crooked([2, 3])), []);
    assert_eq!(wake(&mut outbox), (2_000, vec![read(0)]));
    let paged = outputs(&mut outbox, after(2_000), crooked([1, 1]));
    assert_eq!(paged, [sent(1, 'x'), read(1)]);
    let paged = outputs(&mut outbox, after(2_000), page(1, "bcd", true));
    assert_eq!(paged, [sent(2, 'b'), sent(3, 'c')], "two were asked for");
}

#[test]
fn log_that_fails_or_is_silent_is_asked_again() {
    let mut outbox = Outbox::new(limits());
    outputs(&mut outbox, START, start(Position::Beginning, 1, 1));
    assert_eq!(outputs(&mut outbox, START, Input::Failed), []);
    assert_eq!(wake(&mut outbox), (2_000, vec![read(0)]));
    assert_eq!(wake(&mut outbox), (12_000, vec![read(0)]));
}

#[test]
fn nothing_is_read_without_room_and_full_ones_are_cut_off_sooner() {
    let mut outbox = Outbox::new(limits());
    outputs(&mut outbox, START, start(Position::Beginning, 1, 9));
    outputs(&mut outbox, START, page(0, "ab", false));
    let paged = outputs(&mut outbox, after(1_000), page(2, "cd", false));
    assert_eq!(paged, [sent(3, 'c'), sent(4, 'd')]);
    let drained = |items| Input::Drained { items };
    assert_eq!(outputs(&mut outbox, after(2_000), drained(1)), []);
    assert_eq!(outputs(&mut outbox, after(3_000), drained(1)), [read(4)]);
    outputs(&mut outbox, after(4_000), page(4, "ef", false));
    let close = Output::Close {
        reason: Close::TooSlow,
        cursor: at(6),
    };
    assert_eq!(wake(&mut outbox), (14_000, vec![close]));
    assert_eq!(
        (outbox.phase(), outbox.poll_timeout()),
        (Phase::Closed, None)
    );
    assert_eq!(outputs(&mut outbox, after(15_000), drained(6)), []);
}

#[test]
fn consumer_that_drains_nothing_is_cut_off_and_one_that_drains_is_not() {
    let mut outbox = caught_up();
    outputs(&mut outbox, START, live(4, Some('d')));
    outputs(&mut outbox, START, live(5, Some('e')));
    for (millis, input) in [
        (29_000, Input::Drained { items: 1 }),
        (58_999, Input::Timeout),
    ] {
        outputs(&mut outbox, after(millis), input);
        assert_ne!(outbox.phase(), Phase::Closed);
    }
    outputs(&mut outbox, after(59_000), Input::Timeout);
    assert_eq!(outbox.phase(), Phase::Closed);
}

#[test]
fn quiet_streams_get_a_comment_and_dead_ones_an_end() {
    let mut outbox = caught_up();
    let mut comments = Vec::new();
    while outbox.phase() != Phase::Closed {
        let (millis, outputs) = wake(&mut outbox);
        for output in outputs {
            match output {
                Output::ReadLog { after, .. } => {
                    outbox.handle(START + Duration::from_millis(millis), page(after, "", true));
                }
                Output::Comment => comments.push(millis),
                Output::Close { .. } => comments.push(millis),
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(
        comments,
        [15_000, 45_000],
        "it was not drained for thirty seconds"
    );
}

#[test]
fn words_for_consumers_are_different() {
    assert_eq!(
        Reset::ALL.map(Reset::as_str),
        ["other-log", "outdated", "ahead"]
    );
    assert_eq!(Close::TooSlow.as_str(), "too-slow");
}
