//! The command line: what may be typed, and its help. Types only; nothing here touches the world.
//!
//! Separate so that completions and the help can be made from it, and so that [`crate::config`] is the one place where
//! what was typed becomes something usable.

mod bench;
mod broker;
mod classify;
mod compile;
mod completions;
mod component;
mod consume;
mod dead_letters;
mod demo;
mod evaluate;
mod heading;
mod help;
mod inspect;
mod kafka;
mod prepare;
mod produce;
mod pubsub;
mod python;
mod run;
mod swap;
mod topics;
mod trust;

use std::ffi::OsString;

use clap::{ArgAction, ArgMatches, CommandFactory, Parser, Subcommand, ValueEnum};

pub use self::bench::{BenchCommand, CodecName};
pub use self::broker::{BrokerAddress, BrokerArgs, BrokerName, MemberArgs, StorageArgs};
pub use self::classify::ClassifyCommand;
pub use self::compile::CompileCommand;
pub use self::completions::CompletionsCommand;
pub use self::component::ComponentArgs;
pub use self::consume::ConsumeCommand;
pub use self::dead_letters::{DeadLettersAction, DeadLettersCommand, ListCommand, ReplayCommand, ShowCommand};
pub use self::demo::DemoCommand;
pub use self::evaluate::{EvaluateCommand, SplitName};
pub use self::heading::{EMBEDDED, KAFKA, PUBSUB};
pub use self::inspect::InspectCommand;
pub use self::kafka::{CompressionName, DeliveryName, KafkaArgs, SaslName};
pub use self::prepare::{FitName, InvertName, PictureArgs, PrepareArgs, ScaleName};
pub use self::produce::ProduceCommand;
pub use self::pubsub::PubSubArgs;
pub use self::run::{OnErrorName, RunCommand};
pub use self::swap::SwapCommand;
pub use self::topics::{TopicsAction, TopicsCommand};
pub use self::trust::TrustArgs;

/// Classifies a stream of images with a WebAssembly component it need not trust.
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 120,
    after_help = "\
Examples:
  host demo                     10,000 images through an embedded broker and back, then a table
  host produce --interval 0     send the test images as fast as possible
  host run                      classify what comes in, until stopped
  host consume                  print the answers

Exit codes: 0 done, 2 usage, 3 configuration or credentials, 4 broker, 5 component refused,
6 stopped on an error, 130 interrupted."
)]
pub struct Cli {
    /// Log more to stderr; -vv logs everything. RUST_LOG takes precedence if it is set.
    #[arg(short, long, action = ArgAction::Count, global = true, display_order = help::LAST)]
    pub verbose: u8,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What was typed, and the commands that it was matched against. Errors are also the help and the version.
pub fn parse(arguments: impl Iterator<Item = OsString>) -> Result<(clap::Command, ArgMatches), clap::Error> {
    let (mut program, arguments) = help::arrange(Cli::command(), arguments.collect());
    if let Some(error) = python::broker_as_word(&program, &arguments) {
        return Err(error);
    }
    let matches = program.try_get_matches_from_mut(arguments)?;
    Ok((program, matches))
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Classify the messages of a topic and publish the answers.
    ///
    /// Each message is answered and consumed as one act: with the embedded broker exactly once. Runs until it is stopped; the
    /// first Ctrl-C or SIGTERM finishes what has begun, the second stops at once.
    Run(Box<RunCommand>),
    /// Let another component or model serve in a running host, without stopping it.
    ///
    /// The host reads, checks and compiles the new one beside the one that serves; messages in flight end on the old one. It must take
    /// the same images and have the same labels. For its first --trial messages the old one answers what the new one cannot, and
    /// takes its place again if there is too much of that. The next start takes the files that it is started with.
    Swap(SwapCommand),
    /// Send images to a topic.
    ///
    /// Without --images: the 10,000 Fashion-MNIST test images, once. Pixels are sent as JSON, as the original Python
    /// program sends them, --batch images in a message. Pictures are sent unchanged, one in a message, with their media
    /// type in the header `content-type`.
    Produce(ProduceCommand),
    /// Print the messages of a topic.
    ///
    /// A message is consumed once its line is written. --tail, and --from without --group, only look: they consume
    /// nothing, so every group still gets every message, and they end at the last one.
    ///
    /// Text: on a terminal a line for people, with the names of the classes; otherwise the payload on one line, with control
    /// characters escaped. JSON: one object a line, with position, key, headers, time and payload; a payload that is not
    /// UTF-8 becomes {"base64": "..."}.
    Consume(ConsumeCommand),
    /// Show what could not be answered and why, and send it back.
    ///
    /// Without `show` or `replay`: a line for each reason, with an example. Looking takes nothing away. Pub/Sub keeps no log to look
    /// at, so there the letters, up to 1,000, are received and handed back after some seconds of silence: meanwhile no other reader
    /// gets them, and each time counts as an attempt to deliver them.
    DeadLetters(Box<DeadLettersCommand>),
    /// Now `dead-letters replay`.
    #[command(hide = true)]
    Replay(ReplayCommand),
    /// Send 10,000 test images through broker and component and back, and show how it went.
    ///
    /// It uses an embedded broker in a temporary folder and leaves nothing behind. With --browser it serves the page that
    /// classifies in the browser instead, to this machine only, until Ctrl-C; `cargo xtask browser` builds the page.
    Demo(DemoCommand),
    /// Classify image files, without a broker.
    ///
    /// Each file is one message; of a folder, each picture. The first bytes of a file show its format, otherwise its name does
    /// (.png, .webp, .json, .npy, ...); raw pixels need --raw. Pictures keep their aspect ratio, and for a model of grey images
    /// a picture with a light border is inverted, as on the page of `demo --browser`. `run` does neither without --fit and
    /// --invert.
    Classify(ClassifyCommand),
    /// Measure how good a component is on labelled images.
    ///
    /// Without --data: the 10,000 Fashion-MNIST test images. --data takes a folder with the IDX files of MNIST or
    /// Fashion-MNIST, gzipped or not; a folder that has a folder of pictures for each class, named like the model's labels
    /// (case and punctuation do not matter); or an .npz file with x_test and y_test, x_train and y_train, or images and
    /// classes (and labels, their names). The component gets the images as messages, as in the stream: files unchanged,
    /// pixels as bytes.
    Evaluate(EvaluateCommand),
    /// Show what a component is, or whether it can run a model.
    ///
    /// Of a component: its imports, its exports and its built-in model. Of an ONNX model: what the component says about it or
    /// why it refuses it, whether it takes raw pixels (which is tried on labelled images), and how long one image takes.
    Inspect(InspectCommand),
    /// Measure how fast a component answers on this machine.
    ///
    /// No broker takes part: messages of test images go to the workers as from a stream. `predict` is the share of a call in which the
    /// component runs the network, `decode` the share that raw bytes would save, and the rest is encoding and copying. With --against a
    /// second component or model is measured in turn with the first.
    Bench(BenchCommand),
    /// Create, list, describe and delete topics.
    Topics(TopicsCommand),
    /// Print a completion script for a shell.
    Completions(CompletionsCommand),
    /// Compile the component on stdin to code on stdout, within limits. The host starts itself with this command.
    #[command(hide = true)]
    Compile(CompileCommand),
}

/// How to write results, which go to stdout either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}
