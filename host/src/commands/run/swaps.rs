//! Lets another component or model serve while the stream goes on: when its file changes, on SIGHUP, or by `host swap`.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch::Receiver;

use super::as_asked;
use crate::classifier::{Classifier, ClassifierConfig, Description};
use crate::control::{Connection, Control, Reply, Request};
use crate::pipeline::Classify;
use crate::shutdown::Hangups;
use crate::swap::{Bounds, Swappable, Verdict};

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What may ask for a swap, and how it is made.
pub(super) struct Swaps<'a> {
    /// What the run was started with.
    pub asked: &'a ClassifierConfig,
    pub swappable: &'a Swappable<Classifier>,
    pub bounds: Bounds,
    /// Look at the files that it was started with.
    pub watch: bool,
    /// None: other commands cannot reach this host.
    pub control: Option<Control>,
    pub about: Reply,
}

impl Swaps<'_> {
    /// Makes one swap after the other, until it is dropped.
    pub async fn serve(&self) -> Infallible {
        let mut hangups = Hangups::listen();
        let mut files = Watched::new(self.asked);
        // The verdicts that other commands wait for.
        let mut told = FuturesUnordered::new();
        loop {
            tokio::select! {
                () = files.changed(), if self.watch => {
                    tracing::info!("a file of the component or its model has changed");
                    self.again().await;
                }
                () = hangups.next() => {
                    tracing::info!("SIGHUP: reading the component and its model again");
                    self.again().await;
                }
                connection = asked(self.control.as_ref()) => {
                    if let Some((connection, verdict)) = self.grant(connection).await {
                        told.push(tell(connection, verdict));
                    }
                }
                Some(()) = told.next() => {}
            }
        }
    }

    /// What a start would take now.
    async fn again(&self) {
        // It is in the log, and nobody else waits for it.
        let _ = self.swap(self.asked.clone()).await;
    }

    async fn grant(&self, mut connection: Connection) -> Option<(Connection, Receiver<Verdict>)> {
        let (reply, verdict) = match connection.request().await? {
            Request::About => (self.about.clone(), None),
            Request::Swap(other) => match self.asked.with(other) {
                Ok(config) => self.swap(config).await,
                Err(refusal) => (Reply::Refused(refusal), None),
            },
        };
        // Who has gone does not wait for the verdict either.
        connection.write(&reply).await.ok()?;
        Some((connection, verdict?))
    }

    /// Starts another classifier beside the one that serves, checks it, and lets it serve.
    async fn swap(&self, config: ClassifierConfig) -> (Reply, Option<Receiver<Verdict>>) {
        let proven = self.swappable.proven();
        let next = match candidate(&config, proven.description()).await {
            Ok(next) => next,
            Err(refusal) => {
                tracing::error!("nothing is swapped, {} goes on: {refusal}", name(&proven));
                return (Reply::Refused(refusal), None);
            }
        };
        let next_name = name(&next);
        if next.maker() == self.swappable.serving_now().maker() {
            tracing::info!("nothing is swapped: {next_name} serves already");
            return (Reply::Same(next_name), None);
        }
        let verdict = self.swappable.swap(next, self.bounds);
        tracing::info!("{next_name} serves from now on, instead of {}", name(&proven));
        (Reply::Serves(next_name), Some(verdict))
    }
}

/// Another classifier that may take the place of the one described, or why there is none.
async fn candidate(config: &ClassifierConfig, proven: &Description) -> Result<Classifier, String> {
    let started = Classifier::start(config).await.map_err(|error| error.to_string())?;
    let next = as_asked(started, config).await.map_err(|error| error.to_string())?;
    match unfit(proven, next.description()) {
        Some(refusal) => Err(refusal),
        None => Ok(next),
    }
}

/// Waits for ever where other commands cannot reach this host.
async fn asked(control: Option<&Control>) -> Connection {
    match control {
        Some(control) => control.next().await,
        None => std::future::pending().await,
    }
}

/// Tells another command what becomes of a new classifier, until that is known or nobody listens any more.
async fn tell(mut connection: Connection, mut verdict: Receiver<Verdict>) {
    loop {
        let reply = match &*verdict.borrow_and_update() {
            Verdict::OnTrial { left } => Reply::OnTrial(*left),
            Verdict::Kept => Reply::Kept,
            Verdict::RolledBack(why) => Reply::RolledBack(why.clone()),
            Verdict::Superseded => Reply::Superseded,
        };
        let goes_on = matches!(reply, Reply::OnTrial(_));
        if connection.write(&reply).await.is_err() || !goes_on || verdict.changed().await.is_err() {
            return;
        }
        // A line for each message would be too many.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// For people: the model, and the component that runs it.
fn name(classifier: &Classifier) -> String {
    let Description { name, version, .. } = classifier.description();
    let maker = classifier.maker();
    let component = maker.component.get(..12).unwrap_or(&maker.component);
    format!("{name} {version} in component {}", String::from_utf8_lossy(component))
}

/// Why one classifier cannot take another's place: consumers would misread its answers, or producers' messages would not fit.
fn unfit(proven: &Description, next: &Description) -> Option<String> {
    if proven.labels != next.labels {
        return Some(
            "its labels are not those of the one that serves, so that the classes of its answers would mean something else; to \
             change them, stop the host and start it with the new component"
                .to_owned(),
        );
    }
    let size = |of: &Description| format!("{} x {} x {}", of.height, of.width, of.channels);
    (size(proven) != size(next)).then(|| {
        format!(
            "it takes images of {}, and the one that serves of {}; to change that, stop the host and start it with the new component",
            size(next),
            size(proven)
        )
    })
}

/// The files that a run was started with.
struct Watched {
    files: Vec<PathBuf>,
    known: Vec<Option<Look>>,
}

/// What shows that a file has changed.
type Look = (u64, u64, Option<SystemTime>);

impl Watched {
    fn new(asked: &ClassifierConfig) -> Self {
        let files = asked.files();
        let known = files.iter().map(|file| look(file)).collect();
        Self { files, known }
    }

    /// Returns once a file has changed, all of them are there, and nobody has written to them for a moment.
    async fn changed(&mut self) {
        let mut before = self.known.clone();
        loop {
            tokio::time::sleep(LOOK).await;
            let now: Vec<_> = self.files.iter().map(|file| look(file)).collect();
            let is_quiet = now == before && now.iter().all(Option::is_some);
            if is_quiet && now != self.known {
                self.known = now;
                return;
            }
            before = now;
        }
    }
}

/// Follows links, as Kubernetes replaces mounted files by changing one.
fn look(file: &Path) -> Option<Look> {
    use std::os::unix::fs::MetadataExt;
    let known = std::fs::metadata(file).ok()?;
    Some((known.ino(), known.len(), known.modified().ok()))
}
