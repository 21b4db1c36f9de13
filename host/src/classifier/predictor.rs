//! One instance of a component, called directly: to try a model, and to measure one.

use super::bindings::exports::image_stream::classifier::tensors::{Images, Pixels};
use super::instance::{Instance, Template};
use super::model::Model;
use super::pool::prepare;
use super::{ClassifierConfig, ComponentError, Description, Origin};
use crate::message::Message;
use crate::pipeline::{Answer, Cause, ClassifyError};

/// A compiled component, and the bytes of a model that it may refuse.
pub struct Predictor {
    config: ClassifierConfig,
    template: Template,
    component: String,
    lacking: Option<String>,
    /// None: not loaded yet, or spoiled by the last call.
    warm: Option<Instance>,
}

impl Predictor {
    /// Compiles the component and reads the model of `config`. Runs neither.
    pub async fn prepare(config: &ClassifierConfig) -> Result<Self, ComponentError> {
        let (program, template) = prepare(config).await?;
        Ok(Self {
            config: config.clone(),
            template,
            component: program.digest,
            lacking: None,
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

    /// Where the component comes from.
    pub fn origin(&self) -> &Origin {
        &self.config.component
    }

    /// Whether the component exports the interface `tensors`; without it [`Predictor::predict`] fails.
    pub fn has_tensors(&self) -> bool {
        self.template.exports.has_tensors()
    }

    /// Why it is not the usual build of the component. None: it is, or it was named.
    pub fn lacking(&self) -> Option<&str> {
        self.lacking.as_deref()
    }

    /// Lets the component load the model, or its build with more operators if it needs that, and returns its description.
    pub async fn load(&mut self) -> Result<Description, ComponentError> {
        let loaded = match Instance::new(&self.template).await {
            Err(error) => match self.config.with_more_operators(&error) {
                Some(full) => {
                    *self = Self::prepare(&full).await?;
                    self.lacking = error.lacking().map(|cause| cause.detail.clone());
                    Instance::new(&self.template).await
                }
                None => Err(error),
            },
            loaded => loaded,
        };
        let (instance, description) = loaded?;
        self.warm = Some(instance);
        Ok(description)
    }

    /// The probabilities of one image, row-major H, W, C, of the model's size: checked. After a call that spoils the
    /// instance the next one gets a fresh instance.
    pub async fn predict(&mut self, image: &[f32]) -> Result<Vec<f32>, Cause> {
        self.predict_images(1, Pixels::F32s(image)).await
    }

    /// The same for `count` images of bytes, row-major N, H, W, C: a row of probabilities for each.
    pub async fn predict_bytes(&mut self, count: u32, images: &[u8]) -> Result<Vec<f32>, Cause> {
        self.predict_images(count, Pixels::U8s(images)).await
    }

    /// Answers a message, as a worker of the pipeline does.
    pub async fn answer(&mut self, message: &Message) -> Result<Answer, ClassifyError> {
        let instance = self.instance().await.map_err(ClassifyError::Broken)?;
        let messages = std::slice::from_ref(message);
        let (kept, answers) = instance.answer(messages, None, &self.template).await;
        self.warm = kept;
        let mut answers = answers?;
        let no_answer = || {
            Err(ClassifyError::Broken(Cause {
                code: "no-answer".to_owned(),
                detail: "there is no result".to_owned(),
            }))
        };
        answers.pop().unwrap_or_else(no_answer)
    }

    /// The linear memory that the instance has grown to. None: there is no instance now. Bytes.
    pub fn memory_bytes(&self) -> Option<usize> {
        self.warm.as_ref().map(|instance| instance.memory_bytes(&self.template))
    }

    async fn predict_images(&mut self, count: u32, pixels: Pixels<'_>) -> Result<Vec<f32>, Cause> {
        let instance = self.instance().await?;
        let (kept, answer) = instance.predict(Images { count, pixels }, &self.template).await;
        self.warm = kept;
        answer
    }

    async fn instance(&mut self) -> Result<Instance, Cause> {
        match self.warm.take() {
            Some(instance) => Ok(instance),
            None => match Instance::new(&self.template).await {
                Ok((instance, _)) => Ok(instance),
                Err(error) => Err(Cause {
                    code: "no-instance".to_owned(),
                    detail: error.to_string(),
                }),
            },
        }
    }
}
