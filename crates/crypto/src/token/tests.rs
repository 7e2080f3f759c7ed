//! Tokens that are believed and tokens that are not.

use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_000);

fn issuer(seed: u8) -> (Keypair, PublicKey) {
    let pair = Keypair::from_seed(&[seed; 32]);
    let key = PublicKey::from_bytes(&pair.public()).expect("key of a pair");
    (pair, key)
}

fn claims() -> Claims {
    Claims {
        subject: "uhCAk".to_owned(),
        audience: "doorway".to_owned(),
        expires: expiry(NOW, Duration::from_secs(600)),
        nonce: "n".to_owned(),
    }
}

#[test]
fn the_header_is_what_it_says() {
    let header = URL_SAFE_NO_PAD.decode(HEADER).expect("base64");
    assert_eq!(header, br#"{"alg":"EdDSA","typ":"JWT"}"#);
}

#[test]
fn a_token_is_believed_until_its_last_second_and_not_longer() {
    let (pair, key) = issuer(1);
    let token = issue(&pair, &claims());
    assert_eq!(check(&key, &token, "doorway", NOW), Ok(claims()));
    let last = Timestamp(claims().expires.as_micros() - 1);
    assert!(check(&key, &token, "doorway", last).is_ok());
    assert_eq!(
        check(&key, &token, "doorway", claims().expires),
        Err(TokenError::Expired)
    );
}

#[test]
fn other_purposes_and_other_issuers_are_refused() {
    let (pair, key) = issuer(1);
    let (_, other) = issuer(2);
    let token = issue(&pair, &claims());
    assert_eq!(
        check(&key, &token, "challenge", NOW),
        Err(TokenError::Audience)
    );
    assert_eq!(
        check(&other, &token, "doorway", NOW),
        Err(TokenError::Invalid)
    );
}

#[test]
fn an_unsigned_token_is_no_token() {
    let (pair, key) = issuer(1);
    let token = issue(&pair, &claims());
    let payload = token.split('.').nth(1).expect("payload");
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    for forged in [
        format!("{none}.{payload}."),
        format!("{HEADER}.{payload}."),
        format!("{HEADER}.{payload}"),
        String::new(),
        "..".to_owned(),
        "a".repeat(TOKEN_BYTES_MAX + 1),
    ] {
        assert_eq!(
            check(&key, &forged, "doorway", NOW),
            Err(TokenError::Invalid)
        );
    }
}

proptest! {
    #[test]
    fn any_changed_letter_makes_it_invalid(place in 0_usize..200, letter in "[A-Za-z0-9_.-]") {
        let (pair, key) = issuer(1);
        let token = issue(&pair, &claims());
        let place = place % token.len();
        prop_assume!(token[place..=place] != *letter);
        let mut forged = token.clone();
        forged.replace_range(place..=place, &letter);
        prop_assert!(check(&key, &forged, "doorway", NOW).is_err());
    }

    #[test]
    fn arbitrary_text_never_panics(text in ".{0,300}") {
        let (_, key) = issuer(1);
        prop_assert!(check(&key, &text, "doorway", NOW).is_err());
    }
}
