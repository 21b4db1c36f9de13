//! What every Kafka client of this process has in common: its configuration, its log, the last error it reported, its
//! token.

use std::error::Error;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

use crate::config::KafkaConfig;

/// How long a token counts where it does not say so itself.
const TOKEN_LIFETIME: Duration = Duration::from_secs(300);

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

/// Hears what a client has to say of itself. Clones hear for the same broker.
#[derive(Clone, Debug, Default)]
pub(super) struct Reporter {
    last: Arc<Mutex<Option<Report>>>,
    token_file: Option<PathBuf>,
}

/// One error that a client reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub code: RDKafkaErrorCode,
    pub reason: String,
}

impl Reporter {
    pub fn new(config: &KafkaConfig) -> Self {
        Self {
            last: Arc::default(),
            token_file: config.token_file.clone(),
        }
    }

    /// The last error that says why a connection fails.
    pub fn last(&self) -> Option<Report> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for Reporter {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            // librdkafka calls lost connections an error, again and again; `error` below says each once.
            | RDKafkaLogLevel::Warning
            | RDKafkaLogLevel::Notice => tracing::debug!(facility, "{message}"),
            RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => tracing::trace!(facility, "{message}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let Some(code) = error.rdkafka_error_code() else {
            return;
        };
        // It says only that what was reported before is so for every broker.
        if code == RDKafkaErrorCode::AllBrokersDown && self.last().is_some() {
            return;
        }
        let report = Report {
            code,
            reason: reason.to_owned(),
        };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref().is_none_or(|last| last.code != code) {
            tracing::warn!("kafka: {reason}");
        }
        *last = Some(report);
    }

    fn generate_oauth_token(&self, _config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        let file = self
            .token_file
            .as_ref()
            .ok_or("OAUTHBEARER needs a token; name its file with --sasl-token-file")?;
        let token = std::fs::read_to_string(file)
            .map_err(|error| format!("the token file {} cannot be read: {error}", file.display()))?;
        let token = token.trim().to_owned();
        let claims = claims(&token);
        let seconds = claims.as_ref().and_then(|claims| claims.get("exp")?.as_i64());
        let principal = claims.as_ref().and_then(|claims| claims.get("sub")?.as_str());
        Ok(OAuthToken {
            principal_name: principal.unwrap_or("host").to_owned(),
            lifetime_ms: seconds.map_or_else(in_a_while, |seconds| seconds.saturating_mul(1000)),
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
