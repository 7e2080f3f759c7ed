//! A network that delays, loses, repeats, reorders and splits.
//!
//! It carries no messages itself: it says when a message arrives, and the simulation pushes it into its queue.

use std::collections::BTreeMap;

use base::{Duration, Timestamp};

use crate::{Dice, Seed};

/// How one direction between two places behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Shortest time on the way.
    pub delay_min: Duration,
    /// Longest time on the way.
    pub delay_max: Duration,
    /// How many of 1,000 messages are lost.
    pub loss_permille: u32,
    /// How many of 1,000 messages arrive twice.
    pub duplication_permille: u32,
    /// How many of 1,000 messages may be overtaken by later ones; all others keep their order.
    pub reordering_permille: u32,
}

/// What a network did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages that were sent.
    pub sent: u64,
    /// Messages that were lost by chance.
    pub lost: u64,
    /// Messages that were lost because their places were split.
    pub cut: u64,
    /// Messages that arrive twice.
    pub duplicated: u64,
    /// Messages that were allowed to be overtaken.
    pub reordered: u64,
}

/// A network between places of type `N`.
#[derive(Clone, Debug)]
pub struct Network<N> {
    dice: Dice,
    link: Link,
    links: BTreeMap<(N, N), Link>,
    /// The latest arrival on each link among the messages that keep their order.
    latest: BTreeMap<(N, N), Timestamp>,
    /// Which side of a split a place is on; places that are not listed are on side 0.
    sides: BTreeMap<N, usize>,
    tally: Tally,
}

impl Link {
    /// A link that only takes its time.
    #[must_use]
    pub const fn sound(delay_min: Duration, delay_max: Duration) -> Self {
        Self {
            delay_min,
            delay_max,
            loss_permille: 0,
            duplication_permille: 0,
            reordering_permille: 0,
        }
    }

    const fn calmed(self) -> Self {
        Self::sound(self.delay_min, self.delay_max)
    }
}

impl<N: Clone + Ord> Network<N> {
    /// Makes a network whose links all behave like `link`.
    #[must_use]
    pub fn new(seed: Seed, link: Link) -> Self {
        Self {
            dice: seed.dice(),
            link,
            links: BTreeMap::new(),
            latest: BTreeMap::new(),
            sides: BTreeMap::new(),
            tally: Tally::default(),
        }
    }

    /// Makes one direction between two places behave otherwise.
    pub fn set_link(&mut self, source: &N, target: &N, link: Link) {
        self.links.insert((source.clone(), target.clone()), link);
    }

    /// Splits the network: places on different sides cannot reach each other; places that are on no list are on the
    /// first side.
    pub fn split(&mut self, sides: &[Vec<N>]) {
        self.sides.clear();
        for (side, places) in sides.iter().enumerate() {
            self.sides
                .extend(places.iter().map(|place| (place.clone(), side)));
        }
    }

    /// Ends a split.
    pub fn heal(&mut self) {
        self.sides.clear();
    }

    /// Switches all faults off; messages still take their time.
    pub fn calm(&mut self) {
        self.heal();
        self.link = self.link.calmed();
        for link in self.links.values_mut() {
            *link = link.calmed();
        }
    }

    /// Returns when a message that is sent now arrives: never, once, or twice.
    pub fn send(&mut self, now: Timestamp, source: &N, target: &N) -> Vec<Timestamp> {
        self.tally.sent += 1;
        let way = (source.clone(), target.clone());
        let link = self.links.get(&way).copied().unwrap_or(self.link);
        if self.side(source) != self.side(target) {
            self.tally.cut += 1;
            return Vec::new();
        }
        if self.dice.chance(link.loss_permille) {
            self.tally.lost += 1;
            return Vec::new();
        }
        let mut arrivals = vec![self.arrival(now, way.clone(), link)];
        if self.dice.chance(link.duplication_permille) {
            self.tally.duplicated += 1;
            arrivals.push(self.arrival(now, way, link));
        }
        arrivals
    }

    /// Returns what happened so far.
    #[must_use]
    pub const fn tally(&self) -> Tally {
        self.tally
    }

    fn side(&self, place: &N) -> usize {
        self.sides.get(place).copied().unwrap_or_default()
    }

    fn arrival(&mut self, now: Timestamp, way: (N, N), link: Link) -> Timestamp {
        let arrival = now + self.dice.span(link.delay_min, link.delay_max);
        if self.dice.chance(link.reordering_permille) {
            self.tally.reordered += 1;
            return arrival;
        }
        let latest = self.latest.entry(way).or_insert(arrival);
        *latest = arrival.max(*latest);
        *latest
    }
}

#[cfg(test)]
mod tests;
