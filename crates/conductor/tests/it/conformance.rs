//! Every property of every engine, in a world of its own each.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use base::{Duration, Timestamp};
use chain::DnaHash;
use conductor::conformance::{PROPERTIES, World, run};
use conductor::{Conductor, Config, Embedded, Limits};
use runtime::{Clock, ClockHand};

use crate::{NOW, dna};

/// An embedded engine in a temporary folder.
struct EmbeddedWorld {
    folder: tempfile::TempDir,
    clock: Clock,
    hand: ClockHand,
    engine: Mutex<Option<Arc<Embedded>>>,
}

impl EmbeddedWorld {
    fn new() -> Self {
        let (clock, hand) = Clock::by_hand(NOW);
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
            clock,
            hand,
            engine: Mutex::new(None),
        };
        world.start();
        world
    }

    fn start(&self) {
        let config = Config {
            id: "embedded".parse().unwrap(),
            folder: self.folder.path().to_owned(),
            limits: Limits::default(),
        };
        let engine = Embedded::open(config, self.clock.clone()).unwrap();
        *self.engine.lock().unwrap() = Some(engine);
    }
}

impl World for EmbeddedWorld {
    fn conductor(&self) -> Arc<dyn Conductor> {
        let engine = self.engine.lock().unwrap();
        engine.clone().unwrap()
    }

    fn restart(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            let old = self.engine.lock().unwrap().take().unwrap();
            old.close().await.unwrap();
            self.start();
        })
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn pass(&self, span: Duration) -> bool {
        self.hand.advance(span);
        true
    }

    fn dna(&self) -> DnaHash {
        dna()
    }
}

#[tokio::test]
async fn embedded_engine_has_every_property() {
    let broken = run(|| Arc::new(EmbeddedWorld::new())).await;
    assert!(broken.is_empty(), "{broken:#?}");
    println!("{} properties hold", PROPERTIES.len());
}

#[tokio::test]
async fn properties_may_share_a_world() {
    let world = EmbeddedWorld::new();
    for property in PROPERTIES {
        let result = (property.check)(&world).await;
        assert_eq!(result, Ok(()), "{}", property.name);
    }
}
