//! A second, different classifier: the class whose mean image is nearest. It shares nothing with the first but the contract, which
//! it is there to show, and of that it exports no more than it has: no model file, no examples.

mod centroids;
mod json;

wit_bindgen::generate!({
    path: "../../wit",
    inline: "
        package test:centroid;

        world centroid {
            include image-stream:classifier/classifier@0.2.0;
            export image-stream:classifier/tensors@0.2.0;
        }
    ",
    world: "test:centroid/centroid",
    generate_all,
});

use exports::image_stream::classifier::messages::{self, Description, Reply, Request};
use exports::image_stream::classifier::tensors::{self, Images, Pixels};
use image_stream::classifier::types::{Cause, Error};

use centroids::PIXELS;

struct Centroid;

export!(Centroid);

const JSON: &str = "application/json";
const MAX_IMAGES: usize = 10_000;

impl messages::Guest for Centroid {
    fn describe() -> Result<Description, Error> {
        Ok(Description {
            name: "fashion-centroids".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            height: 28,
            width: 28,
            channels: 1,
            labels: centroids::labels().map(str::to_owned).collect(),
            max_images: MAX_IMAGES as u32,
            accepts: vec![JSON.to_owned()],
            produces: vec![JSON.to_owned()],
        })
    }

    fn classify(requests: Vec<Request>) -> Vec<Result<Reply, Error>> {
        requests.iter().map(classify).collect()
    }
}

impl tensors::Guest for Centroid {
    fn predict(images: Images) -> Result<Vec<f32>, Error> {
        let pixels: Vec<f32> = match images.pixels {
            Pixels::U8s(pixels) => pixels.into_iter().map(f32::from).collect(),
            Pixels::F32s(pixels) => pixels,
        };
        check_count(images.count as usize)?;
        if pixels.len() != images.count as usize * PIXELS {
            let detail = format!("{} values are not {} images of 28x28", pixels.len(), images.count);
            return Err(reject("bad-shape", detail));
        }
        if !pixels.iter().all(|pixel| pixel.is_finite()) {
            return Err(reject("not-finite", "a pixel is NaN or infinite"));
        }
        Ok(pixels.chunks_exact(PIXELS).flat_map(centroids::probabilities).collect())
    }
}

/// One message: decode, classify, encode.
fn classify(request: &Request) -> Result<Reply, Error> {
    check_wishes(request)?;
    let pixels = json::decode(&request.body)?;
    check_count(pixels.len() / PIXELS)?;
    let classes: Vec<usize> = pixels.chunks_exact(PIXELS).map(centroids::nearest).collect();
    Ok(Reply {
        content_type: JSON.to_owned(),
        images: classes.len() as u32,
        warnings: Vec::new(),
        body: json::encode(&classes),
    })
}

/// Only plain JSON comes in and goes out, so any parameter is refused. Pixels are read in one way only.
fn check_wishes(request: &Request) -> Result<(), Error> {
    let is_json = |media: &Option<String>| media.as_deref().is_none_or(|media| media == JSON);
    if !is_json(&request.content_type) {
        return Err(reject(
            "unsupported-content-type",
            format!("{:?}: send {JSON}", request.content_type),
        ));
    }
    if !is_json(&request.accept) {
        return Err(reject(
            "not-acceptable",
            format!("{:?}: this component produces {JSON}", request.accept),
        ));
    }
    if let Some(prepare) = &request.prepare {
        return Err(reject(
            "unsupported-preparation",
            format!("{prepare:?}: this component takes pixels as they are"),
        ));
    }
    Ok(())
}

fn check_count(images: usize) -> Result<(), Error> {
    match images {
        0 => Err(reject("empty", "no images: send at least one")),
        1..=MAX_IMAGES => Ok(()),
        _ => Err(reject(
            "too-many-images",
            format!("{images} images: send at most {MAX_IMAGES} in a message"),
        )),
    }
}

fn reject(code: &str, detail: impl Into<String>) -> Error {
    Error::Reject(Cause {
        code: code.to_owned(),
        detail: detail.into(),
    })
}
