//! What a guest writes stands in the log, as the guest's own words.

use std::fmt::Debug;
use std::sync::{Mutex, Once};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::Puppet;

/// Everything that guests have written, for all tests: guests run on threads of their own, so there is one log.
static WRITTEN: Mutex<Vec<Line>> = Mutex::new(Vec::new());

#[derive(Clone, Debug, Default)]
struct Line {
    stream: String,
    text: String,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "stream" {
            self.stream = value.to_owned();
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.text = format!("{value:?}");
        }
    }
}

struct Written;

impl<S: Subscriber> Layer<S> for Written {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "guest" {
            let mut line = Line::default();
            event.record(&mut line);
            WRITTEN.lock().unwrap().push(line);
        }
    }
}

/// A puppet whose words are kept.
async fn puppet() -> Puppet {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        let listening = tracing_subscriber::registry().with(Written);
        tracing::subscriber::set_global_default(listening).unwrap();
    });
    Puppet::start().await
}

/// The lines that contain `word`.
fn written(word: &str) -> Vec<Line> {
    let mut lines = WRITTEN.lock().unwrap().clone();
    lines.retain(|line| line.text.contains(word));
    lines
}

#[tokio::test]
async fn a_line_that_a_guest_writes_is_a_line_of_the_log() {
    let puppet = puppet().await;
    puppet.ask("log:can't open \"it\"").await;
    puppet.ask("print:on the other stream").await;
    let [line] = &written("can't open")[..] else { panic!() };
    assert_eq!(
        (line.stream.as_str(), line.text.as_str()),
        ("stderr", "can't open \"it\"")
    );
    let [line] = &written("on the other stream")[..] else {
        panic!()
    };
    assert_eq!(line.stream, "stdout");
}

#[tokio::test]
async fn a_guest_cannot_write_to_a_terminal_through_the_log() {
    let puppet = puppet().await;
    puppet.ask("log:cleared \x1b[2J\r\x07\u{9b}2J\u{202e} and gone").await;
    let [line] = &written("and gone")[..] else { panic!() };
    assert_eq!(line.text, r"cleared \u{1b}[2J\r\u{7}\u{9b}2J\u{202e} and gone");
}

#[tokio::test]
async fn the_last_words_before_a_trap_are_kept_though_their_line_has_no_end() {
    let puppet = puppet().await;
    puppet.spoils("mutter:famous last words", "trap").await;
    assert_eq!(written("famous last words").len(), 1);
}

#[tokio::test]
async fn a_flood_is_cut_into_lines_and_what_is_over_a_call_s_share_is_counted() {
    let puppet = puppet().await;
    puppet.ask("flood:1000000").await;
    let lines = written("~~~");
    assert!(lines.iter().all(|line| line.text.len() <= 4096));
    assert_eq!(lines.iter().map(|line| line.text.len()).sum::<usize>(), 65_536);
    assert_eq!(written("(934464 more bytes in this call)").len(), 1);
    puppet.ask("log:heard again").await;
    assert_eq!(written("heard again").len(), 1);
}
