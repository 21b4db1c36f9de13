//! What a report of librdkafka means to a user, and what to change.

use rdkafka::types::RDKafkaErrorCode as Code;

use super::access::Access;
use super::code::{is_passing, is_vague};
use super::report::Report;
use crate::broker::BrokerError;
use crate::files;

/// A listener without login hangs up within this time once it is asked for something else. Milliseconds.
const AT_ONCE: u64 = 2_000;

/// What a report means to a user. A cluster that has answered once is configured correctly.
pub(super) fn tell(report: &Report, access: &Access, has_answered: bool) -> BrokerError {
    let address = report.address.as_deref().unwrap_or(&access.servers);
    let what = report.what.as_str();
    let guess = (!has_answered).then(|| hang_up(report, access)).flatten();
    let found = guess
        .or_else(|| refusal(report, access))
        .or_else(|| reach(report, access));
    let Some((what, remedy)) = found.or_else(|| Some((what.to_owned(), other(report.code)?))) else {
        return BrokerError::Failed(format!("kafka at {address}: {what}"));
    };
    let said = format!("kafka at {address}: {what}; {remedy}");
    if is_vague(report.code) || is_passing(report.code) {
        BrokerError::Unreachable(said)
    } else {
        BrokerError::Failed(said)
    }
}

/// The broker answers, and refuses this client.
fn refusal(report: &Report, access: &Access) -> Option<(String, &'static str)> {
    let what = report.what.as_str();
    let said = |own: &str| own.to_owned();
    Some(match report.code {
        _ if files::is_of_too_many(&report.what) => {
            let [what, remedy] = files::TOO_MANY;
            (said(what), remedy)
        }
        Code::Authentication | Code::SaslAuthenticationFailed if what.ends_with("supported mechanisms") => (
            said("it does not accept a login"),
            "leave --sasl off, or name its address with SASL in --bootstrap-servers",
        ),
        Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism
            if what.contains("supported mechanisms") =>
        {
            (said(what), "choose one of these with --sasl")
        }
        Code::Authentication | Code::SaslAuthenticationFailed if access.has_token => {
            let why = what.trim_start_matches("SASL authentication error: ");
            (
                format!("it refuses the token: {why}"),
                "put a valid token into the file of --sasl-token-file",
            )
        }
        Code::Authentication | Code::SaslAuthenticationFailed => {
            let why = what.trim_start_matches("SASL authentication error: ");
            (
                format!("it refuses the user name or password: {why}"),
                "check --sasl-username, the password (--sasl-password-file or KAFKA_PASSWORD), and --sasl",
            )
        }
        Code::SSL if report.has_any(&["certificate verify failed"]) => (
            said("its certificate is not trusted"),
            "give --tls-ca the certificate of the authority that signed it, and in --bootstrap-servers use the certificate's \
             host name",
        ),
        Code::SSL if report.has_any(&["wrong version number", "packet length too long", "record layer"]) => (
            said("what answers there does not speak TLS"),
            "leave --tls and --tls-ca off, or name its address with TLS in --bootstrap-servers",
        ),
        Code::SSL => (
            said(what),
            "check the address, and --tls-ca, --tls-certificate and --tls-key",
        ),
        Code::BadMessage => (
            said("what answers there does not speak Kafka's protocol"),
            "check the port in --bootstrap-servers, and add --tls if it is one with TLS",
        ),
        _ => return None,
    })
}

/// A broker hangs up on what it does not understand; behind a proxy, so does one that is just starting.
fn hang_up(report: &Report, access: &Access) -> Option<(String, &'static str)> {
    if report.code != Code::BrokerTransportFailure {
        return None;
    }
    let said = |own: &str| own.to_owned();
    Some(match report.state.as_str() {
        "SSL_HANDSHAKE" => (
            said("it hangs up when TLS begins"),
            "if this port does not use TLS, leave --tls and --tls-ca off",
        ),
        "APIVERSION_QUERY" => (
            said("it hangs up at once"),
            match access.is_tls {
                false => "if this port uses TLS, add --tls, or --tls-ca with the certificate of its authority",
                true => "check that Kafka runs there, and --bootstrap-servers or KAFKA_URI",
            },
        ),
        "UP" if !access.is_sasl && report.since < AT_ONCE => (
            said("it hangs up at the first request"),
            "if it requires a login, choose one with --sasl",
        ),
        _ => return None,
    })
}

/// Nobody answers.
fn reach(report: &Report, access: &Access) -> Option<(String, &'static str)> {
    let why = report.what.rsplit(": ").next().unwrap_or_default();
    let what = match report.code {
        Code::Resolve => format!("the name cannot be resolved ({why})"),
        Code::BrokerTransportFailure if report.state == "CONNECT" => format!("no connection ({why})"),
        code if is_vague(code) => match report.what.split_once("Disconnected: ") {
            Some((_, why)) => {
                let why = why.split(": ").next().unwrap_or_default();
                format!("the connection is lost ({why})")
            }
            None => report.what.clone(),
        },
        _ => return None,
    };
    // The cluster names another address than the user did.
    let is_foreign = |address: &String| report.is_advertised && !access.servers.contains(address.as_str());
    let remedy = match report.code {
        _ if report.address.as_ref().is_some_and(is_foreign) => {
            "check that Kafka runs there, and that this address, which the cluster itself names (advertised.listeners), can \
             be reached from here"
        }
        Code::Resolve => "check the name in --bootstrap-servers or KAFKA_URI",
        _ => "check that Kafka runs there, and --bootstrap-servers or KAFKA_URI",
    };
    Some((what, remedy))
}

fn other(code: Code) -> Option<&'static str> {
    Some(match code {
        Code::TopicAuthorizationFailed => {
            "ask the cluster's administrator for READ on the input topic, and WRITE on the topics of answers and dead \
             letters"
        }
        Code::GroupAuthorizationFailed => {
            "ask the cluster's administrator for READ on the group, or use another --group"
        }
        Code::ClusterAuthorizationFailed => {
            "ask the cluster's administrator for WRITE on the output topics, and before Kafka 2.8 also for IDEMPOTENT_WRITE on \
             the cluster"
        }
        Code::TransactionalIdAuthorizationFailed => {
            "ask the cluster's administrator for WRITE on transactional ids that begin with the group's name, or leave out \
             --delivery exactly-once"
        }
        Code::AutoOffsetReset | Code::OffsetOutOfRange => {
            "messages that this group had not consumed were deleted from the topic; read what is left with another --group, or \
             set the group's offsets with Kafka's own tool"
        }
        code if is_passing(code) => "wait a moment: the group's coordinator is not ready",
        Code::InvalidSessionTimeout => {
            "choose another --session-timeout, within the broker's group.min.session.timeout.ms and group.max.session.timeout.ms"
        }
        Code::InconsistentGroupProtocol => {
            "the group's other members use other assignors; choose another --group, or set theirs with \
             --set kafka.partition.assignment.strategy"
        }
        Code::PurgeQueue | Code::PurgeInflight => {
            "it was dropped together with a message that the broker refused: the log before this says why"
        }
        Code::FencedInstanceId => "another host with the same --instance has taken over",
        Code::ProducerFenced | Code::Fenced | Code::InvalidProducerEpoch => {
            "another host with the same --instance has taken over, or the broker has aborted a transaction that took too long"
        }
        _ => return None,
    })
}

/// Waiting would not help.
pub(super) fn is_hopeless(report: &Report, access: &Access) -> bool {
    match report.code {
        Code::Authentication
        | Code::SaslAuthenticationFailed
        | Code::UnsupportedSASLMechanism
        | Code::SSL
        | Code::BadMessage => true,
        // Another of the addresses may work.
        Code::Resolve => !access.servers.contains(','),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(servers: &str) -> Access {
        Access {
            servers: servers.to_owned(),
            is_tls: false,
            is_sasl: false,
            has_token: false,
            in_the_clear: None,
        }
    }

    fn told(servers: &str, code: Code, line: &str) -> String {
        tell(&Report::new(code, line), &access(servers), false).to_string()
    }

    #[test]
    fn a_mechanism_that_is_not_offered_is_told_with_the_ones_that_are() {
        let line = "sasl_plaintext://kafka:9092/bootstrap: SASL PLAIN mechanism handshake failed: Broker: Unsupported SASL \
                    mechanism: broker's supported mechanisms: SCRAM-SHA-256 (after 1ms in state AUTH_HANDSHAKE)";
        let said = told("kafka:9092", Code::Authentication, line);
        assert!(said.starts_with("kafka at kafka:9092: SASL PLAIN"), "{said}");
        assert!(
            said.ends_with("SCRAM-SHA-256; choose one of these with --sasl"),
            "{said}"
        );
    }

    #[test]
    fn an_address_that_the_cluster_names_is_told_apart_from_the_ones_that_were_asked_for() {
        let line =
            "kafka:29092/1: Failed to resolve 'kafka:29092': Name or service not known (after 1ms in state CONNECT)";
        let said = told("127.0.0.1:9092", Code::Resolve, line);
        assert!(
            said.starts_with("kafka at kafka:29092: the name cannot be resolved"),
            "{said}"
        );
        assert!(said.contains("advertised.listeners"), "{said}");
        assert!(!told("kafka:29092", Code::Resolve, line).contains("advertised.listeners"));
    }

    #[test]
    fn a_connection_that_is_lost_is_told_without_the_client_library_s_words() {
        let line =
            "kafka:9092/1: Disconnected: connection closed by peer: receive 0 after POLLIN (after 3908ms in state UP)";
        let said = told("kafka:9092", Code::BrokerTransportFailure, line);
        assert!(
            said.contains(": the connection is lost (connection closed by peer); check"),
            "{said}"
        );
    }

    #[test]
    fn a_broker_that_hangs_up_is_met_in_a_wrong_way_unless_it_has_answered_before() {
        let line = "kafka:9092/1: Disconnected: connection reset by peer (after 0ms in state APIVERSION_QUERY)";
        let said = told("kafka:9092", Code::BrokerTransportFailure, line);
        assert!(said.contains("hangs up at once; if this port uses TLS"), "{said}");
        let lost = tell(
            &Report::new(Code::BrokerTransportFailure, line),
            &access("kafka:9092"),
            true,
        )
        .to_string();
        assert!(
            lost.contains(": the connection is lost (connection reset by peer); check"),
            "{lost}"
        );
    }

    #[test]
    fn what_answers_and_is_no_kafka_is_told() {
        let line = "kafka:80/bootstrap: Receive failed: Invalid response size 1213486160 (0..100000000): increase \
                    receive.message.max.bytes (after 0ms in state APIVERSION_QUERY)";
        let said = told("kafka:80", Code::BadMessage, line);
        assert!(
            said.contains("does not speak Kafka's protocol; check the port"),
            "{said}"
        );
    }

    #[test]
    fn what_may_pass_by_itself_is_told_from_what_does_not() {
        let report = |code| Report::new(code, "kafka:9092/bootstrap: whatever");
        let one = access("kafka:9092");
        for code in [
            Code::BrokerTransportFailure,
            Code::AllBrokersDown,
            Code::OperationTimedOut,
        ] {
            assert!(
                matches!(tell(&report(code), &one, false), BrokerError::Unreachable(_)),
                "{code}"
            );
            assert!(!is_hopeless(&report(code), &one), "{code}");
        }
        for code in [Code::Authentication, Code::SSL, Code::BadMessage] {
            assert!(
                matches!(tell(&report(code), &one, false), BrokerError::Failed(_)),
                "{code}"
            );
            assert!(is_hopeless(&report(code), &one), "{code}");
        }
        assert!(matches!(
            tell(&report(Code::Resolve), &one, false),
            BrokerError::Unreachable(_)
        ));
        assert!(is_hopeless(&report(Code::Resolve), &one));
        assert!(!is_hopeless(&report(Code::Resolve), &access("kafka:9092,other:9092")));
    }
}
