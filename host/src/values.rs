//! Values that are typed: what each is unless it is typed, and how sizes, times, digests and starts are written.
//!
//! Separate from [`crate::cli`], which says where they may be typed, and from [`crate::config`], which makes use of them.

mod count;
mod digest;
mod size;
mod start;
mod time;

use std::time::Duration;

pub use self::count::{CountError, count};
pub use self::digest::{Digest, DigestError};
pub use self::size::{ByteSize, ByteSizeError};
pub use self::start::{Start, StartError};
pub use self::time::{TimeError, time};

/// Messages are read from here, as the Python program does.
pub const DEFAULT_INPUT: &str = "input-stream";
/// Answers go here, as the Python program does.
pub const DEFAULT_OUTPUT: &str = "output-stream";
/// The group of every reader, as in the Python program.
pub const DEFAULT_GROUP: &str = "my-group";
/// Where the Python program looks for Kafka.
pub const DEFAULT_BOOTSTRAP: &str = "127.0.0.1:9092";
/// The page's port, as in most programs that serve a folder.
pub const DEFAULT_PORT: u16 = 8000;
/// How much of a topic the embedded broker keeps.
pub const DEFAULT_RETENTION: ByteSize = ByteSize(1 << 30);
/// The largest message: a batch of 40 test images takes 185 KB.
pub const DEFAULT_MAX_MESSAGE: ByteSize = ByteSize(16 << 20);
/// Bytes in flight at once; more, if the largest message would leave no room for another.
pub const DEFAULT_IN_FLIGHT: ByteSize = ByteSize(64 << 20);
/// The memory of one instance: many times what the largest message needs.
pub const DEFAULT_GUEST_MEMORY: ByteSize = ByteSize(1 << 30);
/// How long one call may take: far more than the largest message needs.
pub const DEFAULT_GUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How many messages may fail in a row before the component counts as broken: more than a few bad messages that
/// happen to follow each other.
pub const DEFAULT_MAX_FAILURES: usize = 10;
/// The wait before the second attempt at a message.
pub const RETRY_DELAY: Duration = Duration::from_millis(100);
