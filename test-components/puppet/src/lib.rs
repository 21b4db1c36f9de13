//! A guest of the classifier's world that does what the message tells it, so that one build serves for every kind of
//! misbehaviour. A message is `COMMAND` or `COMMAND:ARGUMENT`, see [`command`]. A model to load is `puppet-model:`
//! and then such a command, or a way to lie about itself, see [`description`].

mod command;
mod description;

wit_bindgen::generate!({
    path: "../../wit",
    world: "classifier",
});

use exports::image_stream::classifier::messages::{self, Reply, Request};
use exports::image_stream::classifier::model::{self, Description};
use exports::image_stream::classifier::tensors::{self, Images};
use image_stream::classifier::types::{Cause, Error};

struct Puppet;

export!(Puppet);

/// The first bytes of a model to load.
const MODEL: &[u8] = b"puppet-model:";

impl model::Guest for Puppet {
    fn describe() -> Description {
        description::in_use()
    }

    fn load(onnx: Vec<u8>, labels: Vec<String>) -> Result<Description, Error> {
        let Some(told) = onnx.strip_prefix(MODEL) else {
            return Err(Error::Reject(cause("bad-model", "a model begins with 'puppet-model:'")));
        };
        let (command, argument) = command::split(told);
        match command {
            "labelled" => Ok(description::label(labels)),
            "named" => Ok(description::load(argument)),
            "lie" => Ok(description::lie(argument)),
            _ => {
                for result in command::obey(command, argument, None) {
                    result?;
                }
                Ok(description::in_use())
            }
        }
    }
}

impl messages::Guest for Puppet {
    fn classify(requests: Vec<Request>) -> Vec<Result<Reply, Error>> {
        let answer = |request: &Request| {
            let (command, argument) = command::split(&request.body);
            command::obey(command, argument, Some(request))
        };
        requests.iter().flat_map(answer).collect()
    }
}

impl tensors::Guest for Puppet {
    /// Every class as likely as the other.
    fn predict(images: Images) -> Result<Vec<f32>, Error> {
        let labels = description::honest().labels.len();
        Ok(vec![1.0 / labels as f32; images.count as usize * labels])
    }
}

fn cause(code: &str, detail: &str) -> Cause {
    Cause {
        code: code.to_owned(),
        detail: detail.to_owned(),
    }
}
