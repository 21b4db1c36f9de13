//! Whether a component answers its own examples as it says: asked before it is trusted with a message.

use super::bindings::exports::image_stream::classifier::messages::Request;
use super::bindings::exports::image_stream::classifier::self_test::Example;
use super::instance::{Instance, Spoiled, Template, cause};
use super::{ComponentError, check};
use crate::pipeline::Cause;

/// The most examples of a component.
const EXAMPLES: usize = 64;

/// How much of an answer is shown, in characters.
const SHOWN: usize = 80;

/// Lets an instance answer its own examples, if it has some. Whoever starts a component calls this before the first message, and
/// whoever puts one in the place of another before that takes over.
pub(super) async fn pass(instance: &mut Instance, template: &Template) -> Result<(), ComponentError> {
    let examples = instance.examples(template).await;
    let examples = examples.map_err(|cause| ComponentError::SelfTest(format!("no examples: {}", said(&cause))))?;
    if examples.len() > EXAMPLES {
        let number = examples.len();
        return Err(ComponentError::SelfTest(format!(
            "{number} examples, and {EXAMPLES} are allowed"
        )));
    }
    for (number, example) in (1..).zip(&examples) {
        let answer = answer(instance, example, template).await;
        let trouble = match answer {
            Ok(answer) if answer == example.answer => continue,
            Ok(answer) => format!(
                "it answers '{}' where '{}' is right",
                shown(&answer),
                shown(&example.answer)
            ),
            Err(cause) => said(&cause),
        };
        return Err(ComponentError::SelfTest(format!("example {number}: {trouble}")));
    }
    Ok(())
}

/// The body of the answer to an example.
async fn answer(instance: &mut Instance, example: &Example, template: &Template) -> Result<Vec<u8>, Cause> {
    let request = Request {
        content_type: example.content_type.as_deref(),
        accept: example.accept.as_deref(),
        prepare: example.prepare.as_deref(),
        body: &example.body,
    };
    let results = instance.exchange(&[request], template).await;
    let mut results = results.map_err(Spoiled::into_cause)?;
    // There are as many results as requests.
    results
        .pop()
        .map_or(Ok(Vec::new()), |result| result.map(|reply| reply.body).map_err(cause))
}

fn said(cause: &Cause) -> String {
    format!("{}: {}", cause.code, cause.detail)
}

fn shown(body: &[u8]) -> String {
    let text = check::text(&String::from_utf8_lossy(body));
    text.chars().take(SHOWN).collect()
}
