//! A writer that serves what is wrong: its copy shows none of it, says what it was, and goes on with the rest.

use std::sync::Arc;

use api::ChainView;
use base::{ContentHash, Reach};
use serde_json::{Value, json};

use crate::between::{Between, edit_json};
use crate::harness::{House, Person, Port, manifest, page, until};

/// A writer with a page of somebody whose chain is about to be forged, and one of somebody else.
async fn stage() -> (House, Person, Person, Arc<Between>, Port) {
    let writer = House::new().await;
    let (mut ana, mut ben) = (Person::new(1), Person::new(2));
    writer.admit(&ben, "member").await;
    ana.create(&page("early", "of ana", Reach::Commons));
    ana.create(&page("bread", "of ana", Reach::Commons));
    ana.create(&page("late", "of ana", Reach::Commons));
    ben.create(&page("honest", "of ben", Reach::Commons));
    writer.publish(&ana).await;
    writer.publish(&ben).await;
    let (between, port) = Between::before(&writer).await;
    (writer, ana, ben, between, port)
}

async fn copy_of(port: &Port) -> House {
    House::copy(Arc::new(tempfile::tempdir().unwrap()), port.client()).await
}

/// Forges Ana's chain pages, and looks at what becomes of it.
async fn check(name: &str, says: &str, forge: impl Fn(&mut Value) + Send + Sync + 'static) {
    let (writer, ana, _, between, port) = stage().await;
    let path = format!("/api/v1/chains/{}", ana.key());
    between.lie(move |asked, body| {
        if asked.starts_with(&path) {
            edit_json(&body, &forge)
        } else {
            body
        }
    });
    let copy = copy_of(&port).await;
    copy.until("/pages/honest", 200).await;
    let key = ana.key().to_string();
    let mut told = Vec::new();
    until(name, async || {
        told = copy.ready().await.stalled;
        let is_it = |line: &String| {
            line.starts_with("CH-0706 ") && line.contains(&key) && line.contains(says)
        };
        told.iter().any(is_it)
    })
    .await;
    for slug in ["bread", "late"] {
        let status = copy.get(&format!("/pages/{slug}")).await.status;
        assert_eq!(status, 404, "{name}: {slug}, {told:?}");
    }
    assert!(!copy.get("/").await.text().contains("bread"), "{name}");
    assert_eq!(copy.get("/pages/honest").await.status, 200, "{name}");
    copy.close().await;
    port.close().await;
    writer.close().await;
}

/// Finds the record of a page of a chain by its place.
fn record(view: &mut Value, seq: u64) -> Option<&mut Value> {
    let after = view["records"].as_array().unwrap().iter().position(|one| {
        let view: api::RecordView = serde_json::from_value(one.clone()).unwrap();
        view.decode()
            .is_ok_and(|record| u64::from(record.action().action_seq()) == seq)
    })?;
    Some(&mut view["records"][after])
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_records_are_refused_and_told() {
    tokio::join!(
        check("a signature of nobody", "", |view| {
            if let Some(record) = record(view, 5) {
                record["signature"] = json!("A".repeat(86) + "==");
            }
        }),
        check("another entry", "", |view| {
            let other = record(view, 6).map(|record| record["entry"].clone());
            if let (Some(record), Some(other)) = (record(view, 5), other) {
                record["entry"] = other;
            }
        }),
        check("no record at all", "", |view| {
            if let Some(record) = record(view, 5) {
                record["action"] = json!("AAAA");
            }
        }),
        check("a record left out", "came where", |view| {
            let records = view["records"].as_array_mut().unwrap();
            let is_it = |one: &Value| {
                let view: api::RecordView = serde_json::from_value(one.clone()).unwrap();
                view.decode().unwrap().action().action_seq() == 5
            };
            records.retain(|one| !is_it(one));
        }),
        check("another community's chain", "another chain", |view| {
            view["dna_hash"] = json!("uhC0k");
        }),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_chain_is_not_taken_for_this_one() {
    for is_name_kept in [true, false] {
        let (writer, ana, ben, between, port) = stage().await;
        let theirs: ChainView = writer
            .get(&format!("/api/v1/chains/{}", ben.key()))
            .await
            .json();
        let (name, path) = (
            ana.key().to_string(),
            format!("/api/v1/chains/{}", ana.key()),
        );
        between.lie(move |asked, body| {
            if !asked.starts_with(&path) {
                return body;
            }
            let mut view = theirs.clone();
            if is_name_kept {
                view.agent = name.clone();
            }
            serde_json::to_vec(&view).unwrap()
        });
        let copy = copy_of(&port).await;
        copy.until("/pages/honest", 200).await;
        let key = ana.key().to_string();
        until("it is told", async || {
            let stalled = copy.ready().await.stalled;
            let is_it = |line: &String| line.starts_with("CH-0706 ") && line.contains(&key);
            stalled.iter().any(is_it)
        })
        .await;
        assert_eq!(copy.get("/pages/early").await.status, 404);
        let chain = copy.get(&format!("/api/v1/chains/{}", ana.key())).await;
        assert_eq!(chain.status, 404);

        // Told the truth at last, it believes it.
        between.be_honest();
        let mut ana = ana;
        ana.create(&page("mended", "of ana", Reach::Commons));
        writer.publish(&ana).await;
        copy.until("/pages/mended", 200).await;
        copy.copied().await;
        assert!(copy.ready().await.stalled.is_empty());
        copy.close().await;
        port.close().await;
        writer.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_are_announced_and_never_come_are_told() {
    let (writer, ana, _, between, port) = stage().await;
    let key = ana.key().to_string();
    between.lie(move |asked, body| {
        let text = String::from_utf8_lossy(&body).into_owned();
        if asked.starts_with("/api/v1/events") && text.contains(&key) {
            text.replace("\"seq\":6", "\"seq\":60").into_bytes()
        } else {
            body
        }
    });
    let copy = copy_of(&port).await;
    copy.until("/pages/late", 200).await;
    until("it is told", async || {
        let stalled = copy.ready().await.stalled;
        let says = "record 60 was announced and is not there";
        stalled
            .iter()
            .any(|line| line.starts_with("CH-0706 ") && line.contains(says))
    })
    .await;
    copy.until("/pages/honest", 200).await;
    assert!(!copy.ready().await.ready, "it does not have everything");
    copy.close().await;
    port.close().await;
    writer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_community_at_the_same_address_is_not_followed() {
    let (writer, _, _, between, port) = stage().await;
    between.lie(|asked, body| {
        if asked != "/version" {
            return body;
        }
        edit_json(&body, |view| {
            view["community"]["dna_hash"] = json!("uhC0kOther")
        })
    });
    let copy = copy_of(&port).await;
    until("it is told", async || {
        let fault = copy.ready().await.follows.unwrap().fault;
        fault.starts_with("CH-0706 ") && fault.contains("another community")
    })
    .await;
    assert_eq!(copy.get("/pages/early").await.status, 404);
    assert!(!copy.ready().await.ready);
    copy.close().await;
    port.close().await;
    writer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_with_other_bytes_is_refused_and_told() {
    let writer = House::new().await;
    let (mut ana, mut ben) = (Person::new(1), Person::new(2));
    writer.admit(&ben, "member").await;
    let token = writer.token(&ana).await;
    let picture = b"a picture of bread".to_vec();
    writer.put_blob(&picture, &token).await;
    ana.create(&page("early", "of ana", Reach::Commons));
    ana.create(&manifest(&picture, "image/png", Reach::Commons));
    ana.create(&page("late", "of ana", Reach::Commons));
    ben.create(&page("honest", "of ben", Reach::Commons));
    writer.publish(&ana).await;
    writer.publish(&ben).await;
    let (between, port) = Between::before(&writer).await;
    between.lie(|asked, mut body| {
        if asked.starts_with("/store/") {
            body.reverse();
        }
        body
    });
    let copy = copy_of(&port).await;
    copy.until("/pages/honest", 200).await;
    copy.until("/pages/early", 200).await;
    until("it is told", async || {
        let stalled = copy.ready().await.stalled;
        let says = "arrived with another hash";
        stalled
            .iter()
            .any(|line| line.starts_with("CH-0706 ") && line.contains(says))
    })
    .await;
    assert_eq!(copy.get("/pages/late").await.status, 404);
    let store = format!("/store/{}", ContentHash::of(&picture));
    assert_eq!(copy.get(&store).await.status, 404);
    between.be_honest();
    copy.until("/pages/late", 200).await;
    assert!(copy.get(&store).await.body == picture);
    until("nothing is left to tell", async || {
        copy.ready().await.stalled.is_empty()
    })
    .await;
    copy.close().await;
    port.close().await;
    writer.close().await;
}

/// What cannot be copied at the first try is no reason to call a copy complete.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_complete_only_when_what_failed_once_is_here() {
    let (writer, ana, _, between, port) = stage().await;
    let path = format!("/api/v1/chains/{}", ana.key());
    between.lie(move |asked, body| {
        if asked.starts_with(&path) {
            b"not what was asked for".to_vec()
        } else {
            body
        }
    });
    let copy = copy_of(&port).await;
    copy.until("/pages/honest", 200).await;
    until("it is told", async || {
        !copy.ready().await.stalled.is_empty()
    })
    .await;
    assert!(!copy.ready().await.ready);
    between.be_honest();
    copy.copied().await;
    assert_eq!(copy.get("/pages/late").await.status, 200);
    copy.close().await;
    port.close().await;
    writer.close().await;
}
