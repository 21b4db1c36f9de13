//! One warm guest: a call under its limits, and a reply that is hostile until checked.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use tokio::time::timeout;
use wasmtime::{Store, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::bindings::exports::image_stream::classifier::messages::{Reply, Request};
use super::bindings::exports::image_stream::classifier::self_test::Example;
use super::bindings::exports::image_stream::classifier::tensors::Images;
use super::bindings::image_stream::classifier::types as guest;
use super::exports::{Exports, Guest};
use super::limits::Limits;
use super::log::Rate;
use super::model::Model;
use super::state::State;
use super::{ComponentError, Description, check};
use crate::message::Message;
use crate::pipeline::{Answer, Cause, ClassifyError};
use crate::terminal::counted;

/// How to create instances of one component.
pub(super) struct Template {
    pub(super) exports: Exports,
    pub(super) limits: Limits,
    /// The model to use instead of the built-in one.
    pub(super) model: Option<Model>,
    /// The names of its classes. Empty: as the model says.
    pub(super) labels: Vec<String>,
    /// How it should read pixels. None: its default.
    pub(super) prepare: Option<String>,
    /// The first instance's description: all others must return the same.
    pub(super) described: OnceLock<Arc<Description>>,
    /// What all instances together may write into the log.
    pub(super) log_rate: Arc<Rate>,
}

/// An instance that has not trapped.
pub(super) struct Instance {
    store: Store<State>,
    guest: Guest,
    description: Arc<Description>,
}

/// A call that spoiled its instance.
pub(super) enum Spoiled {
    /// A trap, a time-out, a reply against the contract: the message may be at fault.
    Failed(Cause),
    /// The guest says that it is broken: the message is not at fault.
    Broken(Cause),
}

impl Spoiled {
    pub(super) fn into_cause(self) -> Cause {
        let (Self::Failed(cause) | Self::Broken(cause)) = self;
        cause
    }
}

impl Instance {
    /// A fresh instance with the model loaded, and its description.
    pub(super) async fn new(template: &Template) -> Result<(Self, Description), ComponentError> {
        let engine = template.exports.engine();
        let mut store = Store::new(engine, State::new(&template.limits, &template.log_rate));
        store.limiter(|state| &mut state.meter);
        // What one call may make the host allocate: a reply, and room for what comes with its body.
        store.set_hostcall_fuel(template.limits.reply_bytes.saturating_add(1 << 20));
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);

        let limit = template.limits.call_timeout;
        let instantiated = timeout(limit, template.exports.instantiate(&mut store)).await;
        let guest = outcome(instantiated, &mut store, limit).map_err(does_not_start)?;
        let description = introduced(&guest, &mut store, template).await?;
        if !template.labels.is_empty() && description.labels != template.labels {
            return Err(ComponentError::Description(
                "its labels are not those that it was given".to_owned(),
            ));
        }
        let described = template.described.get_or_init(|| Arc::new(description.clone()));
        if **described != description {
            return Err(ComponentError::Description(
                "it differs between two instances of the component".to_owned(),
            ));
        }
        let instance = Self {
            store,
            guest,
            description: Arc::clone(described),
        };
        Ok((instance, description))
    }

    /// Messages through the guest, by one call within one time-out: a result for each. Gives the instance back unless the call spoiled it.
    pub(super) async fn answer(
        mut self,
        messages: &[Message],
        accept: Option<&str>,
        template: &Template,
    ) -> (Option<Self>, Result<Vec<Result<Answer, ClassifyError>>, ClassifyError>) {
        match self.call(messages, accept, template).await {
            Ok(results) => (Some(self), Ok(results)),
            Err(Spoiled::Failed(cause)) => (None, Err(ClassifyError::Retry(cause))),
            Err(Spoiled::Broken(cause)) => (None, Err(ClassifyError::Broken(cause))),
        }
    }

    /// Images of the model's size, by the typed path. Gives the instance back unless the call spoiled it.
    pub(super) async fn predict(
        mut self,
        images: Images<'_>,
        template: &Template,
    ) -> (Option<Self>, Result<Vec<f32>, Cause>) {
        match self.call_predict(images, template).await {
            Ok(Ok(probabilities)) => (Some(self), Ok(probabilities)),
            Ok(Err(cause)) => (Some(self), Err(cause)),
            Err(spoiled) => (None, Err(spoiled.into_cause())),
        }
    }

    /// The linear memory that the guest has grown to, all its memories together. Bytes.
    pub(super) fn memory_bytes(&self, template: &Template) -> usize {
        self.store.data().meter.memory_bytes(&template.limits)
    }

    async fn call_predict(
        &mut self,
        images: Images<'_>,
        template: &Template,
    ) -> Result<Result<Vec<f32>, Cause>, Spoiled> {
        let count = images.count;
        self.store.data_mut().meter.refused = None;
        let limit = template.limits.call_timeout;
        let Some(tensors) = &self.guest.tensors else {
            return Ok(Err(Cause {
                code: "lacks-tensors".to_owned(),
                detail: "the component does not export the interface tensors, which this needs".to_owned(),
            }));
        };
        let called = timeout(limit, tensors.call_predict(&mut self.store, images)).await;
        self.store.data().end_logs();
        match outcome(called, &mut self.store, limit)? {
            Ok(rows) => check::probabilities(rows, count, self.description.labels.len())
                .map(Ok)
                .map_err(bad_reply),
            Err(guest::Error::Fatal(cause)) => Err(Spoiled::Broken(check::cause(cause))),
            Err(error) => Ok(Err(cause(error))),
        }
    }

    async fn call(
        &mut self,
        messages: &[Message],
        accept: Option<&str>,
        template: &Template,
    ) -> Result<Vec<Result<Answer, ClassifyError>>, Spoiled> {
        let run = template.prepare.as_deref();
        let prepared: Vec<_> = messages.iter().map(|message| prepare_by(run, message)).collect();
        let requests = messages.iter().zip(&prepared).map(|(message, prepare)| Request {
            content_type: message.content_type(),
            accept,
            prepare: prepare.as_deref(),
            body: message.body(),
        });
        let requests: Vec<_> = requests.collect();
        let results = self.exchange(&requests, template).await?;
        let checked = results.into_iter().zip(messages).map(|(result, message)| match result {
            Ok(reply) => {
                let most_images = check::most_images(message, &self.description);
                check::reply(reply, template.limits.reply_bytes, most_images)
                    .map(Ok)
                    .map_err(bad_reply)
            }
            Err(guest::Error::Reject(cause)) => Ok(Err(ClassifyError::Reject(check::cause(cause)))),
            Err(guest::Error::Retry(cause)) => Ok(Err(ClassifyError::Retry(check::cause(cause)))),
            Err(guest::Error::Fatal(cause)) => Err(Spoiled::Broken(check::cause(cause))),
        });
        checked.collect()
    }

    /// One call with these requests: a result for each, not yet checked.
    pub(super) async fn exchange(
        &mut self,
        requests: &[Request<'_>],
        template: &Template,
    ) -> Result<Vec<Result<Reply, guest::Error>>, Spoiled> {
        // A guest may have survived an earlier refusal.
        self.store.data_mut().meter.refused = None;
        let limit = template.limits.call_timeout;
        let called = timeout(limit, self.guest.messages.call_classify(&mut self.store, requests)).await;
        self.store.data().end_logs();
        let results = outcome(called, &mut self.store, limit)?;
        if results.len() != requests.len() {
            let requests = counted(requests.len() as u64, "request", "requests");
            let results = counted(results.len() as u64, "result", "results");
            return Err(bad_reply(format!("{requests} got {results}")));
        }
        Ok(results)
    }

    /// The examples with which the guest may be tried; none where it has none.
    pub(super) async fn examples(&mut self, template: &Template) -> Result<Vec<Example>, Cause> {
        let Some(self_test) = &self.guest.self_test else {
            return Ok(Vec::new());
        };
        let limit = template.limits.call_timeout;
        let called = timeout(limit, self_test.call_examples(&mut self.store)).await;
        self.store.data().end_logs();
        let examples = outcome(called, &mut self.store, limit).map_err(Spoiled::into_cause)?;
        examples.map_err(cause)
    }
}

/// How the pixels of a message are to be read.
fn prepare_by<'a>(run: Option<&'a str>, message: &'a Message) -> Option<Cow<'a, str>> {
    let encoding = message
        .content_encoding()
        .map(|encoding| format!("encoding=\"{encoding}\""));
    let prepared = prepare(run, message.content_prepare());
    match encoding {
        None => prepared,
        Some(encoding) => prepare(prepared.as_deref(), Some(&encoding)).map(|all| Cow::Owned(all.into_owned())),
    }
}

/// The run's preparation, with the message's own parameters taking precedence.
fn prepare<'a>(run: Option<&'a str>, message: Option<&'a str>) -> Option<Cow<'a, str>> {
    let (Some(run), Some(message)) = (run, message) else {
        return message.or(run).map(Cow::Borrowed);
    };
    let name = |parameter: &str| parameter.split('=').next().map(|name| name.trim().to_ascii_lowercase());
    let said: Vec<_> = message.split(';').map(name).collect();
    let others = run.split(';').filter(|parameter| !said.contains(&name(parameter)));
    let all: Vec<_> = others.chain([message]).collect();
    Some(Cow::Owned(all.join(";")))
}

/// What a fresh guest says of itself, with the model loaded: checked.
async fn introduced(
    guest: &Guest,
    store: &mut Store<State>,
    template: &Template,
) -> Result<Description, ComponentError> {
    let limit = template.limits.call_timeout;
    let broken = |error| ComponentError::Start(told(&cause(error)));
    let info = match (&guest.model, &template.model) {
        (None, None) => None,
        (None, Some(_)) => return Err(takes_no_model()),
        (Some(model), given) => {
            if let Some(given) = given {
                let labels: Vec<_> = template.labels.iter().map(String::as_str).collect();
                let loaded = timeout(limit, model.call_load(&mut *store, ONNX, &given.bytes, &labels)).await;
                let loaded = outcome(loaded, store, limit).map_err(does_not_start)?;
                loaded.map_err(|error| match error {
                    guest::Error::Fatal(_) => broken(error),
                    error => ComponentError::Model(cause(error)),
                })?;
            }
            let info = timeout(limit, model.call_describe(&mut *store)).await;
            let info = outcome(info, store, limit).map_err(does_not_start)?;
            Some(info.map_err(broken)?)
        }
    };
    let described = timeout(limit, guest.messages.call_describe(&mut *store)).await;
    let described = outcome(described, store, limit).map_err(does_not_start)?;
    check::description(described.map_err(broken)?, info)
}

fn does_not_start(spoiled: Spoiled) -> ComponentError {
    ComponentError::Start(told(&spoiled.into_cause()))
}

/// The media type of a model file, as the contract has it.
const ONNX: &str = "application/onnx";

fn takes_no_model() -> ComponentError {
    ComponentError::Model(Cause {
        code: "unsupported-model".to_owned(),
        detail: "the component does not export the interface model, so it takes no model file: leave --model out, or name another \
                 component"
            .to_owned(),
    })
}

fn told(cause: &Cause) -> String {
    format!("{}: {}", cause.code, cause.detail)
}

fn bad_reply(detail: String) -> Spoiled {
    let code = "bad-reply".to_owned();
    Spoiled::Failed(Cause { code, detail })
}

/// Names what ended a call early.
fn outcome<T>(
    called: Result<wasmtime::Result<T>, tokio::time::error::Elapsed>,
    store: &mut Store<State>,
    limit: std::time::Duration,
) -> Result<T, Spoiled> {
    let error = match called {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => error,
        Err(_) => {
            return Err(Spoiled::Failed(Cause {
                code: "timeout".to_owned(),
                detail: format!("the component took longer than {}", humantime::format_duration(limit)),
            }));
        }
    };
    let (code, detail) = if let Some(refused) = store.data().meter.refused {
        ("out-of-memory", refused.detail())
    } else if error.root_cause().to_string().starts_with("resource limit exceeded") {
        (
            "too-many-parts",
            format!(
                "the component has too many instances, tables or memories: {}",
                error.root_cause()
            ),
        )
    } else if let Some(exit) = error.downcast_ref::<I32Exit>() {
        ("exit", format!("the component exited with status {}", exit.0))
    } else if let Some(trap) = error.downcast_ref::<Trap>() {
        ("trap", format!("the component trapped: {trap}"))
    } else if error.is::<WasmBacktrace>() {
        (
            "trap",
            format!("a call from the component to the host failed: {}", error.root_cause()),
        )
    } else {
        // No guest code was running: the guest had returned, and its reply cannot be read.
        (
            "bad-reply",
            format!("the component's reply is unreadable: {}", error.root_cause()),
        )
    };
    tracing::debug!(code, "{error:?}");
    Err(Spoiled::Failed(Cause {
        code: code.to_owned(),
        detail: check::text(&detail),
    }))
}

/// The cause, whether or not repeating may help.
pub(super) fn cause(error: guest::Error) -> Cause {
    let (guest::Error::Reject(cause) | guest::Error::Retry(cause) | guest::Error::Fatal(cause)) = error;
    check::cause(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_message_says_of_itself_goes_before_what_the_run_asks() {
        for (run, message, asked) in [
            (None, None, None),
            (Some("scale=1"), None, Some("scale=1")),
            (None, Some("fit=crop"), Some("fit=crop")),
            (Some("scale=1;fit=contain"), Some("Fit=crop"), Some("scale=1;Fit=crop")),
            (
                Some("fit=contain"),
                Some("fit=crop; invert=auto"),
                Some("fit=crop; invert=auto"),
            ),
        ] {
            assert_eq!(prepare(run, message).as_deref(), asked, "{run:?} {message:?}");
        }
    }
}
