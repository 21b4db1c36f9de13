//! `host inspect`: describes a component, or a model for one, before it is used.

mod component;
mod pixels;
mod report;
mod scaling;

use std::path::PathBuf;

use self::report::{ModelReport, Refusal};
use super::{PREPARING, progress, stdout};
use crate::classifier::{ClassifierConfig, ComponentError, Kind, Predictor, inspect, kind_of};
use crate::cli::{ComponentArgs, Format, InspectCommand};
use crate::exit::Failure;
use crate::shutdown::interrupted;
use crate::values::DEFAULT_MAX_MESSAGE;

impl InspectCommand {
    /// Reads the file's first bytes, and shows a component's description, or what the component says about a model.
    pub async fn execute(self) -> anyhow::Result<()> {
        tokio::select! {
            biased;
            () = interrupted() => Err(Failure::Interrupted("not all was inspected".to_owned()).into()),
            done = self.run() => done,
        }
    }

    async fn run(&self) -> anyhow::Result<()> {
        let Some(file) = self.file.clone() else {
            return self.component(self.component.clone()).await;
        };
        match kind_of(&file)? {
            Kind::Component => self.component(Some(file)).await,
            Kind::Model => self.model(file).await,
        }
    }

    fn config(&self, component: Option<PathBuf>, model: Option<PathBuf>) -> Result<ClassifierConfig, ComponentError> {
        let component = ComponentArgs {
            labels: self.labels.clone().filter(|_| model.is_some()),
            model_output: self.model_output.clone().filter(|_| model.is_some()),
            model,
            guest_memory: self.guest_memory,
            guest_timeout: self.guest_timeout,
            no_cache: self.no_cache,
            stub_wasi: self.stub_wasi,
            trust: self.trust.clone(),
            ..ComponentArgs::one(component)
        };
        ClassifierConfig::new(component, None, DEFAULT_MAX_MESSAGE.as_usize())
    }

    async fn component(&self, file: Option<PathBuf>) -> anyhow::Result<()> {
        let config = self.config(file, None)?;
        let name = config.component.to_string();
        if self.labels.is_some() || self.model_output.is_some() {
            let usage = format!(
                "'{name}' is a component, and --labels and --model-output are of an ONNX model: name one, or leave them out"
            );
            return Err(Failure::Usage(usage).into());
        }
        let waiting = progress::waiting(PREPARING);
        let inspection = inspect(&config).await;
        waiting.finish_and_clear();
        let inspection = inspection?;
        match self.format {
            Format::Json => stdout::write_json(&inspection)?,
            Format::Text => stdout::write_styled(&component::text(&name, &inspection))?,
        }
        inspection.error.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Only the component reads the model, in its sandbox.
    async fn model(&self, file: PathBuf) -> anyhow::Result<()> {
        let name = file.display().to_string();
        let waiting = progress::waiting("trying the model; the first time the component has to be compiled");
        let mut predictor = Predictor::prepare(&self.config(self.component.clone(), Some(file))?).await?;
        let model = predictor.model();
        let loaded = predictor.load().await;
        let mut report = ModelReport {
            file: name.clone(),
            size: model.bytes.len(),
            digest: model.digest(),
            weights: model.weights,
            output: self.model_output.clone(),
            component: predictor.component().to_owned(),
            component_file: predictor.origin().to_string(),
            lacking: predictor.lacking().map(str::to_owned),
            accepted: false,
            refusal: None,
            description: None,
            pixels: None,
            remedy: None,
            one_image: None,
        };
        let description = match loaded {
            Ok(description) => description,
            Err(error) => {
                waiting.finish_and_clear();
                report.refusal = Some(Refusal::new(&error));
                self.show(&report)?;
                return Err(error.into());
            }
        };
        let mut ask = async |image: &[f32]| predictor.predict(image).await;
        let pace = pixels::pace(&description, &mut ask).await;
        let pixels = pixels::try_scalings(&description, &mut ask).await?;
        waiting.finish_and_clear();
        report.accepted = true;
        report.remedy = pixels.expects.map(|scaling| scaling.remedy(&name));
        report.pixels = Some(pixels);
        match pace {
            Ok(pace) => report.one_image = Some(pace),
            Err(cause) => tracing::warn!("a grey image is not answered: {}: {}", cause.code, cause.detail),
        }
        report.description = Some(description);
        self.show(&report)
    }

    fn show(&self, report: &ModelReport) -> anyhow::Result<()> {
        match self.format {
            Format::Json => stdout::write_json(report),
            Format::Text => Ok(stdout::write_styled(&report.text())?),
        }
    }
}
