//! Tokens are good for one purpose, one issuer and one span of time.

use base::{Code, Timestamp};
use chain::{AgentPubKey, KeySigner, Signer as _};
use crypto::{Keypair, Seed};

use super::super::Purpose;
use super::{Holder, Tokens};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const NONCE: [u8; 16] = [7; 16];

fn tokens(seed: u8) -> Tokens {
    Tokens::new(Keypair::from_seed(&Seed::new([seed; 32])))
}

fn signer(seed: u8) -> KeySigner {
    KeySigner::new(Keypair::from_seed(&Seed::new([seed; 32])))
}

fn sign(signer: &KeySigner, challenge: &str) -> [u8; 64] {
    signer.sign_statement(challenge.as_bytes()).0
}

fn ana() -> (KeySigner, AgentPubKey) {
    let signer = signer(1);
    let key = signer.agent().clone();
    (signer, key)
}

#[test]
fn who_signs_a_challenge_gets_a_token_that_names_them_until_it_ends() {
    let (signer, key) = ana();
    let tokens = tokens(9);
    let challenge = tokens.challenge(&key, NOW, &NONCE);
    let signature = sign(&signer, &challenge);
    assert_eq!(
        tokens.answered(&challenge, &signature, NOW),
        Ok(key.clone())
    );
    let token = tokens.access(&key, NOW, &NONCE);
    let expires = Purpose::Access.expires(NOW);
    let holder = Holder {
        agent: key.to_string(),
        expires,
    };
    assert_eq!(tokens.holder(&token, NOW), Ok(holder));
    let late = tokens.holder(&token, expires);
    assert_eq!(
        late.map_err(|problem| problem.code),
        Err(Code::TokenExpired)
    );
}

#[test]
fn what_was_signed_by_another_key_or_for_another_purpose_is_refused() {
    let (signer_of_ana, key) = ana();
    let tokens = tokens(9);
    let challenge = tokens.challenge(&key, NOW, &NONCE);
    let refused = |challenge: &str, signature: &[u8; 64], now| {
        tokens
            .answered(challenge, signature, now)
            .map_err(|problem| problem.code)
    };
    let invalid = Err(Code::ChallengeInvalid);
    let foreign = sign(&signer(2), &challenge);
    assert_eq!(refused(&challenge, &foreign, NOW), invalid);
    let right = sign(&signer_of_ana, &challenge);
    let late = Purpose::Challenge.expires(NOW);
    assert_eq!(refused(&challenge, &right, late), invalid);
    let access = tokens.access(&key, NOW, &NONCE);
    assert_eq!(
        refused(&access, &sign(&signer_of_ana, &access), NOW),
        invalid
    );
    for other in [
        challenge.as_str(),
        &self::tokens(8).access(&key, NOW, &NONCE),
        "",
        "a.b.c",
    ] {
        let held = tokens.holder(other, NOW).map_err(|problem| problem.code);
        assert_eq!(held, Err(Code::TokenInvalid), "{other}");
    }
}
