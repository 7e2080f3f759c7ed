//! Calls that a cell's own agent signed: who, for which cell, when, and only once.

use base::{Duration, Timestamp};
use bytes::Bytes;
use chain::public_of;
use crypto::PublicKey;
use serde::Serialize;

use crate::embedded::{Embedded, store};
use crate::wire::{self, CallParams, HeadView, WriteRequest};
use crate::{CallFault, CellId, Fault, SignedCall};

/// Longest time that a call is valid for, and so the longest that its nonce is remembered.
const CALL_AGE_MAX: Duration = Duration::from_secs(5 * 60);

impl Embedded {
    /// See [`crate::Conductor::call`].
    pub(super) async fn answer(&self, call: SignedCall) -> Result<Bytes, Fault> {
        let limit = self.limits.call_bytes_max;
        if call.bytes.len() > limit as usize {
            return Err(CallFault::TooLong { limit }.into());
        }
        let params = CallParams::decode(&call.bytes)?;
        let cell = authenticate(&params, &call)?;
        self.witness(&cell, &params).await?;
        if params.zome_name != wire::ZOME {
            return Err(CallFault::UnknownZome(params.zome_name).into());
        }
        match params.fn_name.as_str() {
            wire::FN_WRITE => {
                let write = WriteRequest::decode(&params.payload)?;
                let mut records = self.write_batch(&cell, vec![write]).await?;
                Ok(encode(&records.pop()))
            }
            wire::FN_HEAD => {
                let page = self.read_chain(&cell, Some(u32::MAX), 1).await?;
                Ok(encode(&page.head.as_ref().map(HeadView::from)))
            }
            _ => Err(CallFault::UnknownFunction(params.fn_name).into()),
        }
    }

    /// Checks the time of a call, that its cell is there and enabled, and that it was not made before.
    async fn witness(&self, cell: &CellId, params: &CallParams) -> Result<(), Fault> {
        let now = self.now();
        let expires = Timestamp(params.expires_at);
        if expires <= now {
            return Err(CallFault::NonceExpired.into());
        }
        if expires > now + CALL_AGE_MAX {
            return Err(CallFault::NonceFuture.into());
        }
        let limit = self.limits.nonces_len_max;
        let (cell, nonce) = (cell.clone(), params.nonce.clone());
        self.db
            .write(move |tx| -> Result<(), Fault> {
                let Some(loaded) = store::load(tx, &cell)? else {
                    return Err(Fault::UnknownCell(cell));
                };
                if !loaded.is_enabled {
                    return Err(Fault::Disabled(cell));
                }
                store::witness_nonce(tx, &cell, &nonce, expires, now, limit)
            })
            .await?;
        Ok(())
    }
}

/// Checks the signature, and that the caller is the cell's own agent; returns the cell.
fn authenticate(params: &CallParams, call: &SignedCall) -> Result<CellId, CallFault> {
    let provenance = params.provenance()?;
    let cell = params.cell()?;
    let key = PublicKey::from_bytes(&public_of(&provenance))
        .map_err(|_| CallFault::AuthenticationFailed)?;
    key.verify(&wire::signed_digest(&call.bytes), &call.signature)
        .map_err(|_| CallFault::AuthenticationFailed)?;
    if provenance != cell.agent {
        return Err(CallFault::BadCapGrant);
    }
    Ok(cell)
}

/// Puts an answer into msgpack, with field names; nothing is nil.
fn encode<T: Serialize>(answer: &T) -> Bytes {
    rmp_serde::to_vec_named(answer)
        .expect("a record or a head holds nothing that msgpack cannot say")
        .into()
}
