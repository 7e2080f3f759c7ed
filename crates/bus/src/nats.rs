//! A bus on a NATS server, by its core protocol; nothing is kept there.
//!
//! The library would connect again by itself; here a connection that broke is given up instead, so that one place
//! decides about waiting and knows what has to be told.
//! Source of the protocol: <https://docs.nats.io/reference/reference-protocols/nats-protocol>.

use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, ReconnectToServer, ServerAddr, Subscriber};
use base::{Code, Problem};
use bytes::Bytes;
use futures::StreamExt as _;
use tokio::sync::mpsc;
use tokio_stream::StreamMap;

use crate::link::{Arrival, Incoming, Link, LinkError, Outgoing, Sent};
use crate::target::Server;
use crate::{Limits, Topic};

/// How many events and changes of subscriptions may wait.
const QUEUE_LEN_MAX: usize = 64;

/// Makes connections to a NATS server.
pub(crate) struct NatsLink {
    server: Server,
    address: ServerAddr,
    prefix: Topic,
    limits: Limits,
}

/// What comes: the hints of each subject, and the library's events.
pub(crate) struct NatsIncoming {
    events: mpsc::Receiver<Event>,
    changes: mpsc::Receiver<Change>,
    hints: StreamMap<String, Subscriber>,
}

/// What goes, and a subject of its own by which the server shows that it has dealt with what was said before.
pub(crate) struct NatsOutgoing {
    client: Client,
    changes: mpsc::Sender<Change>,
    echo_subject: String,
    echoes: Subscriber,
    pings_total: u64,
}

/// A change of what is listened to.
enum Change {
    Add(String, Subscriber),
    Remove(String),
}

impl NatsLink {
    /// Takes a server's address; `prefix` stands before every subject.
    ///
    /// # Errors
    ///
    /// [`Code::Config`] when the library does not take the address.
    pub(crate) fn new(server: Server, prefix: &Topic, limits: Limits) -> Result<Self, Problem> {
        if server.is_encrypted() {
            // The library asks for the process's choice of cryptography; an earlier choice stays.
            drop(rustls::crypto::ring::default_provider().install_default());
        }
        let address = ServerAddr::from_url(server.address.clone()).map_err(|error| {
            let told = base::told(&error);
            Problem::new(Code::Config, format!("the address of the bus: {told}"))
        })?;
        Ok(Self {
            server,
            address,
            prefix: prefix.clone(),
            limits,
        })
    }

    fn options(&self, events: mpsc::Sender<Event>) -> ConnectOptions {
        let address = self.address.clone();
        let options = ConnectOptions::new()
            .name("commonhold")
            .connection_timeout(Duration::from_millis(self.limits.connect_ms_max))
            .subscription_capacity(self.limits.queue_len_max.max(1))
            .ignore_discovered_servers()
            .max_reconnects(1)
            // With this the library tries once and then gives up without a word.
            .reconnect_to_server_callback(move |_, _| {
                let addr = address.clone();
                let delay = Some(Duration::ZERO);
                async move { Some(ReconnectToServer { addr, delay }) }
            })
            .event_callback(move |event| {
                let events = events.clone();
                async move {
                    // An error says that the connection was given up already.
                    events.send(event).await.ok();
                }
            });
        match (&self.server.user, &self.server.password) {
            (Some(user), Some(password)) => {
                options.user_and_password(user.clone(), password.clone())
            }
            (Some(token), None) => options.token(token.clone()),
            (None, _) => options,
        }
    }
}

impl Link for NatsLink {
    type Incoming = NatsIncoming;
    type Outgoing = NatsOutgoing;

    async fn open(&self) -> Result<(NatsIncoming, NatsOutgoing), LinkError> {
        let (events_tx, events) = mpsc::channel(QUEUE_LEN_MAX);
        let (changes_tx, changes) = mpsc::channel(QUEUE_LEN_MAX);
        // The library's future is so large that it would fill a thread's stack as a part of ours.
        let connecting = Box::pin(self.options(events_tx).connect(self.address.clone()));
        let client = connecting.await.map_err(LinkError::connect)?;
        let draw = getrandom::u64().map_err(LinkError::connect)?;
        let echo_subject = format!("{}.echo.{draw:016x}", self.prefix);
        let echoes = client
            .subscribe(echo_subject.clone())
            .await
            .map_err(LinkError::connect)?;
        let outgoing = NatsOutgoing {
            client,
            changes: changes_tx,
            echo_subject,
            echoes,
            pings_total: 0,
        };
        let incoming = NatsIncoming {
            events,
            changes,
            hints: StreamMap::new(),
        };
        Ok((incoming, outgoing))
    }

    fn address(&self) -> &str {
        self.server.address.as_str()
    }
}

impl Incoming for NatsIncoming {
    async fn next(&mut self) -> Result<Arrival, LinkError> {
        loop {
            tokio::select! {
                event = self.events.recv() => match event {
                    None | Some(Event::Disconnected | Event::Closed | Event::Draining) => {
                        return Err(LinkError::Ended);
                    }
                    Some(Event::SlowConsumer(_)) => return Ok(Arrival::Gap),
                    Some(Event::ServerError(error)) => {
                        return Ok(Arrival::Refusal(error.to_string()));
                    }
                    Some(Event::ClientError(error)) => {
                        return Ok(Arrival::Refusal(error.to_string()));
                    }
                    Some(Event::Connected | Event::LameDuckMode) => {}
                },
                change = self.changes.recv() => match change {
                    None => return Err(LinkError::Ended),
                    Some(Change::Add(subject, subscriber)) => {
                        drop(self.hints.insert(subject, subscriber));
                    }
                    Some(Change::Remove(subject)) => drop(self.hints.remove(&subject)),
                },
                Some((subject, message)) = self.hints.next() => {
                    return Ok(Arrival::Hint {
                        subject,
                        hint: message.payload,
                    });
                }
            }
        }
    }
}

impl NatsOutgoing {
    async fn change(&self, change: Change) -> Result<(), LinkError> {
        let sent = self.changes.send(change).await;
        sent.map_err(|_| LinkError::Ended)
    }
}

impl Outgoing for NatsOutgoing {
    async fn subscribe(&mut self, subject: &str) -> Result<(), LinkError> {
        let subscriber = self.client.subscribe(subject.to_owned()).await;
        let subscriber = subscriber.map_err(LinkError::speak)?;
        self.change(Change::Add(subject.to_owned(), subscriber))
            .await
    }

    async fn unsubscribe(&mut self, subject: &str) -> Result<(), LinkError> {
        // Dropping the subscriber tells the server.
        self.change(Change::Remove(subject.to_owned())).await
    }

    async fn publish(&mut self, hints: &[(String, Bytes)]) -> Result<Sent, LinkError> {
        let mut sent = Sent::default();
        for (subject, hint) in hints {
            let result = self.client.publish(subject.clone(), hint.clone()).await;
            match result {
                Ok(()) => {}
                Err(error) if error.kind() == async_nats::PublishErrorKind::MaxPayloadExceeded => {
                    sent.refused += 1;
                    sent.reason = Some(base::told(&error));
                }
                Err(error) => return Err(LinkError::speak(error)),
            }
        }
        self.client.flush().await.map_err(LinkError::speak)?;
        Ok(sent)
    }

    async fn ping(&mut self) -> Result<(), LinkError> {
        self.pings_total += 1;
        let token = Bytes::copy_from_slice(&self.pings_total.to_be_bytes());
        self.client
            .publish(self.echo_subject.clone(), token.clone())
            .await
            .map_err(LinkError::speak)?;
        loop {
            // An older echo belongs to a ping that nobody waited for until its end.
            let echo = self.echoes.next().await.ok_or(LinkError::Ended)?;
            if echo.payload == token {
                return Ok(());
            }
        }
    }
}
