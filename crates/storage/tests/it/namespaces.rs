//! What is in one namespace is not there in another, whoever asks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use api::{BlobListView, BlobStatusView, GcView, HaveView, TagListView, UsageView};
use base::{Code, ContentHash, Problem, Timestamp};
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
    /// What pages need; nobody knows when there is none.
    kept: Mutex<Option<Vec<ContentHash>>>,
}

impl Hall {
    pub(crate) fn new(people: &[(&str, &Person, Caller)]) -> Arc<Self> {
        let people = people.iter().map(|(token, person, caller)| {
            ((*token).to_owned(), (person.key().to_string(), *caller))
        });
        Arc::new(Self {
            people: Mutex::new(people.collect()),
            version: AtomicU64::new(0),
            kept: Mutex::new(None),
        })
    }

    fn keep(&self, kept: Option<&[ContentHash]>) {
        *self.kept.lock().unwrap() = kept.map(<[ContentHash]>::to_vec);
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

    fn keeps(&self) -> BoxFuture<'_, Result<Vec<ContentHash>, Problem>> {
        let kept = self.kept.lock().unwrap().clone();
        let kept = kept.ok_or_else(|| Problem::new(Code::Unavailable, "the projection is away"));
        Box::pin(async move { kept })
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
async fn beside_a_doorway_no_tokens_are_given() {
    let (house, _, _) = hall().await;
    let kind = [("content-type", "application/json")];
    let asked = house.ask("POST", "/auth/challenge", &kind, "{}").await;
    assert_eq!(asked.code(), "CH-0105");
    house.close().await;
}

/// Stores bytes for the community, as its doorway does.
async fn put_for_pages(house: &House, bytes: &[u8]) -> ContentHash {
    let path = "/blobs?namespace=community";
    let put = house.ask_as("sam", "PUT", path, &[], bytes.to_vec()).await;
    assert!(put.status.is_success(), "{}", put.text());
    ContentHash::of(bytes)
}

/// Collects with no grace of its own.
async fn collect(house: &House, path: &str) -> GcView {
    let body = json!({ "grace_secs": 0 });
    house.json("sam", "POST", path, &body).await.is(200).json()
}

/// Lets time pass as it passes for a store that looks at its clock now and then; a leap would not count.
async fn pass(house: &House, secs: u64) {
    let body = json!({ "dry_run": true });
    for passed in (0..secs).step_by(1_800) {
        house.wait(1_800.min(secs - passed));
        let looked = house.json("sam", "POST", "/blobs/gc", &body).await;
        looked.is(200);
    }
}

async fn is_trashed(house: &House, hash: &ContentHash) -> bool {
    let path = format!("/blobs/{hash}/status?namespace=community");
    let view: BlobStatusView = house.get("sam", &path).await.is(200).json();
    view.is_trashed
}

#[tokio::test(flavor = "multi_thread")]
async fn what_pages_need_is_kept_and_the_rest_goes_after_a_day() {
    let (house, hall, _) = hall().await;
    let path = "/blobs/gc?namespace=community";
    let (shown, loose) = (
        put_for_pages(&house, b"shown").await,
        put_for_pages(&house, b"loose").await,
    );
    hall.keep(Some(&[shown]));
    pass(&house, 86_000).await;
    assert_eq!(
        collect(&house, path).await.trashed_blobs,
        0,
        "it may be for a page to come"
    );
    pass(&house, 500).await;
    let done = collect(&house, path).await;
    assert_eq!((done.trashed_blobs, done.kept_blobs), (1, 1));
    assert!(is_trashed(&house, &loose).await && !is_trashed(&house, &shown).await);
    // A page names it again before it is gone for good.
    hall.keep(Some(&[shown, loose]));
    collect(&house, path).await;
    assert!(!is_trashed(&house, &loose).await);
    // The last page that showed them is gone.
    hall.keep(Some(&[]));
    pass(&house, 86_500).await;
    assert_eq!(collect(&house, path).await.trashed_blobs, 2);
    let body = json!({ "grace_secs": 0, "trash_secs": 0 });
    let done: GcView = house.json("sam", "POST", path, &body).await.is(200).json();
    assert_eq!(done.removed_blobs, 2);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_knows_what_pages_need_nothing_of_theirs_is_collected() {
    let (house, hall, [ana, ..]) = hall().await;
    let hash = put_for_pages(&house, b"shown").await;
    house.put("ana", b"loose").await;
    pass(&house, 100_000).await;
    let body = json!({ "grace_secs": 0 });
    let path = "/blobs/gc?namespace=community";
    let refused = house.json("sam", "POST", path, &body).await;
    assert_eq!(refused.code(), "CH-0406");
    // The others are collected all the same.
    let done = collect(&house, "/blobs/gc").await;
    assert_eq!(done.trashed_blobs, 1);
    let line = |name: &str| done.namespaces.iter().find(|line| line.namespace == name);
    let community = line("community").unwrap();
    assert_eq!(community.left_out, "CH-0406 the projection is away");
    assert_eq!(community.trashed_blobs, 0);
    let own = line(&ana.namespace()).unwrap();
    assert_eq!((own.trashed_blobs, own.left_out.as_str()), (1, ""));
    assert!(!is_trashed(&house, &hash).await);
    hall.keep(Some(&[]));
    assert_eq!(collect(&house, path).await.trashed_blobs, 1);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_steward_collects_all_namespaces_or_one() {
    let (house, hall, [ana, ben, _, sam]) = hall().await;
    hall.keep(Some(&[]));
    let of = |person: &Person| format!("/blobs/gc?namespace={}", person.namespace());
    let nothing = collect(&house, &of(&sam)).await;
    assert_eq!(nothing.kept_blobs + nothing.trashed_blobs, 0);
    assert_eq!(nothing.namespaces[0].namespace, sam.namespace());
    house.put("ana", b"one").await;
    house.put("ben", b"two").await;
    house.put("ben", b"three").await;
    house.wait(10);
    assert_eq!(collect(&house, &of(&ana)).await.trashed_blobs, 1);
    assert_eq!(collect(&house, "/blobs/gc").await.trashed_blobs, 2);
    let body = json!({});
    let unknown = house.json("sam", "POST", "/blobs/gc?namespace=nobody", &body);
    assert_eq!(unknown.await.code(), "CH-0105");
    let member = house.json("ben", "POST", &of(&ben), &body).await;
    assert_eq!(member.code(), "CH-0207");
    house.close().await;
}
