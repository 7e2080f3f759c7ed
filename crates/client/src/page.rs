//! Pages of chains, read where they lie: whoever copies long chains has no time for a copy of each text.

use std::borrow::Cow;

use api::ClaimView;
use base::Problem;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chain::Record;
use chain::record::{self, DecodeError};
use serde::Deserialize;

use crate::Answer;

/// A page of a chain that borrows from the answer in which it came: [`api::ChainView`] without what can be read from
/// the records.
#[derive(Debug, Deserialize)]
pub struct ChainPage<'a> {
    /// Whose chain.
    #[serde(borrow)]
    pub agent: Cow<'a, str>,
    /// Of which community.
    #[serde(borrow)]
    pub dna_hash: Cow<'a, str>,
    /// The records, in order.
    #[serde(borrow)]
    pub records: Vec<PageRecord<'a>>,
    /// When the author used the addresses in this page.
    #[serde(default)]
    pub claims: Vec<ClaimView>,
}

/// One record of a page: [`api::RecordView`], borrowed.
#[derive(Debug, Deserialize)]
pub struct PageRecord<'a> {
    #[serde(borrow)]
    action: Text<'a>,
    #[serde(borrow)]
    signature: Text<'a>,
    #[serde(borrow, default)]
    entry: Option<Text<'a>>,
}

/// A text of JSON; base64 has nothing in it that would have to be unescaped.
#[derive(Debug, Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Memory that is used again for each record of a page.
#[derive(Debug, Default)]
pub struct Scratch {
    action: Vec<u8>,
    signature: Vec<u8>,
    entry: Vec<u8>,
}

impl<'a> ChainPage<'a> {
    /// Reads a page out of an answer.
    ///
    /// # Errors
    /// [`base::Code::ServerAnswer`] when it is something else.
    pub fn read(answer: &'a Answer) -> Result<Self, Problem> {
        answer.view()
    }
}

impl PageRecord<'_> {
    /// Reads the record; hashes are computed anew, the signature is not checked.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are not base64 or not a record in canonical form.
    pub fn decode(&self, scratch: &mut Scratch) -> Result<Record, DecodeError> {
        let fill = |bytes: &mut Vec<u8>, text: &Text<'_>, error: DecodeError| {
            bytes.clear();
            STANDARD
                .decode_vec(text.0.as_ref(), bytes)
                .map_err(|_| error)
        };
        fill(&mut scratch.action, &self.action, DecodeError::Action)?;
        fill(
            &mut scratch.signature,
            &self.signature,
            DecodeError::Signature,
        )?;
        let entry = match &self.entry {
            Some(entry) => {
                fill(&mut scratch.entry, entry, DecodeError::Entry)?;
                Some(scratch.entry.as_slice())
            }
            None => None,
        };
        record::decode(&scratch.action, &scratch.signature, entry)
    }
}
