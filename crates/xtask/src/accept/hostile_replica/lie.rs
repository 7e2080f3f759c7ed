//! What is forged: one thing that the honest doorway never said.

use std::net::SocketAddr;

use anyhow::Context as _;
use serde_json::Value;

use crate::accept::http::{Answer, Client};

/// The path of all chains.
const CHAINS: &str = "/api/v1/chains/";

/// The digits of base64, in order of their value (RFC 4648 §4).
const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// One lie.
#[derive(Clone, Debug)]
pub(super) enum Lie {
    /// A bit of a record's signature is turned over.
    Signature {
        /// Which record.
        seq: u64,
    },
    /// A record has the entry of the one after it.
    Entry {
        /// Which record.
        seq: u64,
    },
    /// A record is left out.
    LeftOut {
        /// Which record.
        seq: u64,
    },
    /// A record and the one after it change places.
    Swapped {
        /// The first of them.
        seq: u64,
    },
    /// A record stands in the place of another one.
    Foreign {
        /// In whose place.
        seq: u64,
        /// The record that was signed by somebody else.
        record: Value,
    },
    /// A bit of a blob is turned over.
    Blob {
        /// Its hash.
        hash: String,
    },
    /// The same author's chain in another community, as if it were this one's.
    OtherCommunity {
        /// The other community's doorway.
        doorway: SocketAddr,
        /// Which community is asked for.
        dna_hash: String,
    },
    /// Everything comes from another doorway.
    Elsewhere {
        /// That doorway.
        doorway: SocketAddr,
    },
    /// An event that never ends.
    EndlessEvent,
    /// An event that nobody at the honest doorway saw.
    Announced {
        /// The event as it is sent.
        event: String,
    },
}

impl Lie {
    /// Returns the doorway from which everything comes instead.
    pub(super) fn elsewhere(&self) -> Option<SocketAddr> {
        match self {
            Self::Elsewhere { doorway } => Some(*doorway),
            Self::Signature { .. }
            | Self::Entry { .. }
            | Self::LeftOut { .. }
            | Self::Swapped { .. }
            | Self::Foreign { .. }
            | Self::Blob { .. }
            | Self::OtherCommunity { .. }
            | Self::EndlessEvent
            | Self::Announced { .. } => None,
        }
    }

    /// Forges an answer, when it is one that the lie is about; tells whether it was.
    pub(super) fn forge(&self, target: &str, answer: &mut Answer) -> anyhow::Result<bool> {
        if answer.status() != 200 {
            return Ok(false);
        }
        if let Self::Blob { hash } = self {
            return Ok(target == format!("/store/{hash}") && turn_over(&mut answer.body));
        }
        if !target.starts_with(CHAINS) {
            return Ok(false);
        }
        if let Self::OtherCommunity { doorway, dna_hash } = self {
            let mut view = Client::new(*doorway).json(target)?;
            view["dna_hash"] = Value::String(dna_hash.clone());
            answer.body = view.to_string().into_bytes();
            return Ok(true);
        }
        let mut view = answer.json()?;
        let records = view["records"]
            .as_array_mut()
            .context("a page has records")?;
        let first = after(target).map_or(0, |after| after + 1);
        let is_forged = self.forge_records(first, records)?;
        answer.body = view.to_string().into_bytes();
        Ok(is_forged)
    }

    /// Forges a page of a chain whose first record has the number `first`.
    fn forge_records(&self, first: u64, records: &mut Vec<Value>) -> anyhow::Result<bool> {
        let (Self::Signature { seq }
        | Self::Entry { seq }
        | Self::LeftOut { seq }
        | Self::Swapped { seq }
        | Self::Foreign { seq, .. }) = self
        else {
            return Ok(false);
        };
        let place = seq
            .checked_sub(first)
            .and_then(|place| usize::try_from(place).ok());
        let Some(place) = place.filter(|place| place + 1 < records.len()) else {
            return Ok(false);
        };
        match self {
            Self::Signature { .. } => {
                let signature = records[place]["signature"]
                    .as_str()
                    .context("a record is signed")?;
                records[place]["signature"] = Value::String(with_another_bit(signature)?);
            }
            Self::Entry { .. } => {
                let entry = records[place + 1]["entry"].clone();
                anyhow::ensure!(entry.is_string(), "record {} has no entry", seq + 1);
                records[place]["entry"] = entry;
            }
            Self::LeftOut { .. } => drop(records.remove(place)),
            Self::Swapped { .. } => records.swap(place, place + 1),
            Self::Foreign { record, .. } => records[place] = record.clone(),
            Self::Blob { .. }
            | Self::OtherCommunity { .. }
            | Self::Elsewhere { .. }
            | Self::EndlessEvent
            | Self::Announced { .. } => return Ok(false),
        }
        Ok(true)
    }
}

/// Returns after which record a page of a chain begins.
fn after(target: &str) -> Option<u64> {
    let (_, query) = target.split_once('?')?;
    let value = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("after="))?;
    value.parse().ok()
}

/// Turns over one bit in the middle of a body.
fn turn_over(body: &mut [u8]) -> bool {
    let middle = body.len() / 2;
    body.get_mut(middle).map(|byte| *byte ^= 1).is_some()
}

/// Turns over one bit of bytes in base64.
fn with_another_bit(text: &str) -> anyhow::Result<String> {
    let first = text.chars().next().context("a signature has bytes")?;
    let value = DIGITS.find(first).context("a signature is base64")?;
    let other = &DIGITS[value ^ 1..][..1];
    Ok(format!("{other}{}", &text[1..]))
}

#[cfg(test)]
mod tests;
