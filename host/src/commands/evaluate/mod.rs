//! `host evaluate`: runs labelled images through the component and measures its answers.

mod report;

use std::path::{Path, PathBuf};

use indicatif::HumanCount;

use self::report::{About, Report};
use super::{progress, start, stdout};
use crate::classifier::{ClassifierConfig, Description};
use crate::cli::{EvaluateCommand, Format, SplitName};
use crate::evaluation::answer::Form;
use crate::evaluation::{self, Evaluation, Labelled, Options, Split, picture};
use crate::exit::Failure;
use crate::shutdown::interrupted;
use crate::terminal::{counted, printable};
use crate::values::{DEFAULT_MAX_MESSAGE, RETRY_DELAY};

/// How many unclassified images are named.
const NAMED: usize = 5;

impl EvaluateCommand {
    /// Prints the figures. Fails if an image was not classified.
    pub async fn execute(self) -> anyhow::Result<()> {
        tokio::select! {
            biased;
            () = interrupted() => Err(Failure::Interrupted("not all images were classified".to_owned()).into()),
            done = self.run() => done,
        }
    }

    async fn run(self) -> anyhow::Result<()> {
        if let Some(path) = &self.picture {
            check_picture(path)?;
        }
        let max_message_bytes = DEFAULT_MAX_MESSAGE.as_usize();
        let config = ClassifierConfig {
            prepare: self.prepare.parameters(),
            ..ClassifierConfig::new(self.component, None, max_message_bytes)?
        };
        let classifier = start(&config).await?;
        let form = Form::of(classifier.description())?;
        let classifier = classifier.asking(Some(&form.accept(1)));
        let model = classifier.description();

        let split = match self.split {
            SplitName::Test => Split::Test,
            SplitName::Train => Split::Train,
        };
        let data = open(self.data, split, model.clone()).await?;
        for warning in &data.warnings {
            progress::warn(warning);
        }
        let about = About {
            model: model.clone(),
            data: printable(&data.name),
            images: data.left(),
            left_out: data.left_out,
        };
        let options = Options {
            batch: self.batch.get() as u64,
            max_message_bytes,
            retry_delay: RETRY_DELAY,
            thumbnails: self.picture.is_some(),
        };
        let bar = progress::bar(Some(about.images));
        let observe = |images| bar.set_position(images);
        let evaluation = evaluation::evaluate(&classifier, &form, model, data, &options, observe).await;
        bar.finish_and_clear();
        let evaluation = evaluation?;

        let report = Report::new(&about, &evaluation);
        match self.format {
            Format::Json => stdout::write_json(&report.json())?,
            Format::Text => stdout::write_styled(&report.text(stdout::width()))?,
        }
        tell(&evaluation);
        let (unclassified, images) = (evaluation.unclassified, about.images);
        if let Some(path) = self.picture {
            let title = report.title();
            draw(path, evaluation, model.labels.clone(), title).await?;
        }
        match unclassified {
            0 => Ok(()),
            _ => Err(Failure::Stopped(format!(
                "{} of {} not classified",
                HumanCount(unclassified),
                counted(images, "image was", "images were")
            ))
            .into()),
        }
    }
}

/// Finds the data off the async threads: a folder may hold many files.
async fn open(data: Option<PathBuf>, split: Split, model: Description) -> anyhow::Result<Labelled> {
    let open = move || Labelled::open(data.as_deref(), split, &model);
    Ok(tokio::task::spawn_blocking(open).await??)
}

/// Prints what is not part of the result.
fn tell(evaluation: &Evaluation) {
    for unclassified in evaluation.first_unclassified.iter().take(NAMED) {
        let image = printable(&unclassified.image.to_string());
        progress::say(&format!("not classified: {image}: {}", printable(&unclassified.reason)));
    }
    let named = evaluation.first_unclassified.len().min(NAMED) as u64;
    if evaluation.unclassified > named {
        let more = HumanCount(evaluation.unclassified - named);
        progress::say(&format!("not classified: {more} more"));
    }
    if !evaluation.warnings.is_empty() {
        progress::say(&format!("answers that may be wrong: {}", evaluation.warnings));
    }
    let classified = evaluation.tally.images();
    let seconds = evaluation.took.as_secs_f64();
    if seconds > 0.0 {
        let rate = HumanCount((classified as f64 / seconds) as u64);
        progress::say(&format!(
            "{} classified, {rate}/s",
            counted(classified, "image", "images")
        ));
    }
}

/// Fails before the work if its picture could not be written afterwards.
fn check_picture(path: &Path) -> Result<(), Failure> {
    if !path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("svg"))
    {
        return Err(Failure::Usage(format!(
            "cannot draw '{}': the picture is an SVG file, which every browser opens; call it '{}'",
            path.display(),
            path.with_extension("svg").display()
        )));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) || path.is_dir() {
        return Err(Failure::Configuration(format!(
            "cannot write the picture '{}': it must be a file in an existing folder; name another with --picture",
            path.display()
        )));
    }
    Ok(())
}

async fn draw(
    path: PathBuf,
    evaluation: Evaluation,
    labels: Vec<String>,
    [title, data, model]: [String; 3],
) -> anyhow::Result<()> {
    let write = move || {
        let drawn = picture::draw(&evaluation, &labels, &title, [&data, &model]);
        std::fs::write(&path, drawn).map_err(|error| {
            let path = path.display();
            Failure::Configuration(format!(
                "cannot write the picture '{path}': {error}; name another with --picture"
            ))
        })
    };
    Ok(tokio::task::spawn_blocking(write).await??)
}
