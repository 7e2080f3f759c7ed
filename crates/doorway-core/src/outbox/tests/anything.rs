//! Any inputs, true or not: events come once and in order, items are bounded, and time never stands still.

use base::{Duration, Machine as _, Timestamp};
use proptest::prelude::*;

use super::super::{EventCursor, Input, Limits, LogId, Outbox, Output, Page, Phase, Position};

const LOG: LogId = LogId(1);

#[derive(Clone, Debug)]
enum Saying {
    Pass(u64),
    Say(Input<u64>),
    /// Answers the last read truly, from a log with so many events.
    Answer(u64),
    /// Tells that a snapshot is ready for the newest request.
    Snapshot(u64),
}

fn pages() -> impl Strategy<Value = Page<u64>> {
    let numbers = prop::collection::vec(0_u64..12, 0..5);
    (0_u64..12, numbers, 0_u64..12, any::<bool>()).prop_map(|(after, numbers, oldest, is_end)| {
        Page {
            after,
            events: numbers.into_iter().map(|number| (number, number)).collect(),
            oldest,
            is_end,
        }
    })
}

fn positions() -> impl Strategy<Value = Position> {
    prop_oneof![
        Just(Position::Now),
        Just(Position::Beginning),
        (0_u64..3, 0_u64..12).prop_map(|(log, number)| Position::After(EventCursor {
            log: LogId(log.max(1)),
            number
        })),
    ]
}

fn sayings() -> impl Strategy<Value = Vec<Saying>> {
    let live = (0_u64..15, any::<bool>()).prop_map(|(number, has_event)| Input::Live {
        number,
        event: has_event.then_some(number),
    });
    let snapshot = (0_u32..4, 0_u64..12)
        .prop_map(|(request, number)| Input::SnapshotReady { request, number });
    let start = || {
        (positions(), 1_u64..8, 0_u64..12).prop_map(|(position, oldest, newest)| Input::Start {
            position,
            log: LOG,
            oldest,
            newest,
        })
    };
    let saying = prop_oneof![
        3 => (0_u64..8_000).prop_map(Saying::Pass),
        2 => live.prop_map(Saying::Say),
        1 => pages().prop_map(|page| Saying::Say(Input::Page(page))),
        1 => snapshot.prop_map(Saying::Say),
        1 => Just(Saying::Say(Input::Failed)),
        3 => (0_u32..6).prop_map(|items| Saying::Say(Input::Drained { items })),
        1 => start().prop_map(Saying::Say),
        5 => (0_u64..15).prop_map(Saying::Answer),
        2 => (0_u64..12).prop_map(Saying::Snapshot),
    ];
    (start(), prop::collection::vec(saying, 0..100)).prop_map(|(start, mut sayings)| {
        sayings.insert(0, Saying::Say(start));
        sayings
    })
}

/// What a stream knows of its outbox, and what must hold for everything that it is asked.
#[derive(Default)]
struct Stream {
    items_max: u32,
    pending: u32,
    /// Where the consumer is; unknown between a reset and its snapshot.
    place: Option<u64>,
    asked: Option<(u64, u32)>,
    request: u32,
}

impl Stream {
    /// Turns a saying into an input; answers need a question.
    fn input(&mut self, saying: Saying) -> Option<Input<u64>> {
        Some(match saying {
            Saying::Pass(_) => Input::Timeout,
            Saying::Say(input) => input,
            Saying::Answer(newest) => {
                let (after, limit) = self.asked.take()?;
                let end = newest.min(after + u64::from(limit));
                let events = (after + 1..=end).map(|number| (number, number)).collect();
                Input::Page(Page {
                    after,
                    events,
                    oldest: 1,
                    is_end: end == newest,
                })
            }
            Saying::Snapshot(number) => Input::SnapshotReady {
                request: self.request,
                number,
            },
        })
    }

    fn take(&mut self, output: &Output<u64>) -> Result<(), TestCaseError> {
        match *output {
            Output::Send { cursor, event } => {
                let expect = EventCursor {
                    log: LOG,
                    number: event,
                };
                prop_assert_eq!(cursor, expect);
                prop_assert_eq!(self.place.map(|place| place + 1), Some(event));
                self.place = Some(event);
                self.pending += 1;
            }
            Output::Comment => {
                prop_assert_eq!(self.pending, 0);
                self.pending += 1;
            }
            Output::Reset { .. } => {
                self.place = None;
                self.pending += 1;
            }
            Output::SendSnapshot { cursor, request } => {
                prop_assert_eq!((self.place, request), (None, self.request));
                self.place = Some(cursor.number);
                self.pending += 1;
            }
            Output::TakeSnapshot { request } => self.request = request,
            Output::ReadLog { after, limit } => {
                prop_assert!(self.pending + limit <= self.items_max);
                self.asked = Some((after, limit));
            }
            Output::Close { .. } => prop_assert!(self.pending > 0),
        }
        prop_assert!(self.pending <= self.items_max + 1);
        Ok(())
    }
}

proptest! {
    #[test]
    fn events_come_once_and_in_order_whatever_is_said(
        sayings in sayings(),
        pending_items_max in 0_u32..6,
        page_events_max in 0_u32..4,
    ) {
        let limits = Limits { pending_items_max, page_events_max, ..Limits::default() };
        let mut outbox = Outbox::new(limits);
        let mut stream = Stream { items_max: pending_items_max.max(1), ..Stream::default() };
        let mut now = Timestamp::EPOCH;
        let mut is_first = true;
        for saying in sayings {
            if let Saying::Pass(millis) = saying {
                now = now + Duration::from_millis(millis);
            }
            let Some(input) = stream.input(saying) else { continue };
            let was_closed = outbox.phase() == Phase::Closed;
            if let (Input::Drained { items }, false) = (&input, was_closed) {
                stream.pending = stream.pending.saturating_sub(*items);
            }
            outbox.handle(now, input);
            if std::mem::take(&mut is_first) {
                stream.place = Some(outbox.cursor().number);
                prop_assert_eq!(outbox.pending() > 0, outbox.phase() == Phase::Snapshot);
            }
            while let Some(output) = outbox.poll_output() {
                prop_assert!(!was_closed, "nothing comes after the end");
                stream.take(&output)?;
            }
            prop_assert_eq!(outbox.pending(), stream.pending);
            match outbox.poll_timeout() {
                Some((at, _)) => prop_assert!(now < at),
                None => prop_assert!(matches!(outbox.phase(), Phase::Idle | Phase::Closed)),
            }
        }
    }
}
