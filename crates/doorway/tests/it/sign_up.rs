//! Joining: with an invite, without one, by approval; and what is refused.

use api::{InvitesView, MembersView, NewInviteView, RegisterView, VersionView, WaitingListView};
use axum::body::Body;
use axum::http::{Method, Request};
use base::Reach;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorway::Limits;
use doorway_core::sign_up::{self, Policy};
use serde_json::{Value, json};

use crate::harness::{Answer, House, Person, page};

async fn house_with(policy: Policy, sign_up: sign_up::Limits) -> House {
    let limits = Limits {
        sign_up_policy: policy,
        sign_up,
        ..Limits::default()
    };
    House::with_limits(limits).await
}

/// Asks to join as this person.
async fn join(house: &House, person: &Person, code: &str) -> Answer {
    let body = json!({ "agent": person.key().to_string() });
    let challenge: api::ChallengeView = house
        .send_json(Method::POST, "/auth/challenge", None, &body)
        .await
        .json();
    let signature = person.signer.sign_statement(challenge.challenge.as_bytes());
    let body = json!({
        "challenge": challenge.challenge,
        "signature": STANDARD.encode(signature.0),
        "code": code,
        "name": "Bea",
    });
    house
        .send_json(Method::POST, "/auth/register", None, &body)
        .await
}

async fn invite(house: &House, token: &str, body: &Value) -> Answer {
    house
        .send_json(Method::POST, "/admin/invites", Some(token), body)
        .await
}

async fn made(house: &House, token: &str, role: &str, uses: u32) -> NewInviteView {
    let body = json!({ "role": role, "uses": uses, "life_secs": 3_600 });
    let answer = invite(house, token, &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

async fn delete(house: &House, path: &str, token: &str) -> Answer {
    let request = Request::delete(path)
        .header("authorization", format!("Bearer {token}"))
        .body(Body::empty())
        .unwrap();
    house.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invite_lets_in_as_many_as_it_has_uses() {
    let house = House::new().await;
    let (ana, ben, cleo) = (Person::new(1), Person::new(2), Person::new(3));
    let steward = house.token(&ana).await;
    let view = made(&house, &steward, "editor", 1).await;
    assert!(
        view.url.ends_with(&format!("/join#{}", view.code)),
        "{}",
        view.url
    );

    let answer = join(&house, &ben, &view.code.to_lowercase().replace('-', "")).await;
    assert_eq!(answer.status, 201);
    let joined: RegisterView = answer.json();
    assert_eq!(
        (joined.state.as_str(), joined.role.as_str()),
        ("member", "editor")
    );
    // The answer was lost, so they ask again: nothing changes.
    assert_eq!(join(&house, &ben, &view.code).await.status, 200);
    assert_eq!(join(&house, &cleo, &view.code).await.code(), "CH-0209");

    let list: MembersView = house.get_as("/admin/members", &steward).await.json();
    let inviter = |person: &Person| {
        let key = person.key().to_string();
        let mut members = list.members.iter();
        members
            .find(|member| member.agent == key)
            .map(|member| member.inviter.clone())
    };
    assert_eq!(inviter(&ben), Some(ana.key().to_string()));
    assert_eq!(inviter(&ana), Some(String::new()));
    let list: InvitesView = house.get_as("/admin/invites", &steward).await.json();
    assert_eq!(
        (list.invites[0].uses_left, list.invites[0].is_good),
        (0, false)
    );
    let mut ben = ben;
    ben.create(&page("rye", "flour", Reach::Commons));
    house.publish(&ben).await;
    house.settle().await;
    assert_eq!(house.get("/pages/rye").await.status, 200);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_use_of_an_invite_is_not_shared() {
    let house = House::new().await;
    let steward = house.token(&Person::new(1)).await;
    let view = made(&house, &steward, "member", 3).await;
    let people: Vec<Person> = (2..12).map(Person::new).collect();
    let asked = people.iter().map(|person| join(&house, person, &view.code));
    let answers = futures::future::join_all(asked).await;
    let let_in = answers.iter().filter(|answer| answer.status == 201).count();
    let refused = answers.iter().filter(|answer| answer.status == 403).count();
    assert_eq!((let_in, refused), (3, 7));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lets_nobody_in_is_refused_with_its_reason() {
    let house = House::new().await;
    let (ana, ben, cleo) = (Person::new(1), Person::new(2), Person::new(3));
    let steward = house.token(&ana).await;
    let told = async |code: &str, part: &str| {
        let answer = join(&house, &cleo, code).await;
        assert_eq!(answer.code(), "CH-0209", "{code}");
        assert!(answer.text().contains(part), "{code}: {}", answer.text());
    };
    told("", "by invite").await;
    told("nonsense", "16 letters and digits").await;
    told("0000-0000-0000-0000", "no invite has this code").await;

    let view = made(&house, &steward, "member", 5).await;
    assert_eq!(
        delete(&house, &format!("/admin/invites/{}", view.id), &steward)
            .await
            .status,
        204
    );
    told(&view.code, "withdrawn").await;
    assert_eq!(
        delete(&house, &format!("/admin/invites/{}", view.id), &steward)
            .await
            .status,
        404
    );

    // An invite is worth as much as its inviter.
    house.admit(&ben, "moderator").await;
    let moderator = house.token(&ben).await;
    let view = made(&house, &moderator, "member", 5).await;
    house.admit(&ben, "member").await;
    told(&view.code, "may no longer invite").await;
    house.admit(&ben, "moderator").await;
    house.wait_secs(3_600);
    told(&view.code, "time is over").await;

    let list: MembersView = house
        .get_as("/admin/members", &house.token(&ana).await)
        .await
        .json();
    assert_eq!(list.members.len(), 2, "nobody was let in");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invites_are_made_and_withdrawn_by_those_who_may() {
    let house = House::new().await;
    let people: Vec<Person> = (1..5).map(Person::new).collect();
    let [ana, ben, cleo, dora] = people.as_slice() else {
        panic!("four people");
    };
    house.admit(ben, "moderator").await;
    house.admit(cleo, "editor").await;
    house.admit(dora, "moderator").await;
    let (steward, moderator) = (house.token(ana).await, house.token(ben).await);
    let (editor, other) = (house.token(cleo).await, house.token(dora).await);
    let body = |role: &str, uses: u32, life_secs: u64| json!({ "role": role, "uses": uses, "life_secs": life_secs });
    assert_eq!(
        invite(&house, &editor, &body("member", 1, 60)).await.code(),
        "CH-0207"
    );
    assert_eq!(
        invite(&house, &moderator, &body("editor", 1, 60))
            .await
            .code(),
        "CH-0207"
    );
    for wrong in [
        body("king", 1, 60),
        body("member", 0, 60),
        body("member", 501, 60),
        body("member", 1, 0),
        body("member", 1, 7_776_001),
        body("member", 1, u64::MAX),
        json!({ "role": "member", "uses": 1, "life_secs": 60, "note": "x".repeat(65) }),
    ] {
        let answer = invite(&house, &steward, &wrong).await;
        assert_eq!(answer.code(), "CH-0112", "{wrong}");
    }
    let view = made(&house, &moderator, "member", 1).await;
    let path = format!("/admin/invites/{}", view.id);
    assert_eq!(delete(&house, &path, &other).await.code(), "CH-0207");
    assert_eq!(
        house.get_as("/admin/invites", &editor).await.code(),
        "CH-0207"
    );
    let listed = house.get_as("/admin/invites", &other).await.text();
    assert!(!listed.contains(&view.code), "a list shows no code");
    assert_eq!(delete(&house, &path, &steward).await.status, 204);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_is_let_in_or_turned_away() {
    let bounds = sign_up::Limits {
        waiting_max: 2,
        ..sign_up::Limits::default()
    };
    let house = house_with(Policy::Approval, bounds).await;
    let people: Vec<Person> = (1..5).map(Person::new).collect();
    let [ana, ben, cleo, dora] = people.as_slice() else {
        panic!("four people");
    };
    let version: VersionView = house.get("/version").await.json();
    assert_eq!(version.community.sign_up, "approval");
    for person in [ben, cleo, ben] {
        let answer = join(&house, person, "").await;
        assert_eq!(answer.status, 202);
        assert_eq!(answer.json::<RegisterView>().state, "waiting");
    }
    assert_eq!(join(&house, dora, "").await.code(), "CH-0210");
    assert_eq!(
        house.ask_token(ben).await.code(),
        "CH-0205",
        "who waits is no member"
    );

    let steward = house.token(ana).await;
    let waiting: WaitingListView = house.get_as("/admin/waiting", &steward).await.json();
    assert_eq!(waiting.waiting.len(), 2);
    assert_eq!(waiting.waiting[0].name, "Bea");
    house.admit(ben, "member").await;
    let path = format!("/admin/waiting/{}", cleo.key());
    assert_eq!(delete(&house, &path, &steward).await.status, 204);
    assert_eq!(delete(&house, &path, &steward).await.code(), "CH-0105");
    let waiting: WaitingListView = house.get_as("/admin/waiting", &steward).await.json();
    assert!(waiting.waiting.is_empty());
    assert_eq!(join(&house, ben, "").await.status, 200);

    // A wish is forgotten after a month.
    assert_eq!(join(&house, dora, "").await.status, 202);
    house.wait_secs(30 * 86_400);
    let steward = house.token(ana).await;
    let waiting: WaitingListView = house.get_as("/admin/waiting", &steward).await.json();
    assert!(waiting.waiting.is_empty());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_community_takes_everybody_up_to_its_bound() {
    let bounds = sign_up::Limits {
        members_max: 3,
        ..sign_up::Limits::default()
    };
    let house = house_with(Policy::Open, bounds).await;
    assert_eq!(join(&house, &Person::new(2), "").await.status, 201);
    assert_eq!(join(&house, &Person::new(3), "").await.status, 201);
    assert_eq!(join(&house, &Person::new(4), "").await.code(), "CH-0210");
    // A code that is wrong is wrong here too.
    assert_eq!(
        join(&house, &Person::new(4), "0000-0000-0000-0000")
            .await
            .code(),
        "CH-0209"
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_joins_with_somebody_elses_key() {
    let house = house_with(Policy::Open, sign_up::Limits::default()).await;
    let (ben, eve) = (Person::new(2), Person::new(66));
    let body = json!({ "agent": ben.key().to_string() });
    let challenge: api::ChallengeView = house
        .send_json(Method::POST, "/auth/challenge", None, &body)
        .await
        .json();
    let by_eve = eve.signer.sign_statement(challenge.challenge.as_bytes());
    for signature in [STANDARD.encode(by_eve.0), "AAAA".to_owned(), "%".to_owned()] {
        let body = json!({ "challenge": challenge.challenge, "signature": signature });
        let answer = house
            .send_json(Method::POST, "/auth/register", None, &body)
            .await;
        assert_eq!(answer.code(), "CH-0206");
    }
    assert_eq!(house.ask_token(&ben).await.code(), "CH-0205");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_tells_how_to_join_in_the_readers_language() {
    for (policy, english, german) in [
        (Policy::Open, "Everybody may join", "Jeder darf"),
        (Policy::Invite, "need an invite", "brauchst eine Einladung"),
        (Policy::Approval, "lets you in", "lässt dich ein"),
    ] {
        let house = house_with(policy, sign_up::Limits::default()).await;
        let text = house.get("/join").await.text();
        assert!(
            text.contains(english) && text.contains("commonhold join"),
            "{text}"
        );
        let text = house
            .get_with("/join", &[("accept-language", "de")])
            .await
            .text();
        assert!(text.contains(german), "{text}");
        house.close().await;
    }
}
