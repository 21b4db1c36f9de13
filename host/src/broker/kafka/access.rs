//! How a cluster is reached, as far as that explains its errors.

use std::sync::Once;

use crate::config::KafkaConfig;

/// How the cluster is reached, as far as it explains an error.
#[derive(Debug)]
pub(super) struct Access {
    /// The addresses given by the user.
    pub servers: String,
    pub is_tls: bool,
    pub is_sasl: bool,
    /// It logs in with a token.
    pub has_token: bool,
    /// What somebody who reads the network could log in with.
    pub in_the_clear: Option<&'static str>,
}

impl Access {
    pub fn new(config: &KafkaConfig) -> Self {
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

    /// Warns once for all clients of this process about secrets that can be read on their way to the broker.
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
