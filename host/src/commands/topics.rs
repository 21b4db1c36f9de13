//! `host topics`: create, list, describe and delete topics, and forget groups.

use indicatif::{HumanBytes, HumanCount};
use serde_json::json;

use super::table::{Cell, Column, table};
use super::{confirm, progress, stdout};
use crate::broker::{TopicDescription, open_admin};
use crate::cli::{BrokerArgs, Format, StorageArgs, TopicsAction, TopicsCommand};
use crate::config::{BrokerConfig, BrokerKind};
use crate::exit::Failure;
use crate::terminal::counted;

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
                let config = BrokerConfig::new(broker, &StorageArgs::default())?;
                let place = config.place();
                let admin = open_admin(&config).await?;
                let topics = admin.list().await?;
                match format {
                    Format::Json => stdout::write_json(&topics),
                    Format::Text if topics.is_empty() => {
                        progress::say(&format!(
                            "no topics yet in {place}; 'host run' and 'host produce' make theirs"
                        ));
                        Ok(())
                    }
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
            TopicsAction::Delete {
                name,
                yes,
                force,
                format,
                broker,
            } => delete(&name, yes, force, format, broker).await,
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

async fn delete(name: &str, yes: bool, force: bool, format: Format, broker: BrokerArgs) -> anyhow::Result<()> {
    let config = BrokerConfig::new(broker, &StorageArgs::default())?;
    if !yes && !confirm::can_ask() {
        return Err(Failure::Usage(format!(
            "to delete '{name}' with all its messages and without being asked, add --yes"
        ))
        .into());
    }
    let admin = open_admin(&config).await?;
    if !yes {
        let topic = admin.describe(name).await?;
        if !force {
            topic.may_go()?;
        }
        if !confirm::ask(&what_goes(&topic, &config)).await? {
            return Err(Failure::Interrupted("nothing was deleted".to_owned()).into());
        }
    }
    let subscriptions = admin.delete(name, force).await?;
    match format {
        Format::Json => stdout::write_json(&json!({"topic": name, "deleted": true, "subscriptions": subscriptions})),
        Format::Text => {
            let with = subscriptions.iter().map(|name| format!(" and its subscription {name}"));
            Ok(stdout::write(&format!("deleted {name}{}\n", String::from_iter(with)))?)
        }
    }
}

/// The question, with all that goes with a topic.
fn what_goes(topic: &TopicDescription, config: &BrokerConfig) -> String {
    let (name, place) = (&topic.name, config.place());
    let groups: Vec<_> = topic.groups.iter().map(|group| group.group.as_str()).collect();
    let BrokerKind::PubSub(pubsub) = &config.kind else {
        let messages = counted(topic.messages(), "message", "messages");
        let read = match groups.as_slice() {
            [] => String::new(),
            [group] => format!(", and the group {group} has read it"),
            _ => format!(", and the groups {} have read it", groups.join(", ")),
        };
        return format!("{name} in {place} has {messages}{read}.\nDelete it?");
    };
    let own = pubsub.subscription_of(name);
    let others: Vec<_> = groups.iter().copied().filter(|group| *group != own).collect();
    let unread = match groups.contains(&&*own) {
        true => format!(" and its subscription {own}, with all that is unread in it"),
        false => String::new(),
    };
    let others = match others.is_empty() {
        true => String::new(),
        false => format!(" {} get nothing from it any more.", others.join(", ")),
    };
    format!("Delete {name} in {place}{unread}?{others}")
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
