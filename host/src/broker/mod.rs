//! The seam between the pipeline and any broker, and the contract for the author of the next one.
//!
//! Publishing an answer and consuming its input are one act. Brokers differ in what makes it done (confirm, then
//! commit; one Kafka transaction; one SQLite transaction; a confirmed acknowledgement), so this act, [`Settle`], is
//! the seam. One conformance suite (`host/tests/conformance.rs`) tests every broker against this file.

mod by_route;
mod confirm_then_ack;
mod enqueue;
mod error;
mod failures;
mod group;
mod idle;
pub mod kafka;
mod ledger;
pub mod local;
mod look;
mod open;
pub mod pubsub;
mod settle_each;
mod threads;
mod topics;
mod watermark;

use std::any::Any;
use std::fmt::{self, Write as _};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::sync::oneshot;
use tokio::time::Instant;

pub use confirm_then_ack::ConfirmThenAck;
pub use enqueue::Enqueued;
pub use error::{BrokerError, NOT_PUBLISHABLE, SettleError, TOO_LARGE};
pub use group::{GroupStatus, GroupWatch};
pub use idle::Idle;
pub use look::{Begin, Look, Seen, View};
pub use open::{open_admin, open_consumer, open_look, open_pipeline, open_sink, reach};
pub use topics::{Subscription, Topics};
pub use watermark::Watermark;

use crate::message::Message;
use crate::terminal::counted;

/// What keeps order: a partition, an ordering key, or one unkeyed message. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane {
    name: Arc<str>,
    number: Option<u32>,
}

impl Lane {
    /// A lane with a name such as `input-stream/0`, unique within one source, and a number that spreads the lanes of
    /// a source: for a partition, its number.
    pub fn new(name: impl Into<Arc<str>>, number: u32) -> Self {
        Self {
            name: name.into(),
            number: Some(number),
        }
    }

    /// The lane of a single message that has no order with any other.
    pub fn single(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            number: None,
        }
    }

    /// The position of its message of this number.
    pub fn position(&self, seq: u64) -> String {
        // Room for any number.
        let mut position = String::with_capacity(self.name.len() + 21);
        position.push_str(&self.name);
        // Writing to a string never fails.
        let _ = write!(position, "/{seq}");
        position
    }

    /// Outputs without a key go to the output partition of this number, modulo their count, so one lane stays one
    /// lane. None: it has only one message.
    pub fn number(&self) -> Option<u32> {
        self.number
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The right to settle one message.
///
/// Dropping it without settling abandons the message: it is redelivered, at once if the broker can take it back,
/// otherwise after its lease expires. Everything of its lane that had not settled before it is redelivered with it,
/// in order.
#[must_use = "a dropped claim abandons its message"]
pub struct Claim {
    /// The lane within which order is kept.
    pub lane: Lane,
    /// Rises within one lane and epoch, in the order of delivery: the offset, if the broker has offsets.
    pub seq: u64,
    /// The lane's generation in this process. It rises when a lane is revoked, rewound or lost. Settling a claim of
    /// an older one does nothing.
    pub epoch: u64,
    /// Belongs to the broker; its `Drop` abandons the message.
    token: Box<dyn Any + Send>,
}

impl Claim {
    /// A claim around the broker's own token. Its `Drop` hands the message back unless the broker disarmed it.
    pub fn new(lane: Lane, seq: u64, epoch: u64, token: impl Any + Send) -> Self {
        let token = Box::new(token);
        Self {
            lane,
            seq,
            epoch,
            token,
        }
    }

    /// Gives the broker its token back. Fails for another broker's claim.
    pub fn into_token<T: Any>(self) -> Result<T, BrokerError> {
        match self.token.downcast() {
            Ok(token) => Ok(*token),
            Err(_) => Err(BrokerError::Failed(format!(
                "a claim on {} came from another broker",
                self.lane
            ))),
        }
    }

    /// The answer to it if its lane has been put back.
    pub fn rewound(&self) -> SettleError {
        ledger::rewound(&self.lane)
    }

    /// The broker's own token. None for another broker's claim.
    pub fn token<T: Any>(&self) -> Option<&T> {
        self.token.downcast_ref()
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Claim({} seq {} epoch {})", self.lane, self.seq, self.epoch)
    }
}

/// One message and the right to settle it.
#[derive(Debug)]
pub struct Delivery {
    /// What came.
    pub message: Message,
    /// Its position, for people and dead letters: `topic/partition/offset`.
    pub position: String,
    /// The right to settle it.
    pub claim: Claim,
}

/// What a source reports.
#[derive(Debug)]
pub enum Event {
    /// A message, in the order of its lane.
    Delivery(Delivery),
    /// Another member gets these lanes once [`Drained`] is dropped, or a broker's limit (5 s) has passed: start
    /// nothing new in them, finish what is being settled, abandon the rest.
    Revoked(Vec<Lane>, Drained),
}

/// Dropped when nothing of the revoked lanes is in flight any more; the source waits for that.
#[derive(Debug)]
pub struct Drained {
    _done: oneshot::Sender<()>,
}

impl Drained {
    /// The guard, and a receiver that resolves (with an error, which means nothing) when the guard is dropped.
    pub fn new() -> (Self, oneshot::Receiver<()>) {
        let (done, drained) = oneshot::channel();
        (Self { _done: done }, drained)
    }
}

/// What the caller of [`Source::recv`] has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Deliveries and everything else.
    Deliveries,
    /// No room: only urgent events, such as a revocation.
    EventsOnly,
}

/// How much more the caller of [`Source::more`] has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Messages.
    pub messages: usize,
    /// Their bytes, by [`Message::size`].
    pub bytes: usize,
}

impl Room {
    /// Takes a message's place. False: there is none.
    pub fn take(&mut self, size: usize) -> bool {
        let fits = self.messages > 0 && size <= self.bytes;
        if fits {
            self.messages -= 1;
            self.bytes -= size;
        }
        fits
    }
}

/// Where messages come from.
///
/// Order: deliveries of one lane are in lane order, and within an epoch none is repeated or skipped. Urgent events go
/// before deliveries. Bounds: a source reads ahead by a few messages at most, whatever it is asked.
#[async_trait]
pub trait Source: Send {
    /// The next event; waits for one. Cancel-safe: dropping the future loses nothing.
    async fn recv(&mut self, demand: Demand) -> Result<Event, BrokerError>;

    /// The deliveries behind the last one that have arrived already, as far as there is room, in the order in which [`Source::recv`] would
    /// give them. None while it has an urgent event. The default is for a source that gives one at a time.
    fn more(&mut self, _room: Room) -> Vec<Delivery> {
        Vec::new()
    }

    /// Since when silence from this source means that there are no messages: its member knows what it holds, even if
    /// that is nothing, and the broker answers. Otherwise fails with the reason and the remedy. Called when nothing
    /// arrived for some time; answers within a bounded time. Cancel-safe.
    async fn listening_since(&mut self) -> Result<Instant, BrokerError>;

    /// Answers where this member stands in its group, for people. Works for as long as the source is open, without it. The default
    /// is for a broker that tells nothing.
    fn watch(&self) -> Box<dyn GroupWatch> {
        Box::new(group::NothingTold)
    }

    /// Distinguishes this source's positions from those of every other broker, for as long as the messages are kept.
    fn cluster(&self) -> &str;

    /// Leaves the group cleanly, so that another member takes over at once. Abandons unsettled claims.
    async fn close(self: Box<Self>) -> Result<(), BrokerError>;
}

/// Where an output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// The output topic.
    Answers,
    /// The topic for messages that could not be answered.
    DeadLetters,
}

/// One message to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Where to.
    pub route: Route,
    /// What.
    pub message: Message,
}

/// Resolves when what was accepted is safe: it has survived whatever the broker promises to survive.
pub type Durable<E> = Pin<Box<dyn Future<Output = Result<(), E>> + Send>>;

/// Consumes a message together with its outputs.
#[derive(Debug)]
pub struct Act {
    /// The message.
    pub claim: Claim,
    /// What is published for it.
    pub outputs: Vec<Output>,
}

/// Resolves when accepted acts are safe, or not: a result for each, in order.
pub type Settled = Pin<Box<dyn Future<Output = Vec<Result<(), SettleError>>> + Send>>;

/// A delivery guarantee: publishes the outputs of a message and consumes it, as one act.
///
/// Called in lane order, by one task or several, with acts of one lane, in its order. `settle` returns once they are accepted, in
/// that order; waiting in it is backpressure. The future that it returns resolves when their outputs are confirmed *and* their claims are
/// consumed. It must be polled: the acts may only progress while it is. A broker that collects acts into one limits
/// the time for that, so nobody has to flush. An act whose claim is of an older epoch only results in [`SettleError::Rewound`], and so
/// does one behind an abandoned one of its lane and epoch. An act that fails abandons its claim, and those behind it.
///
/// For an output that its topic never accepts, the error is [`BrokerError::Refused`], and the claim is abandoned.
/// When the message is redelivered it is settled with another output, so it holds up nothing.
#[async_trait]
pub trait Settle: Send + Sync {
    /// Accepts acts.
    async fn settle(&self, acts: Vec<Act>) -> Settled;

    /// One act: resolves when it is accepted, and then as [`Settle::settle`].
    async fn settle_one(&self, claim: Claim, outputs: Vec<Output>) -> Durable<SettleError> {
        let settled = self.settle(vec![Act { claim, outputs }]).await;
        Box::pin(async move {
            let none = || Err(BrokerError::Failed("an act had no result".to_owned()).into());
            settled.await.pop().unwrap_or_else(none)
        })
    }

    /// As [`Sink::limits`].
    async fn limits(&self, route: Route) -> Result<Limits, BrokerError>;
}

/// A topic's limits, as far as they are known before anything is published to it. The topic may still refuse a
/// message within them ([`BrokerError::Refused`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The largest message that the topic accepts, key and headers included. None: no limit is known. Bytes.
    pub max_bytes: Option<usize>,
    /// It accepts no message without a key.
    pub needs_key: bool,
}

/// Publishes messages, with no claim: what `produce` needs, and one half of at-least-once.
#[async_trait]
pub trait Sink: Send + Sync {
    /// Accepts an output, in the order of the calls. The future that it returns resolves when the broker has
    /// confirmed it. Outputs without a key that answer messages of one `lane` keep that lane's order.
    async fn enqueue(&self, output: Output, lane: Option<&Lane>) -> Result<Durable<BrokerError>, BrokerError>;

    /// The same for outputs that answer messages of one lane, in its order. The default is for a sink that accepts one after the other.
    async fn enqueue_all(&self, outputs: Vec<Output>, lane: &Lane) -> Enqueued {
        enqueue::one_by_one(outputs, |output| self.enqueue(output, Some(lane))).await
    }

    /// The limits of a route's topic. Called when there is something for that topic, which is created when missing.
    async fn limits(&self, route: Route) -> Result<Limits, BrokerError>;
}

/// Consumes claims, with no output: what `consume` needs, and the other half of at-least-once.
#[async_trait]
pub trait Ack: Send + Sync {
    /// Whether the claim is of its lane's current epoch: if not, nothing may be published for it.
    fn is_current(&self, claim: &Claim) -> bool;

    /// Consumes one claim, and resolves when that is safe. Claims of one lane may come in any order, but only
    /// contiguous ones count (see [`Watermark`]): one ahead of its turn may wait here for those before it.
    async fn ack(&self, claim: Claim) -> Result<(), SettleError>;

    /// The same for several claims of one lane and epoch, in its order: a result for each.
    async fn ack_all(&self, claims: Vec<Claim>) -> Vec<Result<(), SettleError>> {
        join_all(claims.into_iter().map(|claim| self.ack(claim))).await
    }
}

/// One topic, as `host topics` shows it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TopicDescription {
    /// Its name.
    pub name: String,
    /// By number, from 0.
    pub partitions: Vec<PartitionDescription>,
    /// Groups that have consumed from it.
    pub groups: Vec<GroupDescription>,
}

impl TopicDescription {
    /// How many messages are kept, where the broker says so. Offsets that have none count too.
    pub fn messages(&self) -> u64 {
        let counts = self.partitions.iter();
        counts
            .map(|partition| partition.end.saturating_sub(partition.start))
            .sum()
    }

    /// Fails where somebody may still want what is in the topic: a group reads it or is behind, or none has ever read it.
    pub fn may_go(&self) -> Result<(), BrokerError> {
        let name = &self.name;
        let count = |number: Option<u64>| number.filter(|number| *number > 0);
        let mut why = self.groups.iter().filter_map(|group| {
            let of = &group.group;
            let members = count(group.members.map(u64::from))
                .map(|members| format!("the group '{of}' has {}", counted(members, "member", "members")));
            members.or_else(|| {
                let lag = count(group.lag)?;
                let lag = counted(lag, "message", "messages");
                Some(format!("the group '{of}' has yet to consume {lag} of '{name}'"))
            })
        });
        let unread = match self.groups.is_empty() {
            true => count(Some(self.messages())),
            false => None,
        };
        let unread = unread.map(|messages| {
            let messages = counted(messages, "message", "messages");
            format!("no group has ever read the {messages} of '{name}'")
        });
        match why.next().or(unread) {
            Some(why) => Err(BrokerError::Failed(format!(
                "{why}; to delete it all the same, add --force"
            ))),
            None => Ok(()),
        }
    }
}

/// One partition: messages `start..end` are stored.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct PartitionDescription {
    /// Its number, from 0.
    pub partition: u32,
    /// The offset of the oldest message that is kept.
    pub start: u64,
    /// The offset that the next message will get.
    pub end: u64,
    /// What the messages take, keys and headers included. None: the broker does not say.
    pub bytes: Option<u64>,
}

/// How far a group has read one topic.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct GroupDescription {
    /// Its name.
    pub group: String,
    /// Messages of all partitions that it has not consumed. None: the broker does not say.
    pub lag: Option<u64>,
    /// Members that hold a partition now. None: the broker does not say.
    pub members: Option<u32>,
}

/// What `host topics` does.
#[async_trait]
pub trait Admin: Send + Sync {
    /// Creates a topic. False: it exists already, with the same number of partitions; another number is an error.
    async fn create(&self, topic: &str, partitions: u32) -> Result<bool, BrokerError>;
    /// Every topic, by name.
    async fn list(&self) -> Result<Vec<TopicDescription>, BrokerError>;
    /// One topic, or [`BrokerError::UnknownTopic`].
    async fn describe(&self, topic: &str) -> Result<TopicDescription, BrokerError>;
    /// Forgets a group's offsets in a topic, so that it no longer holds messages back. False: there were none.
    async fn forget_group(&self, topic: &str, group: &str) -> Result<bool, BrokerError>;
    /// Deletes a topic with its messages, and gives the names of the subscriptions that went with it. Refuses, unless it is forced,
    /// what [`TopicDescription::may_go`] refuses.
    async fn delete(&self, topic: &str, force: bool) -> Result<Vec<String>, BrokerError>;
}
