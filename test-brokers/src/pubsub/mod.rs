//! Google's in-memory Pub/Sub: the program, a server of it, and a test's control over the server.

mod control;
mod program;
mod server;

pub use control::{Credentials, Fault, Key, Published, ServiceAccount, Stats, SubscriptionOptions};
pub use program::{PubSubProgram, need_go};
pub use server::{PubSub, PubSubOptions};
