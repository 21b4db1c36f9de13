//! Describes a component without running messages through it.

use super::instance::Instance;
use super::pool::prepare;
use super::{ClassifierConfig, ComponentError, Description};

/// What `host inspect` shows.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Inspection {
    /// Lower-case hex SHA-256 of the component file.
    pub digest: String,
    /// Of the file, in bytes.
    pub size: usize,
    /// The version of the contract that it was built for.
    pub contract: String,
    /// Interfaces that it imports from the host, sorted.
    pub imports: Vec<String>,
    /// Interfaces that it exports, sorted.
    pub exports: Vec<String>,
    /// Its own description.
    pub description: Description,
}

/// Compiles a component, lists what it imports and exports, and asks it to describe itself.
pub async fn inspect(config: &ClassifierConfig) -> Result<Inspection, ComponentError> {
    let (program, template) = prepare(config).await?;
    let (_, description) = Instance::new(&template).await?;
    Ok(Inspection {
        digest: program.digest,
        size: program.size,
        contract: program.interfaces.contract,
        imports: program.interfaces.imports,
        exports: program.interfaces.exports,
        description,
    })
}
