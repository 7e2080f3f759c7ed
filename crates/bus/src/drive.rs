//! Keeps one connection to a server, and makes it again whenever it breaks.
//!
//! Listening and speaking go on side by side, so that a server that is slow to answer never makes hints pile up on
//! their way in.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{self, Instant, MissedTickBehavior};

use crate::bus::Gauge;
use crate::hub::{Hub, Item};
use crate::link::{Arrival, Incoming, Link, LinkError, Outgoing, within};
use crate::outbox::{Outbound, Outbox};
use crate::{Limits, Topic};

/// How many hints go out together.
const BATCH_LEN_MAX: usize = 64;

/// The task of a bus.
pub(crate) struct Driver {
    pub(crate) prefix: Topic,
    pub(crate) limits: Limits,
    pub(crate) hub: Arc<Hub>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) gauge: Arc<Gauge>,
}

impl Driver {
    /// Connects again and again, for ever.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time; the connection ends and hints that wait are lost.
    pub(crate) async fn run<L: Link>(self, link: L) -> Infallible {
        let mut retry_ms = self.limits.retry_ms_min;
        let mut is_told = false;
        loop {
            let started = Instant::now();
            let error = match within(self.limits.connect_ms_max, link.open()).await {
                Ok((incoming, outgoing)) => {
                    self.serve(&link, incoming, outgoing, &mut is_told).await
                }
                Err(error) => error,
            };
            let reason = base::told(&error);
            self.hub.fall();
            self.gauge.note_away(reason.clone());
            if is_told {
                tracing::debug!(target: "bus::event::bus_unreachable", address = link.address(), reason, "the bus is still away");
            } else {
                is_told = true;
                tracing::warn!(target: "bus::event::bus_unreachable", address = link.address(), reason, "the bus is away; going on without hints");
            }
            if started.elapsed() > Duration::from_millis(self.limits.retry_ms_max) {
                retry_ms = self.limits.retry_ms_min;
            }
            time::sleep(jittered(retry_ms)).await;
            retry_ms = (retry_ms * 2).min(self.limits.retry_ms_max);
        }
    }

    /// Uses a connection until it breaks.
    async fn serve<L: Link>(
        &self,
        link: &L,
        incoming: L::Incoming,
        outgoing: L::Outgoing,
        is_told: &mut bool,
    ) -> LinkError {
        let ready = || {
            self.gauge.note_connected();
            *is_told = false;
            tracing::info!(target: "bus::event::bus_connected", address = link.address(), "the bus is connected");
        };
        let ended = tokio::select! {
            ended = self.listen(incoming) => ended,
            ended = self.speak(outgoing, ready) => ended,
        };
        match ended {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    async fn listen(&self, mut incoming: impl Incoming) -> Result<Infallible, LinkError> {
        loop {
            match incoming.next().await? {
                Arrival::Hint { subject, hint } => self.arrive(&subject, hint),
                Arrival::Gap => self.hub.deliver_gap(),
                Arrival::Refusal(reason) => {
                    tracing::warn!(target: "bus::event::bus_refused", reason, "the bus refused something");
                    self.gauge.note_error(reason);
                }
            }
        }
    }

    fn arrive(&self, subject: &str, hint: Bytes) {
        let name = subject
            .strip_prefix(self.prefix.as_str())
            .and_then(|rest| rest.strip_prefix('.'));
        let Some(topic) = name.and_then(|name| Topic::parse(name).ok()) else {
            return;
        };
        let item = if hint.len() > self.limits.message_bytes_max {
            Item::Gap
        } else {
            Item::Hint(hint)
        };
        self.hub.deliver(&topic, item);
    }

    async fn speak(
        &self,
        mut outgoing: impl Outgoing,
        ready: impl FnOnce(),
    ) -> Result<Infallible, LinkError> {
        let mut standing = BTreeSet::new();
        within(self.limits.answer_ms_max, outgoing.ping()).await?;
        ready();
        self.follow(&mut standing, &mut outgoing).await?;
        let mut ping = time::interval(Duration::from_millis(self.limits.ping_ms));
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.hub.changed() => self.follow(&mut standing, &mut outgoing).await?,
                batch = self.outbox.take(BATCH_LEN_MAX) => self.send(batch, &mut outgoing).await?,
                _ = ping.tick() => within(self.limits.answer_ms_max, outgoing.ping()).await?,
            }
        }
    }

    /// Makes the server's subscriptions those that are wanted.
    async fn follow(
        &self,
        standing: &mut BTreeSet<Topic>,
        outgoing: &mut impl Outgoing,
    ) -> Result<(), LinkError> {
        let wanted = self.hub.wanted();
        let kept: BTreeSet<Topic> = wanted.iter().map(|line| line.topic.clone()).collect();
        for topic in standing.difference(&kept) {
            let subject = self.subject(topic);
            within(self.limits.answer_ms_max, outgoing.unsubscribe(&subject)).await?;
        }
        standing.retain(|topic| kept.contains(topic));
        let fresh: Vec<Topic> = wanted
            .into_iter()
            .filter(|line| !line.is_standing)
            .map(|line| line.topic)
            .collect();
        if fresh.is_empty() {
            return Ok(());
        }
        for topic in &fresh {
            // One that was given up and taken again in the meantime stands at the server still.
            if standing.insert(topic.clone()) {
                let subject = self.subject(topic);
                within(self.limits.answer_ms_max, outgoing.subscribe(&subject)).await?;
            }
        }
        within(self.limits.answer_ms_max, outgoing.ping()).await?;
        self.hub.stand(&fresh);
        Ok(())
    }

    async fn send(
        &self,
        batch: Vec<Outbound>,
        outgoing: &mut impl Outgoing,
    ) -> Result<(), LinkError> {
        let hints: Vec<(String, Bytes)> = batch
            .iter()
            .map(|outbound| (self.subject(&outbound.topic), outbound.hint.clone()))
            .collect();
        match within(self.limits.answer_ms_max, outgoing.publish(&hints)).await {
            Ok(sent) => {
                self.gauge.note_dropped(sent.refused);
                if let Some(reason) = sent.reason {
                    self.gauge.note_error(reason);
                }
                Ok(())
            }
            Err(error) => {
                // Some of them may have arrived: hints may be doubled.
                self.gauge.note_dropped(self.outbox.give_back(batch));
                Err(error)
            }
        }
    }

    fn subject(&self, topic: &Topic) -> String {
        format!("{}.{topic}", self.prefix)
    }
}

/// Draws a span between half of `ms` and all of it, so that those who lost a server together do not come back together.
fn jittered(ms: u64) -> Duration {
    // Without randomness of the machine everybody waits the whole span, which is as long as promised.
    let draw = getrandom::u32().unwrap_or(u32::MAX);
    let half = ms / 2;
    Duration::from_millis(half + (ms - half) * u64::from(draw) / u64::from(u32::MAX))
}
