//! Acts that a broker accepts one after the other.

use super::{Act, SettleError, Settled};

/// Settles acts of one lane by a broker that accepts one after the other: up to the first that it does not accept. Those behind are
/// rewound. `accept` gives what resolves when its act is safe.
pub(super) async fn settle_each<A, E>(acts: Vec<Act>, accept: impl Fn(Act) -> A) -> Settled
where
    A: Future<Output = Result<E, SettleError>>,
    E: Future<Output = Result<(), SettleError>> + Send + 'static,
{
    let mut acts = acts.into_iter();
    let mut accepted = Vec::with_capacity(acts.len());
    for act in acts.by_ref() {
        accepted.push(accept(act).await);
        if accepted.last().is_some_and(Result::is_err) {
            break;
        }
    }
    accepted.extend(acts.map(|act| Err(act.claim.rewound())));
    Box::pin(async move {
        let mut results = Vec::with_capacity(accepted.len());
        for act in accepted {
            results.push(match act {
                Ok(ended) => ended.await,
                Err(error) => Err(error),
            });
        }
        results
    })
}
