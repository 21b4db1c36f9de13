//! One row of a table of throughput, with a value for each run.

use super::middle;

#[derive(Default)]
pub struct Row {
    pub messages_per_second: Vec<f64>,
    /// Against what it is held beside, in the same run.
    pub ratio: Vec<f64>,
    /// Microseconds for each message, where that is measured.
    pub cpu: Vec<f64>,
    pub server_cpu: Vec<f64>,
}

impl Row {
    /// In Markdown, for messages of so many bytes.
    pub fn print(self, size: usize, name: &str) -> String {
        let megabytes = self.messages_per_second.iter().map(|speed| speed * size as f64 / 1e6);
        let megabytes = middle(megabytes.collect(), 0);
        let optional = |values: Vec<f64>, decimals| match values.is_empty() {
            true => String::new(),
            false => middle(values, decimals),
        };
        let (ratio, cpu) = (optional(self.ratio, 2), optional(self.cpu, 0));
        let (speed, server) = (middle(self.messages_per_second, 0), middle(self.server_cpu, 0));
        format!("| {size} | {name} | {speed} | {megabytes} | {ratio} | {cpu} | {server} |\n")
    }
}
