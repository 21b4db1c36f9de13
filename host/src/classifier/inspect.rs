//! What a component is, without streaming anything through it.

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
    /// Interfaces it asks of the host, sorted.
    pub imports: Vec<String>,
    /// Interfaces it offers, sorted.
    pub exports: Vec<String>,
    /// What it says of itself.
    pub description: Description,
}

/// Compiles a component, lists what it imports and exports, and asks it to describe itself.
pub async fn inspect(config: &ClassifierConfig) -> Result<Inspection, ComponentError> {
    let (program, recipe) = prepare(config).await?;
    let (_, description) = Instance::new(&recipe).await?;
    Ok(Inspection {
        digest: program.digest,
        size: program.size,
        imports: program.interfaces.imports,
        exports: program.interfaces.exports,
        description,
    })
}
