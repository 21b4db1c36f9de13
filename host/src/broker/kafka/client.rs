//! What every Kafka client of this process has in common: its configuration, its log, the last error it reported, its
//! token.

use std::error::Error;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

use super::report::Report;
use super::{fault, remedy};
use crate::config::KafkaConfig;
use crate::files;

/// How long a token counts where it does not say so itself.
const TOKEN_LIFETIME: Duration = Duration::from_secs(300);

/// A trouble that is not reported for so long is over: librdkafka repeats itself every 30 s.
const QUIET: Duration = Duration::from_secs(60);

/// What a client of any kind starts from. What was given by `--set` comes last in each client, so that it wins.
pub(super) fn base(config: &KafkaConfig) -> ClientConfig {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", &config.bootstrap_servers);
    client.set("client.id", "host");
    // A broker that is gone is looked for again soon, but not in a tight loop.
    client.set("reconnect.backoff.ms", "100");
    client.set("reconnect.backoff.max.ms", "2000");
    client.set_log_level(RDKafkaLogLevel::Info);
    client
}

/// Lays the user's own properties over a client's configuration.
pub(super) fn finish(mut client: ClientConfig, config: &KafkaConfig) -> ClientConfig {
    for (key, value) in &config.properties {
        client.set(key, value);
    }
    client
}

/// How the cluster is reached, as far as it explains an error.
#[derive(Debug)]
pub(super) struct Access {
    /// The addresses that were asked for.
    pub servers: String,
    pub is_tls: bool,
    pub is_sasl: bool,
    /// It logs in with a token.
    pub has_token: bool,
    /// What whoever listens to the network could log in with.
    pub in_the_clear: Option<&'static str>,
}

impl Access {
    fn new(config: &KafkaConfig) -> Self {
        let property = |key: &str| config.properties.get(key).map_or("", String::as_str);
        let protocol = property("security.protocol").to_ascii_lowercase();
        let mechanisms = [property("sasl.mechanism"), property("sasl.mechanisms")];
        let has = |mechanism| mechanisms.contains(&mechanism);
        let in_the_clear = match () {
            () if protocol != "sasl_plaintext" => None,
            () if has("PLAIN") => Some("password"),
            () if has("OAUTHBEARER") => Some("token"),
            () => None,
        };
        Self {
            servers: config.bootstrap_servers.clone(),
            is_tls: protocol.ends_with("ssl"),
            is_sasl: protocol.starts_with("sasl"),
            has_token: has("OAUTHBEARER"),
            in_the_clear,
        }
    }

    /// Says once, of all clients of this process, what can be read on its way to the broker.
    pub fn warn(&self) {
        static TOLD: Once = Once::new();
        if let Some(what) = self.in_the_clear {
            TOLD.call_once(|| {
                tracing::warn!(
                    "the {what} goes to kafka at {} in the clear, where others can read it: add --tls, or log in with --sasl \
                     scram-sha-512",
                    self.servers
                );
            });
        }
    }
}

/// Hears what a client has to say of itself. Clones hear for the same broker.
#[derive(Clone, Debug)]
pub(super) struct Reporter {
    access: Arc<Access>,
    token_file: Option<PathBuf>,
    heard: Arc<Mutex<Heard>>,
}

#[derive(Debug, Default)]
struct Heard {
    /// Until then whoever connects explains the errors, and nothing is told.
    is_connected: bool,
    /// What says best why a request fails.
    last: Option<(Report, Instant)>,
    /// A topic that may not be written to, of which the records of a transaction hear only that they were purged.
    denial: Option<(Report, Instant)>,
    /// What was told, and when it was last reported.
    told: Vec<(RDKafkaErrorCode, Instant)>,
}

impl Heard {
    fn last(&self) -> Option<&Report> {
        let (report, at) = self.last.as_ref()?;
        (at.elapsed() < QUIET).then_some(report)
    }

    /// Whether a report is the first of its kind since all was well.
    fn is_new(&mut self, code: RDKafkaErrorCode) -> bool {
        self.told.retain(|(_, at)| at.elapsed() < QUIET);
        let now = Instant::now();
        match self.told.iter_mut().find(|(told, _)| *told == code) {
            Some((_, at)) => {
                *at = now;
                false
            }
            None => {
                self.told.push((code, now));
                true
            }
        }
    }
}

impl Reporter {
    pub fn new(config: &KafkaConfig) -> Self {
        Self {
            access: Arc::new(Access::new(config)),
            token_file: config.token_file.clone(),
            heard: Arc::default(),
        }
    }

    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The cluster has answered: what was reported on the way is over, and what comes now is told.
    pub fn connected(&self) {
        *self.heard() = Heard {
            is_connected: true,
            ..Heard::default()
        };
    }

    pub fn is_connected(&self) -> bool {
        self.heard().is_connected
    }

    /// The last report that says why a connection fails, unless that is over.
    pub fn last(&self) -> Option<Report> {
        self.heard().last().cloned()
    }

    /// Why a record was given up with all others of its transaction, where one of them was denied.
    pub fn denial(&self, error: &KafkaError) -> Option<Report> {
        let is_purged = error.rdkafka_error_code().is_some_and(fault::is_purged);
        let (report, at) = self.heard().denial.clone().filter(|_| is_purged)?;
        (at.elapsed() < QUIET).then_some(report)
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A consumer that belongs to no group is never called back.
impl ConsumerContext for Reporter {}

impl ClientContext for Reporter {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        use RDKafkaLogLevel::{Alert, Critical, Debug, Emerg, Error, Info, Notice, Warning};
        match level {
            // librdkafka calls lost connections an error, again and again; `error` below says each once.
            Emerg | Alert | Critical | Error | Warning | Notice => tracing::debug!(facility, "{message}"),
            Info | Debug => tracing::trace!(facility, "{message}"),
        }
        // Whoever waits for a record of a transaction hears only that it was purged: why stands nowhere else.
        if facility == "ADDPARTS" && message.contains("Topic authorization failed") {
            let report = Report::new(RDKafkaErrorCode::TopicAuthorizationFailed, message);
            self.heard().denial = Some((report, Instant::now()));
        }
        // A broker that hangs up is no error to librdkafka, and often all there is to explain one.
        if facility == "FAIL" && matches!(level, Warning | Notice | Info) {
            let report = Report::new(RDKafkaErrorCode::BrokerTransportFailure, message);
            let mut heard = self.heard();
            if heard.last().is_none_or(|last| fault::is_vague(last.code)) {
                heard.last = Some((report, Instant::now()));
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let Some(code) = error.rdkafka_error_code() else {
            return;
        };
        let mut heard = self.heard();
        let report = match heard.last() {
            // It says only that what was reported before is so for every broker.
            Some(last) if code == RDKafkaErrorCode::AllBrokersDown => last.clone(),
            _ => Report::new(code, reason),
        };
        // Whoever reads says which place is wrong, and why.
        let is_misplaced = matches!(
            code,
            RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange
        );
        let is_told = heard.is_connected && !is_misplaced && heard.is_new(report.code);
        heard.last = Some((report.clone(), Instant::now()));
        drop(heard);
        if is_told {
            tracing::warn!("{}; trying again", remedy::tell(&report, &self.access, true));
        }
    }

    fn generate_oauth_token(&self, _config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        let file = self
            .token_file
            .as_ref()
            .ok_or("OAUTHBEARER needs a token; name its file with --sasl-token-file")?;
        let token = files::read_text(file, files::SMALL)
            .map_err(|error| format!("the token file {} cannot be read: {error}", file.display()))?;
        let token = token.trim().to_owned();
        let claims = claims(&token);
        // Seconds, and maybe a part of one.
        let seconds = claims.as_ref().and_then(|claims| claims.get("exp")?.as_f64());
        let principal = claims.as_ref().and_then(|claims| claims.get("sub")?.as_str());
        Ok(OAuthToken {
            principal_name: principal.unwrap_or("host").to_owned(),
            lifetime_ms: seconds.map_or_else(in_a_while, |seconds| (seconds * 1000.0) as i64),
            token,
        })
    }
}

/// What a JSON web token claims (RFC 7519), unverified: the broker verifies. None for any other token.
fn claims(token: &str) -> Option<serde_json::Value> {
    use base64::Engine;
    let payload = token.split('.').nth(1)?;
    let json = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?;
    serde_json::from_slice(&json).ok()
}

fn in_a_while() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from((now + TOKEN_LIFETIME).as_millis()).unwrap_or(i64::MAX)
}
