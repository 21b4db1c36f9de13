//! Worker threads, each with a warm instance, behind one bounded queue.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::mpsc::Sender as Ready;
use std::thread;

use async_channel::{Receiver, Sender};
use async_trait::async_trait;
use tokio::sync::oneshot;

use super::engine::Program;
use super::instance::{Instance, Recipe};
use super::{ClassifierConfig, ComponentError, Description};
use crate::message::Message;
use crate::pipeline::{Answer, Cause, Classify, ClassifyError};

/// A component at work. Dropping it lets the threads end after their present call.
pub struct Classifier {
    workers: usize,
    jobs: Sender<Job>,
    description: Description,
    digest: String,
}

struct Job {
    message: Message,
    answer: oneshot::Sender<Result<Answer, ClassifyError>>,
}

impl Classifier {
    /// Compiles the component (or takes it from the cache), checks it, and warms one instance a worker. Returns when all
    /// of them are ready.
    pub async fn start(config: &ClassifierConfig) -> Result<Self, ComponentError> {
        let config = config.clone();
        let starting = tokio::task::spawn_blocking(move || Self::start_blocking(&config));
        starting
            .await
            .unwrap_or_else(|error| Err(ComponentError::Engine(error.to_string())))
    }

    fn start_blocking(config: &ClassifierConfig) -> Result<Self, ComponentError> {
        let program = Program::compile(&config.component, config.cache)?;
        let recipe = Arc::new(Recipe {
            pre: program.link(&config.component)?,
            limits: config.limits.clone(),
            model: read_model(config)?,
            labels: super::labels::given(config)?,
            accept: config.accept.clone(),
            prepare: config.prepare.clone(),
        });
        // A queue of one place a worker: who waits longer waits in the pipeline, which counts it.
        let (jobs, queue) = async_channel::bounded(config.workers.get());
        let (ready, started) = std::sync::mpsc::channel();
        for number in 0..config.workers.get() {
            let (recipe, queue, ready) = (Arc::clone(&recipe), queue.clone(), ready.clone());
            thread::Builder::new()
                .name(format!("worker-{number}"))
                .spawn(move || {
                    let mut ready = Some(ready);
                    // Whatever it fell over, another message need not fell it.
                    while panic::catch_unwind(AssertUnwindSafe(|| work(&recipe, &queue, ready.take()))).is_err() {
                        tracing::error!("a worker fell over; another takes its place");
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
            workers: config.workers.get(),
            jobs,
            description,
            digest: program.digest,
        })
    }

    /// What the component says of itself.
    pub fn description(&self) -> &Description {
        &self.description
    }
}

pub(super) fn read_model(config: &ClassifierConfig) -> Result<Option<Arc<[u8]>>, ComponentError> {
    let Some(path) = &config.model else {
        return Ok(None);
    };
    match std::fs::read(path) {
        Ok(onnx) => Ok(Some(onnx.into())),
        Err(error) => Err(ComponentError::ModelUnreadable {
            path: path.clone(),
            error,
        }),
    }
}

#[async_trait]
impl Classify for Classifier {
    async fn classify(&self, message: &Message) -> Result<Answer, ClassifyError> {
        let (answer, answered) = oneshot::channel();
        let job = Job {
            message: message.clone(),
            answer,
        };
        if self.jobs.send(job).await.is_err() {
            return Err(ClassifyError::Broken(Cause {
                code: "no-worker".to_owned(),
                detail: "the classifier's threads have ended".to_owned(),
            }));
        }
        answered.await.unwrap_or_else(|_| {
            Err(ClassifyError::Retry(Cause {
                code: "worker-fell".to_owned(),
                detail: "the host's own thread fell over this message; please report it".to_owned(),
            }))
        })
    }

    /// One call at each worker, and one that it finds when it has ended that.
    fn concurrency(&self) -> usize {
        2 * self.workers
    }

    fn digest(&self) -> &str {
        &self.digest
    }
}

/// A worker thread: one call at a time, on a runtime of its own. The first on its thread warms an instance and says so.
fn work(recipe: &Recipe, queue: &Receiver<Job>, ready: Option<Ready<Result<Description, ComponentError>>>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            if let Some(ready) = ready {
                // The receiver is gone only after another worker has failed.
                let _ = ready.send(Err(ComponentError::Engine(error.to_string())));
            }
            return;
        }
    };
    runtime.block_on(async {
        let mut warm = None;
        // The start waits until no worker can report any more.
        if let Some(ready) = ready {
            let started = Instance::new(recipe).await;
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
                None => Instance::new(recipe).await.map(|(instance, _)| instance),
            };
            let answer = match instance {
                Ok(instance) => {
                    let (kept, answer) = instance.answer(&job.message, recipe).await;
                    warm = kept;
                    answer
                }
                Err(error) => Err(ClassifyError::Broken(Cause {
                    code: "no-instance".to_owned(),
                    detail: error.to_string(),
                })),
            };
            let _ = job.answer.send(answer);
        }
    });
}
