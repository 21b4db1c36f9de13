//! Worker threads, each with a warm instance, behind one bounded queue.

use std::num::NonZeroUsize;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::Sender as Ready;
use std::sync::{Arc, OnceLock};
use std::thread;

use async_channel::{Receiver, Sender};
use async_trait::async_trait;
use tokio::sync::oneshot;

use super::instance::{Instance, Template};
use super::program::{Program, off_thread};
use super::{ClassifierConfig, ComponentError, Description, model};
use crate::message::Message;
use crate::pipeline::{Answer, Cause, Classify, ClassifyError};

/// A running component. Dropping it lets the threads end after their current call.
pub struct Classifier {
    workers: usize,
    jobs: Sender<Job>,
    /// The media type to request with every message. None: the component's default.
    accept: Option<Arc<str>>,
    description: Description,
    digest: String,
}

/// Messages for one call.
struct Job {
    messages: Vec<Message>,
    accept: Option<Arc<str>>,
    answer: oneshot::Sender<Answers>,
}

type Answers = Result<Vec<Result<Answer, ClassifyError>>, ClassifyError>;

impl Classifier {
    /// Compiles the component (or takes it from the cache), checks it, and warms one instance for each worker.
    /// Returns when all of them are ready.
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
        Ok(Self {
            workers: workers.get(),
            jobs,
            accept: None,
            description,
            digest,
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
    let asked = config.clone();
    let (model, labels) = off_thread(move || Ok((model::read(&asked)?, super::labels::given(&asked)?))).await?;
    let program = Program::compile(config).await?;
    let template = Template {
        pre: program.link(config.component.path())?,
        model,
        labels,
        limits: config.limits.clone(),
        prepare: config.prepare.clone(),
        described: OnceLock::new(),
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
        let (answer, answered) = oneshot::channel();
        let job = Job {
            messages: messages.iter().copied().cloned().collect(),
            accept: self.accept.clone(),
            answer,
        };
        if self.jobs.send(job).await.is_err() {
            return Err(broken("no-worker", "the classifier's threads have ended"));
        }
        answered.await.unwrap_or_else(|_| {
            Err(ClassifyError::Retry(Cause {
                code: "worker-fell".to_owned(),
                detail: "the host's own thread crashed on this message; please report it".to_owned(),
            }))
        })
    }

    /// One call for each worker, and one that it finds when the first has ended.
    fn concurrency(&self) -> usize {
        2 * self.workers
    }

    fn digest(&self) -> &str {
        &self.digest
    }

    fn labels(&self) -> &[String] {
        &self.description.labels
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
            let started = Instance::new(template).await;
            let described = started.map(|(instance, description)| {
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
            let instance = match warm.take() {
                Some(instance) => Ok(instance),
                None => Instance::new(template).await.map(|(instance, _)| instance),
            };
            let answer = match instance {
                Ok(instance) => {
                    let (kept, answer) = instance.answer(&job.messages, job.accept.as_deref(), template).await;
                    warm = kept;
                    answer
                }
                Err(error) => Err(broken("no-instance", &error.to_string())),
            };
            let _ = job.answer.send(answer);
        }
    });
}

fn broken(code: &str, detail: &str) -> ClassifyError {
    ClassifyError::Broken(Cause {
        code: code.to_owned(),
        detail: detail.to_owned(),
    })
}
