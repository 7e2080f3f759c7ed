//! Which faults a run has, and how often: any mixture, and sometimes none.

use base::Duration;
use sim::{Dice, Link};

/// How often each thing goes wrong, of 1,000.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) page_failed: u32,
    pub(crate) page_lost: u32,
    pub(crate) page_late: u32,
    pub(crate) page_twice: u32,
    pub(crate) page_mixed: u32,
    pub(crate) page_holed: u32,
    pub(crate) page_old: u32,
    pub(crate) page_short: u32,
    pub(crate) store_before: u32,
    pub(crate) store_after: u32,
    pub(crate) crashes: u64,
    pub(crate) departures: u64,
    pub(crate) splits: u64,
}

impl Faults {
    /// Draws a mixture: each fault is off in half of the runs.
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        let mut often = |max: u64| {
            if dice.chance(500) {
                dice.below(max + 1)
            } else {
                0
            }
        };
        Self {
            page_failed: often(300) as u32,
            page_lost: often(60) as u32,
            page_late: often(100) as u32,
            page_twice: often(300) as u32,
            page_mixed: often(120) as u32,
            page_holed: often(120) as u32,
            page_old: often(300) as u32,
            page_short: often(800) as u32,
            store_before: often(300) as u32,
            store_after: often(300) as u32,
            crashes: often(5),
            departures: often(6),
            splits: often(3),
        }
    }
}

/// Draws how nudges travel.
pub(crate) fn link(dice: &mut Dice) -> Link {
    let mut often = |max: u64| {
        if dice.chance(500) {
            dice.below(max + 1) as u32
        } else {
            0
        }
    };
    Link {
        loss_permille: often(1_000),
        duplication_permille: often(300),
        reordering_permille: often(500),
        ..Link::sound(Duration::from_millis(1), Duration::from_millis(200))
    }
}
