//! What a component is, for somebody who has to decide whether to run it. It runs no messages through it.

use serde::Serialize;

use super::audit::{self, Tool};
use super::contract::{self, Refusal};
use super::imports::Import;
use super::pool::{prepare_file, start};
use super::program::{ComponentFile, off_thread};
use super::trust::Trusted;
use super::{ClassifierConfig, ComponentError, Description, Limits};

/// What `host inspect` shows.
#[derive(Debug, Serialize)]
pub struct Inspection {
    /// Lower-case hex SHA-256 of the component file.
    pub digest: String,
    /// Of the file, in bytes.
    pub size: usize,
    /// What was asked of the file and was so. None: nothing was asked, or it was not so.
    pub trusted: Option<Trusted>,
    /// What it says that it was made with.
    pub tools: Vec<Tool>,
    /// The version of the contract that it was built for. None: it exports nothing of it that goes with this host's.
    pub contract: Option<String>,
    /// Interfaces that it imports from the host, sorted, and what becomes of each.
    pub imports: Vec<Import>,
    /// Interfaces that it exports, sorted.
    pub exports: Vec<String>,
    /// Within which it runs.
    pub limits: Limits,
    /// Its own description. None: it was refused, or did not start.
    pub description: Option<Description>,
    /// Why.
    pub refusal: Option<String>,
    /// The same as an error.
    #[serde(skip)]
    pub error: Option<ComponentError>,
}

/// Reads a component, lists what it is and what it imports and exports, and, if it may run, compiles it, tries it
/// with its own examples, and asks it to describe itself.
/// That the component is refused is part of the result, and not an error.
pub async fn inspect(config: &ClassifierConfig) -> Result<Inspection, ComponentError> {
    let file = ComponentFile::read(&config.component).await?;
    let asked = config.clone();
    let (mut inspection, file) = off_thread(move || Ok((of_file(&asked, &file)?, file))).await?;
    match describe(config, file).await {
        Ok(description) => inspection.description = Some(description),
        Err(error) if !error.is_of_the_component() => return Err(error),
        Err(error) => {
            inspection.refusal = Some(error.to_string());
            inspection.error = Some(error);
        }
    }
    Ok(inspection)
}

/// What can be said without running it.
fn of_file(config: &ClassifierConfig, file: &ComponentFile) -> Result<Inspection, ComponentError> {
    let trusted = match config.trust.check(config.component.path(), &file.bytes, file.digest) {
        Ok(trusted) => trusted,
        Err(ComponentError::Untrusted { .. }) => None,
        Err(unusable) => return Err(unusable),
    };
    let interfaces = match contract::check(&file.bytes, config.stub_wasi) {
        Ok(interfaces) | Err(Refusal::World(_, interfaces)) => interfaces,
        Err(Refusal::Invalid(_)) => contract::Interfaces::default(),
    };
    Ok(Inspection {
        digest: file.digest.hex(),
        size: file.bytes.len(),
        trusted,
        tools: audit::tools(&file.bytes),
        contract: interfaces.contract,
        imports: interfaces.imports,
        exports: interfaces.exports,
        limits: config.limits.clone(),
        description: None,
        refusal: None,
        error: None,
    })
}

async fn describe(config: &ClassifierConfig, file: ComponentFile) -> Result<Description, ComponentError> {
    let (_, template) = prepare_file(config, file).await?;
    let (_, description) = start(&template).await?;
    Ok(description)
}
