//! The projector's rules, one behaviour each: a shell of a few lines answers by hand.

mod anything;
mod fetching;
mod following;
mod records;
mod storing;

use std::collections::BTreeMap;

use base::{ContentHash, Duration, Machine as _, Timestamp};
use chain::{AgentPubKey, Rejection};
use doorway_core::projector::{
    Batch, Change, Cursor, FetchFault, Fetched, Input, Limits, Output, Projector, Report, Skip,
    Stall,
};

use crate::chains::{Writer, dna_hash, long_page, page, with_bad_signature};

/// A projector with a clock, and what it asked for.
struct Shell {
    projector: Projector,
    now: Timestamp,
}

/// An output, short enough to compare.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Fetch(Option<u32>),
    Store { after: Option<u32>, seq: u32 },
    Report(Report),
}

impl Shell {
    fn new() -> Self {
        Self::with(Limits {
            page_records_max: 4,
            ..Limits::default()
        })
    }

    fn with(limits: Limits) -> Self {
        Self {
            projector: Projector::new(dna_hash(), limits),
            now: Timestamp::from_secs(1_800_000_000),
        }
    }

    fn raw(&mut self, input: Input) -> Vec<Output> {
        self.projector.handle(self.now, input);
        std::iter::from_fn(|| self.projector.poll_output()).collect()
    }

    fn tell(&mut self, input: Input) -> Vec<Said> {
        self.raw(input)
            .into_iter()
            .map(|output| match output {
                Output::Fetch { after, .. } => Said::Fetch(after),
                Output::Store(Batch { after, cursor, .. }) => Said::Store {
                    after,
                    seq: cursor.seq,
                },
                Output::Report(report) => Said::Report(report),
            })
            .collect()
    }

    fn follow(&mut self, writer: &Writer) -> Vec<Said> {
        self.tell(Input::Follow {
            agent: writer.agent(),
            cursor: None,
        })
    }

    fn nudge(&mut self, writer: &Writer, seq: u32) -> Vec<Said> {
        self.tell(Input::Nudge {
            agent: writer.agent(),
            seq,
        })
    }

    fn stored(&mut self, writer: &Writer, seq: u32) -> Vec<Said> {
        self.tell(Input::Stored {
            agent: writer.agent(),
            seq,
        })
    }

    fn page(
        &mut self,
        writer: &Writer,
        after: Option<u32>,
        records: std::ops::Range<usize>,
    ) -> Vec<Said> {
        self.tell(page_of(writer, after, records))
    }

    /// Follows a writer and stores its whole chain.
    fn catch_up(&mut self, writer: &Writer) {
        let mut said = self.follow(writer);
        loop {
            said = match said.first() {
                Some(Said::Fetch(after)) => {
                    let start = after.map_or(0, |seq| seq as usize + 1);
                    self.page(writer, *after, start..writer.records.len().min(start + 4))
                }
                Some(Said::Store { seq, .. }) => self.stored(writer, *seq),
                Some(Said::Report(Report::CaughtUp { .. })) => return,
                other => panic!("{other:?}"),
            };
        }
    }

    /// Lets time pass until the next alarm, and returns how long that was, why, and what was said.
    fn wait(&mut self) -> (Duration, &'static str, Vec<Said>) {
        let (at, reason) = self.projector.poll_timeout().expect("there is an alarm");
        let span = at.since(self.now);
        self.now = at;
        (span, reason, self.tell(Input::Timeout))
    }
}

fn page_of(writer: &Writer, after: Option<u32>, records: std::ops::Range<usize>) -> Input {
    let fetched = writer.records[records]
        .iter()
        .map(|record| Fetched {
            record: record.clone(),
            body: None,
        })
        .collect();
    Input::Page {
        agent: writer.agent(),
        after,
        fetched: Ok(fetched),
    }
}

fn writer(count: usize) -> Writer {
    let mut writer = Writer::new(1);
    for number in 4..count {
        writer.create(&page(&format!("page {number}")));
    }
    writer
}

fn caught_up(writer: &Writer, seq: u32) -> Said {
    Said::Report(Report::CaughtUp {
        agent: writer.agent(),
        seq: Some(seq),
    })
}

fn stalled(writer: &Writer, seq: Option<u32>, reason: Stall) -> Said {
    Said::Report(Report::Stalled {
        agent: writer.agent(),
        seq,
        reason,
    })
}

fn quarantined(writer: &Writer, seq: Option<u32>, reason: Rejection) -> Said {
    Said::Report(Report::Quarantined {
        agent: writer.agent(),
        seq,
        reason,
    })
}

fn cursor_at(writer: &Writer, seq: u32) -> Cursor {
    let record = &writer.records[seq as usize];
    Cursor {
        seq,
        hash: record.action_address().clone(),
        timestamp: chain::record::timestamp(record),
        is_closed: false,
    }
}
