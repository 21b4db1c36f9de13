//! From a message to its output: an answer or a dead letter.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::SemaphorePermit;

use super::dead_letter::Failure;
use super::in_flight::{Failed, InFlight, Known, Reply};
use super::provenance::{self, COMPONENT_LABELS, SOURCE_TIME};
use super::{Answer, Answers, Cause, ClassifyError, Maker, OnError, Outcome, Pipeline, PipelineError};
use crate::broker::{BrokerError, NOT_PUBLISHABLE, Output, Route, TOO_LARGE};
use crate::message::{CONTENT_ENCODING, CONTENT_PREPARE, CONTENT_TYPE, Message};

/// An output, before it is settled.
pub(super) struct Made {
    pub output: Output,
    pub kind: Kind,
}

impl Made {
    pub fn answer(reply: Reply, attempts: u32) -> Self {
        let Reply {
            message,
            images,
            warnings,
            by,
        } = reply;
        let route = Route::Answers;
        Self {
            output: Output { route, message },
            kind: Kind::Answer {
                images,
                warnings,
                by,
                attempts,
            },
        }
    }
}

pub(super) enum Kind {
    Answer {
        images: u32,
        warnings: Vec<Cause>,
        by: Arc<Maker>,
        attempts: u32,
    },
    DeadLetter(Failure),
}

impl Kind {
    /// The outcome of its message, once it has settled.
    pub fn outcome(self, position: String) -> Outcome {
        match self {
            Self::Answer { images, warnings, .. } => Outcome::Answered {
                images,
                warnings,
                position,
            },
            Self::DeadLetter(failure) => Outcome::DeadLetter(failure.error.into_cause()),
        }
    }

    /// What its message becomes when it is redelivered, if the broker will never accept the output: instead of an
    /// answer a dead letter, and instead of a letter that is too large a smaller one. None: nothing else helps, or
    /// the output is not at fault.
    pub fn refused(&self, error: &BrokerError) -> Option<Failure> {
        let code = match error {
            BrokerError::Refused { code, .. } => *code,
            BrokerError::TooLarge { .. } => TOO_LARGE,
            _ => return None,
        };
        match self {
            Self::Answer { by, attempts, .. } => {
                let (code, detail) = (code.to_owned(), error.to_string());
                let (error, by) = (ClassifyError::Reject(Cause { code, detail }), Arc::clone(by));
                Some(Failure::of(Failed { error, by }, *attempts))
            }
            Self::DeadLetter(failure) if code == TOO_LARGE => Some(Failure {
                extent: failure.extent.smaller()?,
                ..failure.clone()
            }),
            Self::DeadLetter(_) => None,
        }
    }
}

impl Pipeline<'_> {
    /// The output for one message: its answer, or by the error policy its dead letter. None: a stop came before it is
    /// known whether the message is at fault.
    pub(super) async fn output(
        &self,
        in_flight: &mut InFlight<'_>,
        known: Option<Result<Reply, Failed>>,
        slot: Option<SemaphorePermit<'_>>,
    ) -> Result<Option<Made>, PipelineError> {
        let work = in_flight.work.take();
        let (message, position) = (&in_flight.message, &*in_flight.position);
        if let Some(failure) = self.refused.get(position) {
            return self.letter(message, position, failure).await.map(Some);
        }
        let failure = match self.answer(message, position, known, slot).await {
            Ok(made) => return Ok(Some(made)),
            Err(failure) => failure,
        };
        match &failure.error {
            ClassifyError::Broken(_) => return Err(PipelineError::of(&failure.error)),
            ClassifyError::Retry(cause) if self.policy.on_error == OnError::DeadLetter => {
                tracing::warn!(
                    position,
                    code = cause.code,
                    detail = cause.detail,
                    "failed; held back until something is answered"
                );
                tokio::select! {
                    biased;
                    () = self.shutdown.stopping() => return Ok(None),
                    known = self.health.failed(work, position) => known?,
                }
            }
            ClassifyError::Retry(_) | ClassifyError::Reject(_) => {}
        }
        self.letter(message, position, failure).await.map(Some)
    }

    async fn answer(
        &self,
        message: &Message,
        position: &str,
        mut known: Option<Result<Reply, Failed>>,
        mut slot: Option<SemaphorePermit<'_>>,
    ) -> Result<Made, Failure> {
        let mut attempts = 1;
        loop {
            let classified = match known.take() {
                Some(known) => known,
                None => self.classify(message, position).await,
            };
            drop(slot.take());
            match classified {
                Ok(reply) => return Ok(Made::answer(reply, attempts)),
                Err(Failed {
                    error: ClassifyError::Retry(cause),
                    ..
                }) if attempts < self.policy.attempts => {
                    tracing::warn!(
                        position,
                        attempt = attempts,
                        code = cause.code,
                        detail = cause.detail,
                        "trying again"
                    );
                    self.back_off(attempts).await;
                    slot = self.slots.acquire().await.ok();
                    attempts += 1;
                }
                Err(failed) => return Err(Failure::of(failed, attempts)),
            }
        }
    }

    /// The outputs of a chunk, by one call. Fails with what is known of each message if some of them need more than that: nothing if
    /// the whole call failed.
    pub(super) async fn outputs(
        &self,
        chunk: &mut [InFlight<'_>],
        slot: Option<SemaphorePermit<'_>>,
    ) -> Result<Result<Vec<Made>, Known>, PipelineError> {
        let replies = self.replies(chunk, slot).await;
        let is_settled_so = |reply: &Result<Reply, Failed>| match reply {
            Ok(_) => true,
            Err(failed) => {
                matches!(failed.error, ClassifyError::Reject(_)) && self.policy.on_error == OnError::DeadLetter
            }
        };
        if replies.is_empty() || !replies.iter().all(is_settled_so) {
            return Ok(Err(replies));
        }
        let mut outputs = Vec::with_capacity(chunk.len());
        for (reply, in_flight) in replies.into_iter().zip(chunk) {
            in_flight.work = None;
            outputs.push(match reply {
                Ok(reply) => Made::answer(reply, 1),
                Err(failed) => {
                    let failure = Failure::of(failed, 1);
                    self.letter(&in_flight.message, &in_flight.position, failure).await?
                }
            });
        }
        Ok(Ok(outputs))
    }

    /// What one call gives for each message. Nothing if the whole call failed.
    pub(super) async fn replies(&self, chunk: &[InFlight<'_>], slot: Option<SemaphorePermit<'_>>) -> Known {
        let messages: Vec<_> = chunk.iter().map(|in_flight| &in_flight.message).collect();
        let (by, classified) = self.ask(&messages).await;
        drop(slot);
        let answers = match classified {
            Ok(answers) if answers.len() == messages.len() => answers,
            Ok(_) => return Vec::new(),
            Err(error) => {
                tracing::debug!(messages = messages.len(), %error, "a chunk failed: repeated message by message");
                return Vec::new();
            }
        };
        let replies = answers.into_iter().zip(chunk);
        let reply =
            |(answer, in_flight): (_, &InFlight<'_>)| self.reply(&in_flight.message, &in_flight.position, answer, &by);
        replies.map(reply).collect()
    }

    /// One call of the classifier.
    async fn ask(&self, messages: &[&Message]) -> (Arc<Maker>, Answers) {
        let began = Instant::now();
        let (by, answers) = self.classifier.serve(messages).await;
        self.pace.note(began.elapsed(), messages.len());
        let mut each = answers.iter().flatten();
        if each.any(|answer| matches!(answer, Ok(_) | Err(ClassifyError::Reject(_)))) {
            self.health.answered();
        }
        (by, answers)
    }

    async fn letter(&self, message: &Message, position: &str, failure: Failure) -> Result<Made, PipelineError> {
        let Failure { error, attempts, .. } = &failure;
        if self.policy.on_error == OnError::Stop {
            return Err(PipelineError::Unanswered {
                position: position.to_owned(),
                attempts: *attempts,
                error: error.clone(),
            });
        }
        tracing::warn!(position, attempt = attempts, %error, "dead letter");
        let route = Route::DeadLetters;
        let limit = self.settle.limits(route).await?.max_bytes;
        let mut message = failure.letter(message, position);
        self.mark(&mut message, position, &failure.by);
        failure.fit(&mut message, limit);
        Ok(Made {
            output: Output { route, message },
            kind: Kind::DeadLetter(failure),
        })
    }

    /// The reply to a message that is asked about alone, if it is within the limit.
    async fn classify(&self, message: &Message, position: &str) -> Result<Reply, Failed> {
        if let Err(error) = check_size("a message", message, self.limit()) {
            let by = self.classifier.serving();
            return Err(Failed { error, by });
        }
        let (by, answers) = self.ask(&[message]).await;
        let answer = answers.and_then(|mut answers| {
            answers.pop().unwrap_or_else(|| {
                Err(ClassifyError::Broken(Cause {
                    code: "no-answer".to_owned(),
                    detail: "the classifier gave no result for a message".to_owned(),
                }))
            })
        });
        self.reply(message, position, answer, &by)
    }

    /// The host's own limit of a message and of an answer in bytes, with its remedy.
    fn limit(&self) -> (usize, &'static str) {
        (self.policy.max_message_bytes, "raise --max-message-bytes")
    }

    /// The reply to a message, if there is one within the limits. What the broker would refuse becomes a single unanswered message here.
    fn reply(
        &self,
        message: &Message,
        position: &str,
        answer: Result<Answer, ClassifyError>,
        by: &Arc<Maker>,
    ) -> Result<Reply, Failed> {
        let replied = answer.and_then(|mut answer| {
            let (images, warnings) = (answer.images, std::mem::take(&mut answer.warnings));
            let message = self.publishable(message, position, answer, by)?;
            let by = Arc::clone(by);
            Ok(Reply {
                message,
                images,
                warnings,
                by,
            })
        });
        replied.map_err(|error| {
            let by = Arc::clone(by);
            Failed { error, by }
        })
    }

    /// An answer as a message, unless the broker would refuse it.
    fn publishable(
        &self,
        message: &Message,
        position: &str,
        answer: Answer,
        by: &Maker,
    ) -> Result<Message, ClassifyError> {
        let mut reply = reply(message, answer);
        self.mark(&mut reply, position, by);
        if self.policy.provenance {
            reply.remove_header(SOURCE_TIME);
            if let Some(time) = message.timestamp_ms.and_then(provenance::time) {
                reply.set_header(SOURCE_TIME, time);
            }
            if let Some(labels) = &by.labels {
                reply.set_header(COMPONENT_LABELS, labels.clone());
            }
        }
        if self.answers.needs_key && reply.key.is_none() {
            return Err(ClassifyError::Reject(Cause {
                code: NOT_PUBLISHABLE.to_owned(),
                detail: "the output topic is compacted and accepts no answer without a key; give the messages keys, or set the \
                         topic's cleanup.policy to delete"
                    .to_owned(),
            }));
        }
        let own = self.answers.max_bytes.map(|limit| {
            (
                limit,
                "send smaller batches, or raise the output topic's limit, such as Kafka's max.message.bytes",
            )
        });
        let limit = own.filter(|(limit, _)| *limit < self.limit().0).unwrap_or(self.limit());
        check_size("an answer, with the key and headers of its message,", &reply, limit)?;
        Ok(reply)
    }

    fn mark(&self, output: &mut Message, position: &str, maker: &Maker) {
        if self.policy.provenance {
            self.provenance.mark(output, position, maker);
        }
    }

    /// Partly random, so that workers do not fail in step. Without a delay there is no timer at all.
    async fn back_off(&self, attempt: u32) {
        let doubled = 2u32.saturating_pow(attempt - 1).min(20);
        let full = self.policy.retry_delay.saturating_mul(doubled);
        if !full.is_zero() {
            tokio::time::sleep(full.mul_f64(1.0 - fastrand::f64() / 2.0)).await;
        }
    }
}

/// An answer's headers that are not its input's: the media type, where it comes from, who made it, and the labels.
const OWN_HEADERS: usize = 7;

/// Rejects a message over a limit in bytes; the remedy is for that limit.
fn check_size(what: &str, message: &Message, (limit, remedy): (usize, &str)) -> Result<(), ClassifyError> {
    match message.size() {
        size if size > limit => Err(ClassifyError::Reject(Cause {
            code: "too-large".to_owned(),
            detail: format!("{what} of {size} bytes is over the limit of {limit}; {remedy}"),
        })),
        _ => Ok(()),
    }
}

/// An answer keeps its input's key and headers, so that its sender recognises it, except those that explain the payload.
fn reply(input: &Message, answer: Answer) -> Message {
    let mut headers = Vec::with_capacity(input.headers.len() + OWN_HEADERS);
    headers.extend_from_slice(&input.headers);
    let mut reply = Message {
        payload: Some(answer.payload),
        key: input.key.clone(),
        headers,
        timestamp_ms: None,
    };
    reply.remove_header(CONTENT_PREPARE);
    reply.remove_header(CONTENT_ENCODING);
    // Another component's, which gave the input.
    reply.remove_header(COMPONENT_LABELS);
    reply.set_header(CONTENT_TYPE, answer.content_type);
    reply
}
