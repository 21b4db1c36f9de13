//! A test's control over a running server: JSON over HTTP to its control server, whose verbs are in
//! `pubsub/control.go`.

use super::server::PubSub;
use crate::program::DEADLINE;
use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Messages that are requested or published at once: of the largest, 1 GB.
const PAGE: usize = 100;

/// What kind of subscription.
#[derive(Clone, Debug, Default)]
pub struct SubscriptionOptions {
    /// Messages with the same ordering key come in order.
    pub ordering: bool,
    /// A late acknowledgement fails.
    pub exactly_once: bool,
    /// From 10 to 600 s; 0 stands for 10.
    pub ack_deadline_s: u32,
}

/// A message that was published, or will be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// Set by the server; empty in a message to publish.
    #[serde(skip_serializing)]
    pub id: String,
    /// The payload.
    #[serde(with = "in_base64", default)]
    pub data: Vec<u8>,
    /// At most 100, none with an empty name.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// Empty for none.
    #[serde(default)]
    pub ordering_key: String,
}

/// Counts of one subscription, since it was created or [cleared](PubSub::clear_all).
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Stats {
    /// Messages that came to the topic.
    pub published: u64,
    /// Deliveries, each under an id of its own.
    pub delivered: u64,
    /// Deliveries of messages that had been delivered before.
    pub redelivered: u64,
    /// Messages that are done.
    pub acked: u64,
    /// Leases that were handed back.
    pub nacked: u64,
    /// Leases that have expired, by themselves or on demand.
    pub expired: u64,
    /// Acknowledgements after their lease had ended. A repeated one is not late.
    pub late_acks: u64,
    /// The same for handing a lease back.
    pub late_nacks: u64,
    /// The same for extending a lease.
    pub late_extensions: u64,
    /// Leases now.
    pub outstanding: u64,
    /// Open streams now.
    pub streams: u64,
}

/// A fault for the next `count` calls of a method.
#[derive(Clone, Debug, Default)]
pub struct Fault<'a> {
    /// Such as `Publish`. `StreamingPull` fails when a stream opens.
    pub method: &'a str,
    /// Such as `UNAVAILABLE`. Empty: the call is only delayed.
    pub code: &'a str,
    /// At least 1.
    pub count: u32,
    /// Empty: Google's own for such a case.
    pub message: &'a str,
    /// How long the call hangs first.
    pub delay: Duration,
    /// The service does what is requested, and the reply is lost.
    pub after: bool,
}

/// Who may call. Without a key and a refresh token that is everyone, as at first.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Credentials {
    /// A key that is removed here counts as deleted. Tokens issued for it stay valid until they expire.
    pub keys: Vec<Key>,
    /// Accepted by the token endpoint for the grant type `refresh_token`.
    pub refresh_tokens: Vec<String>,
    /// How far the server's clock is ahead of this machine's.
    pub clock_offset_s: i64,
    /// Of the tokens that are issued; 0 means an hour.
    pub token_lifetime_s: u32,
}

/// The public half of a service account's key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Key {
    /// The `kid` in a signature's header.
    pub id: String,
    /// `-----BEGIN PUBLIC KEY-----` and so on.
    pub pem: String,
    /// The account's.
    pub email: String,
}

/// A service account for tests.
#[derive(Clone, Debug)]
pub struct ServiceAccount {
    /// Its key file in Google's format: for GOOGLE_APPLICATION_CREDENTIALS.
    pub file: PathBuf,
    /// What the server must know about it.
    pub key: Key,
}

impl PubSub {
    /// Fails if the topic exists.
    pub fn create_topic(&self, project: &str, topic: &str) -> Result<()> {
        self.act("topics", &json!({"name": topic_name(project, topic)}))
    }

    /// Its subscriptions stay, and receive nothing any more.
    pub fn delete_topic(&self, project: &str, topic: &str) -> Result<()> {
        self.act("delete-topic", &json!({"name": topic_name(project, topic)}))
    }

    /// A subscription to a topic of the same project.
    pub fn create_subscription(
        &self,
        project: &str,
        subscription: &str,
        topic: &str,
        options: &SubscriptionOptions,
    ) -> Result<()> {
        let question = json!({
            "name": subscription_name(project, subscription),
            "topic": topic_name(project, topic),
            "ordering": options.ordering,
            "exactly_once": options.exactly_once,
            "ack_deadline_s": options.ack_deadline_s,
        });
        self.act("subscriptions", &question)
    }

    /// Publishes messages in order, and returns their ids.
    pub fn publish(&self, project: &str, topic: &str, messages: &[Published]) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Answer {
            ids: Vec<String>,
        }
        let mut ids = Vec::new();
        for page in messages.chunks(PAGE) {
            let question = json!({"topic": topic_name(project, topic), "messages": page});
            let answer: Answer = self.post("publish", &question)?;
            ids.extend(answer.ids);
        }
        Ok(ids)
    }

    /// All messages of a topic in the order of their publication, except cleared ones.
    pub fn messages(&self, project: &str, topic: &str) -> Result<Vec<Published>> {
        self.messages_from(project, topic, 0, true)
    }

    /// The same without the first `from`, and optionally without their data, which may be large.
    pub fn messages_from(&self, project: &str, topic: &str, from: usize, data: bool) -> Result<Vec<Published>> {
        let topic = topic_name(project, topic);
        let mut found = Vec::new();
        loop {
            let from = from + found.len();
            let path = format!("messages?topic={topic}&from={from}&limit={PAGE}&data={data}");
            let page: Vec<Published> = self.get(&path)?;
            let last = page.len() < PAGE;
            found.extend(page);
            if last {
                return Ok(found);
            }
        }
    }

    /// The counts of a subscription.
    pub fn stats(&self, project: &str, subscription: &str) -> Result<Stats> {
        let name = subscription_name(project, subscription);
        let mut all = self.get::<AllStats>("stats")?;
        all.subscriptions
            .remove(&name)
            .with_context(|| format!("no subscription {name}"))
    }

    /// How often clients have called each method, denied and failed calls included.
    pub fn calls(&self) -> Result<BTreeMap<String, u64>> {
        Ok(self.get::<AllStats>("stats")?.calls)
    }

    /// Makes a topic refuse each message that contains these bytes, and the whole request with it, as for a schema.
    pub fn forbid(&self, project: &str, topic: &str, bytes: &[u8]) -> Result<()> {
        let question = json!({"topic": topic_name(project, topic), "data": BASE64.encode(bytes)});
        self.act("forbid", &question)
    }

    /// Makes these methods, and no others, answer PERMISSION_DENIED.
    ///
    /// To an account with only the roles Publisher and Subscriber, Google denies `GetTopic`, `CreateTopic`,
    /// `GetSubscription`, `CreateSubscription`, `ListTopics` and `ListSubscriptions`.
    pub fn deny(&self, methods: &[&str]) -> Result<()> {
        self.act("deny", &json!({"methods": methods}))
    }

    /// Adds a fault after the unused ones of its method.
    pub fn fail(&self, fault: &Fault) -> Result<()> {
        let question = json!({
            "method": fault.method,
            "code": fault.code,
            "count": fault.count,
            "message": fault.message,
            "delay_ms": u64::try_from(fault.delay.as_millis())?,
            "after": fault.after,
        });
        self.act("fail", &question)
    }

    /// Makes the next `count` acknowledgements of a subscription with exactly-once delivery fail, each by its id,
    /// such as with `TRANSIENT_FAILURE_OTHER`. With `PERMANENT_FAILURE_INVALID_ACK_ID` their leases end.
    pub fn fail_acks(&self, project: &str, subscription: &str, count: u32, failure: &str) -> Result<()> {
        let subscription = subscription_name(project, subscription);
        let question = json!({"subscription": subscription, "count": count, "failure": failure});
        self.act("fail-acks", &question)
    }

    /// Ends all streams with a code, such as `UNAVAILABLE`. Leases stay.
    pub fn close_streams(&self, code: &str) -> Result<()> {
        self.act("close-streams", &json!({"code": code}))
    }

    /// Ends each stream with UNAVAILABLE after this long, as the service does after half an hour. `None`, as at
    /// first: never.
    pub fn stream_lifetime(&self, lifetime: Option<Duration>) -> Result<()> {
        let ms = lifetime.map_or(0, |lifetime| lifetime.as_millis().max(1));
        self.act("stream-lifetime", &json!({"ms": u64::try_from(ms)?}))
    }

    /// Delivers nothing while streams stay open, until it is called with false.
    pub fn mute(&self, muted: bool) -> Result<()> {
        self.act("mute", &json!({"muted": muted}))
    }

    /// Expires the leases of a subscription, and returns how many there were. The messages are redelivered at once.
    pub fn expire_leases(&self, project: &str, subscription: &str) -> Result<u64> {
        #[derive(Deserialize)]
        struct Answer {
            expired: u64,
        }
        let question = json!({"subscription": subscription_name(project, subscription)});
        Ok(self.post::<Answer>("expire", &question)?.expired)
    }

    /// Accepts only callers with these credentials.
    pub fn require_credentials(&self, credentials: &Credentials) -> Result<()> {
        self.act("credentials", &serde_json::to_value(credentials)?)
    }

    /// Creates a service account and writes its file into a folder. It is not accepted by itself.
    pub fn service_account(&self, project: &str, folder: &Path) -> Result<ServiceAccount> {
        #[derive(Deserialize)]
        struct Answer {
            file: Value,
            key: Key,
        }
        let Answer { file: text, key } = self.post("service-account", &json!({"project": project}))?;
        let file = folder.join(format!("{}.json", key.id));
        fs::write(&file, serde_json::to_vec_pretty(&text)?).with_context(|| file.display().to_string())?;
        Ok(ServiceAccount { file, key })
    }

    /// Forgets the acknowledged messages of a topic, and frees their memory. Acknowledged means by every subscription
    /// that existed when they arrived.
    pub fn clear(&self, project: &str, topic: &str) -> Result<()> {
        self.act("clear", &json!({"topic": topic_name(project, topic)}))
    }

    /// Forgets all messages, leases and counts of subscriptions. Topics, subscriptions and streams stay.
    pub fn clear_all(&self) -> Result<()> {
        self.act("clear", &json!({}))
    }

    fn act(&self, verb: &str, question: &Value) -> Result<()> {
        self.post::<Value>(verb, question).map(drop)
    }

    fn post<A: DeserializeOwned>(&self, verb: &str, question: &Value) -> Result<A> {
        self.ask(&format!("POST /{verb}"), &question.to_string())
    }

    fn get<A: DeserializeOwned>(&self, path: &str) -> Result<A> {
        self.ask(&format!("GET /{path}"), "")
    }

    fn ask<A: DeserializeOwned>(&self, line: &str, body: &str) -> Result<A> {
        let answer = exchange(self.control_port(), line, body).with_context(|| format!("Pub/Sub's server, {line}"))?;
        serde_json::from_slice(&answer).with_context(|| format!("Pub/Sub's server, {line}, has another answer"))
    }
}

/// Sends a request and returns the body of the response, which ends with the connection, as before HTTP 1.1.
fn exchange(port: u16, line: &str, body: &str) -> Result<Vec<u8>> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, DEADLINE)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    let length = body.len();
    write!(
        stream,
        "{line} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let head = head.context("an answer that is cut short")?;
    let body = answer.split_off(head + 4);
    if !answer.starts_with(b"HTTP/1.0 200 ") {
        bail!("{}", String::from_utf8_lossy(&body).trim_end());
    }
    Ok(body)
}

#[derive(Deserialize)]
struct AllStats {
    calls: BTreeMap<String, u64>,
    subscriptions: BTreeMap<String, Stats>,
}

fn topic_name(project: &str, topic: &str) -> String {
    format!("projects/{project}/topics/{topic}")
}

fn subscription_name(project: &str, subscription: &str) -> String {
    format!("projects/{project}/subscriptions/{subscription}")
}

/// Bytes in JSON, as Go writes and reads them.
mod in_base64 {
    use super::{BASE64, Engine};
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(data: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&base64::display::Base64Display::new(data, &BASE64))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64.decode(text).map_err(D::Error::custom)
    }
}
