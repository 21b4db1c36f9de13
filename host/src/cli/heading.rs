//! The headings of options that not everybody needs. Each is a help screen of its own, and those of the brokers say which
//! broker an option is of.

/// How the component runs.
pub const COMPONENT: &str = "Component";
/// How pixels and pictures are prepared for the model.
pub const PREPROCESSING: &str = "Preprocessing";
/// What is promised, and what is bounded.
pub const DELIVERY: &str = "Delivery and limits";
/// A new component while the stream goes on.
pub const SWAP: &str = "Swapping";
/// Two brokers in one run.
pub const ENDS: &str = "From one broker to another";
/// Options that only the embedded broker takes.
pub const EMBEDDED: &str = "Embedded broker";
/// Options that only Kafka takes.
pub const KAFKA: &str = "Kafka";
/// Options that only Pub/Sub takes.
pub const PUBSUB: &str = "Pub/Sub";

/// A help screen: what stands behind `--help`, the heading, what is on it.
pub(super) const SCREENS: [(&str, &str, &str); 8] = [
    ("component", COMPONENT, "digest, signature, instances, memory, time"),
    (
        "preprocessing",
        PREPROCESSING,
        "scale of pixels, shape and light of pictures",
    ),
    ("delivery", DELIVERY, "where to begin, guarantees, attempts, limits"),
    ("swap", SWAP, "another component while the stream goes on"),
    ("ends", ENDS, "read from one broker, publish to another"),
    ("local", EMBEDDED, "the embedded broker's file"),
    ("kafka", KAFKA, "addresses, TLS, login, sessions"),
    ("pubsub", PUBSUB, "credentials, project, emulator, subscriptions"),
];
