//! The conductor behind the projection: asked for what is too new, and not needed for anything else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use api::{ChainView, ItemView};
use base::Reach;
use bytes::Bytes;
use chain::{ActionHash, Record, Write};
use conductor::{
    AppId, Capabilities, CellId, ChainPage, Conductor, ConductorId, Embedded, Erasure, Fault,
    Health, Hosted, Nudge, Provision, Reply, SignedCall,
};
use doorway::Origin;
use tempfile::TempDir;
use tokio::sync::{broadcast, watch};

use crate::harness::{House, Person, Plan, engine, page, until};

/// Records in the pages that the projector asks for; readers ask for fewer.
const PROJECTORS_PAGE: u32 = 256;

/// How the engine behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Well,
    /// Every page of a chain fails.
    Fails,
    /// Nothing is answered.
    Hangs,
    /// The projector gets no answer; others do.
    HoldsProjector,
}

/// An engine that can be made to fail.
struct Moody {
    inner: Arc<Embedded>,
    mood: watch::Sender<Mood>,
    /// How often readers asked for a page or a record.
    asked: AtomicU32,
}

impl Moody {
    /// Waits for as long as the engine does not answer; says whether it fails.
    async fn suffer(&self, limit: u32) -> Result<(), Fault> {
        let mut mood = self.mood.subscribe();
        let is_answering = |mood: &Mood| match mood {
            Mood::Well | Mood::Fails => true,
            Mood::Hangs => false,
            Mood::HoldsProjector => limit != PROJECTORS_PAGE,
        };
        let mood = *mood.wait_for(is_answering).await.unwrap();
        if mood == Mood::Fails {
            return Err(Fault::Damaged { seq: 0 });
        }
        Ok(())
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Conductor for Moody {
    fn id(&self) -> &ConductorId {
        self.inner.id()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn health(&self) -> Reply<'_, Health> {
        Box::pin(async move {
            self.suffer(0).await?;
            self.inner.health().await
        })
    }

    fn provision(&self, provision: Provision) -> Reply<'_, Hosted> {
        self.inner.provision(provision)
    }

    fn set_enabled<'a>(&'a self, app: &'a AppId, is_enabled: bool) -> Reply<'a, ()> {
        self.inner.set_enabled(app, is_enabled)
    }

    fn retire<'a>(&'a self, app: &'a AppId) -> Reply<'a, Erasure> {
        self.inner.retire(app)
    }

    fn hosted<'a>(&'a self, after: Option<&'a AppId>, limit: u32) -> Reply<'a, Vec<Hosted>> {
        self.inner.hosted(after, limit)
    }

    fn call(&self, call: SignedCall) -> Reply<'_, Bytes> {
        self.inner.call(call)
    }

    fn chain<'a>(
        &'a self,
        cell: &'a CellId,
        after: Option<u32>,
        limit: u32,
    ) -> Reply<'a, ChainPage> {
        Box::pin(async move {
            if limit != PROJECTORS_PAGE {
                self.asked.fetch_add(1, Ordering::SeqCst);
            }
            self.suffer(limit).await?;
            self.inner.chain(cell, after, limit).await
        })
    }

    fn find<'a>(&'a self, cell: &'a CellId, action: &'a ActionHash) -> Reply<'a, Option<Record>> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            self.suffer(0).await?;
            self.inner.find(cell, action).await
        })
    }

    fn nudges(&self) -> broadcast::Receiver<Nudge> {
        self.inner.nudges()
    }

    fn write<'a>(&'a self, cell: &'a CellId, writes: Vec<Write>) -> Reply<'a, Vec<Record>> {
        self.inner.write(cell, writes)
    }

    fn append<'a>(&'a self, cell: &'a CellId, records: Vec<Record>) -> Reply<'a, chain::Head> {
        self.inner.append(cell, records)
    }
}

/// A doorway whose conductor is [`Moody`], with one page.
async fn stage() -> (House, Arc<Moody>, Person) {
    let folder: Arc<TempDir> = Arc::new(tempfile::tempdir().unwrap());
    let moody = Arc::new(Moody {
        inner: engine(folder.path()),
        mood: watch::Sender::new(Mood::Well),
        asked: AtomicU32::new(0),
    });
    let plan = Plan {
        origin: Some(Origin::Hosted(moody.clone())),
        is_clock_running: false,
        ..Plan::new()
    };
    let house = House::planned(folder, plan).await;
    let mut ana = Person::new(1);
    ana.create(&page("bread", "flour", Reach::Commons));
    house.publish(&ana).await;
    (house, moody, ana)
}

async fn close(house: House, moody: &Moody) {
    moody.mood.send_replace(Mood::Well);
    house.close().await;
    moody.inner.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn chains_are_shown_when_the_conductor_fails_and_it_is_left_in_peace() {
    let (house, moody, ana) = stage().await;
    let path = format!("/api/v1/chains/{}", ana.key());
    let well = house.get(&path).await;
    moody.mood.send_replace(Mood::Fails);
    let before = moody.asked();
    for _ in 0..20 {
        let answer = house.get(&path).await;
        assert_eq!(answer.status, 200);
        assert!(answer.body == well.body, "{}", answer.text());
    }
    assert_eq!(moody.asked() - before, 5, "then the breaker is open");
    assert!(!house.ready().await.conductor);

    moody.mood.send_replace(Mood::Well);
    let before = moody.asked();
    assert!(house.get(&path).await.body == well.body);
    assert_eq!(moody.asked(), before, "it is still left in peace");
    house.wait_secs(60);
    for _ in 0..3 {
        assert!(house.get(&path).await.body == well.body);
    }
    assert_eq!(moody.asked() - before, 3, "the breaker is closed");
    assert!(house.ready().await.conductor);
    close(house, &moody).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conductor_that_does_not_answer_holds_no_reader_up() {
    let (house, moody, ana) = stage().await;
    let chain = format!("/api/v1/chains/{}", ana.key());
    let item = ana.chain[4].action_address().to_string();
    let well = house.get(&chain).await;
    moody.mood.send_replace(Mood::Hangs);
    let before = moody.asked();
    for path in [
        "/".to_owned(),
        "/pages/bread".to_owned(),
        format!("/api/v1/cache/content/{item}?proof=1"),
        format!("/history/{item}"),
        "/api/v1/search?q=flour".to_owned(),
        "/api/v1/cache/content".to_owned(),
    ] {
        assert_eq!(house.get(&path).await.status, 200, "{path}");
    }
    for number in 0..100 {
        let path = format!("/api/v1/cache/content/missing-{number}");
        assert_eq!(house.get(&path).await.status, 404);
    }
    assert_eq!(moody.asked(), before, "reading items asks nobody");
    let slow = (0..8).map(|_| house.get(&chain));
    let (slow, ready) = tokio::join!(futures::future::join_all(slow), house.ready());
    for answer in slow {
        assert!(answer.status == 200 && answer.body == well.body);
    }
    assert!(!ready.conductor && !ready.ready);
    close(house, &moody).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_and_not_projected_is_shown_to_those_who_may_see_it() {
    let (house, moody, mut ana) = stage().await;
    moody.mood.send_replace(Mood::HoldsProjector);
    let (new, _) = ana.create(&page("cake", "sugar", Reach::Commons));
    let (mine, _) = ana.create(&page("mine", "sugar", Reach::Private));
    ana.update(4, &page("bread", "rye", Reach::Commons));
    let update = ana.chain.last().unwrap().action_address().to_string();
    assert_eq!(house.append(ana.key(), &ana.chain).await.status, 200);
    let at = |id: &str| format!("/api/v1/cache/content/{id}");
    let shown: ItemView = house.get(&at(&new)).await.json();
    assert_eq!(
        (shown.id, shown.author),
        (new.clone(), ana.key().to_string())
    );
    assert_eq!(house.get(&at(&mine)).await.status, 404);
    assert_eq!(house.get(&at(&update)).await.status, 404, "it is no item");
    let other = format!("/api/v1/cache/path/{new}");
    assert_eq!(house.get(&other).await.status, 404, "of another kind");
    let token = house.token(&ana).await;
    assert_eq!(house.get_as(&at(&mine), &token).await.status, 200);
    let chain: ChainView = house
        .get(&format!("/api/v1/chains/{}", ana.key()))
        .await
        .json();
    assert_eq!(chain.head.unwrap().seq, 7, "the chain is the conductor's");
    let before = moody.asked();
    for number in 0..20 {
        assert_eq!(
            house.get(&at(&format!("missing-{number}"))).await.status,
            404
        );
    }
    assert_eq!(moody.asked(), before, "what names no action asks nobody");
    moody.mood.send_replace(Mood::Well);
    house.settle().await;
    assert_eq!(house.get("/pages/cake").await.status, 200);
    let shown = house
        .get(&at(&ana.chain[4].action_address().to_string()))
        .await;
    assert!(shown.text().contains("rye"));
    let before = moody.asked();
    until("it is projected", async || {
        house.get(&at(&new)).await.status == 200
    })
    .await;
    assert_eq!(moody.asked(), before);
    close(house, &moody).await;
}
