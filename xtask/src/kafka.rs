//! A real Kafka, for the tests and for trying the host.

use crate::debian;
use crate::steps::Steps;
use crate::suite;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;
use test_brokers::{Cluster, Distribution, MECHANISMS, Options, PASSWORD, USER, missing_packages};

/// Every Kafka client's default port.
const PORT: u16 = 9092;

/// How soon a server that has ended is noticed.
const PAUSE: Duration = Duration::from_millis(500);

/// Finds Kafka or downloads it, after installing Java and Maven if they are not on the PATH.
pub fn fetch(workspace: &Workspace, steps: &mut Steps) -> Result<Distribution> {
    steps.time("kafka", || {
        let brokers = workspace.root.join("target/brokers");
        let found = Distribution::find_or_fetch(&brokers);
        let missing = missing_packages();
        // With the jars there, Maven has nothing to do; with nothing missing, another try would fail the same way.
        if found.is_ok() || missing.is_empty() {
            return found;
        }
        debian::install(&missing).context("Kafka needs Java, and Maven to download it")?;
        Distribution::find_or_fetch(&brokers)
    })
}

/// Downloads Kafka for the tests, which skip what they cannot run. With `CI=true` it must succeed.
pub fn fetch_for_tests(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    match fetch(workspace, steps) {
        Err(error) if suite::may_skip() => {
            eprintln!("xtask: the tests on Kafka will be skipped: {error:#}");
            Ok(())
        }
        fetched => fetched.map(drop),
    }
}

/// Runs a cluster until Ctrl-C, which ends this program; the cluster ends with it.
pub fn run(workspace: &Workspace, steps: &mut Steps, args: &[&str]) -> Result<()> {
    let mut options = parse(args)?;
    let distribution = fetch(workspace, steps)?;
    if options.nodes == 1 && TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)).is_ok() {
        options.port = Some(PORT);
    }
    let cluster = steps.time("start", || Cluster::start(&distribution, &options))?;
    // The reader may have gone; the cluster serves all the same.
    let _ = std::io::stdout().write_all(describe(&cluster, &options)?.as_bytes());
    loop {
        cluster.check()?;
        std::thread::sleep(PAUSE);
    }
}

fn parse(args: &[&str]) -> Result<Options> {
    let mut options = Options::default();
    let mut args = args.iter().copied();
    while let Some(arg) = args.next() {
        match (arg, arg.strip_prefix("--nodes=")) {
            ("--secure", _) => options.secure = true,
            ("--nodes", _) => options.nodes = nodes(args.next().unwrap_or_default())?,
            (_, Some(number)) => options.nodes = nodes(number)?,
            _ => bail!("`{arg}` is not an option of `cargo xtask kafka`: take --nodes 3 or --secure"),
        }
    }
    Ok(options)
}

fn nodes(number: &str) -> Result<usize> {
    match number {
        "1" => Ok(1),
        "3" => Ok(3),
        _ => bail!("--nodes `{number}`: take 1 or 3"),
    }
}

fn describe(cluster: &Cluster, options: &Options) -> Result<String> {
    let mut text = String::new();
    if options.nodes == 1 && options.port.is_none() {
        writeln!(text, "127.0.0.1:{PORT} is taken, so this is another port.")?;
    }
    writeln!(text, "\nKafka serves at {}", cluster.bootstrap())?;
    if let (Some(addresses), Some(ca)) = (cluster.secure_bootstrap(), cluster.ca_pem()) {
        let mechanisms = MECHANISMS.join(", ");
        writeln!(text, "with SASL_SSL at   {addresses}")?;
        writeln!(text, "  authority {}", ca.display())?;
        writeln!(text, "  user {USER}, password {PASSWORD}; {mechanisms}")?;
    }
    // Not needed for the host's default address.
    let export = match options.port {
        Some(PORT) => String::new(),
        _ => format!("    export KAFKA_URI={}\n", cluster.bootstrap()),
    };
    writeln!(
        text,
        "\
Its data is temporary, in {}, and goes with it. Ctrl-C ends it.

{export}    host run --broker kafka
    host consume --broker kafka
    host produce --broker kafka",
        cluster.folder().display()
    )?;
    Ok(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::parse;

    #[test]
    fn one_plain_node_is_what_nothing_asks_for() {
        let options = parse(&[]).unwrap();
        assert_eq!((options.nodes, options.secure, options.port), (1, false, None));
        for args in [["--nodes", "3", "--secure"].as_slice(), &["--secure", "--nodes=3"]] {
            let options = parse(args).unwrap();
            assert_eq!((options.nodes, options.secure), (3, true));
        }
    }

    #[test]
    fn what_is_no_option_is_refused_by_name() {
        let refused = |args: &[&str]| parse(args).unwrap_err().to_string();
        assert_eq!(refused(&["--nodes", "2"]), "--nodes `2`: take 1 or 3");
        assert_eq!(refused(&["--nodes"]), "--nodes ``: take 1 or 3");
        assert!(refused(&["--node"]).starts_with("`--node` is not an option"));
    }
}
