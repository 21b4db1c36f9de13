//! What the component exports, and so the only file that sees `wit/`.

use std::cell::RefCell;

use classifier_codec::answer::{self, Answer, PRODUCES};
use classifier_codec::decode::{ACCEPTS, Decoded, decode};
use classifier_codec::images::{self, Images};
use classifier_codec::prepare::Prepare;
use classifier_codec::reject::Reject;
use classifier_codec::warning::Warning;

use crate::model::Model;

use bindings::exports::image_stream::classifier::messages::{self, Reply};
use bindings::exports::image_stream::classifier::model::{self, Description};
use bindings::exports::image_stream::classifier::tensors::{self, Pixels};
use bindings::image_stream::classifier::types::{Cause, Error};

/// Generated from `wit/`, and what it takes to export.
#[allow(
    unsafe_code,
    missing_docs,
    clippy::all,
    clippy::indexing_slicing,
    clippy::unwrap_used
)]
mod bindings {
    wit_bindgen::generate!({
        path: "../wit",
        world: "classifier",
    });

    export!(Component with_types_in self);

    pub struct Component;
}

use bindings::Component;

thread_local! {
    /// The model in use: the built-in one from the first call on, unless `load` came before. A component has one thread.
    static MODEL: RefCell<Option<Model>> = const { RefCell::new(None) };
}

fn with_model<T>(act: impl FnOnce(&mut Model) -> T) -> Result<T, Reject> {
    MODEL.with_borrow_mut(|slot| {
        let model = match slot {
            Some(model) => model,
            None => slot.insert(Model::built_in()?),
        };
        Ok(act(model))
    })
}

impl model::Guest for Component {
    #[expect(
        clippy::panic,
        reason = "a test loads the built-in model, and the contract leaves no way to say it is broken"
    )]
    fn describe() -> Description {
        with_model(|model| describe(model)).unwrap_or_else(|reject| panic!("the built-in model: {reject}"))
    }

    fn load(onnx: Vec<u8>, labels: Vec<String>) -> Result<Description, Error> {
        let model = Model::load(onnx, labels)?;
        let description = describe(&model);
        MODEL.set(Some(model));
        Ok(description)
    }
}

impl messages::Guest for Component {
    fn classify(requests: Vec<messages::Request>) -> Vec<Result<Reply, Error>> {
        requests.iter().map(classify).collect()
    }
}

impl tensors::Guest for Component {
    fn predict(images: tensors::Images) -> Result<Vec<f32>, Error> {
        let pixels: images::Pixels = match images.pixels {
            Pixels::U8s(bytes) => bytes.into(),
            Pixels::F32s(values) => values.into(),
        };
        let predictions = with_model(|model| {
            let images = Images::of_any_range(model.info().image, images.count as usize, pixels)?;
            model.predict(&images)
        })??;
        Ok(predictions.into_probabilities())
    }
}

fn classify(request: &messages::Request) -> Result<Reply, Error> {
    Ok(with_model(|model| reply(model, request))??)
}

/// The path of a message: decode, predict, encode.
fn reply(model: &mut Model, request: &messages::Request) -> Result<Reply, Reject> {
    let answer = Answer::requested(request.accept.as_deref())?;
    let prepare = Prepare::requested(request.prepare.as_deref())?;
    let content_type = request.content_type.as_deref();
    let Decoded { images, warnings } = decode(content_type, &request.body, &prepare, model.info().image)?;
    let predictions = model.predict(&images)?;
    let info = model.info();
    let who = answer::Model {
        name: &info.name,
        version: &info.version,
        sha256: &info.sha256,
        labels: &info.labels,
    };
    Ok(Reply {
        content_type: answer.content_type().to_owned(),
        images: images.count() as u32,
        warnings: warnings.into_iter().map(Cause::from).collect(),
        body: answer.encode(&predictions, who)?,
    })
}

fn describe(model: &Model) -> Description {
    let info = model.info();
    Description {
        name: info.name.clone(),
        version: info.version.clone(),
        model_sha256: info.sha256.clone(),
        height: info.image.height as u32,
        width: info.image.width as u32,
        channels: info.image.channels as u32,
        labels: info.labels.clone(),
        scores: info.scores.to_string(),
        max_images: info.max_images() as u32,
        accepts: ACCEPTS.map(str::to_owned).to_vec(),
        produces: PRODUCES.map(str::to_owned).to_vec(),
    }
}

impl From<Warning> for Cause {
    fn from(warning: Warning) -> Cause {
        Cause {
            code: warning.code().to_owned(),
            detail: warning.to_string(),
        }
    }
}

impl From<Reject> for Error {
    fn from(reject: Reject) -> Error {
        Error::Reject(Cause {
            code: reject.code.to_string(),
            detail: reject.detail,
        })
    }
}
