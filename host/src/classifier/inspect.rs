//! What a component is, without streaming anything through it.

use super::engine::Program;
use super::instance::{Instance, Recipe};
use super::{ClassifierConfig, ComponentError, Description, check};

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
    let component = program.component.component_type();
    let mut imports: Vec<_> = component
        .imports(&program.engine)
        .map(|(name, _)| check::text(name))
        .collect();
    let mut exports: Vec<_> = component
        .exports(&program.engine)
        .map(|(name, _)| check::text(name))
        .collect();
    imports.sort();
    exports.sort();
    let (_, description) = Instance::new(&recipe).await?;
    Ok(Inspection {
        digest: program.digest,
        size: program.size,
        imports,
        exports,
        description,
    })
}

/// Compiles a component, and reads the model that is to be put into it. Off the async threads, as both may take long.
pub(super) async fn prepare(config: &ClassifierConfig) -> Result<(Program, Recipe), ComponentError> {
    let config = config.clone();
    let prepared = tokio::task::spawn_blocking(move || {
        let path = &config.component;
        let program = Program::compile(path, config.cache)?;
        let recipe = Recipe {
            pre: program.link(path)?,
            limits: config.limits.clone(),
            model: super::pool::read_model(&config)?,
            labels: super::labels::given(&config)?,
            accept: None,
            prepare: None,
        };
        Ok((program, recipe))
    });
    prepared
        .await
        .unwrap_or_else(|error| Err(ComponentError::Engine(error.to_string())))
}
