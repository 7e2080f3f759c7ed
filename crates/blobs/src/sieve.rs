//! A map of bounded weight that forgets what is not asked for: SIEVE (Zhang et al., NSDI 2024).
//!
//! New items enter at the front. A hand walks from the back to the front; it spares what was asked for since it last
//! came by and takes the first that was not. What is read once, as in a scan, goes before what is read twice.
//!
//! # Invariants
//!
//! * The weights together never exceed the limit; an item that is heavier than the limit is not taken.
//!
//! It does not know where an item comes from, and it is not shared: put a lock around it.

use std::collections::HashMap;
use std::hash::Hash;

use crate::layers::Spread;

/// No neighbour.
const NONE: usize = usize::MAX;

/// How many items in use the hand passes before it takes one of them all the same.
const HELD_MAX: usize = 512;

/// A map of bounded weight.
#[derive(Debug)]
pub(crate) struct Sieve<K, V> {
    weight_max: u64,
    weight: u64,
    places: HashMap<K, usize, Spread>,
    slots: Vec<Option<Slot<K, V>>>,
    free: Vec<usize>,
    newest: usize,
    oldest: usize,
    hand: usize,
    /// Tells whether somebody uses a value, so that forgetting it would free nothing.
    is_held: fn(&V) -> bool,
}

#[derive(Debug)]
struct Slot<K, V> {
    key: K,
    value: V,
    weight: u64,
    was_asked_for: bool,
    newer: usize,
    older: usize,
}

impl<K: Copy + Eq + Hash, V: Clone> Sieve<K, V> {
    /// Makes an empty map for items of at most `weight_max` together; `is_held` tells which are better kept.
    pub(crate) fn new(weight_max: u64, is_held: fn(&V) -> bool) -> Self {
        Self {
            weight_max,
            weight: 0,
            places: HashMap::with_hasher(Spread::new()),
            slots: Vec::new(),
            free: Vec::new(),
            newest: NONE,
            oldest: NONE,
            hand: NONE,
            is_held,
        }
    }

    /// Returns a value and remembers that it was asked for.
    pub(crate) fn get(&mut self, key: &K) -> Option<V> {
        let place = *self.places.get(key)?;
        let slot = self.slot(place);
        slot.was_asked_for = true;
        Some(slot.value.clone())
    }

    /// Adds or replaces a value, and forgets others until it fits.
    pub(crate) fn insert(&mut self, key: K, value: V, weight: u64) {
        self.remove(&key);
        if weight > self.weight_max {
            return;
        }
        while self.weight > self.weight_max - weight {
            self.evict();
        }
        let slot = Slot {
            key,
            value,
            weight,
            was_asked_for: false,
            newer: NONE,
            older: self.newest,
        };
        let place = match self.free.pop() {
            Some(place) => {
                self.slots[place] = Some(slot);
                place
            }
            None => {
                self.slots.push(Some(slot));
                self.slots.len() - 1
            }
        };
        match self.newest {
            NONE => self.oldest = place,
            newest => self.slot(newest).newer = place,
        }
        self.newest = place;
        self.weight += weight;
        self.places.insert(key, place);
    }

    /// Forgets a value.
    pub(crate) fn remove(&mut self, key: &K) {
        if let Some(&place) = self.places.get(key) {
            self.unlink(place);
        }
    }

    /// Returns how much all items weigh together.
    pub(crate) const fn weight(&self) -> u64 {
        self.weight
    }

    /// Forgets the first item behind the hand that nobody asked for.
    fn evict(&mut self) {
        let mut held = 0;
        loop {
            let place = match self.hand {
                NONE => self.oldest,
                hand => hand,
            };
            let is_held = self.is_held;
            let slot = self.slot(place);
            let newer = slot.newer;
            let is_spared = if slot.was_asked_for {
                slot.was_asked_for = false;
                true
            } else if held < HELD_MAX && is_held(&slot.value) {
                held += 1;
                true
            } else {
                false
            };
            self.hand = newer;
            if !is_spared {
                self.unlink(place);
                return;
            }
        }
    }

    fn unlink(&mut self, place: usize) {
        let slot = self.slots[place]
            .take()
            .expect("only places in use are linked");
        match slot.newer {
            NONE => self.newest = slot.older,
            newer => self.slot(newer).older = slot.older,
        }
        match slot.older {
            NONE => self.oldest = slot.newer,
            older => self.slot(older).newer = slot.newer,
        }
        if self.hand == place {
            self.hand = slot.newer;
        }
        self.weight -= slot.weight;
        self.places.remove(&slot.key);
        self.free.push(place);
    }

    fn slot(&mut self, place: usize) -> &mut Slot<K, V> {
        self.slots[place]
            .as_mut()
            .expect("only places in use are linked")
    }
}

#[cfg(test)]
mod tests;
