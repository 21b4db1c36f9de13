//! The command line: what may be typed, and its help. Types only; nothing here touches the world.
//!
//! Separate so that completions and the help can be made from it, and so that [`crate::config`] is the one place where
//! what was typed becomes something usable.

mod broker;
mod compile;
mod demo;
mod evaluate;
mod kafka;
mod prepare;
mod pubsub;

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use self::broker::{BrokerAddress, BrokerArgs, BrokerName, EMBEDDED, KAFKA, MemberArgs, PUBSUB, StorageArgs};
pub use self::compile::CompileCommand;
pub use self::demo::DemoCommand;
pub use self::evaluate::{EvaluateCommand, SplitName};
pub use self::kafka::{CompressionName, DeliveryName, KafkaArgs, SaslName};
pub use self::prepare::{PictureArgs, PrepareArgs, ScaleName};
pub use self::pubsub::PubSubArgs;
use crate::config::{
    ByteSize, DEFAULT_COMPONENT, DEFAULT_GROUP, DEFAULT_GUEST_MEMORY, DEFAULT_GUEST_TIMEOUT, DEFAULT_INPUT,
    DEFAULT_MAX_FAILURES, DEFAULT_OUTPUT,
};

/// Classifies a stream of images with a WebAssembly component it need not trust.
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 120,
    after_help = "\
Examples:
  host demo                     10,000 images through an embedded broker and back, then a table
  host produce --interval 0     send the test images as fast as it goes
  host run                      classify what comes in, until stopped
  host consume                  print the answers

Exit codes: 0 done, 2 usage, 3 configuration or credentials, 4 broker, 5 component refused,
6 stopped on an error, 130 interrupted."
)]
pub struct Cli {
    /// Log more to stderr; twice for everything. RUST_LOG, where it is set, decides instead.
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub verbose: u8,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Classify the messages of a topic and publish the answers.
    ///
    /// Each message is answered and consumed as one act: with the embedded broker exactly once. Runs until it is stopped; the
    /// first Ctrl-C or SIGTERM finishes what has begun, the second stops at once.
    Run(Box<RunCommand>),
    /// Send images to a topic.
    ///
    /// Without --images: the 10,000 Fashion-MNIST test images, once through. Pixels go as the JSON message of the original
    /// Python program, --batch images to a message; PNG and JPEG files go as they are, one to a message, with their media type
    /// in the header `content-type`.
    Produce(ProduceCommand),
    /// Print the messages of a topic.
    ///
    /// A message counts as consumed once its line is written. Text: the payload on one line, control characters escaped. JSON:
    /// an object a line with position, key, headers, time and payload; what is not UTF-8 as {"base64": "..."}.
    Consume(ConsumeCommand),
    /// Send dead letters round again.
    ///
    /// What is in the dead-letter topic now goes back to the topic that it came from, without the reason and otherwise as it
    /// came. What fails again is a dead letter again, for the next replay.
    Replay(ReplayCommand),
    /// Send 10,000 test images through broker and component and back, and show how it went.
    ///
    /// The broker is an embedded one in a temporary folder; nothing stays behind. With --browser instead: the page of `cargo xtask
    /// browser`, which classifies in the browser, on an address of this machine until Ctrl-C.
    Demo(DemoCommand),
    /// Classify image files, without a broker.
    ///
    /// Each file is one message: its media type follows from the name (.png, .jpg, .jpeg, .json, .npy), else the component
    /// recognises it from the bytes; raw pixels it takes with --raw.
    Classify(ClassifyCommand),
    /// Measure how good a component is on labelled images.
    ///
    /// Without --data: the 10,000 Fashion-MNIST test images. Else a folder with the IDX files of MNIST or Fashion-MNIST, gzipped or
    /// not; a folder with a folder of PNG and JPEG files for each class, named like the model's labels (case and signs do
    /// not matter); or an .npz file with x_test and y_test, x_train and y_train, or images and classes (and labels, their
    /// names). The images go through the component as messages, as in the stream: files as they are, pixels as bytes.
    Evaluate(EvaluateCommand),
    /// Show what a component is, or whether a model can be put into one.
    ///
    /// Of a component: what it imports, exports and which model it carries. Of an ONNX model: what the component says of it,
    /// or why it refuses it, whether it takes raw pixels, which is tried, and how long an image takes.
    Inspect(InspectCommand),
    /// Create, list and describe topics.
    Topics(TopicsCommand),
    /// Print a completion script for a shell.
    Completions(CompletionsCommand),
    /// Compile the component on stdin to code on stdout, within limits of the system: how this program compiles.
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

/// Which component, and what it may take.
#[derive(Args, Debug)]
pub struct ComponentArgs {
    /// The component.
    #[arg(long, value_name = "FILE", env = "HOST_COMPONENT", default_value = DEFAULT_COMPONENT, help_heading = "Component")]
    pub component: PathBuf,
    /// An ONNX model to put in place of the component's own.
    #[arg(long, value_name = "FILE", help_heading = "Component")]
    pub model: Option<PathBuf>,
    /// What that model's classes are called, one a line, the first being class 0 [default: as its metadata says].
    #[arg(long, value_name = "FILE", requires = "model", help_heading = "Component")]
    pub labels: Option<PathBuf>,
    /// Warm instances, each on a thread of its own [default: the cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Component")]
    pub workers: Option<u16>,
    /// Memory that one instance may have.
    #[arg(long, value_name = "SIZE", default_value_t = DEFAULT_GUEST_MEMORY, help_heading = "Component")]
    pub guest_memory: ByteSize,
    /// How long one call may take.
    #[arg(long, value_name = "TIME", default_value_t = DEFAULT_GUEST_TIMEOUT.into(), help_heading = "Component")]
    pub guest_timeout: humantime::Duration,
    /// Compile the component anew, and keep no compiled code.
    #[arg(long, help_heading = "Component")]
    pub no_cache: bool,
}

impl ComponentArgs {
    /// One instance of a component, and what holds where nothing more was typed.
    pub fn one(component: PathBuf) -> Self {
        Self {
            component,
            model: None,
            labels: None,
            workers: Some(1),
            guest_memory: DEFAULT_GUEST_MEMORY,
            guest_timeout: DEFAULT_GUEST_TIMEOUT.into(),
            no_cache: false,
        }
    }
}

/// `host run`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  host run
  host run --component other.wasm --workers 2
  host run --accept 'application/json;profile=scores;top-k=3' --on-error stop
  host run --idle-timeout 90s            stop after 90 s without a message
  host run --broker pubsub creds.json my-project
  host run --input kafka:localhost:9092 --output pubsub:my-project creds.json my-project")]
pub struct RunCommand {
    /// Which component.
    #[command(flatten)]
    pub component: ComponentArgs,
    /// The media type to ask the component for [default: the component's own].
    #[arg(long, value_name = "MEDIA", help_heading = "Component")]
    pub accept: Option<String>,
    /// How it is to read pixels.
    #[command(flatten)]
    pub prepare: PrepareArgs,
    /// Read from this topic.
    #[arg(long, value_name = "TOPIC", default_value = DEFAULT_INPUT)]
    pub input_topic: String,
    /// Publish answers to this topic.
    #[arg(long, value_name = "TOPIC", default_value = DEFAULT_OUTPUT)]
    pub output_topic: String,
    /// Publish what cannot be answered to this topic [default: the input topic and `.dlq`].
    #[arg(long, value_name = "TOPIC")]
    pub dead_letter_topic: Option<String>,
    /// Members of one group share the messages.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_GROUP)]
    pub group: String,
    /// Add no headers to answers: neither `source`, `dedupe-id` nor `component`.
    #[arg(long)]
    pub plain: bool,
    /// Read from this broker instead of --broker: kafka:HOST:PORT, pubsub:PROJECT or local:FILE.
    #[arg(long, value_name = "BROKER", help_heading = "Broker")]
    pub input: Option<BrokerAddress>,
    /// Publish answers to this broker instead of --broker; dead letters stay with the input.
    #[arg(long, value_name = "BROKER", help_heading = "Broker")]
    pub output: Option<BrokerAddress>,
    /// How often a message may be answered [default: exactly-once within one embedded broker, else at-least-once].
    #[arg(long, value_enum)]
    pub delivery: Option<DeliveryName>,
    /// Where it begins, and as whom.
    #[command(flatten)]
    pub member: MemberArgs,
    /// What to do with a message that cannot be answered.
    #[arg(long, value_enum, default_value = "dead-letter")]
    pub on_error: OnErrorName,
    /// How often to try a message whose failure may pass.
    #[arg(long, value_name = "N", default_value = "3")]
    pub attempts: NonZeroU32,
    /// End with exit code 5 where so many messages in a row fail by traps, time-outs and the like, and nothing is answered
    /// between them: the component is broken, and none of them is consumed. 0: never.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_MAX_FAILURES)]
    pub max_failures: usize,
    /// Messages that may be under way at once.
    #[arg(long, value_name = "N", default_value = "1024")]
    pub max_in_flight: NonZeroUsize,
    /// Bytes that may be under way at once [default: 64MiB, or twice --max-message-bytes where that is more].
    #[arg(long, value_name = "SIZE")]
    pub max_in_flight_bytes: Option<ByteSize>,
    /// Stop after so long without a message [default: never].
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub idle_timeout: Option<Duration>,
    /// How long a stop may take to finish what has begun.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration)]
    pub drain: Duration,
    /// How to write results.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// Which broker.
    #[command(flatten)]
    pub broker: BrokerArgs,
    /// Its limits.
    #[command(flatten)]
    pub storage: StorageArgs,
}

/// What to do with a message that cannot be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnErrorName {
    /// Publish it to the dead-letter topic and go on.
    DeadLetter,
    /// Stop, with the message unconsumed.
    Stop,
}

/// `host produce`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  host produce                                   40 images every 5 seconds
  host produce --interval 0 --limit 1000         1,000 images as fast as it goes
  host produce --images photos/ --interval 1s    each PNG and JPEG of a folder
  host produce --images pixels.npy --batch 10")]
pub struct ProduceCommand {
    /// An IDX or npy file of bytes (both may be gzipped), a PNG or JPEG, or a folder of PNG and JPEG files.
    #[arg(long, value_name = "FILE|FOLDER")]
    pub images: Option<PathBuf>,
    /// Images to a message.
    #[arg(long, value_name = "N", default_value = "40")]
    pub batch: NonZeroUsize,
    /// Time between messages; 0 is as fast as it goes.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = humantime::parse_duration)]
    pub interval: Duration,
    /// Stop after so many images.
    #[arg(long, value_name = "IMAGES")]
    pub limit: Option<NonZeroU64>,
    /// What whoever classifies them is to make of pictures, in the header `content-prepare`.
    #[command(flatten)]
    pub picture: PictureArgs,
    /// Publish to this topic, made when missing.
    #[arg(long, value_name = "TOPIC", default_value = DEFAULT_INPUT)]
    pub topic: String,
    /// How to write results.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// Which broker.
    #[command(flatten)]
    pub broker: BrokerArgs,
    /// Its limits.
    #[command(flatten)]
    pub storage: StorageArgs,
}

/// `host consume`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  host consume
  host consume --limit 250 --idle-timeout 90s
  host consume --topic input-stream.dlq --format json      why messages were not answered")]
pub struct ConsumeCommand {
    /// Read from this topic.
    #[arg(long, value_name = "TOPIC", default_value = DEFAULT_OUTPUT)]
    pub topic: String,
    /// Members of one group share the messages.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_GROUP)]
    pub group: String,
    /// Where it begins, and as whom.
    #[command(flatten)]
    pub member: MemberArgs,
    /// Stop after so many messages.
    #[arg(long, value_name = "MESSAGES")]
    pub limit: Option<NonZeroU64>,
    /// Stop after so long without a message [default: never].
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub idle_timeout: Option<Duration>,
    /// How to write results.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// Which broker.
    #[command(flatten)]
    pub broker: BrokerArgs,
    /// Its limits.
    #[command(flatten)]
    pub storage: StorageArgs,
}

/// `host replay`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  host replay                                    from input-stream.dlq back into input-stream
  host replay --code timeout --limit 100         only what took too long")]
pub struct ReplayCommand {
    /// Send dead letters to this topic.
    #[arg(long, value_name = "TOPIC", default_value = DEFAULT_INPUT)]
    pub topic: String,
    /// Take them from this topic [default: the topic and `.dlq`].
    #[arg(long, value_name = "TOPIC")]
    pub dead_letter_topic: Option<String>,
    /// Remembers how far the letters were replayed; in Pub/Sub their subscription does.
    #[arg(long, value_name = "NAME", default_value = "replay")]
    pub group: String,
    /// Only letters with this `error-code`; others are left out, and count as seen, but stay where they are in Pub/Sub.
    #[arg(long, value_name = "CODE")]
    pub code: Option<String>,
    /// Stop after so many letters.
    #[arg(long, value_name = "LETTERS")]
    pub limit: Option<NonZeroU64>,
    /// Stop after so long without a letter.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = humantime::parse_duration)]
    pub idle_timeout: Duration,
    /// How to write results.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// Which broker.
    #[command(flatten)]
    pub broker: BrokerArgs,
    /// Its limits.
    #[command(flatten)]
    pub storage: StorageArgs,
}

/// `host classify`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  host classify shirt.png shoe.jpg
  host classify --top-k 1 --format json photos/*.png")]
pub struct ClassifyCommand {
    /// Image files.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Labels to an image, the likeliest first.
    #[arg(long, value_name = "K", default_value = "3")]
    pub top_k: NonZeroU32,
    /// Which component.
    #[command(flatten)]
    pub component: ComponentArgs,
    /// How it is to read pixels.
    #[command(flatten)]
    pub prepare: PrepareArgs,
    /// How to write results.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// `host inspect`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  host inspect target/component/classifier.wasm
  host inspect model.onnx                 what the component makes of a model, before it is run
  host inspect model.onnx --component other.wasm --format json")]
pub struct InspectCommand {
    /// A component, or an ONNX model for one [default: the component].
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The component that is to take the model.
    #[arg(long, value_name = "FILE", env = "HOST_COMPONENT", default_value = DEFAULT_COMPONENT)]
    pub component: PathBuf,
    /// What the model's classes are called, one a line, the first being class 0 [default: as its metadata says].
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// Memory that it may have.
    #[arg(long, value_name = "SIZE", default_value_t = DEFAULT_GUEST_MEMORY)]
    pub guest_memory: ByteSize,
    /// How long one call may take.
    #[arg(long, value_name = "TIME", default_value_t = DEFAULT_GUEST_TIMEOUT.into())]
    pub guest_timeout: humantime::Duration,
    /// Compile the component anew, and keep no compiled code.
    #[arg(long)]
    pub no_cache: bool,
    /// How to write results.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// `host topics`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  host topics create images --partitions 4
  host topics list
  host topics describe input-stream --format json
  host topics forget-group input-stream my-group    let go of what a group that is gone holds back")]
pub struct TopicsCommand {
    /// What to do.
    #[command(subcommand)]
    pub action: TopicsAction,
}

/// What to do with topics.
#[derive(Debug, Subcommand)]
pub enum TopicsAction {
    /// Create a topic.
    Create {
        /// Its name.
        name: String,
        /// How to write results.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
        /// Which broker.
        #[command(flatten)]
        broker: BrokerArgs,
        /// Its limits.
        #[command(flatten)]
        storage: StorageArgs,
    },
    /// List all topics.
    List {
        /// How to write results.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
        /// Which broker.
        #[command(flatten)]
        broker: BrokerArgs,
    },
    /// Show a topic's partitions and groups.
    Describe {
        /// Its name.
        name: String,
        /// How to write results.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
        /// Which broker.
        #[command(flatten)]
        broker: BrokerArgs,
    },
    /// Forget how far a group has come, so that it no longer holds messages back.
    ForgetGroup {
        /// The topic.
        topic: String,
        /// The group.
        group: String,
        /// How to write results.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
        /// Which broker.
        #[command(flatten)]
        broker: BrokerArgs,
    },
}

/// `host completions`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  host completions bash > ~/.local/share/bash-completion/completions/host
  host completions zsh > ~/.zfunc/_host")]
pub struct CompletionsCommand {
    /// The shell.
    #[arg(value_enum)]
    pub shell: Shell,
}
