//! Shows a run while it goes on: on a terminal as a few lines that are drawn anew every second, elsewhere as a line in the log now
//! and then. Nothing here holds up the messages: it reads counts, and asks the broker and draws on other threads.

use std::cell::RefCell;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

use super::backlog::{Backlog, Trend};
use super::layout::{Course, Group, Moment, lines, status_line};
use super::window::Window;
use crate::broker::{GroupStatus, GroupWatch};
use crate::commands::progress::Lines;
use crate::pipeline::Meter;

/// How often the counts are read, and the lines drawn.
const EVERY: Duration = Duration::from_secs(1);
/// Between two lines in the log, in seconds.
const LOG_EVERY: u32 = 30;
/// Between an answer of the broker and the next question.
const ASK_AFTER: Duration = Duration::from_secs(3);
/// After so long without an answer, what it answered before is no longer shown.
const STALE: Duration = Duration::from_secs(15);

/// Shows it until it is dropped: as lines, or where there can be none in the log. What `course` says may change.
pub async fn show(
    course: &dyn Fn() -> Course,
    meter: &Meter,
    watch: &dyn GroupWatch,
    screen: Option<Arc<Lines>>,
) -> Infallible {
    let answer = RefCell::new(None);
    let began = Instant::now();
    tokio::select! {
        never = ask(watch, &answer) => never,
        never = draw(course, meter, screen, || known(&answer.borrow(), began)) => never,
    }
}

/// What the broker has answered, when, and where the lag was going.
type Answer = Option<(Instant, GroupStatus, Option<Trend>)>;

async fn ask(watch: &dyn GroupWatch, answer: &RefCell<Answer>) -> Infallible {
    let mut backlog = Backlog::default();
    loop {
        match watch.status().await {
            Ok(status) => {
                let now = Instant::now();
                let trend = status.lag.map(|lag| backlog.push(now, lag));
                answer.replace(Some((now, status, trend)));
            }
            // The pipeline says what is wrong with the broker; here it is only silent.
            Err(error) => tracing::debug!(%error, "the broker does not say where the group stands"),
        }
        tokio::time::sleep(ASK_AFTER).await;
    }
}

fn known(answer: &Answer, began: Instant) -> Group {
    match answer {
        Some((at, status, trend)) if at.elapsed() < STALE => Group::Known(status.clone(), *trend),
        None if began.elapsed() < STALE => Group::Asked,
        _ => Group::Silent,
    }
}

async fn draw(
    course: &dyn Fn() -> Course,
    meter: &Meter,
    screen: Option<Arc<Lines>>,
    group: impl Fn() -> Group,
) -> Infallible {
    let mut window = Window::default();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ticked: u32 = 0;
    loop {
        ticks.tick().await;
        ticked = ticked.wrapping_add(1);
        let reading = meter.read();
        let moment = Moment {
            recent: window.push(Instant::now(), reading.clone()),
            reading,
            group: group(),
        };
        if let Some(screen) = &screen {
            let (screen, course) = (Arc::clone(screen), course());
            let draw = move || screen.draw(|width| lines(&course, &moment, width));
            // A terminal that takes nothing, after Ctrl-S say, holds up a thread and not the messages.
            let _ = tokio::task::spawn_blocking(draw).await;
        } else if ticked.is_multiple_of(LOG_EVERY) {
            tracing::info!("{}", status_line(&course(), &moment));
        }
    }
}
