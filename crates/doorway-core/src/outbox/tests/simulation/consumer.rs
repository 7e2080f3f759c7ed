//! One consumer: what it has, and the connection that brings it more.

use std::collections::VecDeque;

use super::super::super::{EventCursor, LogId, Outbox, Output, Position};

/// What an event says: its log and its number, so that a wrong one is seen.
pub(super) type Event = (LogId, u64);

/// How a consumer drains.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    Quick,
    Slow,
    /// Not at all for longer than it may.
    Stalled,
}

pub(super) struct Consumer {
    pub(super) pace: Pace,
    /// Counts connections; what belongs to an older one is void.
    pub(super) connection: u64,
    pub(super) outbox: Option<Outbox<Event>>,
    /// What is handed out and did not reach it.
    pub(super) way: VecDeque<Output<Event>>,
    /// Only the newest alarm counts.
    pub(super) token: u64,
    /// The last event or snapshot that it saw.
    pub(super) last: Option<EventCursor>,
    /// Where it starts when it has seen nothing.
    pub(super) first: Position,
    /// Whether a reset was seen, so that a snapshot must come before the next event.
    pub(super) is_reset: bool,
    /// Up to where it has the list: what it saw last, or where this connection started.
    pub(super) has: Option<EventCursor>,
    pub(super) continued: u64,
}

impl Consumer {
    pub(super) const fn new(pace: Pace, first: Position) -> Self {
        Self {
            pace,
            connection: 0,
            outbox: None,
            way: VecDeque::new(),
            token: 0,
            last: None,
            first,
            is_reset: false,
            has: None,
            continued: 0,
        }
    }

    /// Where it starts when it comes or comes back.
    pub(super) fn position(&self) -> Position {
        self.last.map_or(self.first, Position::After)
    }

    /// Takes the next thing on its way and compares it with what the list says comes next.
    pub(super) fn take(&mut self) -> Option<Output<Event>> {
        let output = self.way.pop_front()?;
        match &output {
            Output::Send { cursor, event } => {
                assert!(!self.is_reset, "a snapshot comes before");
                assert_eq!(*event, (cursor.log, cursor.number));
                let has = self.has.expect("it has started somewhere");
                assert_eq!((has.log, has.number + 1), *event, "once and in order");
                (self.has, self.last) = (Some(*cursor), Some(*cursor));
            }
            Output::Reset { .. } => {
                // It keeps its id: should the stream break now, it is told the same again.
                self.is_reset = true;
            }
            Output::SendSnapshot { cursor, .. } => {
                assert!(self.is_reset);
                self.is_reset = false;
                (self.has, self.last) = (Some(*cursor), Some(*cursor));
            }
            Output::Comment | Output::Close { .. } => {}
            Output::ReadLog { .. } | Output::TakeSnapshot { .. } => panic!("{output:?}"),
        }
        Some(output)
    }
}
