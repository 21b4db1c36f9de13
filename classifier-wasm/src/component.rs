//! What the component exports, and so the only file that sees `wit/`.

use std::cell::{Cell, RefCell};

use classifier_codec::answer::{self, Answer, PRODUCES};
use classifier_codec::decode::{ACCEPTS, Decoded, decode};
use classifier_codec::images::{self, Images};
use classifier_codec::prepare::Prepare;
use classifier_codec::reject::{Code, Reject, quote};
use classifier_codec::warning::Warning;

use crate::model::Model;

use bindings::exports::image_stream::classifier::messages::{self, Description, Reply};
use bindings::exports::image_stream::classifier::model::{self, Info};
use bindings::exports::image_stream::classifier::self_test::{self, Example};
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
        world: "everything",
    });

    export!(Component with_types_in self);

    pub struct Component;
}

use bindings::Component;

thread_local! {
    /// The model in use: the built-in one from the first call on, unless `load` came before. A component has one thread.
    static MODEL: RefCell<Option<Model>> = const { RefCell::new(None) };

    /// Whether it came by `load`.
    static IS_LOADED: Cell<bool> = const { Cell::new(false) };
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

impl messages::Guest for Component {
    fn describe() -> Result<Description, Error> {
        with_model(|model| describe(model)).map_err(fatal)
    }

    fn classify(requests: Vec<messages::Request>) -> Vec<Result<Reply, Error>> {
        requests.iter().map(classify).collect()
    }
}

impl model::Guest for Component {
    fn describe() -> Result<Info, Error> {
        let info = |model: &mut Model| Info {
            sha256: model.info().sha256.clone(),
            scores: model.info().scores.to_string(),
            accepts: vec![ONNX.to_owned()],
        };
        with_model(info).map_err(fatal)
    }

    fn load(media_type: String, file: Vec<u8>, labels: Vec<String>) -> Result<(), Error> {
        if media_type != ONNX {
            let detail = format!("{}: this component takes {ONNX}", quote(&media_type));
            return Err(Reject::new(Code::UnsupportedModel, detail).into());
        }
        MODEL.set(Some(Model::load(file, labels)?));
        IS_LOADED.set(true);
        Ok(())
    }
}

/// Files that [`Model::load`] reads.
const ONNX: &str = "application/onnx";

/// The built-in model cannot be loaded, so nothing can be answered.
fn fatal(reject: Reject) -> Error {
    Error::Fatal(reject.into())
}

impl self_test::Guest for Component {
    /// Of the built-in model alone: nobody knows the right answers of another.
    fn examples() -> Result<Vec<Example>, Error> {
        let of_built_in = Example {
            content_type: Some("application/x-npy".to_owned()),
            accept: Some("application/json".to_owned()),
            prepare: None,
            body: EXAMPLE.to_vec(),
            answer: b"[9, 2, 1]".to_vec(),
        };
        Ok(if IS_LOADED.get() { Vec::new() } else { vec![of_built_in] })
    }
}

/// The first three test images: an ankle boot, a pullover, trousers.
const EXAMPLE: &[u8] = include_bytes!("../../wit/corpus/files/npy-u8-nhwc");

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
        height: info.image.height as u32,
        width: info.image.width as u32,
        channels: info.image.channels as u32,
        labels: info.labels.clone(),
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

impl From<Reject> for Cause {
    fn from(reject: Reject) -> Cause {
        Cause {
            code: reject.code.to_string(),
            detail: reject.detail,
        }
    }
}

impl From<Reject> for Error {
    fn from(reject: Reject) -> Error {
        Error::Reject(reject.into())
    }
}
