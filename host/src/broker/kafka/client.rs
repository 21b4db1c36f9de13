//! What all Kafka clients of this process share: configuration, log, the last reported error, the token.

use std::error::Error;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

use super::access::Access;
use super::report::Report;
use super::{code, remedy};
use crate::config::KafkaConfig;
use crate::files;

/// How long a token is valid if it does not say so itself.
const TOKEN_LIFETIME: Duration = Duration::from_secs(300);

/// A problem that is not reported for that long is over: librdkafka repeats itself every 30 s.
const QUIET: Duration = Duration::from_secs(60);

/// The base configuration of every client. Properties from `--set` are added last, so that they win.
pub(super) fn base(config: &KafkaConfig) -> ClientConfig {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", &config.bootstrap_servers);
    client.set("client.id", "host");
    // Reconnect to an unreachable broker soon, but not in a tight loop.
    client.set("reconnect.backoff.ms", "100");
    client.set("reconnect.backoff.max.ms", "2000");
    client.set_log_level(RDKafkaLogLevel::Info);
    client
}

/// Adds the user's own properties to a client's configuration.
pub(super) fn finish(mut client: ClientConfig, config: &KafkaConfig) -> ClientConfig {
    for (key, value) in &config.properties {
        client.set(key, value);
    }
    client
}

/// Receives what a client reports about itself. Clones belong to the same broker.
#[derive(Clone, Debug)]
pub(super) struct Reporter {
    access: Arc<Access>,
    token_file: Option<PathBuf>,
    heard: Arc<Mutex<Heard>>,
}

#[derive(Debug, Default)]
struct Heard {
    /// Until then the code that connects explains the errors, and nothing is logged.
    is_connected: bool,
    /// The best explanation of why requests fail.
    last: Option<(Report, Instant)>,
    /// A topic that may not be written to. The records of a transaction only learn that they were purged.
    denial: Option<(Report, Instant)>,
    /// What was logged, and when it was last reported.
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

    /// The cluster has answered: earlier reports no longer count, later ones are logged.
    pub fn connected(&self) {
        *self.heard() = Heard {
            is_connected: true,
            ..Heard::default()
        };
    }

    pub fn is_connected(&self) -> bool {
        self.heard().is_connected
    }

    /// The last report that explains why a connection fails, unless that is over.
    pub fn last(&self) -> Option<Report> {
        self.heard().last().cloned()
    }

    /// Why a record was purged with its whole transaction, if one of its records was denied.
    pub fn denial(&self, error: &KafkaError) -> Option<Report> {
        let is_purged = error.rdkafka_error_code().is_some_and(code::is_purged);
        let (report, at) = self.heard().denial.clone().filter(|_| is_purged)?;
        (at.elapsed() < QUIET).then_some(report)
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A consumer without a group is never called back.
impl ConsumerContext for Reporter {}

impl ClientContext for Reporter {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        use RDKafkaLogLevel::{Alert, Critical, Debug, Emerg, Error, Info, Notice, Warning};
        match level {
            // librdkafka reports lost connections as errors, again and again; `error` below logs each once.
            Emerg | Alert | Critical | Error | Warning | Notice => tracing::debug!(facility, "{message}"),
            Info | Debug => tracing::trace!(facility, "{message}"),
        }
        // A record of a transaction only learns that it was purged: the reason is nowhere else.
        if facility == "ADDPARTS" && message.contains("Topic authorization failed") {
            let report = Report::new(RDKafkaErrorCode::TopicAuthorizationFailed, message);
            self.heard().denial = Some((report, Instant::now()));
        }
        // To librdkafka a broker that hangs up is no error, and often it is the only explanation of one.
        if facility == "FAIL" && matches!(level, Warning | Notice | Info) {
            let report = Report::new(RDKafkaErrorCode::BrokerTransportFailure, message);
            let mut heard = self.heard();
            if heard.last().is_none_or(|last| code::is_vague(last.code)) {
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
            // This only says that the earlier report is true of every broker.
            Some(last) if code == RDKafkaErrorCode::AllBrokersDown => last.clone(),
            _ => Report::new(code, reason),
        };
        // The reader reports which offset is wrong, and why.
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
        // Seconds, possibly with a fraction.
        let seconds = claims.as_ref().and_then(|claims| claims.get("exp")?.as_f64());
        let principal = claims.as_ref().and_then(|claims| claims.get("sub")?.as_str());
        Ok(OAuthToken {
            principal_name: principal.unwrap_or("host").to_owned(),
            lifetime_ms: seconds.map_or_else(in_a_while, |seconds| (seconds * 1000.0) as i64),
            token,
        })
    }
}

/// The claims of a JSON web token (RFC 7519), unverified: the broker verifies. None for any other token.
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
