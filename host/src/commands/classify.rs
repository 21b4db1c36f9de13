//! `host classify`: image files in, labels out, without a broker.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde::Serialize;
use serde_json::json;

use super::{progress, start, stdout};
use crate::classifier::{Classifier, ClassifierConfig, Description};
use crate::cli::{ClassifyCommand, FitName, Format, InvertName, PictureArgs};
use crate::evaluation::answer::{Form, Prediction};
use crate::evaluation::wire::{self, Wire};
use crate::exit::Failure;
use crate::files;
use crate::images::{self, Folder, Images, ImagesError, media_type_of, media_type_of_name};
use crate::json::JsonBytes;
use crate::message::{CONTENT_PREPARE, CONTENT_TYPE, Message};
use crate::pipeline::{Cause, Classify, ClassifyError};
use crate::shutdown::interrupted;
use crate::terminal::{counted, printable};
use crate::values::DEFAULT_MAX_MESSAGE;

impl ClassifyCommand {
    /// Prints a line for each image, in the order of the files. A file that fails is reported, and the others are classified.
    pub async fn execute(self) -> anyhow::Result<()> {
        tokio::select! {
            biased;
            () = interrupted() => Err(Failure::Interrupted("not all files were classified".to_owned()).into()),
            done = self.run() => done,
        }
    }

    async fn run(mut self) -> anyhow::Result<()> {
        let files = listed(self.files)?;
        let typed = std::mem::take(&mut self.prepare.picture);
        let config = ClassifierConfig {
            prepare: self.prepare.parameters(),
            ..ClassifierConfig::new(self.component, None, DEFAULT_MAX_MESSAGE.as_usize())?
        };
        let classifier = start(&config).await?;
        let form = Form::of(classifier.description())?;
        let classifier = classifier.asking(Some(&form.accept(self.top_k.get())));
        let asking = Asking {
            prepare: preparation(typed, classifier.description()),
            limit: config.limits.memory_bytes,
            form,
            classifier,
        };
        let asking = &asking;
        let scores = stream::iter(&files).map(|file| async move { (file, asking.score(file).await) });
        let mut scores = scores.buffered(config.workers.get());
        let mut failed = 0;
        while let Some((file, scored)) = scores.next().await {
            match scored {
                Ok(scored) => print(file, &scored, self.format).await?,
                Err(error) if matches!(error.downcast_ref(), Some(ClassifyError::Broken(_))) => return Err(error),
                Err(error) => {
                    failed += 1;
                    let error = format!("{error:#}");
                    progress::fail(&format!("{}: {error}", printable(&file.display().to_string())));
                    if self.format == Format::Json {
                        let line = json!({"file": JsonBytes::of_path(file), "error": error});
                        stdout::write_line(line.to_string()).await?;
                    }
                }
            }
        }
        match failed {
            0 => Ok(()),
            _ => {
                let files = counted(files.len() as u64, "file was", "files were");
                Err(Failure::Stopped(format!("{failed} of {files} not classified")).into())
            }
        }
    }
}

/// The files to classify: each folder is replaced by its pictures.
fn listed(files: Vec<PathBuf>) -> anyhow::Result<Vec<PathBuf>> {
    let mut listed = Vec::new();
    for file in files {
        if !file.is_dir() {
            listed.push(file);
            continue;
        }
        let Folder { pictures, left_out } = Folder::list(&file)?;
        if pictures.is_empty() {
            return Err(ImagesError::NoImages { folder: file }.into());
        }
        if let Some(said) = images::left_out(&left_out) {
            progress::warn(&printable(&said));
        }
        listed.extend(pictures);
    }
    Ok(listed)
}

/// How pictures are prepared. Options that the user did not give have the defaults of the page in the browser, which suit photographs:
/// these seldom have the model's shape, and models of grey images are trained on light objects on black, which photographs seldom
/// show. None: the component takes no pictures, so it may not know these options, and the user gave none.
fn preparation(typed: PictureArgs, model: &Description) -> Option<String> {
    let takes_pictures = model.accepts.iter().any(|media| media.starts_with("image/"));
    if !takes_pictures && typed.parameters().is_none() {
        return None;
    }
    let invert = match model.channels {
        1 => InvertName::Auto,
        _ => InvertName::Never,
    };
    let prepare = PictureArgs {
        fit: typed.fit.or(Some(FitName::Contain)),
        invert: typed.invert.or(Some(invert)),
    };
    prepare.parameters()
}

async fn print(file: &Path, (scores, warnings): &Scored, format: Format) -> anyhow::Result<()> {
    let name = printable(&file.display().to_string());
    match format {
        Format::Text => {
            for Cause { code, detail } in warnings {
                progress::warn(&format!("{name}: {code}: {detail}"));
            }
            for line in lines(&name, scores) {
                stdout::write_line(line).await?;
            }
        }
        Format::Json => {
            let warnings: Vec<_> = warnings
                .iter()
                .map(|Cause { code, detail }| json!({"code": code, "detail": detail}))
                .collect();
            let line = json!({"file": JsonBytes::of_path(file), "predictions": scores, "warnings": warnings});
            stdout::write_line(line.to_string()).await?;
        }
    }
    Ok(())
}

/// The scores of each image of a file, and warnings.
type Scored = (Vec<Scores>, Vec<Cause>);

/// Everything needed to classify a file.
struct Asking {
    classifier: Classifier,
    form: Form,
    /// How to prepare pictures.
    prepare: Option<String>,
    /// The largest file. Bytes.
    limit: usize,
}

impl Asking {
    async fn score(&self, file: &Path) -> anyhow::Result<Scored> {
        let (path, limit, model) = (file.to_owned(), self.limit, self.classifier.description().clone());
        let mut message = tokio::task::spawn_blocking(move || message(&path, limit, &model)).await??;
        if let Some(prepare) = &self.prepare {
            message.set_header(CONTENT_PREPARE, prepare.clone());
        }
        let answer = self.classifier.classify(&message).await?;
        let labels = &self.classifier.description().labels;
        let predictions = self
            .form
            .read(&answer.payload, labels.len())
            .map_err(Failure::Stopped)?;
        if predictions.len() != answer.images as usize {
            let (claimed, given) = (answer.images, predictions.len());
            let claimed = counted(claimed.into(), "image", "images");
            bail!("the component claims to have classified {claimed}, and names the classes of {given}");
        }
        let scores = predictions.iter().map(|prediction| Scores::new(prediction, labels));
        Ok((scores.collect(), answer.warnings))
    }
}

/// The file unchanged, if the component accepts its type; otherwise its pixels in a type that it accepts.
fn message(path: &Path, limit: usize, model: &Description) -> anyhow::Result<Message> {
    let bytes = read(path, limit)?;
    let content_type = media_type_of(&bytes).or_else(|| content_type(path));
    let takes = |wanted: &str| {
        let mut essences = model.accepts.iter().filter_map(|media| media.split(';').next());
        essences.any(|essence| essence.trim().eq_ignore_ascii_case(wanted))
    };
    let Some(content_type) = content_type.filter(|media| !takes(media)) else {
        let mut message = Message::new(bytes);
        if let Some(content_type) = content_type {
            message.set_header(CONTENT_TYPE, content_type);
        }
        return Ok(message);
    };
    if content_type != wire::NPY {
        bail!(
            "it is {content_type}, and the component takes {}: give it pixels of its size, such as an .npy file of bytes",
            model.accepts.join(", ")
        );
    }
    let Images::Pixels(mut pixels) = Images::of_file(path)? else {
        bail!("its extension says {content_type}, and it is something else");
    };
    let most = u64::from(model.max_images);
    if pixels.left() > most {
        bail!(
            "it holds {}, and the component takes {most} at once",
            counted(pixels.left(), "image", "images")
        );
    }
    let batch = pixels.read(most)?.context("it holds no images")?;
    Ok(Wire::choose(&model.accepts)?.message(&batch))
}

fn read(path: &Path, limit: usize) -> anyhow::Result<Bytes> {
    match files::read(path, limit as u64) {
        Ok(bytes) => Ok(bytes.into()),
        Err(error) if error.kind() == ErrorKind::FileTooLarge => {
            bail!("it is over the {limit} bytes that fit into the component; raise --guest-memory")
        }
        Err(error) => Err(error).context("cannot be read"),
    }
}

/// By the extension, except for pictures, whose bytes count: many a PNG is called `.jpg`. None: the component
/// recognises it by the bytes.
fn content_type(file: &Path) -> Option<&'static str> {
    let extension = file.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "json" => Some("application/json"),
        "npy" => Some(wire::NPY),
        _ => media_type_of_name(file),
    }
}

/// The scores of one image, for printing.
#[derive(Debug, PartialEq, Serialize)]
struct Scores {
    top: Vec<Score>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Score {
    class: u32,
    label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
}

impl Scores {
    fn new(prediction: &Prediction, labels: &[String]) -> Self {
        let best = std::slice::from_ref(&prediction.best);
        let top = if prediction.top.is_empty() {
            best
        } else {
            &prediction.top
        };
        let named = top.iter().map(|best| Score {
            class: best.class,
            label: labels.get(best.class as usize).cloned().unwrap_or_default(),
            score: best.score,
        });
        Self { top: named.collect() }
    }
}

/// A line for each image, such as `shoe.png: Ankle boot 98.1%, Sneaker 1.2%`.
fn lines(name: &str, images: &[Scores]) -> Vec<String> {
    let line = images.iter().enumerate().map(|(index, scores)| {
        let top = scores.top.iter().map(|score| {
            let label = printable(&score.label);
            score
                .score
                .map_or(label.clone(), |share| format!("{label} {:.1}%", share * 100.0))
        });
        let top = top.collect::<Vec<_>>().join(", ");
        match images.len() {
            1 => format!("{name}: {top}"),
            _ => format!("{name}[{index}]: {top}"),
        }
    });
    line.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::answer::Best;

    #[test]
    fn the_name_gives_the_media_type_where_it_can() {
        assert_eq!(content_type(Path::new("a/Shoe.PNG")), Some("image/png"));
        assert_eq!(content_type(Path::new("shoe.jpeg")), Some("image/jpeg"));
        assert_eq!(content_type(Path::new("shoe")), None);
        assert_eq!(content_type(Path::new("shoe.raw")), None);
    }

    #[test]
    fn a_file_with_several_images_gets_a_numbered_line_for_each() {
        let labels = ["Trouser".to_owned(), "Ankle\u{1b} boot".to_owned()];
        let scores = |score| {
            let best = Best { class: 1, score };
            Scores::new(&Prediction { best, top: Vec::new() }, &labels)
        };
        assert_eq!(
            lines("a.png", &[scores(Some(0.981))]),
            ["a.png: Ankle\\u{1b} boot 98.1%"]
        );
        assert_eq!(
            lines("a.npy", &[scores(None), scores(Some(0.5))]),
            ["a.npy[0]: Ankle\\u{1b} boot", "a.npy[1]: Ankle\\u{1b} boot 50.0%"]
        );
    }
}
