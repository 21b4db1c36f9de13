//! Threads for a broker's blocking work, which must never run on the async runtime's own threads.

use std::thread;

use super::BrokerError;

/// Runs blocking work, and resolves when it has ended.
pub(super) async fn blocking<T, F>(work: F) -> Result<T, BrokerError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, BrokerError> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(BrokerError::Failed(format!("the broker's work was cut short: {error}"))),
    }
}

/// A named thread.
pub(super) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), BrokerError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "each ends with the source or writer that it serves"
    )]
    let spawned = thread::Builder::new().name(name.to_owned()).spawn(work);
    spawned.map(drop).map_err(|error| {
        BrokerError::Failed(format!(
            "the thread '{name}' could not be started ({error}); allow more processes"
        ))
    })
}
