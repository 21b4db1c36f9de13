//! Properties of librdkafka from the command line, `kafka.KEY=VALUE`: which ones this program sets itself because its
//! guarantees depend on them, and which are secrets.

use std::path::Path;

use super::secret;
use crate::exit::Failure;

/// Properties that the guarantees depend on, or that have an option of this program, and what to do instead.
const OWN: [(&[&str], &str); 13] = [
    (
        &["bootstrap.servers", "metadata.broker.list"],
        "name the addresses with --bootstrap-servers, or KAFKA_URI",
    ),
    (&["group.id"], "name the group with --group"),
    (&["group.instance.id"], "name the member with --instance"),
    (
        &["transactional.id"],
        "it follows from --group and --instance: ask for transactions with --delivery exactly-once",
    ),
    (
        &["auto.offset.reset"],
        "say with --from where a new group starts; deleted messages are always reported, never skipped",
    ),
    (
        &[
            "enable.auto.commit",
            "auto.commit.enable",
            "auto.commit.interval.ms",
            "enable.auto.offset.store",
            "offset.store.method",
        ],
        "leave it out: a message counts as consumed when its answer is confirmed, and not before",
    ),
    (
        &["isolation.level"],
        "leave it out: messages of aborted transactions must never be read, or they would be answered",
    ),
    (
        &["group.protocol", "group.protocol.type", "group.remote.assignor"],
        "leave it out: all members of a --group must use the classic protocol",
    ),
    (
        &[
            "enable.idempotence",
            "acks",
            "request.required.acks",
            "enable.gapless.guarantee",
            "queuing.strategy",
        ],
        "leave it out: an output counts once all in-sync replicas have it, once and in order",
    ),
    (
        &["delivery.report.only.error", "enabled_events"],
        "leave it out: without delivery reports no message would ever count as consumed",
    ),
    (
        &["enable.partition.eof"],
        "leave it out: a stream has no end; stop with --idle-timeout",
    ),
    (
        &["check.crcs"],
        "leave it out: a damaged message must never be answered",
    ),
    (
        &["allow.auto.create.topics"],
        "create topics with 'host topics create', which has --partitions and --replication",
    ),
];

/// Parts of the names of secret properties, those of later versions included.
const SECRET: [&str; 5] = ["password", "passphrase", "secret", "key.pem", "oauthbearer.config"];

/// Key and value of a property: `kafka.KEY=VALUE` or `kafka.KEY=@FILE`.
pub(super) fn property(text: &str) -> Result<(String, String), Failure> {
    let malformed = || Failure::Usage(format!("'{text}' is not a property; write --set kafka.KEY=VALUE"));
    let (key, value) = text.split_once('=').ok_or_else(malformed)?;
    let key = key
        .strip_prefix("kafka.")
        .filter(|key| !key.is_empty())
        .ok_or_else(|| {
            // Without its value, which may be a secret.
            Failure::Usage(format!("'{key}' is not a property; write --set kafka.KEY=VALUE"))
        })?;
    if let Some((_, instead)) = OWN.iter().find(|(keys, _)| keys.contains(&key)) {
        return Err(Failure::Usage(format!("--set kafka.{key} cannot be set: {instead}")));
    }
    match value.strip_prefix('@') {
        Some(file) => Ok((key.to_owned(), secret(&format!("--set kafka.{key}"), Path::new(file))?)),
        None if SECRET.iter().any(|part| key.contains(part)) => Err(Failure::Usage(format!(
            "the value of '{key}' is a secret, which others could read in the list of processes; put it into a file and \
             write --set kafka.{key}=@FILE"
        ))),
        None => Ok((key.to_owned(), value.to_owned())),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Everything that librdkafka marks as sensitive, except names of files and users.
    const SECRETS: [&str; 9] = [
        "sasl.password",
        "ssl.key.password",
        "ssl.key.pem",
        "ssl.keystore.password",
        "sasl.oauthbearer.config",
        "sasl.oauthbearer.client.secret",
        "sasl.oauthbearer.client.credentials.client.secret",
        "sasl.oauthbearer.assertion.private.key.passphrase",
        "sasl.oauthbearer.assertion.private.key.pem",
    ];

    #[test]
    fn a_property_is_set_and_a_secret_only_from_a_file() {
        assert_eq!(
            property("kafka.linger.ms=50").unwrap(),
            ("linger.ms".to_owned(), "50".to_owned())
        );
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "hunter2\n").unwrap();
        for key in SECRETS {
            let from_file = property(&format!("kafka.{key}=@{}", file.path().display()));
            assert_eq!(from_file.unwrap(), (key.to_owned(), "hunter2".to_owned()));
            let typed = property(&format!("kafka.{key}=hunter2")).unwrap_err().to_string();
            assert!(typed.contains(&format!("--set kafka.{key}=@FILE")), "{typed}");
            assert!(!typed.contains("hunter2"), "{typed}");
        }
        for text in ["linger.ms=5", "kafka.=hunter2", "kafka.linger.ms"] {
            let error = property(text).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert!(property("kafka.ssl.key.location=key.pem").is_ok());
    }

    #[test]
    fn what_the_guarantees_rest_on_is_not_set_and_the_option_is_named_instead() {
        for (text, instead) in [
            ("enable.auto.commit=true", "its answer is confirmed"),
            ("auto.commit.enable=true", "its answer is confirmed"),
            ("enable.auto.offset.store=true", "its answer is confirmed"),
            ("auto.offset.reset=latest", "--from"),
            ("group.id=other", "--group"),
            ("group.instance.id=a", "--instance"),
            ("transactional.id=a", "--instance"),
            ("isolation.level=read_uncommitted", "transaction"),
            ("group.protocol=consumer", "--group"),
            ("enable.idempotence=false", "replica"),
            ("acks=1", "replica"),
            ("request.required.acks=0", "replica"),
            ("delivery.report.only.error=true", "consumed"),
            ("bootstrap.servers=elsewhere:9092", "--bootstrap-servers"),
            ("metadata.broker.list=elsewhere:9092", "--bootstrap-servers"),
            ("allow.auto.create.topics=true", "host topics create"),
        ] {
            let refused = property(&format!("kafka.{text}")).unwrap_err();
            assert!(
                matches!(&refused, Failure::Usage(said) if said.contains(instead)),
                "{refused}"
            );
        }
    }
}
