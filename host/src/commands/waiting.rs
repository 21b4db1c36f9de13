//! Says on a terminal that nothing comes, and takes it back when something does.

use std::time::Duration;

use indicatif::ProgressBar;
use tokio::time::{Instant, sleep_until};

use super::progress;

/// So long a silence deserves a word.
const MOMENT: Duration = Duration::from_secs(1);

/// A notice that is there while nothing comes.
pub struct Waiting {
    /// None: it is never shown.
    notice: Option<String>,
    since: Instant,
    shown: Option<ProgressBar>,
}

impl Waiting {
    /// For messages of a topic; none where nobody is to be told.
    pub fn new(topic: Option<&str>) -> Self {
        Self {
            notice: topic.map(|topic| format!("waiting for messages in {topic}")),
            since: Instant::now(),
            shown: None,
        }
    }

    /// Resolves when it is time to [`Waiting::show`] the notice. Cancel-safe.
    pub async fn due(&self) {
        match (&self.notice, &self.shown) {
            (Some(_), None) => sleep_until(self.since + MOMENT).await,
            _ => std::future::pending().await,
        }
    }

    /// Shows the notice on stderr.
    pub fn show(&mut self) {
        let notice = self.notice.clone();
        self.shown = notice.map(progress::waiting);
    }

    /// Something came: the notice is gone before that is printed.
    pub fn came(&mut self) {
        self.since = Instant::now();
        if let Some(shown) = self.shown.take() {
            shown.finish_and_clear();
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.came();
    }
}
