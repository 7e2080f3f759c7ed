//! A sender who knows only what the answers tell, on a network that loses, repeats and reorders requests and answers:
//! every record is taken once and in order, and in calm the whole chain arrives.

use base::{Duration, Timestamp};
use doorway_core::intake::Refusal;
use sim::{Dice, Link, Log, Network, Queue, Seed, runs};

use super::send;
use crate::cast;
use crate::chains::Writer;

/// How long the network is bad.
const CHAOS: Duration = Duration::from_secs(20);

/// How long the sender waits for an answer before it sends again.
const PATIENCE: Duration = Duration::from_millis(800);

enum Event {
    /// The sender sends some records from its next one on.
    Send,
    Request {
        start: usize,
        end: usize,
    },
    Answer {
        next: usize,
    },
    Calm,
}

struct Run<'a> {
    log: &'a Log,
    dice: Dice,
    queue: Queue<Event>,
    network: Network<u8>,
    writer: &'static Writer,
    /// How many records the doorway has taken.
    taken: usize,
    /// Where the sender goes on.
    next: usize,
}

impl<'a> Run<'a> {
    fn new(seed: Seed, log: &'a Log) -> Self {
        let mut dice = seed.named("sender").dice();
        let link = Link {
            loss_permille: dice.below(500) as u32,
            duplication_permille: dice.below(500) as u32,
            reordering_permille: dice.below(1_000) as u32,
            ..Link::sound(Duration::from_millis(1), Duration::from_millis(600))
        };
        let network = Network::new(seed.named("network"), link);
        let writer = &dice.pick(&cast::all()[..cast::HONEST]).writer;
        let mut queue = Queue::new(Timestamp::EPOCH);
        queue.push_in(CHAOS, Event::Calm);
        queue.push_in(Duration::ZERO, Event::Send);
        Self {
            log,
            dice,
            queue,
            network,
            writer,
            taken: 0,
            next: 0,
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Calm => self.network.calm(),
            Event::Send => {
                let count = self.dice.between(1, 6) as usize;
                let end = (self.next + count).min(self.writer.records.len());
                for at in self.network.send(self.queue.now(), &0, &1) {
                    self.queue.push(
                        at,
                        Event::Request {
                            start: self.next,
                            end,
                        },
                    );
                }
                self.queue.push_in(PATIENCE, Event::Send);
            }
            Event::Request { start, end } => self.receive(start, end),
            Event::Answer { next } => self.next = next,
        }
    }

    fn receive(&mut self, start: usize, end: usize) {
        let sent: Vec<_> = self.writer.records[start..end]
            .iter()
            .map(at_home)
            .collect();
        let known: Vec<_> = self.writer.records[..self.taken]
            .iter()
            .map(at_home)
            .collect();
        let next = match send(&self.writer.agent(), &known, &sent) {
            Ok(plan) => {
                assert_eq!(
                    plan.fresh.len(),
                    end.saturating_sub(self.taken),
                    "exactly what was missing"
                );
                self.taken += plan.fresh.len();
                self.taken
            }
            Err(Refusal::Gap { wanted, .. }) => wanted as usize,
            Err(refusal) => panic!("an honest sender is refused: {refusal}"),
        };
        self.log.note(
            self.queue.now(),
            "doorway",
            format_args!("{start}..{end}: wants {next}"),
        );
        for at in self.network.send(self.queue.now(), &1, &0) {
            self.queue.push(at, Event::Answer { next });
        }
    }
}

/// Leaves out a private entry, as senders do.
fn at_home(record: &chain::Record) -> chain::Record {
    let is_private = record.action().entry_visibility() == Some(&chain::EntryVisibility::Private);
    if is_private {
        chain::record::withhold(record)
    } else {
        record.clone()
    }
}

#[test]
fn whole_chain_arrives_once_and_in_order_over_a_bad_network() {
    runs(50, |seed, log| {
        let mut run = Run::new(seed, log);
        // In calm each round trip brings at least one record and is shorter than the sender's patience twice over.
        let rounds = Duration::from_millis(run.writer.records.len() as u64 * 1_600);
        let end = Timestamp::EPOCH + CHAOS + rounds;
        while let Some(event) = run.queue.pop_until(Some(end)) {
            run.happen(event);
        }
        assert_eq!(run.taken, run.writer.records.len());
    });
}
