#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::*;
use crate::pipeline::{Answer, Cause, Maker};

const OPTIONS: Options = Options {
    batch: 4,
    max_message_bytes: 1_000,
    retry_delay: Duration::ZERO,
    thumbnails: true,
};

/// Answers with what a function of the message's pixels says, and notes what it was sent.
struct Fake<F> {
    answer: F,
    sent: Mutex<Vec<usize>>,
}

impl<F: Fn(&[u8]) -> Result<String, ClassifyError> + Send + Sync> Fake<F> {
    fn new(answer: F) -> Self {
        let sent = Mutex::default();
        Self { answer, sent }
    }

    /// The evaluation of ten images of one pixel, whose value is the image's number; even numbers are of class 0, odd of 1.
    async fn evaluate(&self) -> anyhow::Result<Evaluation> {
        self.evaluate_with(&model()).await
    }

    async fn evaluate_with(&self, model: &Description) -> anyhow::Result<Evaluation> {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, header: &[u8], values: &[u8]| {
            std::fs::write(folder.path().join(name), [header, values].concat()).unwrap();
        };
        let pixels: Vec<u8> = (0..10).collect();
        let classes: Vec<u8> = (0..10).map(|number| number % 2).collect();
        write(
            "t10k-images-idx3-ubyte",
            &[0, 0, 8, 3, 0, 0, 0, 10, 0, 0, 0, 1, 0, 0, 0, 1],
            &pixels,
        );
        write("t10k-labels-idx1-ubyte", &[0, 0, 8, 1, 0, 0, 0, 10], &classes);
        let data = Labelled::open(Some(folder.path()), Split::Test, model).unwrap();
        evaluate(self, &Form::Scores, model, data, &OPTIONS, |_| {}).await
    }
}

#[async_trait]
impl<F: Fn(&[u8]) -> Result<String, ClassifyError> + Send + Sync> Classify for Fake<F> {
    async fn classify(&self, message: &Message) -> Result<Answer, ClassifyError> {
        self.sent.lock().unwrap().push(message.body().len());
        let payload = (self.answer)(message.body())?;
        Ok(Answer {
            images: payload.matches("\"class\"").count() as u32,
            payload: payload.into(),
            content_type: "application/json".to_owned(),
            // Of the last image it is not sure what it is.
            warnings: Vec::from_iter(message.body().contains(&9).then(cause)),
        })
    }

    fn concurrency(&self) -> usize {
        3
    }

    fn maker(&self) -> Arc<Maker> {
        Arc::new(Maker::new("digest", None, &[]))
    }
}

fn model() -> Description {
    data::tests::model(1, 1, &["even", "odd"])
}

fn answers(answers: impl Iterator<Item = (u32, f32)>) -> String {
    let answers = answers.map(|(class, score)| format!(r#"{{"class": {class}, "score": {score}}}"#));
    format!(r#"{{"predictions": [{}]}}"#, answers.collect::<Vec<_>>().join(", "))
}

/// Class 0 for all; the surer, the higher the number.
fn even(pixels: &[u8]) -> String {
    answers(pixels.iter().map(|pixel| (0, f32::from(*pixel) / 10.0)))
}

fn reject() -> ClassifyError {
    ClassifyError::Reject(cause())
}

fn cause() -> Cause {
    Cause {
        code: "bad".into(),
        detail: "because".into(),
    }
}

#[tokio::test]
async fn every_image_counts_once_and_the_surest_mistakes_come_first() {
    let fake = Fake::new(|pixels| Ok(even(pixels)));
    let evaluation = fake.evaluate().await.unwrap();
    assert_eq!((evaluation.tally.images(), evaluation.tally.right()), (10, 5));
    assert_eq!(evaluation.tally.count(1, 0), 5);
    assert_eq!(evaluation.unclassified, 0);
    assert_eq!(evaluation.warnings.to_string(), "1 of bad");
    let images = evaluation.mistakes.iter().map(|mistake| mistake.image.clone());
    assert_eq!(images.collect::<Vec<_>>(), [9, 7, 5, 3, 1].map(ImageName::Index));
    let first = &evaluation.mistakes[0];
    assert_eq!((first.class, first.answered, first.score), (1, 0, Some(0.9)));
    assert!(matches!(first.look, Some(Look::Thumbnail(_))));
    let mut sent = fake.sent.into_inner().unwrap();
    sent.sort_unstable();
    assert_eq!(sent, [2, 4, 4]);
}

#[tokio::test]
async fn a_message_carries_no_more_images_than_the_model_takes() {
    let fake = Fake::new(|pixels| Ok(even(pixels)));
    let mut model = model();
    model.max_images = 3;
    fake.evaluate_with(&model).await.unwrap();
    assert_eq!(fake.sent.into_inner().unwrap().iter().max(), Some(&3));
}

#[tokio::test]
async fn an_image_that_is_refused_takes_none_along() {
    let fake = Fake::new(|pixels| match pixels.contains(&5) {
        true => Err(reject()),
        false => Ok(even(pixels)),
    });
    let evaluation = fake.evaluate().await.unwrap();
    assert_eq!((evaluation.tally.images(), evaluation.unclassified), (9, 1));
    let [unclassified] = evaluation.first_unclassified.try_into().unwrap();
    assert_eq!(unclassified.image, ImageName::Index(5));
    assert_eq!(unclassified.reason, "rejected, bad: because");
}

#[tokio::test]
async fn what_may_be_answered_the_next_time_is_asked_again_though_not_for_ever() {
    let asked = AtomicU32::new(0);
    let fake = Fake::new(|pixels| match asked.fetch_add(1, Ordering::SeqCst) {
        0 | 1 => Err(ClassifyError::Retry(cause())),
        _ => Ok(even(pixels)),
    });
    let evaluation = fake.evaluate().await.unwrap();
    assert_eq!((evaluation.tally.images(), evaluation.unclassified), (10, 0));

    let fake = Fake::new(|_| Err(ClassifyError::Retry(cause())));
    let broken = fake.evaluate().await.unwrap_err();
    assert!(
        matches!(broken.downcast_ref(), Some(ClassifyError::Broken(_))),
        "{broken:#}"
    );
    assert_eq!(fake.sent.into_inner().unwrap().len() as u32, 3 * ATTEMPTS);
}

#[tokio::test]
async fn a_component_that_fails_on_a_row_of_messages_ends_the_evaluation() {
    let first = AtomicBool::new(true);
    let fake = Fake::new(|pixels| match first.swap(false, Ordering::SeqCst) {
        true => Ok(even(pixels)),
        false => Err(ClassifyError::Retry(cause())),
    });
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("odd")).unwrap();
    for number in 0..50 {
        std::fs::write(folder.path().join(format!("odd/{number:03}.png")), "a").unwrap();
    }
    let data = Labelled::open(Some(folder.path()), Split::Test, &model()).unwrap();
    let ended = evaluate(&fake, &Form::Scores, &model(), data, &OPTIONS, |_| {}).await;
    let broken = ended.unwrap_err();
    assert!(
        matches!(broken.downcast_ref(), Some(ClassifyError::Broken(_))),
        "{broken:#}"
    );
    assert!(fake.sent.into_inner().unwrap().len() < 50 * ATTEMPTS as usize);
}

#[tokio::test]
async fn an_answer_that_cannot_be_true_counts_for_nothing() {
    for wrong in [
        answers([(0, 1.0); 3].into_iter()),
        answers([(2, 1.0); 4].into_iter()),
        "[0, 0, 0, 0]".to_owned(),
    ] {
        let fake = Fake::new(|pixels| match pixels.len() {
            4 => Ok(wrong.clone()),
            _ => Ok(even(pixels)),
        });
        let evaluation = fake.evaluate().await.unwrap();
        assert_eq!((evaluation.tally.images(), evaluation.unclassified), (2, 8), "{wrong}");
        assert_eq!(evaluation.first_unclassified[7].image, ImageName::Index(7));
    }
}

#[tokio::test]
async fn of_many_unclassified_images_the_first_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("odd")).unwrap();
    for number in 0..150 {
        std::fs::write(folder.path().join(format!("odd/{number:03}.png")), "").unwrap();
    }
    let fake = Fake::new(|_| Err(reject()));
    let data = Labelled::open(Some(folder.path()), Split::Test, &model()).unwrap();
    let evaluation = evaluate(&fake, &Form::Scores, &model(), data, &OPTIONS, |_| {})
        .await
        .unwrap();
    assert_eq!(
        (evaluation.unclassified, evaluation.first_unclassified.len()),
        (150, UNCLASSIFIED)
    );
    assert_eq!(
        evaluation.first_unclassified[99].image,
        ImageName::File("odd/099.png".into())
    );
}

/// It claims one image more than it names classes of.
#[tokio::test]
async fn an_answer_that_claims_more_images_than_were_sent_counts_for_nothing() {
    let fake = Fake::new(|pixels| Ok(even(pixels).replacen('{', r#"{"class": 0, "#, 1)));
    let evaluation = fake.evaluate().await.unwrap();
    assert_eq!((evaluation.tally.images(), evaluation.unclassified), (0, 10));
    let reason = &evaluation.first_unclassified[0].reason;
    assert!(reason.contains("answered for 5 images, where 4 were sent"), "{reason}");
}

#[tokio::test]
async fn a_component_without_a_format_for_pixels_is_refused() {
    let mut model = model();
    model.accepts = vec!["text/plain".into()];
    let said = Fake::new(|_| Err(reject())).evaluate_with(&model).await.unwrap_err();
    assert!(said.to_string().contains("it takes text/plain"), "{said}");
}
