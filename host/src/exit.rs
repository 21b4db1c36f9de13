//! How the program ends: the one place that knows which error has which exit code, and how to print it.

pub mod code;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use self::code::{BROKER, COMPONENT, CONFIGURATION, DONE, INTERRUPTED, STOPPED, USAGE};
use crate::broker::{BrokerError, SettleError};
use crate::classifier::ComponentError;
use crate::evaluation::DataError;
use crate::images::ImagesError;
use crate::pipeline::{ClassifyError, PipelineError};
use crate::terminal::{BAD, styled};

/// An end for which there is no other error type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The arguments make no sense.
    #[error("{0}; see --help")]
    Usage(String),
    /// A named file or setting is missing or unusable.
    #[error("{0}")]
    Configuration(String),
    /// The work could not be finished.
    #[error("{0}")]
    Stopped(String),
    /// Another component or model does not serve.
    #[error("{0}")]
    Swap(String),
    /// A user stopped it before the work was done.
    #[error("interrupted: {0}")]
    Interrupted(String),
}

/// Writing to stdout failed.
#[derive(Debug, thiserror::Error)]
#[error("stdout cannot be written")]
pub struct StdoutError(#[from] pub io::Error);

/// The exit code of an error: that of the first in its chain that has one.
fn code(error: &anyhow::Error) -> u8 {
    error.chain().find_map(code_of).unwrap_or(STOPPED)
}

fn code_of(error: &(dyn Error + 'static)) -> Option<u8> {
    if let Some(failure) = error.downcast_ref() {
        return Some(match failure {
            Failure::Usage(_) => USAGE,
            Failure::Configuration(_) => CONFIGURATION,
            Failure::Stopped(_) => STOPPED,
            Failure::Swap(_) => COMPONENT,
            Failure::Interrupted(_) => INTERRUPTED,
        });
    }
    if let Some(StdoutError(error)) = error.downcast_ref() {
        // A reader that has seen enough, such as `head`, is no failure.
        let closed = error.kind() == io::ErrorKind::BrokenPipe;
        return Some(if closed { DONE } else { STOPPED });
    }
    if let Some(error) = error.downcast_ref() {
        return Some(code_of_broker(error));
    }
    match error.downcast_ref() {
        Some(SettleError::Broker(error)) => return Some(code_of_broker(error)),
        Some(SettleError::Fenced(_) | SettleError::Rewound(_)) => return Some(BROKER),
        None => {}
    }
    match error.downcast_ref() {
        Some(PipelineError::Broker(error)) => return Some(code_of_broker(error)),
        Some(PipelineError::Fenced(_)) => return Some(BROKER),
        Some(PipelineError::Broken(_)) => return Some(COMPONENT),
        Some(PipelineError::Unanswered { .. }) => return Some(STOPPED),
        None => {}
    }
    match error.downcast_ref() {
        Some(
            ComponentError::Nowhere(_)
            | ComponentError::Unreadable { .. }
            | ComponentError::ModelUnreadable { .. }
            | ComponentError::ModelUnusable { .. }
            | ComponentError::LabelsUnreadable { .. }
            | ComponentError::FileUnreadable { .. }
            | ComponentError::TrustUnusable { .. }
            | ComponentError::Cache { .. },
        ) => return Some(CONFIGURATION),
        Some(ComponentError::Engine(_)) => return Some(STOPPED),
        Some(_) => return Some(COMPONENT),
        None => {}
    }
    if let Some(ClassifyError::Broken(_)) = error.downcast_ref() {
        return Some(COMPONENT);
    }
    let is_of_images = error.is::<ImagesError>() || error.is::<DataError>();
    is_of_images.then_some(CONFIGURATION)
}

fn code_of_broker(error: &BrokerError) -> u8 {
    match error {
        BrokerError::Unsupported(_) | BrokerError::Configuration(_) => CONFIGURATION,
        _ => BROKER,
    }
}

/// Prints an error to stderr, on one line, and returns its exit code.
pub fn report(error: &anyhow::Error) -> ExitCode {
    let code = code(error);
    if code != DONE {
        // If stderr is closed too, the exit code still tells.
        let _ = writeln!(anstream::stderr(), "{} {error:#}", styled("error:", BAD));
    }
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::Cause;
    use anyhow::anyhow;

    #[test]
    fn an_error_has_the_exit_code_of_the_first_in_its_chain_that_has_one() {
        let unsupported = BrokerError::Unsupported("no kafka".into());
        assert_eq!(code(&anyhow!(unsupported).context("opening")), CONFIGURATION);
        let broker = SettleError::Broker(BrokerError::Failed("full".into()));
        assert_eq!(code(&anyhow!(broker).context("settling")), BROKER);
        let unread = ComponentError::ModelUnreadable {
            path: "none.onnx".into(),
            error: io::ErrorKind::NotFound.into(),
        };
        assert_eq!(code(&anyhow!(unread)), CONFIGURATION);
        let refused = ComponentError::Start("trap".into());
        assert_eq!(code(&anyhow!(refused)), COMPONENT);
        assert_eq!(code(&anyhow!(DataError::BuiltIn)), CONFIGURATION);
        assert_eq!(code(&anyhow!(PipelineError::Fenced("younger".into()))), BROKER);
        assert_eq!(code(&anyhow!(PipelineError::Broken("nothing".into()))), COMPONENT);
        let broken = ClassifyError::Broken(Cause {
            code: "no-instance".into(),
            detail: "no memory".into(),
        });
        assert_eq!(code(&anyhow!(broken)), COMPONENT);
        assert_eq!(code(&anyhow!(Failure::Usage("what".into()))), USAGE);
        assert_eq!(code(&anyhow!(Failure::Interrupted("early".into()))), INTERRUPTED);
        assert_eq!(code(&anyhow!("anything else")), STOPPED);
    }

    #[test]
    fn a_closed_stdout_is_success_and_a_full_one_is_not() {
        let closed = StdoutError(io::ErrorKind::BrokenPipe.into());
        assert_eq!(code(&anyhow!(closed)), DONE);
        let full = StdoutError(io::ErrorKind::StorageFull.into());
        assert_eq!(code(&anyhow!(full)), STOPPED);
    }
}
