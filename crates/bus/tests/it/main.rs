//! One suite of behaviour for every backend, against real servers; what has no server here is left out with a line.

#![allow(
    clippy::disallowed_methods,
    reason = "tests start servers and ask again until something holds"
)]

mod encrypted;
mod failure;
mod suite;

use std::time::Duration;

use bus::{Bus, Health, Limits, Message, Subscription, Topic};
use bytes::Bytes;
use runtime::Supervisor;
use testkit::servers::{Nats, Redis};
use tokio::time;

/// How long anything may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// A server under test, or none for the bus inside a process.
enum Server {
    Memory,
    Redis(Redis),
    Nats(Nats),
}

impl Server {
    /// Starts those whose programs are there.
    fn remote() -> Vec<Self> {
        let redis = Redis::start().expect("redis starts").map(Self::Redis);
        let nats = Nats::start().expect("nats starts").map(Self::Nats);
        redis.into_iter().chain(nats).collect()
    }

    fn all() -> Vec<Self> {
        let mut all = Self::remote();
        all.push(Self::Memory);
        all
    }

    fn url(&self) -> String {
        match self {
            Self::Memory => "memory:".to_owned(),
            Self::Redis(server) => server.url(),
            Self::Nats(server) => server.url(),
        }
    }

    fn stop(&mut self) {
        match self {
            Self::Memory => {}
            Self::Redis(server) => server.stop(),
            Self::Nats(server) => server.stop(),
        }
    }

    fn restart(&mut self) {
        match self {
            Self::Memory => Ok(()),
            Self::Redis(server) => server.restart(),
            Self::Nats(server) => server.restart(),
        }
        .expect("it starts again");
    }

    fn pause(&mut self) {
        match self {
            Self::Memory => Ok(()),
            Self::Redis(server) => server.pause(),
            Self::Nats(server) => server.pause(),
        }
        .expect("it runs");
    }

    fn resume(&mut self) {
        match self {
            Self::Memory => Ok(()),
            Self::Redis(server) => server.resume(),
            Self::Nats(server) => server.resume(),
        }
        .expect("it runs");
    }

    /// Opens a bus on it.
    fn bus(&self, limits: Limits, supervisor: &Supervisor) -> Bus {
        open(&self.url(), limits, supervisor)
    }

    /// Opens a bus as another process would; in memory there is no other process.
    fn other(&self, bus: &Bus, limits: Limits, supervisor: &Supervisor) -> Bus {
        match self {
            Self::Memory => bus.clone(),
            Self::Redis(_) | Self::Nats(_) => self.bus(limits, supervisor),
        }
    }
}

fn open(url: &str, limits: Limits, supervisor: &Supervisor) -> Bus {
    Bus::connect(url, &topic("test.one"), limits, supervisor).expect("the address is right")
}

fn topic(text: &str) -> Topic {
    Topic::parse(text).expect("a topic")
}

fn hint(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

/// Listens to a topic, and waits until that stands at the server.
async fn listen(bus: &Bus, name: &str) -> Subscription {
    let mut subscription = bus.subscribe(&topic(name)).expect("a place");
    assert_eq!(next(&mut subscription).await, Message::Lagged(0));
    subscription
}

async fn next(subscription: &mut Subscription) -> Message {
    let message = time::timeout(DEADLINE, subscription.next()).await;
    message.expect("a message comes in time")
}

/// Waits until a bus is as it should be.
async fn until(bus: &Bus, is_so: impl Fn(&Health) -> bool) -> Health {
    let mut ticks = time::interval(Duration::from_millis(5));
    let asking = async {
        loop {
            ticks.tick().await;
            let health = bus.health();
            if is_so(&health) {
                return health;
            }
        }
    };
    let found = time::timeout(DEADLINE, asking).await;
    found.unwrap_or_else(|_| panic!("it stayed {:?}", bus.health()))
}
