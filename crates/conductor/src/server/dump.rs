//! A chain as JSON, in the shape of Holochain's `dump_state`: a pair of the dump and a summary for people.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chain::{Record, record};
use serde_json::{Value, json};

use crate::protocol::admin::ChainCursor;
use crate::server::Desk;
use crate::{CellId, Conductor as _, Fault};

/// Records of a dump that names no limit.
const RECORDS_MAX: u32 = 10_000;

impl Desk {
    /// Dumps a chain. A cell that is not hosted has an empty one, as with Holochain.
    pub(super) async fn dump(
        &self,
        cell: &CellId,
        cursor: Option<ChainCursor>,
        limit: Option<u32>,
    ) -> Result<String, Fault> {
        let limit = limit.unwrap_or(RECORDS_MAX).min(RECORDS_MAX);
        let records = match self.records(cell, cursor, limit).await {
            Err(Fault::UnknownCell(_)) => Vec::new(),
            records => records?,
        };
        let agent = json!([
            cell.agent.get_raw_39(),
            URL_SAFE_NO_PAD.encode(cell.agent.get_raw_32()),
        ]);
        let dna = json!([
            cell.dna.get_raw_39(),
            URL_SAFE_NO_PAD.encode(cell.dna.get_raw_32()),
        ]);
        let count = records.len();
        let dump = json!({
            "peer_dump": { "this_agent_info": null, "this_dna": dna, "this_agent": agent, "peers": [] },
            "source_chain_dump": {
                "records": records.iter().map(record_json).collect::<Vec<_>>(),
                "published_ops_count": 0,
            },
            "integration_dump": { "validation_limbo": 0, "integration_limbo": 0, "integrated": 0 },
        });
        let summary = format!(
            "--- Cell State Dump Summary ---\nNumber of other peers in p2p store: 0,\nRecords returned: {count}, Ops published: 0\n"
        );
        Ok(json!([dump, summary]).to_string())
    }

    async fn records(
        &self,
        cell: &CellId,
        cursor: Option<ChainCursor>,
        limit: u32,
    ) -> Result<Vec<Record>, Fault> {
        let mut after = match cursor {
            None => None,
            Some(ChainCursor::Sequence(seq)) => Some(seq),
            Some(ChainCursor::ActionHash(hash)) => match self.engine.find(cell, &hash.0).await? {
                Some(found) => Some(found.action().action_seq()),
                None => return Ok(Vec::new()),
            },
        };
        let mut records = Vec::new();
        while (records.len() as u32) < limit {
            let left = limit - records.len() as u32;
            let page = self.engine.chain(cell, after, left).await?;
            let Some(last) = page.records.last() else {
                break;
            };
            after = Some(last.action().action_seq());
            records.extend(page.records);
        }
        Ok(records)
    }
}

fn record_json(record: &Record) -> Value {
    json!({
        "signature": record.signature().0.as_slice(),
        "action_address": record.action_address().get_raw_39(),
        "action": record.action(),
        "entry": record::present(record),
    })
}
