//! Parses librdkafka's reports about connections: each is one line of text.

use rdkafka::types::RDKafkaErrorCode;

/// One report, such as `ssl://kafka:9092/1: Connect to ... failed: ... (after 3ms in state CONNECT)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub code: RDKafkaErrorCode,
    /// The broker's address, `HOST:PORT`.
    pub address: Option<String>,
    /// The address comes from the cluster, not from the user.
    pub is_advertised: bool,
    /// What happened.
    pub what: String,
    /// How far the connection had come, such as `CONNECT`.
    pub state: String,
    /// How long it had been there. Milliseconds.
    pub since: u64,
}

impl Report {
    pub fn new(code: RDKafkaErrorCode, line: &str) -> Self {
        let (mut text, after) = split_after(without_thread(line.trim()));
        let mut address = None;
        let mut is_advertised = false;
        while let Some((head, rest)) = text.split_once(": ") {
            // A connection to whichever broker has this role; its name has no number.
            if matches!(head, "GroupCoordinator" | "TxnCoordinator") {
                is_advertised = true;
            } else {
                let Some((found, id)) = address_of(head) else { break };
                address = Some(found.to_owned());
                is_advertised |= id.parse::<u32>().is_ok();
            }
            text = rest;
        }
        let (since, state) = after.split_once("ms in state ").unwrap_or_default();
        let state = state.split(',').next().unwrap_or_default();
        Self {
            code,
            address,
            is_advertised,
            what: text.trim_end().trim_end_matches(':').to_owned(),
            state: state.to_owned(),
            since: since.parse().unwrap_or_default(),
        }
    }

    /// Whether the text contains one of these, in any case.
    pub fn has_any(&self, words: &[&str]) -> bool {
        let what = self.what.to_ascii_lowercase();
        words.iter().any(|word| what.contains(word))
    }
}

/// A line of the log starts with its thread, `[thrd:NAME]: `.
fn without_thread(line: &str) -> &str {
    let rest = line.strip_prefix("[thrd:").and_then(|rest| rest.split_once("]: "));
    rest.map_or(line, |(_, rest)| rest)
}

/// Cuts off `(after ...)`: without it one problem always reads the same.
fn split_after(line: &str) -> (&str, &str) {
    let split = line.strip_suffix(')').and_then(|line| line.rsplit_once(" (after "));
    split.unwrap_or((line, ""))
}

/// Address and number of a broker's name, `[PROTOCOL://]HOST:PORT[/NUMBER]`; `bootstrap` is the number of one that has none
/// yet.
fn address_of(name: &str) -> Option<(&str, &str)> {
    let name = name.split_once("://").map_or(name, |(_, name)| name);
    let (address, id) = name.split_once('/').unwrap_or((name, ""));
    let (host, port) = address.rsplit_once(':')?;
    let is_address = !host.is_empty() && !host.contains(' ') && port.parse::<u16>().is_ok();
    is_address.then_some((address, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(line: &str) -> Report {
        Report::new(RDKafkaErrorCode::BrokerTransportFailure, line)
    }

    #[test]
    fn a_report_says_which_broker_it_is_about_what_happened_and_when() {
        let refused = report(
            "sasl_ssl://127.0.0.1:9/bootstrap: Connect to ipv4#127.0.0.1:9 failed: Connection refused (after 12ms in state \
             CONNECT, 1 identical error(s) suppressed)",
        );
        assert_eq!(refused.address.as_deref(), Some("127.0.0.1:9"));
        assert!(!refused.is_advertised);
        assert_eq!(refused.what, "Connect to ipv4#127.0.0.1:9 failed: Connection refused");
        assert_eq!((refused.state.as_str(), refused.since), ("CONNECT", 12));
    }

    #[test]
    fn a_broker_that_has_a_number_was_named_by_the_cluster() {
        assert!(report("kafka:29092/1: Failed to resolve 'kafka:29092'").is_advertised);
        let logged = report("[thrd:[::1]:9092/7]: [::1]:9092/7: Disconnected (after 2ms in state UP)");
        assert_eq!(logged.address.as_deref(), Some("[::1]:9092"));
        assert_eq!((logged.is_advertised, logged.what.as_str()), (true, "Disconnected"));
        let coordinator = report("GroupCoordinator: kafka:9092: Disconnected (after 2ms in state UP)");
        assert_eq!(coordinator.address.as_deref(), Some("kafka:9092"));
        assert_eq!(
            (coordinator.is_advertised, coordinator.what.as_str()),
            (true, "Disconnected")
        );
    }

    #[test]
    fn any_other_text_is_kept_as_it_is() {
        for text in ["1/1 brokers are down", "Failed to acquire a token: none", "a (b)", ""] {
            let report = report(text);
            assert_eq!((report.what.as_str(), report.address), (text, None));
        }
    }
}
