//! `host classify`: image files in, labels out, with no broker between.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::stdout::{self, printable};
use super::{progress, start};
use crate::classifier::{Classifier, ClassifierConfig};
use crate::cli::{ClassifyCommand, Format};
use crate::config::DEFAULT_MAX_MESSAGE;
use crate::exit::Failure;
use crate::images::media_type_of;
use crate::message::{CONTENT_TYPE, Message};
use crate::pipeline::{Cause, Classify, ClassifyError};
use crate::shutdown::interrupted;

impl ClassifyCommand {
    /// Prints a line an image, in the order of the files. A file that fails is told, and the others go on.
    pub async fn execute(self) -> anyhow::Result<()> {
        let accept = format!("application/json;profile=scores;top-k={}", self.top_k);
        let config = ClassifierConfig {
            prepare: self.prepare.parameters(),
            ..ClassifierConfig::new(self.component, Some(accept), DEFAULT_MAX_MESSAGE.as_usize())
        };
        let work = classify(&config, &self.files, self.format);
        tokio::select! {
            biased;
            () = interrupted() => Err(Failure::Interrupted("not all files were classified".to_owned()).into()),
            done = work => done,
        }
    }
}

async fn classify(config: &ClassifierConfig, files: &[PathBuf], format: Format) -> anyhow::Result<()> {
    let classifier = start(config).await?;
    let classifier = &classifier;
    let limit = config.limits.memory_bytes;
    let scores = stream::iter(files).map(|file| async move { (file, score(classifier, file, limit).await) });
    let mut scores = scores.buffered(config.workers.get());
    let mut failed = 0;
    while let Some((file, scored)) = scores.next().await {
        let name = printable(&file.display().to_string());
        match (scored, format) {
            (Ok((scores, warnings)), Format::Text) => {
                for Cause { code, detail } in warnings {
                    progress::say(&format!("warning: {name}: {code}: {detail}"));
                }
                for line in lines(&name, &scores) {
                    stdout::write_line(line).await?;
                }
            }
            (Ok((scores, warnings)), Format::Json) => {
                let warnings: Vec<_> = warnings
                    .iter()
                    .map(|Cause { code, detail }| json!({"code": code, "detail": detail}))
                    .collect();
                let line = json!({"file": name, "predictions": scores.predictions, "warnings": warnings});
                stdout::write_line(line.to_string()).await?;
            }
            (Err(error), _) if matches!(error.downcast_ref(), Some(ClassifyError::Broken(_))) => return Err(error),
            (Err(error), format) => {
                failed += 1;
                progress::say(&format!("error: {name}: {error:#}"));
                if format == Format::Json {
                    stdout::write_line(json!({"file": name, "error": format!("{error:#}")}).to_string()).await?;
                }
            }
        }
    }
    if failed > 0 {
        return Err(Failure::Stopped(format!("{failed} of {} files were not classified", files.len())).into());
    }
    Ok(())
}

async fn score(classifier: &Classifier, file: &Path, limit: usize) -> anyhow::Result<(Scores, Vec<Cause>)> {
    let path = file.to_owned();
    let payload = tokio::task::spawn_blocking(move || read(&path, limit)).await??;
    let content_type = media_type_of(&payload).or_else(|| content_type(file));
    let mut message = Message::new(payload);
    if let Some(content_type) = content_type {
        message.set_header(CONTENT_TYPE, content_type);
    }
    let answer = classifier.classify(&message).await?;
    let scores = serde_json::from_slice(&answer.payload).context(
        "the component did not answer with scores; is application/json;profile=scores among what it produces?",
    )?;
    Ok((scores, answer.warnings))
}

fn read(path: &Path, limit: usize) -> anyhow::Result<Bytes> {
    let mut bytes = Vec::new();
    let file = File::open(path).context("cannot be read")?;
    file.take((limit as u64).saturating_add(1))
        .read_to_end(&mut bytes)
        .context("cannot be read")?;
    if bytes.len() > limit {
        bail!("more than the {limit} bytes that the component may hold; raise --guest-memory");
    }
    Ok(bytes.into())
}

/// By the name, which says nothing of a picture that its bytes show: many a PNG is called `.jpg`. None: the component recognises
/// it from the bytes.
fn content_type(file: &Path) -> Option<&'static str> {
    let extension = file.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "png" => Some("image/png"),
        "jpg" | "jpeg" => Some("image/jpeg"),
        "json" => Some("application/json"),
        "npy" => Some("application/x-npy"),
        _ => None,
    }
}

/// The answer with scores, as far as it is shown.
#[derive(Debug, Deserialize, Serialize)]
struct Scores {
    predictions: Vec<Prediction>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Prediction {
    top: Vec<Score>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Score {
    class: u32,
    label: String,
    score: f32,
}

/// A line an image, such as `shoe.png: Ankle boot 98.1%, Sneaker 1.2%`.
fn lines(name: &str, scores: &Scores) -> Vec<String> {
    let predictions = scores.predictions.iter().enumerate();
    let line = predictions.map(|(index, prediction)| {
        let top = prediction.top.iter();
        let top: Vec<_> = top
            .map(|score| format!("{} {:.1}%", printable(&score.label), score.score * 100.0))
            .collect();
        match scores.predictions.len() {
            1 => format!("{name}: {}", top.join(", ")),
            _ => format!("{name}[{index}]: {}", top.join(", ")),
        }
    });
    line.collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_name_gives_the_media_type_where_it_can() {
        assert_eq!(content_type(Path::new("a/Shoe.PNG")), Some("image/png"));
        assert_eq!(content_type(Path::new("shoe.jpeg")), Some("image/jpeg"));
        assert_eq!(content_type(Path::new("shoe")), None);
        assert_eq!(content_type(Path::new("shoe.raw")), None);
    }

    #[test]
    fn a_file_with_several_images_gets_a_numbered_line_for_each() {
        let one = r#"{"top": [{"class": 9, "label": "Ankle\u001b boot", "score": 0.981}]}"#;
        let scores: Scores = serde_json::from_str(&format!(r#"{{"predictions": [{one}]}}"#)).unwrap();
        assert_eq!(lines("a.png", &scores), ["a.png: Ankle\\u{1b} boot 98.1%"]);
        let scores: Scores = serde_json::from_str(&format!(r#"{{"predictions": [{one}, {one}]}}"#)).unwrap();
        assert_eq!(
            lines("a.npy", &scores).last().unwrap(),
            "a.npy[1]: Ankle\\u{1b} boot 98.1%"
        );
    }
}
