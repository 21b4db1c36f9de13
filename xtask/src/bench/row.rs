//! One row of a table of throughput, with a value for each run.

use super::median;

#[derive(Default)]
pub struct Row {
    pub messages_per_second: Vec<f64>,
    /// Relative to the reference, in the same run.
    pub ratio: Vec<f64>,
    /// Microseconds for each message, if measured.
    pub cpu: Vec<f64>,
    pub server_cpu: Vec<f64>,
}

impl Row {
    /// In Markdown, for messages of this many bytes.
    pub fn print(self, size: usize, name: &str) -> String {
        let megabytes = self.messages_per_second.iter().map(|speed| speed * size as f64 / 1e6);
        let megabytes = median(megabytes.collect(), 0);
        let optional = |values: Vec<f64>, decimals| match values.is_empty() {
            true => String::new(),
            false => median(values, decimals),
        };
        let (ratio, cpu) = (optional(self.ratio, 2), optional(self.cpu, 0));
        let (speed, server) = (median(self.messages_per_second, 0), optional(self.server_cpu, 0));
        format!("| {size} | {name} | {speed} | {megabytes} | {ratio} | {cpu} | {server} |\n")
    }
}
