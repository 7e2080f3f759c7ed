//! How fast one core verifies a chain, beside how fast it verifies signatures alone.

use anyhow::Context as _;
use api::ChainView;
use chain::{AgentPubKey, DnaHash, Record, Rules, Verifier, public_of, record};
use crypto::{PreparedKey, PublicKey};

use super::author::Generator;
use crate::machine::own_cpu_seconds;

/// Records in one page of a chain.
const PAGE_RECORDS: u32 = 500;

/// How often a chain is gone through in one measurement: the system's account moves in steps of some milliseconds.
const REPEATS: u32 = 10;

/// A chain as it was served.
#[derive(Debug)]
pub(crate) struct Served {
    agent: AgentPubKey,
    dna: DnaHash,
    pages: Vec<Vec<u8>>,
    records: Vec<Record>,
}

/// Records or signatures per second of one core's time in one round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    /// The chain as served: JSON, base64, msgpack, then everything that follows.
    pub(crate) served: f64,
    /// Decoded records: links, sequence, hashes, signatures, entries, structure.
    pub(crate) decoded: f64,
    /// Signatures alone, strictly, with a key as it is.
    pub(crate) strict: f64,
    /// Signatures alone, strictly, with a key that was prepared for many.
    pub(crate) prepared: f64,
}

impl Served {
    /// Fetches a whole chain.
    pub(crate) fn fetch(generator: &mut Generator) -> anyhow::Result<Self> {
        let name = generator.agent();
        let agent = AgentPubKey::try_from(name.as_str())
            .ok()
            .context("an agent has a key")?;
        let dna = generator.dna().clone();
        let mut served = Self {
            agent,
            dna,
            pages: Vec::new(),
            records: Vec::new(),
        };
        let mut after = String::new();
        loop {
            let path = format!("/api/v1/chains/{name}?limit={PAGE_RECORDS}{after}");
            let (status, body) = generator.connection().get(&path)?;
            anyhow::ensure!(status == 200, "GET {path} answered {status}");
            let view: ChainView = serde_json::from_slice(&body)?;
            for record in &view.records {
                served.records.push(record.decode()?);
            }
            served.pages.push(body);
            let Some(next) = view.next_after else {
                return Ok(served);
            };
            after = format!("&after={next}");
        }
    }

    /// Returns how many records it has.
    pub(crate) const fn len(&self) -> usize {
        self.records.len()
    }

    /// Verifies it in all four ways, once.
    pub(crate) fn round(&self) -> anyhow::Result<Rates> {
        let signed = self.signed();
        let key = PublicKey::from_bytes(&public_of(&self.agent))?;
        Ok(Rates {
            served: self.rate(|| self.as_served())?,
            decoded: self.rate(|| self.as_records())?,
            strict: self.rate(|| {
                let mut all = signed.iter();
                Ok(all.try_for_each(|(bytes, signature)| key.verify(bytes, signature))?)
            })?,
            prepared: self.rate(|| {
                let key = PreparedKey::new(&key);
                let mut all = signed.iter();
                Ok(all.try_for_each(|(bytes, signature)| key.verify(bytes, signature))?)
            })?,
        })
    }

    /// Does something with all records; returns how many of them a core does in a second.
    fn rate(&self, work: impl Fn() -> anyhow::Result<()>) -> anyhow::Result<f64> {
        let before = own_cpu_seconds()?;
        for _ in 0..REPEATS {
            work()?;
        }
        let done = f64::from(REPEATS) * self.records.len() as f64;
        Ok(done / (own_cpu_seconds()? - before))
    }

    fn as_served(&self) -> anyhow::Result<()> {
        let mut verifier = self.verifier()?;
        for page in &self.pages {
            let view: ChainView = serde_json::from_slice(page)?;
            for view in &view.records {
                verifier.apply(&view.decode()?)?;
            }
        }
        anyhow::ensure!(
            verifier.wanted() as usize == self.records.len(),
            "all of it"
        );
        Ok(())
    }

    fn as_records(&self) -> anyhow::Result<()> {
        let mut verifier = self.verifier()?;
        for record in &self.records {
            verifier.apply(record)?;
        }
        Ok(())
    }

    /// Returns what was signed, and the signatures.
    fn signed(&self) -> Vec<(Vec<u8>, [u8; 64])> {
        let of = |record: &Record| (record::action_bytes(record.action()), record.signature().0);
        self.records.iter().map(of).collect()
    }

    fn verifier(&self) -> anyhow::Result<Verifier> {
        Ok(Verifier::new(
            self.dna.clone(),
            self.agent.clone(),
            Rules::Commonhold,
        )?)
    }
}
