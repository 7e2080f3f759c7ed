//! Which of many things makes room: SIEVE, as its paper says (see the module above).
//!
//! A queue from the newest to the oldest and a hand that walks from the oldest to the newest. It spares what was used
//! since it last came by, and takes the first that was not. Nothing is moved by being used.
//!
//! Invariant: each number is in the queue at most once; it knows numbers, not what they stand for.

/// No number.
const NONE: u32 = u32::MAX;

/// The queue and its hand.
#[derive(Clone, Debug)]
pub(super) struct Sieve {
    links: Vec<Link>,
    newest: u32,
    oldest: u32,
    hand: u32,
    len: usize,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    newer: u32,
    older: u32,
    was_used: bool,
    is_in: bool,
}

impl Link {
    const OUT: Self = Self {
        newer: NONE,
        older: NONE,
        was_used: false,
        is_in: false,
    };
}

impl Sieve {
    pub(super) const fn new() -> Self {
        Self {
            links: Vec::new(),
            newest: NONE,
            oldest: NONE,
            hand: NONE,
            len: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Puts a number in as the newest; one that is in already stays where it is.
    pub(super) fn insert(&mut self, id: u32) {
        let index = id as usize;
        if self.links.len() <= index {
            self.links.resize(index + 1, Link::OUT);
        }
        if self.links[index].is_in {
            return;
        }
        self.links[index] = Link {
            newer: NONE,
            older: self.newest,
            was_used: false,
            is_in: true,
        };
        match self.links.get_mut(self.newest as usize) {
            Some(newest) => newest.newer = id,
            None => self.oldest = id,
        }
        self.newest = id;
        self.len += 1;
    }

    /// Notes that a number was used.
    pub(super) fn touch(&mut self, id: u32) {
        if let Some(link) = self.links.get_mut(id as usize) {
            link.was_used = true;
        }
    }

    /// Takes a number out, when it is in.
    pub(super) fn remove(&mut self, id: u32) {
        let Some(link) = self.links.get_mut(id as usize).filter(|link| link.is_in) else {
            return;
        };
        let Link { newer, older, .. } = std::mem::replace(link, Link::OUT);
        match self.links.get_mut(newer as usize) {
            Some(link) => link.older = older,
            None => self.newest = older,
        }
        match self.links.get_mut(older as usize) {
            Some(link) => link.newer = newer,
            None => self.oldest = newer,
        }
        if self.hand == id {
            self.hand = newer;
        }
        self.len -= 1;
    }

    /// Says which number makes room; it stays in until it is removed.
    pub(super) fn choose(&mut self) -> Option<u32> {
        let mut at = if self.hand == NONE {
            self.oldest
        } else {
            self.hand
        };
        loop {
            let link = self.links.get_mut(at as usize)?;
            if !link.was_used {
                self.hand = at;
                return Some(at);
            }
            link.was_used = false;
            at = if link.newer == NONE {
                self.oldest
            } else {
                link.newer
            };
        }
    }
}
