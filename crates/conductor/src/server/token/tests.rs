//! Tokens at the edges of their time, their uses and their number.

use base::{Duration, Timestamp};

use super::{TOKEN_BYTES, Tokens};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

#[test]
fn token_is_valid_until_it_expires() {
    let mut tokens = Tokens::new(10);
    let token = [1; TOKEN_BYTES];
    let expires = tokens.issue(NOW, token, "a".to_owned(), 30, false);
    assert_eq!(expires, Some(Some(NOW + Duration::from_secs(30))));
    let last = NOW + Duration::from_micros(29_999_999);
    assert_eq!(tokens.redeem(last, &token).as_deref(), Some("a"));
    assert_eq!(tokens.redeem(last, &token).as_deref(), Some("a"));
    let end = NOW + Duration::from_secs(30);
    assert_eq!(tokens.redeem(end, &token), None);
    assert_eq!(tokens.redeem(NOW, &token), None, "it is gone");
}

#[test]
fn token_without_an_end_has_none() {
    let mut tokens = Tokens::new(10);
    let token = [1; TOKEN_BYTES];
    assert_eq!(
        tokens.issue(NOW, token, "a".to_owned(), 0, true),
        Some(None)
    );
    let later = NOW + Duration::from_secs(1_000_000);
    assert_eq!(tokens.redeem(later, &token).as_deref(), Some("a"));
    assert_eq!(tokens.redeem(later, &token), None, "it was for one socket");
    assert_eq!(tokens.redeem(later, &token[1..]), None);
}

#[test]
fn tokens_are_bounded_and_old_ones_give_way() {
    let mut tokens = Tokens::new(2);
    let mut issue = |now, byte| tokens.issue(now, [byte; TOKEN_BYTES], "a".to_owned(), 30, true);
    assert!(issue(NOW, 1).is_some());
    assert!(issue(NOW, 2).is_some());
    assert!(issue(NOW, 3).is_none());
    assert!(issue(NOW + Duration::from_secs(30), 3).is_some());
}
