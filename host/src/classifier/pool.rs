//! Worker threads, each with a warm instance, behind one bounded queue.

use std::num::NonZeroUsize;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::Sender as Ready;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use async_channel::{Receiver, Sender};
use async_trait::async_trait;
use tokio::sync::oneshot;

use super::instance::{Instance, Template};
use super::log::Rate;
use super::program::{ComponentFile, Program, off_thread};
use super::{ClassifierConfig, ComponentError, Description, model, self_test};
use crate::message::Message;
use crate::pipeline::{Answer, Answers, Cause, Classify, ClassifyError, Maker};

/// A running component. Dropping it lets the threads end after their current call.
pub struct Classifier {
    workers: usize,
    jobs: Sender<Job>,
    /// The media type to request with every message. None: the component's default.
    accept: Option<Arc<str>>,
    description: Description,
    maker: Arc<Maker>,
}

/// Messages for one call.
struct Job {
    messages: Vec<Message>,
    accept: Option<Arc<str>>,
    answer: oneshot::Sender<Answers>,
}

impl Classifier {
    /// Compiles the component (or takes it from the cache), checks it, and warms one instance for each worker, which answers the
    /// component's own examples. Returns when all of them are ready. What is started so may take the place of another one.
    pub async fn start(config: &ClassifierConfig) -> Result<Self, ComponentError> {
        match Self::start_one(config).await {
            Err(error) => match config.with_more_operators(&error) {
                Some(full) => Self::start_one(&full).await,
                None => Err(error),
            },
            started => started,
        }
    }

    async fn start_one(config: &ClassifierConfig) -> Result<Self, ComponentError> {
        let (program, template) = prepare(config).await?;
        let workers = config.workers;
        let started = off_thread(move || Self::start_workers(program.digest, Arc::new(template), workers)).await?;
        Ok(started.asking(config.accept.as_deref()))
    }

    fn start_workers(digest: String, template: Arc<Template>, workers: NonZeroUsize) -> Result<Self, ComponentError> {
        // A queue with one place for each worker: messages that wait longer wait in the pipeline, which counts them.
        let (jobs, queue) = async_channel::bounded(workers.get());
        #[expect(clippy::disallowed_methods, reason = "one word a worker")]
        let (ready, started) = std::sync::mpsc::channel();
        for number in 0..workers.get() {
            let (template, queue, ready) = (Arc::clone(&template), queue.clone(), ready.clone());
            #[expect(
                clippy::disallowed_methods,
                reason = "workers end with the classifier, whose queue they read"
            )]
            thread::Builder::new()
                .name(format!("worker-{number}"))
                .spawn(move || {
                    let mut ready = Some(ready);
                    // A worker that panicked over one message need not panic over the next.
                    while panic::catch_unwind(AssertUnwindSafe(|| work(&template, &queue, ready.take()))).is_err() {
                        tracing::error!("a worker crashed; another one replaces it");
                    }
                })
                .map_err(|error| ComponentError::Engine(error.to_string()))?;
        }
        drop(ready);
        let mut description = None;
        for said in started {
            description = Some(said?);
        }
        let description = description.ok_or_else(|| ComponentError::Start("no worker started".to_owned()))?;
        let maker = Maker::new(&digest, description.model_sha256.as_deref(), &description.labels);
        Ok(Self {
            workers: workers.get(),
            jobs,
            accept: None,
            description,
            maker: Arc::new(maker),
        })
    }

    /// The same, requesting answers of this media type. None: the component's default.
    pub fn asking(mut self, accept: Option<&str>) -> Self {
        self.accept = accept.map(Arc::from);
        self
    }

    /// The component's description of itself.
    pub fn description(&self) -> &Description {
        &self.description
    }
}

/// Reads the model for the component, and compiles the component, which takes longer.
pub(super) async fn prepare(config: &ClassifierConfig) -> Result<(Program, Template), ComponentError> {
    let file = ComponentFile::read(&config.component).await?;
    prepare_file(config, file).await
}

/// The same for a component's file that was read.
pub(super) async fn prepare_file(
    config: &ClassifierConfig,
    file: ComponentFile,
) -> Result<(Program, Template), ComponentError> {
    let asked = config.clone();
    let (model, labels) = off_thread(move || Ok((model::read(&asked)?, super::labels::given(&asked)?))).await?;
    let program = Program::compile(config, file).await?;
    let template = Template {
        exports: program.link(config.component.path())?,
        model,
        labels,
        limits: config.limits.clone(),
        prepare: config.prepare.clone(),
        described: OnceLock::new(),
        log_rate: Arc::new(Rate::new()),
    };
    Ok((program, template))
}

#[async_trait]
impl Classify for Classifier {
    async fn classify(&self, message: &Message) -> Result<Answer, ClassifyError> {
        let no_answer = || Err(broken("no-answer", "there is no result"));
        self.classify_all(&[message]).await?.pop().unwrap_or_else(no_answer)
    }

    async fn classify_all(&self, messages: &[&Message]) -> Answers {
        // A thread that crashed is replaced, and the next one tries the same messages. If that one crashes over them, too, who knows
        // whether they or the host are at fault.
        for _ in 0..2 {
            let (answer, answered) = oneshot::channel();
            let job = Job {
                messages: messages.iter().copied().cloned().collect(),
                accept: self.accept.clone(),
                answer,
            };
            if self.jobs.send(job).await.is_err() {
                return Err(broken("no-worker", "the classifier's threads have ended"));
            }
            if let Ok(answers) = answered.await {
                return answers;
            }
        }
        let crashed =
            "two of the host's own threads crashed on the same message, one after the other; please report it";
        Err(broken("worker-fell", crashed))
    }

    /// One call for each worker, and one that it finds when the first has ended.
    fn concurrency(&self) -> usize {
        2 * self.workers
    }

    fn maker(&self) -> Arc<Maker> {
        Arc::clone(&self.maker)
    }
}

/// A worker thread: one call at a time, on a runtime of its own. Each new thread first warms an instance and reports
/// that.
fn work(template: &Template, queue: &Receiver<Job>, ready: Option<Ready<Result<Description, ComponentError>>>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            if let Some(ready) = ready {
                // The receiver is dropped only after another worker has failed.
                let _ = ready.send(Err(ComponentError::Engine(error.to_string())));
            }
            return;
        }
    };
    runtime.block_on(async {
        let mut warm = None;
        // The start waits until no worker can report any more.
        if let Some(ready) = ready {
            let described = start(template).await.map(|(instance, description)| {
                warm = Some(instance);
                description
            });
            let is_refused = described.is_err();
            let _ = ready.send(described);
            if is_refused {
                return;
            }
        }
        while let Ok(job) = queue.recv().await {
            // Nobody waits any more: the lane was revoked, or the pipeline stopped.
            if job.answer.is_closed() {
                continue;
            }
            let Job {
                messages,
                accept,
                answer: mut waiting,
            } = job;
            let answering = answer(&mut warm, &messages, accept.as_deref(), template);
            // A call that has no end would keep the worker from those who still wait.
            tokio::select! {
                biased;
                answers = answering => {
                    let _ = waiting.send(answers);
                }
                () = abandoned(&mut waiting) => {
                    tracing::debug!("a call was ended, because nobody waits for its answer any more");
                }
            }
        }
    });
}

/// A call of the warm instance, or of a fresh one if there is none. An instance that says that it is broken is replaced, once: the next
/// one may be better.
async fn answer(
    warm: &mut Option<Instance>,
    messages: &[Message],
    accept: Option<&str>,
    template: &Template,
) -> Answers {
    let mut is_first = true;
    loop {
        let instance = match warm.take() {
            Some(instance) => instance,
            None => match Instance::new(template).await {
                Ok((instance, _)) => instance,
                Err(error) => return Err(broken("no-instance", &error.to_string())),
            },
        };
        let (kept, answers) = instance.answer(messages, accept, template).await;
        *warm = kept;
        match answers {
            Err(ClassifyError::Broken(Cause { code, detail })) if is_first => {
                tracing::warn!(
                    code,
                    detail,
                    "the component says that it is broken: asking a fresh instance"
                );
                is_first = false;
            }
            answers => return answers,
        }
    }
}

/// A first instance, tried with its own examples.
pub(super) async fn start(template: &Template) -> Result<(Instance, Description), ComponentError> {
    let (mut instance, description) = Instance::new(template).await?;
    self_test::pass(&mut instance, template).await?;
    Ok((instance, description))
}

/// How long a call may go on when nobody waits for it any more: an instance is worth more than a moment of a core.
const LEFT_ALONE: Duration = Duration::from_secs(1);

/// Resolves when nobody has been waiting for an answer for a while.
async fn abandoned(answer: &mut oneshot::Sender<Answers>) {
    answer.closed().await;
    tokio::time::sleep(LEFT_ALONE).await;
}

fn broken(code: &str, detail: &str) -> ClassifyError {
    ClassifyError::Broken(Cause {
        code: code.to_owned(),
        detail: detail.to_owned(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    /// A classifier in front of threads of which so many crash over their message before one answers.
    fn crashing(times: usize) -> Classifier {
        let (jobs, queue) = async_channel::bounded(1);
        tokio::spawn(async move {
            let mut crashed = 0;
            while let Ok(Job { answer, .. }) = queue.recv().await {
                if crashed == times {
                    answer
                        .send(Ok(vec![Err(ClassifyError::Reject(Cause {
                            code: "empty".to_owned(),
                            detail: "as it is".to_owned(),
                        }))]))
                        .unwrap();
                } else {
                    crashed += 1;
                }
            }
        });
        Classifier {
            workers: 1,
            jobs,
            accept: None,
            description: Description {
                name: "crashing".into(),
                version: "1".into(),
                model_sha256: None,
                height: 1,
                width: 1,
                channels: 1,
                labels: vec!["one".into()],
                scores: None,
                max_images: 1,
                accepts: vec!["text/plain".into()],
                produces: vec!["text/plain".into()],
            },
            maker: Arc::new(Maker::new("00", None, &[])),
        }
    }

    #[tokio::test]
    async fn a_message_over_which_a_thread_crashes_is_tried_by_the_one_that_replaces_it() {
        let answered = crashing(1).classify(&Message::default()).await;
        assert!(matches!(answered, Err(ClassifyError::Reject(_))), "{answered:?}");
    }

    #[tokio::test]
    async fn two_threads_that_crash_in_a_row_or_none_that_is_left_are_a_broken_classifier_and_no_bad_message() {
        let classifier = crashing(2);
        let Err(ClassifyError::Broken(cause)) = classifier.classify(&Message::default()).await else {
            panic!("it is answered");
        };
        assert_eq!(cause.code, "worker-fell");
        classifier.jobs.close();
        let Err(ClassifyError::Broken(cause)) = classifier.classify(&Message::default()).await else {
            panic!("it is answered");
        };
        assert_eq!(cause.code, "no-worker");
    }
}
