//! As much of Kafka's protocol as needed to see that a broker serves.

use anyhow::{Context, Result, ensure};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// No response that is requested here is larger.
const LARGEST: usize = 1 << 20;

const METADATA: i16 = 3;
const LIST_TRANSACTIONS: i16 = 66;

/// Asks for the transactions that have begun and not ended, whoever produces. Lengths are one more than they are, and each part
/// ends with the number of its tagged fields: the header, which [`exchange`] knows without, and the request.
const OPEN: &[u8] = b"\0\x04\x08Ongoing\x0ePrepareCommit\x0dPrepareAbort\x01\0";

/// Until a broker answers.
const LIMIT: Duration = Duration::from_secs(10);

/// Sends one request and returns the response, both without their framing. The version must be from before the tagged
/// fields of the header; `limit` holds for each step.
pub fn exchange(port: u16, api: i16, version: i16, body: &[u8], limit: Duration) -> Result<Vec<u8>> {
    const CORRELATION: i32 = 7;
    const NO_CLIENT: i16 = -1;
    let mut request = Vec::new();
    request.extend(api.to_be_bytes());
    request.extend(version.to_be_bytes());
    request.extend(CORRELATION.to_be_bytes());
    request.extend(NO_CLIENT.to_be_bytes());
    request.extend(body);

    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    stream.write_all(&[&i32::try_from(request.len())?.to_be_bytes(), request.as_slice()].concat())?;

    let mut size = [0; 4];
    stream.read_exact(&mut size)?;
    let size = usize::try_from(i32::from_be_bytes(size))?;
    ensure!(size <= LARGEST, "an answer of {size} bytes");
    let mut answer = vec![0; size];
    stream.read_exact(&mut answer)?;
    let (correlation, answer) = answer.split_first_chunk().context("an answer without a header")?;
    ensure!(
        i32::from_be_bytes(*correlation) == CORRELATION,
        "an answer to another request"
    );
    Ok(answer.to_vec())
}

/// A broker's view of its cluster.
#[derive(Debug, PartialEq)]
pub struct Metadata {
    /// The ids of the brokers that serve.
    pub brokers: Vec<usize>,
    pub cluster_id: String,
}

/// Asks the broker at `port`.
pub fn metadata(port: u16, limit: Duration) -> Result<Metadata> {
    let no_topics = 0_i32.to_be_bytes();
    let answer = exchange(port, METADATA, 2, &no_topics, limit)?;
    parse(&answer).context("an answer about brokers that is cut short")
}

fn parse(mut answer: &[u8]) -> Option<Metadata> {
    let answer = &mut answer;
    let mut brokers = Vec::new();
    for _ in 0..i32::from_be_bytes(take(answer)?) {
        brokers.push(usize::try_from(i32::from_be_bytes(take(answer)?)).ok()?);
        let _host = take_string(answer)?;
        let _port: [u8; 4] = take(answer)?;
        let _rack = take_string(answer)?;
    }
    Some(Metadata {
        brokers,
        cluster_id: take_string(answer)?,
    })
}

/// The ids of the transactions that have not ended; each of the addresses must be a broker's on this machine.
pub fn open_transactions(bootstrap: &str) -> Result<Vec<String>> {
    let mut open = Vec::new();
    for address in bootstrap.split(',') {
        let (_, port) = address.rsplit_once(':').context("an address without a port")?;
        let answer = exchange(port.parse()?, LIST_TRANSACTIONS, 0, OPEN, LIMIT)?;
        let (code, ids) = parse_transactions(&answer).context("an answer about transactions that is cut short")?;
        ensure!(code == 0, "the coordinator of transactions has the error {code}");
        open.extend(ids);
    }
    Ok(open)
}

fn parse_transactions(mut answer: &[u8]) -> Option<(i16, Vec<String>)> {
    let answer = &mut answer;
    let _header: [u8; 1] = take(answer)?;
    let _throttled: [u8; 4] = take(answer)?;
    let code = i16::from_be_bytes(take(answer)?);
    for _ in 0..take_length(answer)? {
        let _unknown_state = take_compact(answer)?;
    }
    let mut ids = Vec::new();
    for _ in 0..take_length(answer)? {
        ids.push(take_compact(answer)?);
        let _producer: [u8; 8] = take(answer)?;
        let _state = take_compact(answer)?;
        let _tagged: [u8; 1] = take(answer)?;
    }
    Some((code, ids))
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn take_length(bytes: &mut &[u8]) -> Option<usize> {
    let mut length = 0;
    for shift in [0, 7, 14] {
        let [byte] = take(bytes)?;
        length |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(length.saturating_sub(1));
        }
    }
    None
}

fn take_compact(bytes: &mut &[u8]) -> Option<String> {
    let length = take_length(bytes)?;
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(String::from_utf8_lossy(text).into_owned())
}

/// A null string has the length -1, and no bytes.
fn take_string(bytes: &mut &[u8]) -> Option<String> {
    let length = i16::from_be_bytes(take(bytes)?);
    let length = usize::try_from(length.max(0)).ok()?;
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(String::from_utf8_lossy(text).into_owned())
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    /// Two brokers, the second without a rack.
    const ANSWER: &[u8] = b"\0\0\0\x02\
        \0\0\0\x01\0\x01a\0\0\x23\x84\0\x01r\
        \0\0\0\x02\0\x01b\0\0\x23\x85\xff\xff\
        \0\x01c\0\0\0\x01\0\0\0\0";

    #[test]
    fn brokers_are_read_with_and_without_a_rack() {
        let read = Metadata {
            brokers: vec![1, 2],
            cluster_id: "c".to_owned(),
        };
        assert_eq!(parse(ANSWER), Some(read));
    }

    #[test]
    fn transactions_are_read_by_their_ids() {
        let answer = b"\0\0\0\0\0\0\0\x01\x03\
            \x02a\0\0\0\0\0\0\0\x01\x08Ongoing\0\
            \x03bc\0\0\0\0\0\0\0\x02\x08Ongoing\0\0";
        let ids = vec!["a".to_owned(), "bc".to_owned()];
        assert_eq!(parse_transactions(answer), Some((0, ids)));
    }

    #[test]
    fn an_answer_that_is_cut_short_is_none() {
        for length in 0..34 {
            assert_eq!(parse(&ANSWER[..length]), None, "{length}");
        }
    }
}
