//! Agents with chains of all sorts, written once and used by many runs: signing is what takes time.

use std::sync::OnceLock;

use chain::kind::Profile;
use chain::{ActionHash, AgentPubKey, Item};
use sim::{Dice, Seed};

use crate::chains::{Writer, any_action, long_page, page, with_bad_signature};

/// How an agent behaves.
#[derive(Clone)]
pub(crate) enum Nature {
    /// Its chain is what it should be.
    Honest,
    /// The record with this sequence number has a signature that does not fit.
    Forged { seq: u32 },
    /// It continued its chain twice from some place on; this is the other continuation.
    Forked { other: Box<Writer> },
}

/// An agent of a run.
#[derive(Clone)]
pub(crate) struct Actor {
    pub(crate) writer: Writer,
    pub(crate) nature: Nature,
}

impl Actor {
    /// Returns whose chain it is.
    pub(crate) fn agent(&self) -> AgentPubKey {
        self.writer.agent()
    }
}

/// How many honest agents there are; the forged and forked ones follow them.
pub(crate) const HONEST: usize = 8;

/// Returns all agents there are.
pub(crate) fn all() -> &'static [Actor] {
    static CAST: OnceLock<Vec<Actor>> = OnceLock::new();
    CAST.get_or_init(|| {
        let mut dice = Seed(1).named("cast").dice();
        let mut first = Writer::new(1);
        let foreign = first.create(&page("somebody else's"));
        let mut cast = vec![Actor {
            writer: first,
            nature: Nature::Honest,
        }];
        for seed in 2..=12 {
            let mut writer = Writer::new(seed);
            let count = dice.between(5, 16);
            write(&mut writer, &mut dice, count, &foreign);
            let nature = match seed as usize {
                ..=HONEST => {
                    if dice.chance(250) {
                        writer.close();
                    }
                    Nature::Honest
                }
                9 | 10 => {
                    let seq = dice.between(0, u64::from(writer.len()) - 1) as u32;
                    let record = &mut writer.records[seq as usize];
                    *record = with_bad_signature(record);
                    Nature::Forged { seq }
                }
                _ => {
                    let mut other = Box::new(writer.clone());
                    for branch in [&mut writer, &mut other] {
                        let count = dice.between(1, 8);
                        write(branch, &mut dice, count, &foreign);
                    }
                    Nature::Forked { other }
                }
            };
            cast.push(Actor { writer, nature });
        }
        cast
    })
}

/// Writes `count` records of all sorts.
fn write(writer: &mut Writer, dice: &mut Dice, count: u64, foreign: &ActionHash) {
    let mut items: Vec<ActionHash> = Vec::new();
    for step in 0..count {
        let title = format!("step {step} {}", dice.bits());
        let known = if items.is_empty() {
            any_action()
        } else {
            dice.pick(&items).clone()
        };
        match dice.below(22) {
            0..=6 => items.push(writer.create(&page(&title))),
            7 => items.push(writer.create(&long_page(&title))),
            8..=11 => {
                writer.update(&known, &page(&title));
            }
            // Updates must name the first action: naming an update is a fault of the author.
            12 => {
                let version = writer.update(&known, &page(&title));
                writer.update(&version, &page("a version of a version"));
            }
            13 | 20 => {
                writer.update(
                    &known,
                    &Item::Profile(Profile {
                        name: title,
                        ..Profile::default()
                    }),
                );
            }
            14 => {
                writer.update(foreign, &page(&title));
            }
            15 => {
                writer.delete(foreign);
            }
            16 | 17 => {
                writer.delete(&known);
            }
            18 => writer.create_private(&page(&title)),
            _ => writer.create_odd("poem", 1, title.as_bytes()),
        }
    }
}
