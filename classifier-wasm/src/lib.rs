//! The image classifier: bytes in, classes out.
//!
//! [`classify`] is the path of the data and reads straight through: decode, predict, encode. Messages and answers are the
//! crate `classifier-codec`, the network is [`model`]. Only the bindings at the end of this file see `wit/`.

#![cfg_attr(
    not(test),
    deny(clippy::disallowed_macros, clippy::print_stderr, clippy::print_stdout)
)]

pub mod model;
mod onnx;

use classifier_codec::answer::{self, Answer};
use classifier_codec::decode::{Decoded, decode};
use classifier_codec::prepare::Prepare;
use classifier_codec::reject::Reject;
use classifier_codec::warning::Warning;
use classifier_codec::{images, prediction, reject};
use model::Model;

/// One message.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request<'a> {
    /// The media type of `body`; None: recognise it from the bytes.
    pub content_type: Option<&'a str>,
    /// The media type wanted back; None: the list of classes.
    pub accept: Option<&'a str>,
    /// How pixels are to be read; None: by the defaults of [`Prepare`].
    pub prepare: Option<&'a str>,
    /// The images.
    pub body: &'a [u8],
}

/// The answer to a [`Request`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The media type of `body`.
    pub content_type: &'static str,
    /// How many images were classified.
    pub images: usize,
    /// Why it may be wrong.
    pub warnings: Vec<Warning>,
    /// The answer.
    pub body: Vec<u8>,
}

/// Answers one message.
pub fn classify(model: &mut Model, request: Request) -> Result<Reply, Reject> {
    let answer = Answer::requested(request.accept)?;
    let prepare = Prepare::requested(request.prepare)?;
    let Decoded { images, warnings } = decode(request.content_type, request.body, &prepare, model.info().image)?;
    let predictions = model.predict(&images)?;
    let info = model.info();
    let who = answer::Model {
        name: &info.name,
        version: &info.version,
        sha256: &info.sha256,
        labels: &info.labels,
    };
    let body = answer.encode(&predictions, who)?;
    Ok(Reply {
        content_type: answer.content_type(),
        images: images.count(),
        warnings,
        body,
    })
}

/// The exports of the world `classifier`.
#[cfg(target_family = "wasm")]
mod component {
    use std::cell::RefCell;

    use crate::Request;
    use crate::images::Images;
    use crate::model::Model;
    use crate::reject::Reject;
    use classifier_codec::answer::PRODUCES;
    use classifier_codec::decode::ACCEPTS;
    use classifier_codec::warning::Warning;

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
            let model = Model::load(&onnx, labels)?;
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
            let values = match images.pixels {
                Pixels::U8s(bytes) => bytes.into_iter().map(f32::from).collect(),
                Pixels::F32s(values) => values,
            };
            let predictions = with_model(|model| {
                let images = Images::of_any_range(model.info().image, images.count as usize, values)?;
                model.predict(&images)
            })??;
            Ok(predictions.into_probabilities())
        }
    }

    fn classify(request: &messages::Request) -> Result<Reply, Error> {
        let request = Request {
            content_type: request.content_type.as_deref(),
            accept: request.accept.as_deref(),
            prepare: request.prepare.as_deref(),
            body: &request.body,
        };
        let reply = with_model(|model| crate::classify(model, request))??;
        Ok(Reply {
            content_type: reply.content_type.to_owned(),
            images: reply.images as u32,
            warnings: reply.warnings.into_iter().map(Cause::from).collect(),
            body: reply.body,
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
}
