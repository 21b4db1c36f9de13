//! The model: loading it, and its results for images.

use std::mem;

use classifier_codec::images::{ImageShape, Images, MAX_VALUES, Pixels};
use classifier_codec::prediction::Predictions;
use classifier_codec::reject::{Code, Reject};
use prost::Message;
use sha2::{Digest, Sha256};

use crate::labels;
use crate::network::Network;
use crate::onnx::pb::ModelProto;
use crate::onnx::{Signature, metadata, rewrite};
use crate::scores::{Scores, probes};

const BUILT_IN: &[u8] = include_bytes!("../../models/fashion-small.onnx");

/// Which network answers, and what it takes.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelInfo {
    /// Its name, as its file says.
    pub name: String,
    /// Its version, as its file says.
    pub version: String,
    /// Lower-case hex SHA-256 of the file.
    pub sha256: String,
    /// The images it takes.
    pub image: ImageShape,
    /// The index is the class.
    pub labels: Vec<String>,
    /// What its output means, and so what the component does with it.
    pub scores: Scores,
}

impl ModelInfo {
    /// The most images that one request may carry: as many as fit, and as have probabilities that fit.
    pub fn max_images(&self) -> usize {
        self.image.max_images().min(MAX_VALUES / self.labels.len().max(1))
    }
}

/// A loaded network.
pub struct Model {
    info: ModelInfo,
    network: Network,
}

impl Model {
    /// The model that is part of the component.
    pub fn built_in() -> Result<Model, Reject> {
        Model::load(BUILT_IN, Vec::new())
    }

    /// Reads an ONNX file, and runs it on made-up images to see what its output means. `names` are its labels; empty:
    /// those of its metadata, else its class numbers.
    ///
    /// What is read gives up its memory at once: a model of 100 MB would else be there five times.
    pub fn load(onnx: impl AsRef<[u8]>, names: Vec<String>) -> Result<Model, Reject> {
        let mut proto = ModelProto::decode(onnx.as_ref())
            .map_err(|error| Reject::new(Code::BadModel, format!("not an ONNX model: {error}")))?;
        let sha256 = hex::encode(Sha256::digest(&onnx));
        drop(onnx);
        rewrite(&mut proto);
        let Signature {
            input,
            softmax,
            name,
            version,
        } = Signature::read(&proto)?;
        let image = input.image;
        let entries = mem::take(&mut proto.metadata_props);
        let mut network = Network::build(proto, input)?;
        let rows = probes(image).map(|probe| network.run(&Pixels::F32(probe)));
        let scores = Scores::decide(rows, softmax)?;
        let info = ModelInfo {
            name,
            version,
            sha256,
            image,
            labels: labels::of(|key| metadata(&entries, key), names, scores.classes(network.outputs()))?,
            scores,
        };
        Ok(Model { info, network })
    }

    /// What is known about it.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Classifies `images`, which are of the info's shape.
    pub fn predict(&mut self, images: &Images) -> Result<Predictions, Reject> {
        let labels = self.info.labels.len();
        let max_images = self.info.max_images();
        if images.count() > max_images {
            let detail = format!(
                "{} images for {labels} labels: send at most {max_images}",
                images.count()
            );
            return Err(Reject::new(Code::TooManyImages, detail));
        }
        let mut probabilities = Vec::with_capacity(images.count() * labels);
        for row in self.network.run(images.pixels())?.chunks(self.network.outputs()) {
            probabilities.extend(self.info.scores.probabilities(row.to_vec())?);
        }
        Ok(Predictions::new(labels, probabilities))
    }
}
