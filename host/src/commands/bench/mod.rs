//! `host bench`: how fast a component answers on this machine, without a broker.
//!
//! Machines differ and are disturbed, so everything is measured in rounds, and of each figure the spread is shown too. Two components
//! are measured in turn, round by round, so that both meet the same disturbance.

mod machine;
mod report;
mod side;

use std::path::Path;

use self::report::Report;
use self::side::Side;
use super::{PREPARING, progress, stdout};
use crate::classifier::{ClassifierConfig, Kind, kind_of};
use crate::cli::{BenchCommand, Format};
use crate::exit::Failure;
use crate::shutdown::interrupted;
use crate::terminal::counted;
use crate::values::DEFAULT_MAX_MESSAGE;

impl BenchCommand {
    /// Measures, and shows what came out.
    pub async fn execute(self) -> anyhow::Result<()> {
        tokio::select! {
            biased;
            () = interrupted() => Err(Failure::Interrupted("not everything was measured".to_owned()).into()),
            done = self.run() => done,
        }
    }

    async fn run(self) -> anyhow::Result<()> {
        if self.time.is_zero() {
            return Err(
                Failure::Usage("--time 0 measures nothing: give each round a time, such as 1s".to_owned()).into(),
            );
        }
        let config = ClassifierConfig::new(self.component, None, DEFAULT_MAX_MESSAGE.as_usize())?;
        let mut configs = vec![config.clone()];
        if let Some(file) = self.against.as_deref() {
            configs.push(beside(config, file)?);
        }
        let mut sides = Vec::new();
        for config in &configs {
            let waiting = progress::waiting(PREPARING);
            let side = Side::start(config, self.codec, self.batch, self.time).await;
            waiting.finish_and_clear();
            sides.push(side?);
        }
        let rounds = self.rounds.get();
        let bar = progress::waiting("");
        for round in 0..rounds {
            bar.set_message(format!("round {} of {rounds}", round + 1));
            // Each side comes first as often as the other.
            sides.reverse();
            for side in &mut sides {
                side.measure().await?;
            }
        }
        bar.finish_and_clear();
        if !rounds.is_multiple_of(2) {
            sides.reverse();
        }
        let about = format!(
            "{} of {} each, {}",
            counted(rounds as u64, "round", "rounds"),
            humantime::format_duration(self.time),
            counted(
                configs.first().map_or(1, |config| config.workers.get()) as u64,
                "worker",
                "workers"
            ),
        );
        let report = Report::new(about, sides);
        match self.format {
            Format::Json => stdout::write_json(&report.json()),
            Format::Text => Ok(stdout::write_styled(&report.text())?),
        }
    }
}

/// The same with another component or model.
fn beside(mut config: ClassifierConfig, file: &Path) -> anyhow::Result<ClassifierConfig> {
    match kind_of(file)? {
        Kind::Component if config.trust.asks() => {
            return Err(Failure::Usage(format!(
                "--digest and --signature are of one component, and '{}' is another: leave --against out, or leave them out",
                file.display()
            ))
            .into());
        }
        Kind::Component => {
            config.component = crate::classifier::Origin::find(Some(file.to_owned()))?;
            config.full = None;
        }
        Kind::Model => {
            config.model = Some(file.to_owned());
            config.labels = None;
            config.model_output = None;
        }
    }
    Ok(config)
}
