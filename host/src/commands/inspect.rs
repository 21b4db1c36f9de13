//! `host inspect`: what a component is, before anything is sent through it.

use std::fmt::Write;

use indicatif::HumanBytes;

use super::stdout;
use crate::classifier::{ClassifierConfig, Inspection, inspect};
use crate::cli::{ComponentArgs, Format, InspectCommand};
use crate::config::DEFAULT_MAX_MESSAGE;

impl InspectCommand {
    /// Compiles the component, asks it to describe itself, and prints all of it.
    pub async fn execute(self) -> anyhow::Result<()> {
        let name = self.component.display().to_string();
        let component = ComponentArgs::one(self.component);
        let config = ClassifierConfig::new(component, None, DEFAULT_MAX_MESSAGE.as_usize());
        let inspection = inspect(&config).await?;
        match self.format {
            Format::Json => stdout::write_json(&inspection),
            Format::Text => Ok(stdout::write(&text(&name, &inspection))?),
        }
    }
}

fn text(name: &str, inspection: &Inspection) -> String {
    let model = &inspection.description;
    let colours = match model.channels {
        1 => "grey",
        _ => "red, green, blue",
    };
    let rows = [
        (
            "size",
            format!("{} ({} bytes)", HumanBytes(inspection.size as u64), inspection.size),
        ),
        ("sha256", inspection.digest.clone()),
        ("model", format!("{} {}", model.name, model.version)),
        ("model sha256", model.model_sha256.clone()),
        (
            "images",
            format!("{} x {} pixels, {colours}", model.height, model.width),
        ),
        ("at most", format!("{} images to a message", model.max_images)),
        ("labels", model.labels.join(", ")),
        ("accepts", model.accepts.join(", ")),
        ("produces", model.produces.join(", ")),
        ("exports", inspection.exports.join("\n              ")),
        ("imports", inspection.imports.join("\n              ")),
    ];
    let mut text = format!("{name}\n");
    for (head, value) in rows {
        let value = if value.is_empty() { "none" } else { &value };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{head:<12}  {value}");
    }
    text
}
