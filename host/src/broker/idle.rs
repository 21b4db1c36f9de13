//! The idle time-out of commands that read: no message arrived for that long, although the broker could have sent
//! one.
//!
//! Silence has two meanings. A member that was never told which partitions it holds, or whose broker is unreachable,
//! receives nothing either. Taking that for an empty topic would report success with all messages still unread.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{BrokerError, Source};

/// How long a source may be out of touch if the time-out is shorter: a group waits that long for a member that was
/// killed.
const PATIENCE: Duration = Duration::from_secs(30);

/// How soon a source that is out of touch is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// Counts from the moment since when the source listens.
#[derive(Debug)]
pub struct Idle {
    /// None: never over.
    timeout: Option<Duration>,
    since: Instant,
    /// When to check next.
    look: Option<Instant>,
    patience: Option<Duration>,
    is_deaf: bool,
}

impl Idle {
    /// Begins to count.
    pub fn new(timeout: Option<Duration>) -> Self {
        let mut idle = Self {
            timeout,
            since: Instant::now(),
            look: None,
            patience: Self::patience(timeout),
            is_deaf: false,
        };
        idle.restart();
        idle
    }

    /// How long a command with such a time-out waits for a broker that it cannot reach.
    pub fn patience(timeout: Option<Duration>) -> Option<Duration> {
        timeout.map(|timeout| timeout.max(PATIENCE))
    }

    /// A message arrived, or was finished.
    pub fn restart(&mut self) {
        self.count_from(Instant::now());
    }

    /// Resolves when it may be over; never, without a time-out or if that lies beyond all time.
    pub async fn passed(&self) {
        match self.look {
            Some(look) => sleep_until(look).await,
            None => std::future::pending().await,
        }
    }

    /// Whether it is over: no message for that long from a source that listens. Fails if the source has been out of
    /// touch for too long.
    pub async fn is_over(&mut self, source: &mut dyn Source) -> Result<bool, BrokerError> {
        match source.listening_since().await {
            Ok(_) if self.is_deaf => {
                self.is_deaf = false;
                self.restart();
            }
            Ok(since) => self.count_from(self.since.max(since)),
            Err(error) => {
                if self.patience.is_some_and(|patience| self.since.elapsed() >= patience) {
                    return Err(error);
                }
                if !self.is_deaf {
                    self.is_deaf = true;
                    tracing::warn!("{error}; waiting for it");
                }
                self.look = Some(Instant::now() + AGAIN);
                return Ok(false);
            }
        }
        Ok(self.look.is_some_and(|look| look <= Instant::now()))
    }

    fn count_from(&mut self, since: Instant) {
        self.since = since;
        self.look = self.timeout.and_then(|timeout| since.checked_add(timeout));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::broker::{Demand, Event};

    const TIMEOUT: Duration = Duration::from_millis(50);

    /// Says nothing except since when it listens.
    struct Silent(Option<Instant>);

    #[async_trait]
    impl Source for Silent {
        async fn recv(&mut self, _demand: Demand) -> Result<Event, BrokerError> {
            std::future::pending().await
        }

        async fn listening_since(&mut self) -> Result<Instant, BrokerError> {
            self.0
                .ok_or_else(|| BrokerError::Unreachable("nobody answers".to_owned()))
        }

        fn cluster(&self) -> &str {
            "silent"
        }

        async fn close(self: Box<Self>) -> Result<(), BrokerError> {
            Ok(())
        }
    }

    async fn next(idle: &mut Idle, source: &mut Silent) -> Result<bool, BrokerError> {
        idle.passed().await;
        idle.is_over(source).await
    }

    #[tokio::test]
    async fn a_time_out_counts_from_the_moment_from_which_the_source_listens() {
        let began = Instant::now();
        let mut idle = Idle::new(Some(TIMEOUT));
        let mut source = Silent(Some(began + 3 * TIMEOUT));
        assert!(!next(&mut idle, &mut source).await.unwrap());
        while !next(&mut idle, &mut source).await.unwrap() {}
        assert!(began.elapsed() >= 4 * TIMEOUT, "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn a_source_that_is_deaf_is_waited_for_and_then_it_is_no_success() {
        let mut idle = Idle::new(Some(TIMEOUT));
        idle.patience = Some(3 * TIMEOUT);
        let mut source = Silent(None);
        assert!(!next(&mut idle, &mut source).await.unwrap());
        let said = next(&mut idle, &mut source).await.unwrap_err().to_string();
        assert_eq!(said, "nobody answers");
    }

    #[tokio::test]
    async fn a_source_that_was_deaf_is_given_its_time_again() {
        let mut idle = Idle::new(Some(TIMEOUT));
        let mut source = Silent(None);
        assert!(!next(&mut idle, &mut source).await.unwrap());
        source.0 = Some(Instant::now());
        let heard = Instant::now();
        while !next(&mut idle, &mut source).await.unwrap() {}
        assert!(heard.elapsed() >= TIMEOUT, "{:?}", heard.elapsed());
    }

    #[test]
    fn whoever_has_no_time_out_waits_for_ever_and_no_one_less_than_a_group_may_take() {
        assert_eq!(Idle::patience(None), None);
        assert_eq!(Idle::patience(Some(TIMEOUT)), Some(PATIENCE));
        assert_eq!(Idle::patience(Some(2 * PATIENCE)), Some(2 * PATIENCE));
    }
}
