//! The embedded broker under test: a temporary file, opened again by every member.

use std::time::Duration;

use async_trait::async_trait;
use host::broker::local::Broker;
use host::broker::{Admin, Demand, Event, Source, Subscription};
use host::config::LocalConfig;
use host::message::Message;
use host::values::Start;
use tempfile::TempDir;

use super::{DEAD_LETTERS, Fixture, GROUP, INPUT, Member, OUTPUT, publish, within};

pub const MAX_MESSAGE_BYTES: usize = 16 << 20;

pub struct Local {
    _folder: TempDir,
    pub config: LocalConfig,
}

/// A broker whose leases end within a test.
pub fn fixture() -> Local {
    leased(Duration::from_secs(1))
}

/// A broker whose leases never expire within a test: whoever lives renews them in time. A member with nothing to read waits that long
/// before it counts its time-out.
pub fn patient() -> Local {
    leased(Duration::from_secs(15))
}

pub fn leased(lease: Duration) -> Local {
    let folder = tempfile::tempdir().unwrap();
    let config = LocalConfig {
        file: folder.path().join("host.db"),
        retention_bytes: 1 << 30,
        partitions: 1,
        lease,
        start: Start::Earliest,
    };
    Local {
        _folder: folder,
        config,
    }
}

impl Local {
    pub async fn broker(&self) -> Broker {
        Broker::open(&self.config, MAX_MESSAGE_BYTES).await.unwrap()
    }

    /// A connection such as another program might have.
    pub fn sqlite(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(&self.config.file).unwrap()
    }

    /// Everything in a topic, in order of partition and offset.
    pub async fn read(&self, topic: &str) -> Vec<Message> {
        let broker = self.broker().await;
        let Ok(description) = broker.describe(topic).await else {
            return Vec::new();
        };
        let count: u64 = description
            .partitions
            .iter()
            .map(|partition| partition.end - partition.start)
            .sum();
        let subscription = Subscription {
            topic: topic.to_owned(),
            group: "reader".to_owned(),
            create: false,
        };
        let mut source = broker.subscribe(&subscription).await.unwrap();
        let mut found = Vec::new();
        // Unsettled claims stay alive, so that the group does not move.
        let mut claims = Vec::new();
        while found.len() < usize::try_from(count).unwrap() {
            match within("what was written", source.recv(Demand::Deliveries))
                .await
                .unwrap()
            {
                Event::Delivery(delivery) => {
                    found.push((delivery.claim.lane.clone(), delivery.claim.seq, delivery.message));
                    claims.push(delivery.claim);
                }
                Event::Revoked(lanes, _) => panic!("{lanes:?} were revoked from the only reader"),
            }
        }
        Box::new(source).close().await.unwrap();
        assert!(broker.forget_group(topic, "reader").await.unwrap());
        found.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        found.into_iter().map(|(_, _, message)| message).collect()
    }

    async fn join_by(&self, broker: Broker) -> Member {
        let subscription = Subscription {
            topic: INPUT.to_owned(),
            group: GROUP.to_owned(),
            create: false,
        };
        let source = broker.subscribe(&subscription).await.unwrap();
        let settle = broker.writer(OUTPUT, DEAD_LETTERS).await.unwrap();
        Member {
            source: Box::new(source),
            settle: std::sync::Arc::new(settle),
        }
    }
}

#[async_trait]
impl Fixture for Local {
    fn is_exactly_once(&self) -> bool {
        true
    }

    fn tells_where_a_group_stands(&self) -> bool {
        true
    }

    fn lease(&self) -> Duration {
        self.config.lease
    }

    async fn create(&self, partitions: u32) {
        assert!(self.broker().await.create(INPUT, partitions).await.unwrap());
    }

    async fn append(&self, messages: Vec<Message>) {
        let sink = self.broker().await.writer(INPUT, INPUT).await.unwrap();
        publish(&sink, messages).await;
    }

    async fn join(&self) -> Member {
        self.join_by(self.broker().await).await
    }

    async fn join_where_letters_are_small(&self) -> Member {
        let config = LocalConfig {
            retention_bytes: 50_000,
            ..self.config.clone()
        };
        self.join_by(Broker::open(&config, MAX_MESSAGE_BYTES).await.unwrap())
            .await
    }

    async fn answers(&self) -> Vec<Message> {
        self.read(OUTPUT).await
    }

    async fn dead_letters(&self) -> Vec<Message> {
        self.read(DEAD_LETTERS).await
    }

    async fn lag(&self) -> u64 {
        let topic = self.broker().await.describe(INPUT).await.unwrap();
        let group = topic.groups.iter().find(|group| group.group == GROUP);
        group.map_or_else(
            || topic.partitions.iter().map(|partition| partition.end).sum(),
            |group| group.lag.unwrap(),
        )
    }

    async fn refuse_outputs(&self, refuse: bool) {
        let sql = if refuse {
            "CREATE TRIGGER refuse BEFORE INSERT ON record BEGIN SELECT RAISE(ABORT, 'refused'); END"
        } else {
            "DROP TRIGGER refuse"
        };
        let connection = self.sqlite();
        connection.busy_timeout(Duration::from_secs(5)).unwrap();
        connection.execute_batch(sql).unwrap();
    }

    /// The only message that a file never accepts is one that is too large.
    async fn refuse_one(&self) -> Message {
        Message::new(vec![0; MAX_MESSAGE_BYTES + 1])
    }
}
