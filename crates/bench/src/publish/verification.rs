//! How fast one core verifies a chain, beside how fast it verifies signatures alone.

use std::time::Instant;

use anyhow::Context as _;
use api::ChainView;
use chain::{AgentPubKey, DnaHash, Record, Rules, Signature, Verifier, public_of, record};
use crypto::{PreparedKey, PublicKey};

use super::author::Generator;

/// Records in one page of a chain.
const PAGE_RECORDS: u32 = 500;

/// A chain as it was served.
#[derive(Debug)]
pub(super) struct Served {
    agent: AgentPubKey,
    dna: DnaHash,
    pages: Vec<Vec<u8>>,
    records: Vec<Record>,
}

/// Records or signatures per second in one round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    /// The chain as served: JSON, base64, msgpack, then everything that follows.
    pub(super) served: f64,
    /// Decoded records: links, sequence, hashes, signatures, entries, structure.
    pub(super) decoded: f64,
    /// Signatures alone, strictly, with a key as it is.
    pub(super) strict: f64,
    /// Signatures alone, strictly, with a key that was prepared for many.
    pub(super) prepared: f64,
}

impl Served {
    /// Fetches a whole chain.
    pub(super) fn fetch(generator: &mut Generator) -> anyhow::Result<Self> {
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
    pub(super) const fn len(&self) -> usize {
        self.records.len()
    }

    /// Verifies it in all four ways, once.
    pub(super) fn round(&self) -> anyhow::Result<Rates> {
        let count = self.records.len() as f64;
        let rate = |started: Instant| count / started.elapsed().as_secs_f64();

        let started = Instant::now();
        let mut verifier = self.verifier()?;
        for page in &self.pages {
            let view: ChainView = serde_json::from_slice(page)?;
            for view in &view.records {
                verifier.apply(&view.decode()?)?;
            }
        }
        let served = rate(started);
        anyhow::ensure!(
            verifier.wanted() as usize == self.records.len(),
            "all of it"
        );

        let started = Instant::now();
        let mut verifier = self.verifier()?;
        for record in &self.records {
            verifier.apply(record)?;
        }
        let decoded = rate(started);

        let signed: Vec<(Vec<u8>, &Signature)> = self
            .records
            .iter()
            .map(|record| (record::action_bytes(record.action()), record.signature()))
            .collect();
        let key = PublicKey::from_bytes(&public_of(&self.agent))?;
        let started = Instant::now();
        for (bytes, signature) in &signed {
            key.verify(bytes, &signature.0)?;
        }
        let strict = rate(started);

        let started = Instant::now();
        let key = PreparedKey::new(&key);
        for (bytes, signature) in &signed {
            key.verify(bytes, &signature.0)?;
        }
        Ok(Rates {
            served,
            decoded,
            strict,
            prepared: rate(started),
        })
    }

    fn verifier(&self) -> anyhow::Result<Verifier> {
        Ok(Verifier::new(
            self.dna.clone(),
            self.agent.clone(),
            Rules::Commonhold,
        )?)
    }
}
