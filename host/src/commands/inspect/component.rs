//! What `inspect` shows about a component, for people.

use super::report::{colours, named, size};
use crate::classifier::{Access, Inspection, Limits, Tool, Trusted};
use crate::terminal::counted;
use crate::values::ByteSize;

/// What there is to say of it, without a refusal: that is the error with which the command ends.
pub fn text(name: &str, inspection: &Inspection) -> String {
    let mut rows = vec![
        ("size", size(inspection.size)),
        ("digest", format!("sha256:{}", inspection.digest)),
        ("trust", trust(inspection.trusted.as_ref())),
        ("made with", tools(&inspection.tools)),
    ];
    let contract = inspection.contract.as_deref();
    rows.push((
        "contract",
        contract.map_or("none that this host understands".to_owned(), |version| {
            format!("version {version}")
        }),
    ));
    if let Some(model) = &inspection.description {
        rows.push(("model", format!("{} {}", model.name, model.version)));
        rows.extend(model.model_sha256.clone().map(|sha256| ("model sha256", sha256)));
        rows.extend([
            (
                "images",
                format!("{} x {} pixels, {}", model.height, model.width, colours(model.channels)),
            ),
            (
                "at most",
                format!("{} to a message", counted(model.max_images.into(), "image", "images")),
            ),
            ("labels", model.labels.join(", ")),
        ]);
        rows.extend(model.scores.clone().map(|scores| ("scores", scores)));
        rows.extend([
            ("accepts", model.accepts.join(", ")),
            ("produces", model.produces.join(", ")),
        ]);
    }
    rows.push(("limits", limits(&inspection.limits)));
    rows.push(("exports", inspection.exports.join("\n")));
    for (access, head) in [
        (Access::Refused, "refused"),
        (Access::Stubbed, "stubbed"),
        (Access::Linked, "linked"),
        (Access::Types, "types"),
    ] {
        let imports = inspection.imports.iter().filter(|import| import.access == access);
        let imports: Vec<_> = imports
            .map(|import| format!("{}: {} ({})", import.name, import.could, import.gets))
            .collect();
        if !imports.is_empty() {
            rows.push((head, imports.join("\n")));
        }
    }
    named(name, rows)
}

fn trust(trusted: Option<&Trusted>) -> String {
    let Some(trusted) = trusted else {
        return "not checked: see --digest, --signature and --key".to_owned();
    };
    let digest = trusted
        .digest
        .then(|| "it has the digest that was asked for".to_owned());
    let key = trusted
        .key
        .as_ref()
        .map(|key| format!("signed by the key '{}' ({}, sha256 {})", key.file, key.kind, key.digest));
    digest.into_iter().chain(key).collect::<Vec<_>>().join("\n")
}

/// Each tool with its version. The component says so itself, and may say anything.
fn tools(tools: &[Tool]) -> String {
    let tools: Vec<_> = tools
        .iter()
        .map(|tool| format!("{} {}", tool.name, tool.version).trim().to_owned())
        .collect();
    match tools.as_slice() {
        [] => "it does not say".to_owned(),
        tools => tools.join(", "),
    }
}

fn limits(limits: &Limits) -> String {
    format!(
        "{} of memory, {} a call, {} a reply",
        ByteSize(limits.memory_bytes as u64),
        humantime::format_duration(limits.call_timeout),
        ByteSize(limits.reply_bytes as u64)
    )
}
