//! A guest of the classifier's world that does what the message tells it, so that one build serves for every kind of
//! misbehaviour. A message is `COMMAND` or `COMMAND:ARGUMENT`, see [`command`]. A model to load is `puppet-model:`
//! and then such a command, or what it should say of itself, see [`description`].

mod command;
mod description;
mod heap;

wit_bindgen::generate!({
    path: "../../wit",
    world: "everything",
});

use exports::image_stream::classifier::messages::{self, Description, Reply, Request};
use exports::image_stream::classifier::model::{self, Info};
use exports::image_stream::classifier::self_test::{self, Example};
use exports::image_stream::classifier::tensors::{self, Images};
use image_stream::classifier::types::{Cause, Error};

struct Puppet;

export!(Puppet);

/// The first bytes of a model to load.
const MODEL: &[u8] = b"puppet-model:";

impl messages::Guest for Puppet {
    fn describe() -> Result<Description, Error> {
        description::in_use()
    }

    fn classify(requests: Vec<Request>) -> Vec<Result<Reply, Error>> {
        let always = description::always();
        let answer = |request: &Request| {
            let told = always.as_ref().map_or(&request.body[..], String::as_bytes);
            let (command, argument) = command::split(told);
            command::obey(command, argument, Some(request))
        };
        requests.iter().flat_map(answer).collect()
    }
}

impl model::Guest for Puppet {
    fn describe() -> Result<Info, Error> {
        Ok(description::info())
    }

    fn load(_media_type: String, file: Vec<u8>, labels: Vec<String>) -> Result<(), Error> {
        let Some(told) = file.strip_prefix(MODEL) else {
            return Err(Error::Reject(cause("bad-model", "a model begins with 'puppet-model:'")));
        };
        let (command, argument) = command::split(told);
        match command {
            "labelled" => description::load("labels", &labels.join("\n")),
            "named" | "lie" | "examples" | "describe" | "always" => description::load(command, argument),
            _ => {
                for result in command::obey(command, argument, None) {
                    result?;
                }
            }
        }
        Ok(())
    }
}

impl self_test::Guest for Puppet {
    /// As the loaded model says: see [`description`].
    fn examples() -> Result<Vec<Example>, Error> {
        Ok(description::examples())
    }
}

impl tensors::Guest for Puppet {
    /// Every class as likely as the other.
    fn predict(images: Images) -> Result<Vec<f32>, Error> {
        let labels = description::LABELS.len();
        Ok(vec![1.0 / labels as f32; images.count as usize * labels])
    }
}

fn cause(code: &str, detail: &str) -> Cause {
    Cause {
        code: code.to_owned(),
        detail: detail.to_owned(),
    }
}
