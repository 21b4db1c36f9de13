//! `host topics`: create, list and describe topics, and forget groups.

use indicatif::{HumanBytes, HumanCount};
use serde_json::json;

use super::stdout;
use super::table::{Cell, Column, table};
use crate::broker::{TopicDescription, open_admin};
use crate::cli::{Format, StorageArgs, TopicsAction, TopicsCommand};
use crate::config::BrokerConfig;

impl TopicsCommand {
    /// Does one thing and prints what came of it.
    pub async fn execute(self) -> anyhow::Result<()> {
        match self.action {
            TopicsAction::Create {
                name,
                format,
                broker,
                storage,
            } => {
                let partitions = storage.partitions;
                let admin = open_admin(&BrokerConfig::new(broker, &storage)?).await?;
                let created = admin.create(&name, partitions).await?;
                match format {
                    Format::Json => stdout::write_json(&json!({"topic": name, "created": created})),
                    Format::Text if created => Ok(stdout::write(&format!("created {name}\n"))?),
                    Format::Text => Ok(stdout::write(&format!("{name} was there already\n"))?),
                }
            }
            TopicsAction::List { format, broker } => {
                let admin = open_admin(&BrokerConfig::new(broker, &StorageArgs::default())?).await?;
                let topics = admin.list().await?;
                match format {
                    Format::Json => stdout::write_json(&topics),
                    Format::Text => Ok(stdout::write_styled(&list(&topics))?),
                }
            }
            TopicsAction::Describe { name, format, broker } => {
                let admin = open_admin(&BrokerConfig::new(broker, &StorageArgs::default())?).await?;
                let topic = admin.describe(&name).await?;
                match format {
                    Format::Json => stdout::write_json(&topic),
                    Format::Text => Ok(stdout::write_styled(&describe(&topic))?),
                }
            }
            TopicsAction::ForgetGroup {
                topic,
                group,
                format,
                broker,
            } => {
                let admin = open_admin(&BrokerConfig::new(broker, &StorageArgs::default())?).await?;
                let forgotten = admin.forget_group(&topic, &group).await?;
                match format {
                    Format::Json => {
                        stdout::write_json(&json!({"topic": topic, "group": group, "forgotten": forgotten}))
                    }
                    Format::Text if forgotten => Ok(stdout::write(&format!("forgot {group} in {topic}\n"))?),
                    Format::Text => Ok(stdout::write(&format!("{group} had consumed nothing of {topic}\n"))?),
                }
            }
        }
    }
}

fn list(topics: &[TopicDescription]) -> String {
    let rows = topics.iter().map(|topic| {
        let groups: Vec<_> = topic.groups.iter().map(|group| group.group.as_str()).collect();
        let [count, messages, bytes] = match topic.partitions.as_slice() {
            [] => ["none".to_owned(), unknown(), unknown()],
            partitions => {
                let messages = partitions.iter().map(|partition| partition.end - partition.start);
                let bytes = partitions.iter().map(|partition| partition.bytes);
                [
                    partitions.len().to_string(),
                    HumanCount(messages.sum()).to_string(),
                    size(bytes.sum()),
                ]
            }
        };
        [topic.name.clone(), count, messages, bytes, groups.join(", ")]
            .map(Cell::from)
            .into()
    });
    let columns = [
        Column::Text("TOPIC"),
        Column::Number("PARTITIONS"),
        Column::Number("MESSAGES"),
        Column::Number("SIZE"),
        Column::Text("GROUPS"),
    ];
    table(&columns, rows)
}

fn describe(topic: &TopicDescription) -> String {
    let partitions = topic.partitions.iter().map(|partition| {
        let partition = [
            partition.partition.to_string(),
            partition.start.to_string(),
            partition.end.to_string(),
            size(partition.bytes),
        ];
        partition.map(Cell::from).into()
    });
    let mut text = format!("{}\n", topic.name);
    if !topic.partitions.is_empty() {
        text.push('\n');
        text += &table(&["PARTITION", "START", "END", "SIZE"].map(Column::Number), partitions);
    }
    if !topic.groups.is_empty() {
        let groups = topic.groups.iter().map(|group| {
            let group = [
                group.group.clone(),
                group.lag.map_or_else(unknown, |lag| HumanCount(lag).to_string()),
                group.members.map_or_else(unknown, |members| members.to_string()),
            ];
            group.map(Cell::from).into()
        });
        text.push('\n');
        text += &table(
            &[Column::Text("GROUP"), Column::Number("LAG"), Column::Number("MEMBERS")],
            groups,
        );
    }
    text
}

fn size(bytes: Option<u64>) -> String {
    bytes.map_or_else(unknown, |bytes| HumanBytes(bytes).to_string())
}

/// What the broker does not say.
fn unknown() -> String {
    "unknown".to_owned()
}
