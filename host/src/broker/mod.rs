//! The seam between the pipeline and any broker, and the contract for whoever adds the next one.
//!
//! Publishing an answer and consuming its input are one act. What "done" means differs from broker to broker (confirm,
//! then commit; one Kafka transaction; one SQLite transaction; a confirmed ack), so that act, [`Settle`], is the seam.
//! One conformance suite (`host/tests/conformance.rs`) holds every broker to what stands here.

mod by_route;
mod confirm_then_ack;
mod idle;
pub mod kafka;
pub mod local;
mod open;
pub mod pubsub;
mod threads;
mod watermark;

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::oneshot;
use tokio::time::Instant;

pub use confirm_then_ack::ConfirmThenAck;
pub use idle::Idle;
pub use open::{Subscription, Topics, open_admin, open_consumer, open_pipeline, open_sink};
pub use watermark::Watermark;

use crate::message::Message;

/// What keeps order: a partition, an ordering key, or one unkeyed message. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane {
    name: Arc<str>,
    number: Option<u32>,
}

impl Lane {
    /// A lane by its name, such as `input-stream/0`, which is unique within one source, and a number that spreads the lanes
    /// of a source: the partition's, where it is one.
    pub fn new(name: impl Into<Arc<str>>, number: u32) -> Self {
        Self {
            name: name.into(),
            number: Some(number),
        }
    }

    /// The lane of one message that has no order with any other.
    pub fn single(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            number: None,
        }
    }

    /// Outputs without a key go to the output partition of this number, modulo their count: so a lane stays one lane. None:
    /// there is only one message in it.
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
/// Dropped without being settled, the message is abandoned: it comes again, at once where the broker can hand it back,
/// else after its lease expires; and with it, in order, comes everything of its lane that had not been settled before it.
#[must_use = "a dropped claim abandons its message"]
pub struct Claim {
    /// The lane within which order is kept.
    pub lane: Lane,
    /// Rises within one lane and epoch, in the order of delivery: the offset, where the broker has one.
    pub seq: u64,
    /// The lane's generation in this process. It rises when a lane is revoked, rewound or lost, and settling a claim of
    /// an older one does nothing.
    pub epoch: u64,
    /// The broker's own; its `Drop` is what abandons.
    token: Box<dyn Any + Send>,
}

impl Claim {
    /// A claim around the broker's own token, whose `Drop` hands the message back unless the broker disarmed it.
    pub fn new(lane: Lane, seq: u64, epoch: u64, token: impl Any + Send) -> Self {
        let token = Box::new(token);
        Self {
            lane,
            seq,
            epoch,
            token,
        }
    }

    /// Gives the broker its token back. Fails on a claim that another broker made.
    pub fn into_token<T: Any>(self) -> Result<T, BrokerError> {
        match self.token.downcast() {
            Ok(token) => Ok(*token),
            Err(_) => Err(BrokerError::Failed(format!(
                "a claim on {} came from another broker",
                self.lane
            ))),
        }
    }

    /// The broker's own token, or none where another broker made the claim.
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
    /// Where it came from, for people and dead letters: `topic/partition/offset`.
    pub position: String,
    /// The right to settle it.
    pub claim: Claim,
}

/// What a source has to say.
#[derive(Debug)]
pub enum Event {
    /// A message, in the order of its lane.
    Delivery(Delivery),
    /// These lanes go to somebody else once [`Drained`] is dropped, or a broker's limit (5 s) has passed: begin nothing
    /// new in them, finish what is being settled, abandon the rest.
    Revoked(Vec<Lane>, Drained),
}

/// Dropped when nothing of the revoked lanes is in flight any more; the source waits for that.
#[derive(Debug)]
pub struct Drained {
    _done: oneshot::Sender<()>,
}

impl Drained {
    /// The guard, and what resolves (with an error, which says nothing) when it is dropped.
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
    /// No room: only what cannot wait, such as a revocation.
    EventsOnly,
}

/// Where messages come from.
///
/// Order: deliveries of one lane come in lane order, within an epoch none twice and none skipped. Events that cannot
/// wait go before deliveries. Bounds: a source reads ahead by a few messages at most, whatever it is asked.
#[async_trait]
pub trait Source: Send {
    /// The next event; waits while there is none. Cancel-safe: dropping the future loses nothing.
    async fn recv(&mut self, demand: Demand) -> Result<Event, BrokerError>;

    /// Since when this source delivers what there is: its member was told what it holds, be it nothing, and the broker
    /// answers. Fails, with the reason and the remedy, where it is not so, and silence says nothing. Asked when nothing came
    /// for a while; answered in a bounded time. Cancel-safe.
    async fn listening_since(&mut self) -> Result<Instant, BrokerError>;

    /// What tells this source's positions from those of every other broker, for as long as the messages are kept.
    fn cluster(&self) -> &str;

    /// Leaves the group cleanly, so that another member takes over at once. Unsettled claims are abandoned.
    async fn close(self: Box<Self>) -> Result<(), BrokerError>;
}

/// Where an output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// The output topic.
    Answers,
    /// The topic of what could not be answered.
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

/// Resolves when something that was accepted is safe: it has survived whatever the broker promises to survive.
pub type Durable<E> = Pin<Box<dyn Future<Output = Result<(), E>> + Send>>;

/// A delivery guarantee: publishes the outputs of a message and consumes it, as one act.
///
/// Called in lane order, by one task or several. `settle` returns once the act is accepted, in that order; waiting in
/// it is backpressure. What it returns resolves when the outputs are confirmed *and* the claim is consumed, and must be
/// polled: the act may only advance while it is. A broker that gathers acts into one bounds that by time, so nobody has
/// to flush. A claim of an older epoch does nothing but say [`SettleError::Rewound`], and so does one that comes after an
/// abandoned claim of its lane and epoch.
///
/// An output that its topic never takes is told by [`BrokerError::Refused`], and the claim is abandoned. When the message comes
/// again it is settled by another output, so that it holds up nothing.
#[async_trait]
pub trait Settle: Send + Sync {
    /// Accepts one act.
    async fn settle(&self, claim: Claim, outputs: Vec<Output>) -> Result<Durable<SettleError>, SettleError>;

    /// As [`Sink::limits`].
    async fn limits(&self, route: Route) -> Result<Limits, BrokerError>;
}

/// What is known of a topic's own limits before anything is published to it. What is within them may be refused all the same,
/// by [`BrokerError::Refused`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The largest message that it takes, key and headers included; none: no limit is known. Bytes.
    pub max_bytes: Option<usize>,
    /// It takes no message without a key.
    pub needs_key: bool,
}

/// Publishes messages, with no claim: what `produce` needs, and one half of at-least-once.
#[async_trait]
pub trait Sink: Send + Sync {
    /// Accepts an output in the order of the calls; the future that it returns resolves when the broker has confirmed it.
    /// What answers a message of a `lane` and has no key keeps the order of that lane.
    async fn enqueue(&self, output: Output, lane: Option<&Lane>) -> Result<Durable<BrokerError>, BrokerError>;

    /// What the topic of a route takes. Asked when there is something for that topic, which is made where it is missing.
    async fn limits(&self, route: Route) -> Result<Limits, BrokerError>;
}

/// Consumes claims, with no output: what `consume` needs, and the other half of at-least-once.
#[async_trait]
pub trait Ack: Send + Sync {
    /// Whether the claim is of its lane's present epoch: nothing is to be published for one that is not.
    fn is_current(&self, claim: &Claim) -> bool;

    /// Consumes one claim, and resolves when that is safe. Claims of one lane may come in any order, but only the
    /// contiguous ones count, by a [`Watermark`]: one that is ahead of its turn may wait here for those before it.
    async fn ack(&self, claim: Claim) -> Result<(), SettleError>;
}

/// Why an act was not settled.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SettleError {
    /// These lanes were rewound or lost; nothing happened, and the messages come again, here or at another member.
    #[error("the lanes {} went back to their last consumed message", join(.0))]
    Rewound(Vec<Lane>),
    /// Somebody younger of the same name took over; stop.
    #[error("fenced: {0}")]
    Fenced(String),
    /// The broker failed.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

fn join(lanes: &[Lane]) -> String {
    let names: Vec<_> = lanes.iter().map(Lane::to_string).collect();
    names.join(", ")
}

/// Of [`BrokerError::Refused`]: the message is larger than its topic takes.
pub const TOO_LARGE: &str = "too-large";
/// Of [`BrokerError::Refused`]: any other reason.
pub const NOT_PUBLISHABLE: &str = "not-publishable";

/// What a broker could not do. Each message names the value and the remedy.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BrokerError {
    /// This broker, or this use of it, is not there.
    #[error("{0}")]
    Unsupported(String),
    /// The topic does not exist.
    #[error("there is no topic '{topic}' {place}; create it with 'host topics create {topic} {options}'")]
    UnknownTopic {
        /// The topic asked for.
        topic: String,
        /// Where it was looked for, such as `in ./host.db`.
        place: String,
        /// What tells the command where that is, such as `--local-file ./host.db`.
        options: String,
    },
    /// One message is over the broker's limit.
    #[error(
        "a message of {size} bytes is over the limit of {limit}; send smaller batches or raise --max-message-bytes"
    )]
    TooLarge {
        /// Bytes.
        size: usize,
        /// Bytes.
        limit: usize,
    },
    /// The topic never takes this message, and others all the same: the fault is the message's own, and not the topic's or
    /// the connection's.
    #[error("{detail}")]
    Refused {
        /// [`TOO_LARGE`], or [`NOT_PUBLISHABLE`] for any other reason.
        code: &'static str,
        /// For people.
        detail: String,
    },
    /// Not published because of another message that was refused: to be sent again.
    #[error("{0}")]
    HeldBack(String),
    /// Settings that cannot be used.
    #[error("{0}")]
    Configuration(String),
    /// Nobody answers, which may pass by itself.
    #[error("{0}")]
    Unreachable(String),
    /// Anything else: locked, read-only, foreign, full, gone.
    #[error("{0}")]
    Failed(String),
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

/// One partition: messages `start..end` are stored.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct PartitionDescription {
    /// Its number, from 0.
    pub partition: u32,
    /// The offset of the oldest message that is kept.
    pub start: u64,
    /// The offset that the next message will get.
    pub end: u64,
    /// What the messages take, keys and headers included; none where the broker does not say.
    pub bytes: Option<u64>,
}

/// How far a group has come in one topic.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct GroupDescription {
    /// Its name.
    pub group: String,
    /// Messages of all partitions that it has not consumed; none where the broker does not say.
    pub lag: Option<u64>,
    /// Members that hold a partition now; none where the broker does not say.
    pub members: Option<u32>,
}

/// What `host topics` does.
#[async_trait]
pub trait Admin: Send + Sync {
    /// Creates a topic. False: it was there already, with the same number of partitions; another number is an error.
    async fn create(&self, topic: &str, partitions: u32) -> Result<bool, BrokerError>;
    /// Every topic, by name.
    async fn list(&self) -> Result<Vec<TopicDescription>, BrokerError>;
    /// One topic, or [`BrokerError::UnknownTopic`].
    async fn describe(&self, topic: &str) -> Result<TopicDescription, BrokerError>;
    /// Forgets a group's offsets in a topic, so that it no longer holds messages back. False: there were none.
    async fn forget_group(&self, topic: &str, group: &str) -> Result<bool, BrokerError>;
}
