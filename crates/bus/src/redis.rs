//! A bus on a Redis server, by its publish and subscribe commands.
//!
//! Two connections: one listens, as the protocol wants it, and one speaks.
//! Source of the protocol: <https://redis.io/docs/latest/develop/pubsub/>.

use std::time::Duration;

use base::{Code, Problem};
use bytes::Bytes;
use futures::StreamExt as _;
use redis::aio::{MultiplexedConnection, PubSubSink, PubSubStream};
use redis::{
    AsyncConnectionConfig, Client, ErrorKind, IntoConnectionInfo as _, RedisError, RedisResult,
    Value,
};

use crate::Limits;
use crate::link::{Arrival, Incoming, Link, LinkError, Outgoing, Sent};
use crate::target::Server;

/// Makes connections to a Redis server.
pub(crate) struct RedisLink {
    client: Client,
    address: String,
    config: AsyncConnectionConfig,
}

/// The connection that listens.
pub(crate) struct RedisIncoming {
    messages: PubSubStream,
}

/// The connection that speaks, and the part of the other one that takes subscriptions.
pub(crate) struct RedisOutgoing {
    commands: MultiplexedConnection,
    subscriptions: PubSubSink,
}

impl RedisLink {
    /// Takes a server's address.
    ///
    /// # Errors
    ///
    /// [`Code::Config`] when the library does not take the address.
    pub(crate) fn new(server: &Server, limits: Limits) -> Result<Self, Problem> {
        if server.is_encrypted() {
            // The library asks for the process's choice of cryptography; an earlier choice stays.
            drop(rustls::crypto::ring::default_provider().install_default());
        }
        let wrong = |error: RedisError| {
            let told = base::told(&error);
            Problem::new(Code::Config, format!("the address of the bus: {told}"))
        };
        let info = server
            .address
            .as_str()
            .into_connection_info()
            .map_err(wrong)?;
        let mut settings = info.redis_settings().clone();
        if let Some(user) = &server.user {
            settings = settings.set_username(user);
        }
        if let Some(password) = &server.password {
            settings = settings.set_password(password);
        }
        let client = Client::open(info.set_redis_settings(settings)).map_err(wrong)?;
        Ok(Self {
            client,
            address: server.address.to_string(),
            config: AsyncConnectionConfig::new()
                .set_connection_timeout(Some(Duration::from_millis(limits.connect_ms_max)))
                .set_response_timeout(Some(Duration::from_millis(limits.answer_ms_max))),
        })
    }
}

impl Link for RedisLink {
    type Incoming = RedisIncoming;
    type Outgoing = RedisOutgoing;

    async fn open(&self) -> Result<(RedisIncoming, RedisOutgoing), LinkError> {
        let listening = self.client.get_async_pubsub().await;
        let (subscriptions, messages) = listening.map_err(LinkError::connect)?.split();
        let commands = self
            .client
            .get_multiplexed_async_connection_with_config(&self.config)
            .await
            .map_err(LinkError::connect)?;
        let outgoing = RedisOutgoing {
            commands,
            subscriptions,
        };
        Ok((RedisIncoming { messages }, outgoing))
    }

    fn address(&self) -> &str {
        &self.address
    }
}

impl Incoming for RedisIncoming {
    async fn next(&mut self) -> Result<Arrival, LinkError> {
        let message = self.messages.next().await.ok_or(LinkError::Ended)?;
        Ok(Arrival::Hint {
            subject: message.get_channel_name().to_owned(),
            hint: Bytes::copy_from_slice(message.get_payload_bytes()),
        })
    }
}

impl Outgoing for RedisOutgoing {
    async fn subscribe(&mut self, subject: &str) -> Result<(), LinkError> {
        let done = self.subscriptions.subscribe(subject).await;
        done.map_err(LinkError::speak)
    }

    async fn unsubscribe(&mut self, subject: &str) -> Result<(), LinkError> {
        let done = self.subscriptions.unsubscribe(subject).await;
        done.map_err(LinkError::speak)
    }

    async fn publish(&mut self, hints: &[(String, Bytes)]) -> Result<Sent, LinkError> {
        let mut pipe = redis::Pipeline::with_capacity(hints.len());
        for (subject, hint) in hints {
            pipe.cmd("PUBLISH").arg(subject).arg(hint.as_ref());
        }
        pipe.ignore_errors();
        let answers: Vec<RedisResult<Value>> = pipe
            .query_async(&mut self.commands)
            .await
            .map_err(LinkError::speak)?;
        let mut sent = Sent::default();
        for error in answers.into_iter().filter_map(Result::err) {
            if !matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension) {
                return Err(LinkError::speak(error));
            }
            sent.refused += 1;
            sent.reason = Some(base::told(&error));
        }
        Ok(sent)
    }

    async fn ping(&mut self) -> Result<(), LinkError> {
        let _: Value = self.subscriptions.ping().await.map_err(LinkError::speak)?;
        let _: Value = redis::cmd("PING")
            .query_async(&mut self.commands)
            .await
            .map_err(LinkError::speak)?;
        Ok(())
    }
}
