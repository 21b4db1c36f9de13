//! Why something cannot be computed.

use std::fmt;

/// Why an operator cannot be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphError(pub(crate) String);

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for GraphError {}

/// Why images could not be computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunError(pub(crate) String);

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RunError {}
