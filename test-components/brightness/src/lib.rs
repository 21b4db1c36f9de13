//! The classifier of `docs/components.md`, which is this file.

wit_bindgen::generate!({
    path: "../../wit",
    inline: "
        package my:brightness;

        world brightness {
            include image-stream:classifier/classifier@0.2.0;
            export image-stream:classifier/self-test@0.2.0;
        }
    ",
    world: "my:brightness/brightness",
    generate_all,
});

use exports::image_stream::classifier::messages::{self, Description, Reply, Request};
use exports::image_stream::classifier::self_test::{self, Example};
use image_stream::classifier::types::{Cause, Error};

struct Brightness;

export!(Brightness);

/// 8 x 8 pixels, a byte each.
const PIXELS: usize = 64;

impl messages::Guest for Brightness {
    fn describe() -> Result<Description, Error> {
        Ok(Description {
            name: "brightness".into(),
            version: "1".into(),
            height: 8,
            width: 8,
            channels: 1,
            labels: vec!["dark".into(), "bright".into()],
            max_images: 1000,
            accepts: vec!["application/octet-stream".into()],
            produces: vec!["application/json".into()],
        })
    }

    fn classify(requests: Vec<Request>) -> Vec<Result<Reply, Error>> {
        requests.iter().map(classify).collect()
    }
}

fn classify(request: &Request) -> Result<Reply, Error> {
    let reject = |code: &str, detail: String| {
        Err(Error::Reject(Cause {
            code: code.into(),
            detail,
        }))
    };
    // Wishes come before the body: the host asks with an empty one whether they are granted.
    if let Some(accept) = request.accept.as_ref().filter(|accept| *accept != "application/json") {
        return reject(
            "not-acceptable",
            format!("{accept}: this component produces application/json"),
        );
    }
    if let Some(prepare) = &request.prepare {
        return reject(
            "unsupported-preparation",
            format!("{prepare}: pixels are taken as they are"),
        );
    }
    if request.body.is_empty() {
        return reject("empty", "no images: send at least one".into());
    }
    if request.body.len() % PIXELS != 0 {
        return reject(
            "bad-shape",
            format!("{} bytes are not whole images of 8 x 8", request.body.len()),
        );
    }
    let sums = request
        .body
        .chunks(PIXELS)
        .map(|image| image.iter().map(|pixel| u64::from(*pixel)).sum());
    let classes: Vec<usize> = sums.map(|sum: u64| usize::from(sum > 128 * PIXELS as u64)).collect();
    Ok(Reply {
        content_type: "application/json".into(),
        images: classes.len() as u32,
        warnings: Vec::new(),
        body: format!("{classes:?}").into_bytes(),
    })
}

impl self_test::Guest for Brightness {
    fn examples() -> Result<Vec<Example>, Error> {
        Ok(vec![Example {
            content_type: Some("application/octet-stream".into()),
            accept: None,
            prepare: None,
            body: [[0; PIXELS], [255; PIXELS]].concat(),
            answer: b"[0, 1]".to_vec(),
        }])
    }
}
