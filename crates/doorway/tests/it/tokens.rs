//! Tokens and members: who may do what.

use axum::http::Method;
use serde_json::json;

use crate::harness::{House, Person};

#[tokio::test(flavor = "multi_thread")]
async fn writing_blobs_needs_a_token_that_is_good() {
    let house = House::new().await;
    let ana = Person::new(1);
    let token = house.token(&ana).await;
    assert_eq!(house.put_blob(b"x", &token).await.status, 201);
    let mut forged = token.clone();
    forged.replace_range(60..61, if &token[60..61] == "A" { "B" } else { "A" });
    for (token, code) in [(forged.as_str(), "CH-0202"), ("nonsense", "CH-0202")] {
        assert_eq!(house.put_blob(b"x", token).await.code(), code);
    }
    let bare = axum::http::Request::put("/store")
        .body(axum::body::Body::from("x"))
        .unwrap();
    let answer = house.send(bare).await;
    assert_eq!(answer.code(), "CH-0201");
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    house.wait_secs(601);
    assert_eq!(house.put_blob(b"x", &token).await.code(), "CH-0203");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_is_answered_by_its_own_key_within_a_minute() {
    let house = House::new().await;
    let (ana, eve) = (Person::new(1), Person::new(66));
    assert_eq!(house.ask_token(&eve).await.code(), "CH-0205");
    let body = json!({ "agent": ana.key().to_string() });
    let challenge: api::ChallengeView = house
        .send_json(Method::POST, "/auth/challenge", None, &body)
        .await
        .json();
    let answer = |signature: Vec<u8>| {
        use base64::Engine as _;
        json!({
            "challenge": challenge.challenge,
            "signature": base64::engine::general_purpose::STANDARD.encode(signature),
        })
    };
    let by_eve = eve.signer.sign_statement(challenge.challenge.as_bytes());
    let by_ana = ana.signer.sign_statement(challenge.challenge.as_bytes());
    for signature in [by_eve.0.to_vec(), vec![1, 2, 3]] {
        let answer = house
            .send_json(Method::POST, "/auth/token", None, &answer(signature))
            .await;
        assert_eq!(answer.code(), "CH-0206");
    }
    house.wait_secs(61);
    let late = house
        .send_json(
            Method::POST,
            "/auth/token",
            None,
            &answer(by_ana.0.to_vec()),
        )
        .await;
    assert_eq!(late.code(), "CH-0206");
    let token = house.token(&ana).await;
    let wrong_purpose = house.put_blob(b"x", &challenge.challenge).await;
    assert_eq!(wrong_purpose.status, 401, "a challenge is no token");
    assert_eq!(house.put_blob(b"x", &token).await.status, 201);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_stewards_change_the_list_of_members() {
    let house = House::new().await;
    let (ana, ben, cleo) = (Person::new(1), Person::new(2), Person::new(3));
    house.admit(&ben, "moderator").await;
    let (steward, moderator) = (house.token(&ana).await, house.token(&ben).await);
    let path = format!("/admin/members/{}", cleo.key());
    let body = json!({ "role": "member" });
    for (token, code) in [(Some(moderator.as_str()), "CH-0207"), (None, "CH-0201")] {
        let answer = house.send_json(Method::PUT, &path, token, &body).await;
        assert_eq!(answer.code(), code);
    }
    let list: api::MembersView = house.get_as("/admin/members", &moderator).await.json();
    assert_eq!(list.members.len(), 2);
    let wrong = house
        .send_json(
            Method::PUT,
            &path,
            Some(&steward),
            &json!({ "role": "king" }),
        )
        .await;
    assert_eq!(wrong.code(), "CH-0112");
    let malformed = house
        .send_json(Method::PUT, "/admin/members/uhCAk", Some(&steward), &body)
        .await;
    assert_eq!(malformed.code(), "CH-0101");
    let delete = |path: String| {
        axum::http::Request::delete(path)
            .header("authorization", format!("Bearer {steward}"))
            .body(axum::body::Body::empty())
            .unwrap()
    };
    let last = delete(format!("/admin/members/{}", ana.key()));
    assert_eq!(
        house.send(last).await.code(),
        "CH-0207",
        "the last steward stays"
    );
    let own = format!("/admin/members/{}", ana.key());
    let demoted = house
        .send_json(Method::PUT, &own, Some(&steward), &body)
        .await;
    assert_eq!(demoted.code(), "CH-0207", "and stays one");
    let unknown = delete(path);
    assert_eq!(house.send(unknown).await.code(), "CH-0105");
    house.close().await;
}
