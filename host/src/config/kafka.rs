//! How to reach Kafka, checked, and the properties for librdkafka.

mod property;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::{CompressionName, DeliveryName, KafkaArgs, SaslName, StorageArgs};
use crate::exit::Failure;
use crate::files;
use crate::values::{DEFAULT_MAX_MESSAGE, Start};

/// A Kafka cluster, and how this program uses it.
#[derive(Clone)]
pub struct KafkaConfig {
    /// `host:port`, separated by commas.
    pub bootstrap_servers: String,
    /// Properties for librdkafka that add to this program's own or replace them. Some values are secrets.
    pub properties: BTreeMap<String, String>,
    /// Contains the token for OAUTHBEARER; read whenever one is needed.
    pub token_file: Option<PathBuf>,
    /// Partitions of topics that are created because they are missing.
    pub partitions: u32,
    /// Their replicas. None: the cluster's setting.
    pub replication: Option<u16>,
    /// The largest message to publish. Bytes.
    pub max_message_bytes: usize,
    /// Where a group starts that has never read the topic.
    pub start: Start,
    /// A pipeline's delivery guarantee.
    pub delivery: Delivery,
    /// A name that outlives the process: of the member of the group, and of its transactions.
    pub instance: Option<String>,
    /// How long a member that died keeps its partitions.
    pub session: Duration,
    /// A consumer that stands still for this long, with messages left to read, is replaced.
    pub stall: Duration,
}

impl fmt::Debug for KafkaConfig {
    /// Without the properties' values, some of which are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaConfig")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("properties", &self.properties.keys())
            .field("delivery", &self.delivery)
            .field("instance", &self.instance)
            .finish_non_exhaustive()
    }
}

/// A pipeline's delivery guarantee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// After a crash a message may be answered twice.
    AtLeastOnce,
    /// Outputs and offsets are one transaction.
    ExactlyOnce,
}

impl From<DeliveryName> for Delivery {
    fn from(name: DeliveryName) -> Self {
        match name {
            DeliveryName::AtLeastOnce => Self::AtLeastOnce,
            DeliveryName::ExactlyOnce => Self::ExactlyOnce,
        }
    }
}

impl KafkaConfig {
    /// The same as in Python's clients: others take over within 15 s.
    const SESSION: Duration = Duration::from_secs(10);

    /// How long a consumer may stand still with messages left to read.
    const STALL: Duration = Duration::from_secs(60);

    /// A cluster at this address, with the defaults.
    pub fn at(bootstrap_servers: &str) -> Self {
        Self {
            bootstrap_servers: bootstrap_servers.to_owned(),
            properties: BTreeMap::new(),
            token_file: None,
            partitions: 1,
            replication: None,
            max_message_bytes: DEFAULT_MAX_MESSAGE.as_usize(),
            start: Start::Earliest,
            delivery: Delivery::AtLeastOnce,
            instance: None,
            session: Self::SESSION,
            stall: Self::STALL,
        }
    }

    /// From the command line, and from the files and the variable with secrets that it names.
    pub(super) fn new(args: KafkaArgs, storage: &StorageArgs) -> Result<Self, Failure> {
        check_addresses(&args.bootstrap_servers)?;
        let mut properties = BTreeMap::new();
        let mut set = |key: &str, value: String| {
            properties.insert(key.to_owned(), value);
        };
        let tls = args.tls || args.tls_ca.is_some() || args.tls_certificate.is_some();
        let protocol = match (tls, args.sasl.is_some()) {
            (false, false) => "plaintext",
            (true, false) => "ssl",
            (false, true) => "sasl_plaintext",
            (true, true) => "sasl_ssl",
        };
        set("security.protocol", protocol.to_owned());
        let files = [
            ("ssl.ca.location", "--tls-ca", &args.tls_ca),
            ("ssl.certificate.location", "--tls-certificate", &args.tls_certificate),
            ("ssl.key.location", "--tls-key", &args.tls_key),
        ];
        for (key, option, file) in files {
            if let Some(file) = file {
                check_file(option, file)?;
                set(key, file.display().to_string());
            }
        }
        if let Some(mechanism) = args.sasl {
            set("sasl.mechanism", mechanism.name().to_owned());
            if mechanism == SaslName::Oauthbearer {
                let file = args.sasl_token_file.as_ref().ok_or_else(|| {
                    Failure::Configuration(
                        "--sasl oauthbearer needs a token; name its file with --sasl-token-file".to_owned(),
                    )
                })?;
                check_file("--sasl-token-file", file)?;
            } else {
                let user = args.sasl_username.ok_or_else(|| {
                    Failure::Configuration(
                        "--sasl needs a user; name it with --sasl-username or KAFKA_USERNAME".to_owned(),
                    )
                })?;
                set("sasl.username", user);
                set("sasl.password", password(args.sasl_password_file.as_deref())?);
            }
        }
        if let Some(codec) = args.compression {
            set("compression.type", codec.name().to_owned());
        }
        for property in &args.properties {
            let (key, value) = property::property(property)?;
            set(&key, value);
        }
        Ok(Self {
            properties,
            token_file: args.sasl_token_file,
            partitions: storage.partitions,
            replication: storage.replication,
            max_message_bytes: storage.max_message_bytes.as_usize(),
            ..Self::at(&args.bootstrap_servers)
        })
    }
}

fn password(file: Option<&Path>) -> Result<String, Failure> {
    match file {
        Some(file) => secret("--sasl-password-file", file),
        None => std::env::var("KAFKA_PASSWORD").map_err(|_| {
            Failure::Configuration(
                "--sasl needs a password; name its file with --sasl-password-file, or set KAFKA_PASSWORD".to_owned(),
            )
        }),
    }
}

/// The contents of a file, without the final line end that editors add.
fn secret(option: &str, file: &Path) -> Result<String, Failure> {
    let text = files::read_text(file, files::SMALL).map_err(|error| unreadable(option, file, &error))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// librdkafka would not name the missing file.
fn check_file(option: &str, file: &Path) -> Result<(), Failure> {
    files::open(file)
        .map(drop)
        .map_err(|error| unreadable(option, file, &error))
}

fn unreadable(option: &str, file: &Path, error: &std::io::Error) -> Failure {
    Failure::Configuration(format!("{option}: cannot read {}: {error}", file.display()))
}

/// librdkafka reads an invalid port as 0, and an empty address as one that does not answer.
fn check_addresses(servers: &str) -> Result<(), Failure> {
    let is_address = |text: &str| {
        let text = text.split_once("://").map_or(text, |(_, text)| text);
        match text.rsplit_once(':') {
            Some((host, port)) => !host.is_empty() && port.parse().is_ok_and(|port: u16| port > 0),
            None => !text.is_empty(),
        }
    };
    match servers.split(',').map(str::trim).find(|text| !is_address(text)) {
        Some(text) => Err(Failure::Configuration(format!(
            "'{text}' is not the address of a broker; write --bootstrap-servers HOST:PORT, or KAFKA_URI"
        ))),
        None => Ok(()),
    }
}

impl SaslName {
    /// Kafka's name for it.
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::Oauthbearer => "OAUTHBEARER",
        }
    }
}

impl CompressionName {
    /// Kafka's name for it.
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port_that_is_a_number() {
        for servers in ["kafka:9092", "kafka", "a:1,b:2", "a:1, b:2", "[::1]:9092", "SSL://a:1"] {
            assert_eq!(check_addresses(servers), Ok(()), "{servers}");
        }
        for servers in ["", "a:1,", ":9092", "kafka:port", "kafka:0", "kafka:65536"] {
            assert!(check_addresses(servers).is_err(), "{servers}");
        }
    }

    #[test]
    fn a_configuration_shows_no_secret() {
        let mut config = KafkaConfig::at("127.0.0.1:9092");
        config
            .properties
            .insert("sasl.password".to_owned(), "hunter2".to_owned());
        let shown = format!("{config:?}");
        assert!(shown.contains("sasl.password") && !shown.contains("hunter2"), "{shown}");
    }
}
