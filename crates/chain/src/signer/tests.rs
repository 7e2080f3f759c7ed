//! What a key signs, and what it refuses to.

use crypto::PublicKey;

use super::*;
use crate::fixture::{Chain, signer};
use crate::public_of;

#[test]
fn a_signer_signs_its_own_actions_alike_each_time() {
    let chain = Chain::with_writes(1);
    for record in &chain.records {
        let signature = signer(1).sign(record.action());
        assert_eq!(signature.as_ref(), Ok(record.signature()));
        assert_eq!(signer(2).sign(record.action()), Err(SignError::Foreign));
    }
}

/// A signed challenge must never be an action.
#[test]
fn a_statement_is_no_action() {
    let chain = Chain::with_writes(1);
    let bytes = record::action_bytes(chain.last().action());
    let signature = chain.signer.sign_statement(&bytes);
    let key = PublicKey::from_bytes(&public_of(chain.agent())).expect("a good key");
    assert_eq!(key.verify(&statement_bytes(&bytes), &signature.0), Ok(()));
    assert!(key.verify(&bytes, &signature.0).is_err());
    assert!(record::decode_action(&statement_bytes(&bytes)).is_err());
    assert!(record::decode_entry(&statement_bytes(&bytes)).is_err());
}
