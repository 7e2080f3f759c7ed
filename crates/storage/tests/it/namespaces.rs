//! What is in one namespace is not there in another, whoever asks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use api::{BlobListView, HaveView, TagListView, UsageView};
use base::{Code, Problem, Timestamp};
use doorway_core::session::Holder;
use futures::future::BoxFuture;
use serde_json::json;
use std::sync::Mutex;
use storage::{Admittance, Authority};
use storage_core::access::Caller;

use crate::harness::{House, Person, Plan};

/// Tokens are the words of a list, as another service of the process would give them.
pub(crate) struct Hall {
    people: Mutex<BTreeMap<String, (String, Caller)>>,
    version: AtomicU64,
}

impl Hall {
    pub(crate) fn new(people: &[(&str, &Person, Caller)]) -> Arc<Self> {
        let people = people.iter().map(|(token, person, caller)| {
            ((*token).to_owned(), (person.key().to_string(), *caller))
        });
        Arc::new(Self {
            people: Mutex::new(people.collect()),
            version: AtomicU64::new(0),
        })
    }

    fn appoint(&self, token: &str, caller: Caller) {
        self.people.lock().unwrap().get_mut(token).unwrap().1 = caller;
        self.version.fetch_add(1, Ordering::SeqCst);
    }
}

impl Authority for Hall {
    fn holder(&self, token: &str, now: Timestamp) -> Result<Holder, Problem> {
        let people = self.people.lock().unwrap();
        let (agent, _) = people
            .get(token)
            .ok_or_else(|| Problem::new(Code::TokenInvalid, "no such word"))?;
        Ok(Holder {
            agent: agent.clone(),
            expires: now + base::Duration::from_secs(600),
        })
    }

    fn caller<'a>(&'a self, agent: &'a str) -> BoxFuture<'a, Result<Caller, Problem>> {
        let people = self.people.lock().unwrap();
        let found = people.values().find(|(key, _)| key == agent);
        let caller = found.map_or(Caller::Stranger, |(_, caller)| *caller);
        Box::pin(async move { Ok(caller) })
    }

    fn version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }
}

async fn hall() -> (House, Arc<Hall>, [Person; 4]) {
    let people = [1, 2, 3, 4].map(Person::new);
    let [ana, ben, eve, sam] = &people;
    let hall = Hall::new(&[
        ("ana", ana, Caller::Member),
        ("ben", ben, Caller::Member),
        ("eve", eve, Caller::Stranger),
        ("sam", sam, Caller::Steward),
    ]);
    let house = House::open(Plan {
        admittance: Some(Admittance::Joined(Arc::clone(&hall) as Arc<dyn Authority>)),
        ..Plan::new()
    });
    (house.await.unwrap(), hall, people)
}

#[tokio::test(flavor = "multi_thread")]
async fn members_see_their_own_namespace_and_no_other() {
    let (house, _, [ana, ben, ..]) = hall().await;
    let hash = house.put("ana", b"bread").await;
    let own = ana.namespace();
    let theirs = format!("namespace={own}");
    house
        .get("ana", &format!("/blobs/{hash}?{theirs}"))
        .await
        .is(200);
    let tag = json!({ "hash": hash.to_string() });
    house
        .json("ana", "PUT", "/blobs/tags/loaf", &tag)
        .await
        .is(200);
    for path in [
        format!("/blobs/{hash}"),
        format!("/blobs/{hash}?{theirs}"),
        format!("/blobs/{hash}/status"),
        format!("/blobs/{hash}/status?{theirs}"),
        format!("/blobs?{theirs}"),
        format!("/blobs/tags?{theirs}"),
        format!("/blobs/tags/loaf?{theirs}"),
        "/blobs/tags/loaf".to_owned(),
        format!("/blobs/usage?{theirs}"),
        "/blobs?namespace=community".to_owned(),
        "/blobs?namespace=agent-0".to_owned(),
        "/blobs?namespace=nobody".to_owned(),
    ] {
        let answer = house.get("ben", &path).await;
        assert_eq!(answer.code(), "CH-0105", "{path}");
    }
    let have = json!({ "hashes": [hash.to_string()] });
    let view: HaveView = house.json("ben", "POST", "/blobs/have", &have).await.json();
    assert_eq!(view.have, [false], "nobody learns what others have");
    let path = format!("/blobs?{theirs}");
    let put = house.ask_as("ben", "PUT", &path, &[], "forged").await;
    assert_eq!(put.code(), "CH-0105");
    let own_again = house
        .ask_as("ben", "PUT", "/blobs", &[], "bread")
        .await
        .is(201);
    assert!(
        own_again.text().contains("\"is_new\":true"),
        "it is new to ben"
    );
    let list: BlobListView = house.get("ben", "/blobs").await.json();
    assert_eq!((list.namespace, list.items.len()), (ben.namespace(), 1));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stewards_see_all_and_strangers_nothing() {
    let (house, _, [ana, _, eve, _]) = hall().await;
    let hash = house.put("ana", b"bread").await;
    let theirs = format!("namespace={}", ana.namespace());
    house
        .get("sam", &format!("/blobs/{hash}?{theirs}"))
        .await
        .is(200);
    assert_eq!(
        house.get("sam", &format!("/blobs/{hash}")).await.status,
        404
    );
    let usage: UsageView = house
        .get("sam", &format!("/blobs/usage?{theirs}"))
        .await
        .json();
    assert_eq!(usage.live_bytes, 5);
    assert!(usage.store.is_some());
    let usage: UsageView = house.get("ana", "/blobs/usage").await.json();
    assert_eq!(usage.store, None, "the node is the steward's business");
    let tags: TagListView = house
        .get("sam", "/blobs/tags?namespace=community")
        .await
        .json();
    assert_eq!(tags.items, []);
    let path = format!("/blobs/{hash}?namespace={}", eve.namespace());
    assert_eq!(house.get("sam", &path).await.code(), "CH-0105");
    let read = house.get("eve", &format!("/blobs/{hash}")).await;
    assert_eq!(read.code(), "CH-0105");
    let put = house.ask_as("eve", "PUT", "/blobs", &[], "rye").await;
    assert_eq!(put.code(), "CH-0205");
    for (method, path, body) in [
        ("GET", "/blobs/queue", json!(null)),
        ("GET", "/blobs/scrub", json!(null)),
        ("DELETE", "/blobs/scrub", json!(null)),
        ("POST", "/blobs/scrub", json!({})),
        ("POST", "/blobs/gc", json!({})),
        ("PUT", "/blobs/quota", json!({})),
    ] {
        let answer = house.json("ana", method, path, &body).await;
        assert_eq!(answer.code(), "CH-0207", "{method} {path}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_list_counts_at_once() {
    let (house, hall, _) = hall().await;
    house.put("ana", b"bread").await;
    hall.appoint("ana", Caller::Stranger);
    let put = house.ask_as("ana", "PUT", "/blobs", &[], "rye").await;
    assert_eq!(put.code(), "CH-0205");
    hall.appoint("ana", Caller::Steward);
    house.get("ana", "/blobs/queue").await.is(200);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_doorway_no_tokens_are_given_and_the_community_is_not_collected() {
    let (house, _, _) = hall().await;
    let kind = [("content-type", "application/json")];
    let asked = house.ask("POST", "/auth/challenge", &kind, "{}").await;
    assert_eq!(asked.code(), "CH-0105");
    let body = json!({ "grace_secs": 0, "trash_secs": 0 });
    let path = "/blobs/gc?namespace=community";
    let collected = house.json("sam", "POST", path, &body).await;
    assert_eq!(collected.code(), "CH-0803");
    house.close().await;
}
