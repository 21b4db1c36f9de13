//! What kind of cluster is wanted.

/// What kind of cluster.
#[derive(Clone, Debug)]
pub struct Options {
    /// 1 or 3.
    pub nodes: usize,
    /// With a second listener: TLS, and SASL in one of [`MECHANISMS`](crate::MECHANISMS).
    pub secure: bool,
    /// The plaintext port of the first node; one that is free unless told.
    pub port: Option<u16>,
    /// As Kafka's own script starts a server, where the tests' start quickly and stay small.
    pub full_size: bool,
    /// Server properties, such as `message.max.bytes`; they come last, and so they win.
    pub properties: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            nodes: 1,
            secure: false,
            port: None,
            full_size: false,
            properties: Vec::new(),
        }
    }
}
