//! The two ends of a pipeline: one broker, or any two.

use std::path::{Path, PathBuf};

use super::{BrokerConfig, BrokerKind, Delivery};
use crate::cli::{BrokerAddress, BrokerArgs, MemberArgs, StorageArgs};
use crate::exit::Failure;

/// Where a pipeline reads, and where it publishes.
#[derive(Clone, Debug)]
pub struct Ends {
    /// Messages come from here, and dead letters go here, where their senders look for them.
    pub input: BrokerConfig,
    /// Answers go here.
    pub output: BrokerConfig,
}

impl Ends {
    /// One broker for both.
    pub fn one(broker: BrokerConfig) -> Self {
        Self {
            input: broker.clone(),
            output: broker,
        }
    }

    /// From what was typed; an end that is not named is at `--broker`. Fails if the options contradict each other.
    pub fn new(
        args: &BrokerArgs,
        input: Option<BrokerAddress>,
        output: Option<BrokerAddress>,
        storage: &StorageArgs,
        member: MemberArgs,
        delivery: Option<Delivery>,
    ) -> Result<Self, Failure> {
        let named = |end: Option<BrokerAddress>| {
            end.unwrap_or(BrokerAddress {
                broker: args.broker,
                address: None,
            })
        };
        let (input, output) = (named(input), named(output));
        let at = |end: BrokerAddress| BrokerConfig::at(end.broker, end.address, args.clone(), storage);
        let mut ends = Self {
            input: at(input)?.for_member(member)?,
            output: at(output)?,
        };
        ends.set_delivery(delivery)?;
        Ok(ends)
    }

    /// Whether both ends are one cluster, one file or one project.
    pub fn are_one(&self) -> bool {
        match (&self.input.kind, &self.output.kind) {
            (BrokerKind::Local(input), BrokerKind::Local(output)) => whole(&input.file) == whole(&output.file),
            (BrokerKind::Kafka(input), BrokerKind::Kafka(output)) => {
                input.bootstrap_servers == output.bootstrap_servers
            }
            (BrokerKind::PubSub(input), BrokerKind::PubSub(output)) => {
                (&input.project, &input.endpoint) == (&output.project, &output.endpoint)
            }
            _ => false,
        }
    }

    /// The largest message that both ends take. Bytes.
    pub fn max_message_bytes(&self) -> usize {
        self.input.max_message_bytes.min(self.output.max_message_bytes)
    }

    fn set_delivery(&mut self, delivery: Option<Delivery>) -> Result<(), Failure> {
        let Some(delivery) = delivery else { return Ok(()) };
        let are_one = self.are_one();
        let refused = |why: &str| {
            Err(Failure::Usage(format!(
                "--delivery exactly-once: {why}; leave it out, and drop answers that come twice by their header dedupe-id"
            )))
        };
        match &mut self.input.kind {
            _ if delivery == Delivery::ExactlyOnce && !are_one => refused("no transaction spans two brokers"),
            BrokerKind::PubSub(_) if delivery == Delivery::ExactlyOnce => {
                refused("Pub/Sub has no transaction over a message and its answer")
            }
            BrokerKind::Kafka(kafka) => {
                kafka.delivery = delivery;
                Ok(())
            }
            BrokerKind::Local(_) | BrokerKind::PubSub(_) => Ok(()),
        }
    }
}

/// The same for every way to name a file, which need not exist.
fn whole(file: &Path) -> PathBuf {
    let absolute = || std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    file.canonicalize().unwrap_or_else(|_| absolute())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn ends(arguments: &[&str]) -> Result<Ends, Failure> {
        let typed = ["host", "run"].iter().chain(arguments);
        let Command::Run(run) = Cli::try_parse_from(typed).unwrap().command else {
            return Err(Failure::Usage("not `run`".to_owned()));
        };
        let delivery = run.delivery.map(Delivery::from);
        Ends::new(&run.broker, run.input, run.output, &run.storage, run.member, delivery)
    }

    #[test]
    fn an_end_that_is_not_named_is_at_the_broker() {
        let both = ends(&["--local-file", "a.db"]).unwrap();
        assert!(both.are_one());
        assert!(
            ends(&["--local-file", "./a.db", "--output", "local:a.db"])
                .unwrap()
                .are_one()
        );
        let one = ends(&["--local-file", "a.db", "--output", "kafka:somewhere:9092"]).unwrap();
        assert!(!one.are_one());
        assert_eq!(one.input.place(), "a.db");
        assert_eq!(one.output.place(), "somewhere:9092");
    }

    #[test]
    fn an_end_without_an_address_is_where_the_options_say() {
        let ends = ends(&[
            "--bootstrap-servers",
            "here:1",
            "--input",
            "kafka",
            "--output",
            "pubsub:p",
        ])
        .unwrap();
        assert_eq!(ends.input.place(), "here:1");
        assert_eq!(ends.output.place(), "project p");
    }

    #[test]
    fn exactly_once_is_refused_where_no_transaction_can_keep_it() {
        for arguments in [
            ["--input", "kafka:a:1", "--output", "kafka:b:1"].as_slice(),
            &["--output", "kafka:a:1"],
            &["--broker", "pubsub", "my-project"],
        ] {
            let refused = ends(&[arguments, &["--delivery", "exactly-once"]].concat()).unwrap_err();
            assert!(refused.to_string().contains("dedupe-id"), "{refused}");
        }
        assert!(ends(&["--delivery", "exactly-once"]).is_ok());
        assert!(ends(&["--broker", "kafka", "--delivery", "exactly-once"]).is_ok());
    }
}
