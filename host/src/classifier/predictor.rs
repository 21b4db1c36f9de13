//! A model in one instance of a component, which classifies images one by one, in whatever scaling they have.

use super::instance::{Instance, Template};
use super::model::Model;
use super::pool::prepare;
use super::{ClassifierConfig, ComponentError, Description};
use crate::pipeline::Cause;

/// A compiled component, and the bytes of a model that it may refuse.
pub struct Predictor {
    template: Template,
    component: String,
    /// None: not loaded yet, or spoiled by the last call.
    warm: Option<Instance>,
}

impl Predictor {
    /// Compiles the component and reads the model of `config`. Runs neither.
    pub async fn prepare(config: &ClassifierConfig) -> Result<Self, ComponentError> {
        let (program, template) = prepare(config).await?;
        Ok(Self {
            template,
            component: program.digest,
            warm: None,
        })
    }

    /// Lower-case hex SHA-256 of the component file.
    pub fn component(&self) -> &str {
        &self.component
    }

    /// The model as the component gets it.
    pub fn model(&self) -> Model {
        self.template.model.clone().unwrap_or_default()
    }

    /// Lets the component load the model, and returns its description.
    pub async fn load(&mut self) -> Result<Description, ComponentError> {
        let (instance, description) = Instance::new(&self.template).await?;
        self.warm = Some(instance);
        Ok(description)
    }

    /// The probabilities of one image, row-major H, W, C, of the model's size: checked. After a call that spoils the
    /// instance the next one gets a fresh instance.
    pub async fn predict(&mut self, image: &[f32]) -> Result<Vec<f32>, Cause> {
        let instance = match self.warm.take() {
            Some(instance) => instance,
            None => match Instance::new(&self.template).await {
                Ok((instance, _)) => instance,
                Err(error) => {
                    return Err(Cause {
                        code: "no-instance".to_owned(),
                        detail: error.to_string(),
                    });
                }
            },
        };
        let (kept, answer) = instance.predict(image, &self.template).await;
        self.warm = kept;
        answer
    }
}
