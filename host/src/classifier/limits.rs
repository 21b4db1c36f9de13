//! A guest's limits, each beside what enforces it: memory here, time and reply size in [`super::instance`].

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// Bounds of one instance.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Limits {
    /// Linear memory, all memories of the component together. Bytes.
    pub memory_bytes: usize,
    /// One call, host functions and waiting included.
    #[serde(rename = "call_seconds", serialize_with = "seconds")]
    pub call_timeout: Duration,
    /// The body of one reply. Bytes.
    pub reply_bytes: usize,
}

fn seconds<S: serde::Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(time.as_secs_f64())
}

/// Entries of all tables together: far more than the function pointers of a large program.
const TABLE_ELEMENTS: usize = 1 << 20;

/// Counts what one store has received, and notes a refusal, so that the trap that follows can be named.
#[derive(Debug)]
pub(super) struct Meter {
    memory_left: usize,
    table_left: usize,
    /// What was asked for and refused last.
    pub(super) refused: Option<Refused>,
}

/// What a component asked for too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Memory,
    Table,
}

impl Refused {
    /// For people, with the remedy if there is one.
    pub(super) fn detail(self) -> String {
        match self {
            Self::Memory => "the component asked for more memory than --guest-memory allows".to_owned(),
            Self::Table => format!("the component asked for tables of more than {TABLE_ELEMENTS} entries"),
        }
    }
}

impl Meter {
    pub(super) fn new(memory_bytes: usize) -> Self {
        Self {
            memory_left: memory_bytes,
            table_left: TABLE_ELEMENTS,
            refused: None,
        }
    }

    /// What it has granted of these limits' memory. Bytes.
    pub(super) fn memory_bytes(&self, limits: &Limits) -> usize {
        limits.memory_bytes.saturating_sub(self.memory_left)
    }
}

fn take(left: &mut usize, current: usize, desired: usize) -> bool {
    let wanted = desired.saturating_sub(current);
    let granted = wanted <= *left;
    if granted {
        *left -= wanted;
    }
    granted
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let granted = take(&mut self.memory_left, current, desired);
        if !granted {
            self.refused = Some(Refused::Memory);
        }
        Ok(granted)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let granted = take(&mut self.table_left, current, desired);
        if !granted {
            self.refused = Some(Refused::Table);
        }
        Ok(granted)
    }

    fn instances(&self) -> usize {
        64
    }

    fn tables(&self) -> usize {
        64
    }

    fn memories(&self) -> usize {
        16
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_over_all_memories_together() {
        let mut meter = Meter::new(100);
        assert!(meter.memory_growing(0, 60, None).unwrap());
        assert_eq!(meter.refused, None);
        assert!(!meter.memory_growing(0, 60, None).unwrap());
        assert_eq!(meter.refused, Some(Refused::Memory));
        assert!(meter.memory_growing(0, 40, None).unwrap());
    }

    #[test]
    fn tables_are_bounded_together_and_told_apart_from_memory() {
        let mut meter = Meter::new(100);
        assert!(meter.table_growing(0, TABLE_ELEMENTS, None).unwrap());
        assert!(!meter.table_growing(0, 1, None).unwrap());
        assert_eq!(meter.refused, Some(Refused::Table));
        let said = Refused::Table.detail();
        assert!(
            said.contains("1048576 entries") && !said.contains("--guest-memory"),
            "{said}"
        );
    }
}
