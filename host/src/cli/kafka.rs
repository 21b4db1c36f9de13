//! Options for Kafka.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::heading::KAFKA;
use crate::values::DEFAULT_BOOTSTRAP;

/// How to reach Kafka. Secrets come from a file or the environment, where no other user of the machine sees them.
#[derive(Args, Clone, Debug, Default)]
pub struct KafkaArgs {
    /// Addresses of Kafka brokers, separated by commas.
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "KAFKA_URI",
        default_value = DEFAULT_BOOTSTRAP,
        help_heading = KAFKA
    )]
    pub bootstrap_servers: String,
    /// Encrypt the connection.
    #[arg(long, help_heading = KAFKA)]
    pub tls: bool,
    /// Trust this certificate authority instead of the system's, a PEM file; implies --tls.
    #[arg(long, value_name = "FILE", help_heading = KAFKA)]
    pub tls_ca: Option<PathBuf>,
    /// The client certificate, a PEM file; implies --tls.
    #[arg(long, value_name = "FILE", requires = "tls_key", help_heading = KAFKA)]
    pub tls_certificate: Option<PathBuf>,
    /// The certificate's private key, a PEM file.
    #[arg(long, value_name = "FILE", requires = "tls_certificate", help_heading = KAFKA)]
    pub tls_key: Option<PathBuf>,
    /// How to log in.
    #[arg(
        long,
        value_enum,
        value_name = "MECHANISM",
        ignore_case = true,
        help_heading = KAFKA
    )]
    pub sasl: Option<SaslName>,
    /// The user name.
    #[arg(long, value_name = "NAME", env = "KAFKA_USERNAME", help_heading = KAFKA)]
    pub sasl_username: Option<String>,
    /// The file with the password [default: the environment variable KAFKA_PASSWORD].
    #[arg(long, value_name = "FILE", requires = "sasl", help_heading = KAFKA)]
    pub sasl_password_file: Option<PathBuf>,
    /// The file with the token, for oauthbearer; read again whenever a token is needed. Topics cannot be created with
    /// a token.
    #[arg(long, value_name = "FILE", help_heading = KAFKA)]
    pub sasl_token_file: Option<PathBuf>,
    /// Compress what is published.
    #[arg(long, value_enum, value_name = "CODEC", help_heading = KAFKA)]
    pub compression: Option<CompressionName>,
    /// Any property of librdkafka, as kafka.KEY=VALUE, or kafka.KEY=@FILE for the contents of a file; may be
    /// repeated.
    #[arg(long = "set", value_name = "kafka.KEY=VALUE", help_heading = KAFKA)]
    pub properties: Vec<String>,
}

/// How to log in to Kafka.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SaslName {
    /// User name and password in the clear: use it with --tls.
    Plain,
    /// User name and password, which are not sent over the network.
    #[value(name = "scram-sha-256")]
    ScramSha256,
    /// The same with a longer hash.
    #[value(name = "scram-sha-512")]
    ScramSha512,
    /// A token.
    Oauthbearer,
}

/// How to compress what is published to Kafka.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CompressionName {
    /// No compression.
    None,
    /// RFC 1952.
    Gzip,
    /// Fast.
    Snappy,
    /// Fast.
    Lz4,
    /// Small.
    Zstd,
}

/// A delivery guarantee, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DeliveryName {
    /// After a crash a message may be answered twice.
    AtLeastOnce,
    /// Publishing the answer and consuming the message are one transaction.
    ExactlyOnce,
}
