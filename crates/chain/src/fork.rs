//! A fork: one key signed two different actions for one place of its chain. The proof can be checked by anybody.
//!
//! A key may have a chain in each of several communities, and actions name their DNA only by what they link to.
//! So two actions are at one place when they follow the same action, or when both start a chain of the same DNA.

use crypto::PublicKey;

use crate::{Action, ActionData, Record, public_of, record};

/// Two actions of one author at one place, both signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkProof {
    first: Record,
    second: Record,
}

impl ForkProof {
    /// Returns the proof when the two records really are a fork: same author, same place, different actions,
    /// both signed by the author.
    ///
    /// Of two branches only the first actions after the parting are a proof.
    #[must_use]
    pub fn of(first: &Record, second: &Record) -> Option<Self> {
        let (one, two) = (first.action(), second.action());
        if one.author() != two.author() || one == two || !is_same_place(one, two) {
            return None;
        }
        let key = PublicKey::from_bytes(&public_of(one.author())).ok()?;
        for side in [first, second] {
            key.verify(&record::action_bytes(side.action()), &side.signature().0)
                .ok()?;
        }
        Some(Self {
            first: record::withhold(first),
            second: record::withhold(second),
        })
    }

    /// Returns the two actions, without their entries.
    #[must_use]
    pub const fn sides(&self) -> (&Record, &Record) {
        (&self.first, &self.second)
    }
}

fn is_same_place(one: &Action, two: &Action) -> bool {
    if one.action_seq() != two.action_seq() {
        return false;
    }
    match (one.prev_action(), two.prev_action()) {
        (Some(before_one), Some(before_two)) => before_one == before_two,
        (None, None) => match (&one.data, &two.data) {
            (ActionData::Dna(one), ActionData::Dna(two)) => one.dna_hash == two.dna_hash,
            _ => false,
        },
        (Some(_), None) | (None, Some(_)) => false,
    }
}

#[cfg(test)]
mod tests;
