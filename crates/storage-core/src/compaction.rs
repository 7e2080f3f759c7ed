//! Which segments of a log to write anew: those in which little is left.
//!
//! What is live in a chosen segment is copied to the end of the log, and then the segment is used again.
//! A log is worth it where at most a quarter of a segment is live: four bytes come back for each one that is copied.
//!
//! # Invariants
//! The same segments give the same plan, in whatever order they come.
//! A chosen segment is sealed and gives room back: more than is copied out of it.
//! What is copied in one round is within its budget, unless the first segment that has anything to copy is larger: then
//! nothing else is copied, and without that exception it would never be.
//! Every segment has a line in the report that says why it was chosen or not.
//!
//! It does not know what is live, nor why.

/// What is known of one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its number; later ones are larger.
    pub number: u64,
    /// How much of it is written.
    pub bytes: u64,
    /// How much of that is live, with heads and padding: what a copy would take.
    pub live_bytes: u64,
    /// Whether nothing is appended to it any more and no recovery needs it.
    pub is_sealed: bool,
}

/// Bounds of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How much of a segment may be live, in thousandths of what is written; above it, it is left alone. Larger where the
    /// disk is short.
    pub live_permille_max: u32,
    /// How much may be copied in a round.
    pub copied_bytes_max: u64,
    /// The least that a segment gives back to be worth it; 0 is taken as 1.
    pub gain_bytes_min: u64,
    /// Most segments of a round.
    pub segments_max: usize,
}

/// What to do in a round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The segments, the emptiest first.
    pub segments: Vec<u64>,
    /// What is copied.
    pub copied_bytes: u64,
    /// What comes back when all of them are used again, after what is copied.
    pub gained_bytes: u64,
}

/// Why each segment was chosen or not, in the order in which they were looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// A line for each segment.
    pub lines: Vec<Line>,
}

/// What was decided about one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which one.
    pub segment: Segment,
    /// How much of it is live, in thousandths, rounded up.
    pub live_permille: u32,
    /// Why.
    pub reason: Reason,
}

/// Why a segment was chosen or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Chosen: nothing in it is live, so nothing is copied.
    Empty,
    /// Chosen: little in it is live.
    Sparse,
    /// It is still written to.
    Open,
    /// Too much of it is live.
    TooFull,
    /// It would give back less than is worth the work.
    NoGain,
    /// The round is full; a later one takes it.
    NextRound,
    /// More is said to be live than was written: the count is wrong, and nothing is done to it.
    Impossible,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            live_permille_max: 250,
            copied_bytes_max: 64 * 1024 * 1024,
            gain_bytes_min: 1,
            segments_max: 16,
        }
    }
}

impl Segment {
    /// Returns how much is live, in thousandths, rounded up: only a segment without anything live has 0.
    #[must_use]
    pub fn live_permille(&self) -> u32 {
        let written = u128::from(self.bytes.max(1));
        let permille = (u128::from(self.live_bytes) * 1_000).div_ceil(written);
        u32::try_from(permille).unwrap_or(u32::MAX)
    }

    /// Returns why it is never chosen, whatever else there is.
    fn standing(&self, terms: &Terms) -> Option<Reason> {
        if self.live_bytes > self.bytes {
            return Some(Reason::Impossible);
        }
        if !self.is_sealed {
            return Some(Reason::Open);
        }
        if self.live_permille() > terms.live_permille_max {
            return Some(Reason::TooFull);
        }
        let gain = self.bytes - self.live_bytes;
        (gain < terms.gain_bytes_min.max(1)).then_some(Reason::NoGain)
    }
}

/// Chooses the segments of one round: the emptiest first, and of equals the oldest.
#[must_use]
pub fn plan(segments: &[Segment], terms: &Terms) -> (Plan, Report) {
    let mut sorted = segments.to_vec();
    // By the exact fraction: a / b < c / d as a * d < c * b.
    sorted.sort_by(|one, other| {
        let left = u128::from(one.live_bytes) * u128::from(other.bytes.max(1));
        let right = u128::from(other.live_bytes) * u128::from(one.bytes.max(1));
        left.cmp(&right).then(one.number.cmp(&other.number))
    });
    let (mut plan, mut report) = (Plan::default(), Report::default());
    let mut is_full = false;
    for segment in sorted {
        let reason = segment.standing(terms).unwrap_or_else(|| {
            let copied = plan.copied_bytes.saturating_add(segment.live_bytes);
            let fits = copied <= terms.copied_bytes_max || plan.copied_bytes == 0;
            // What comes after one that does not fit waits behind it, or that one would wait for ever.
            is_full |= !fits || plan.segments.len() >= terms.segments_max;
            if is_full {
                return Reason::NextRound;
            }
            plan.segments.push(segment.number);
            plan.copied_bytes = copied;
            plan.gained_bytes += segment.bytes - segment.live_bytes;
            if segment.live_bytes == 0 {
                Reason::Empty
            } else {
                Reason::Sparse
            }
        });
        report.lines.push(Line {
            segment,
            live_permille: segment.live_permille(),
            reason,
        });
    }
    (plan, report)
}

#[cfg(test)]
mod tests;
