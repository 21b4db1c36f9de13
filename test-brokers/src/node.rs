//! One server of a cluster: its ports, its properties and its command lines.

use crate::distribution::Distribution;
use crate::keeper::Program;
use crate::options::Options;
use crate::tls;
use anyhow::{Result, bail};
use std::fmt::Write;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

/// The one user of a cluster with `secure`.
pub const USER: &str = "user";
/// Its password.
pub const PASSWORD: &str = "test-password";
/// How it may show that it is. OAUTHBEARER takes unsigned tokens with any subject.
pub const MECHANISMS: [&str; 4] = ["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN", "OAUTHBEARER"];

const LOGGING: &str = include_str!("log4j2.properties");

/// A server's ports, all on 127.0.0.1.
#[derive(Debug)]
pub struct Ports {
    pub plaintext: u16,
    pub controller: u16,
    pub secure: u16,
}

impl Ports {
    /// Free ports for a number of nodes, with `first` as the first plaintext port where it is given.
    ///
    /// Ports that the kernel gives to clients (from 32768 on) are left alone: while a node is down, a client that tries
    /// to reach it could be given its port, and connect to itself.
    pub fn choose(nodes: usize, first: Option<u16>) -> Result<Vec<Self>> {
        const TRIES: usize = 1000;
        // Held until all are chosen, so that none is chosen twice.
        let mut held = Vec::new();
        let mut free = || -> Result<u16> {
            for port in std::iter::repeat_with(|| fastrand::u16(10_000..32_000)).take(TRIES) {
                if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
                    held.push(listener);
                    return Ok(port);
                }
            }
            bail!("no port of 127.0.0.1 between 10000 and 32000 is free")
        };
        let mut chosen = Vec::new();
        for node in 0..nodes {
            chosen.push(Self {
                plaintext: first.filter(|_| node == 0).map_or_else(&mut free, Ok)?,
                controller: free()?,
                secure: free()?,
            });
        }
        Ok(chosen)
    }
}

/// One server.
#[derive(Debug)]
pub struct Node {
    pub ports: Ports,
    /// Writes what a server needs to find in an empty folder.
    pub format: Program,
    pub server: Program,
}

/// What the nodes of a cluster have in common.
pub struct Setting<'a> {
    pub distribution: &'a Distribution,
    pub folder: &'a Path,
    /// In base64: 16 bytes.
    pub cluster_id: &'a str,
    /// Every node's number, from 1, with its controller's address.
    pub voters: &'a str,
    pub options: &'a Options,
}

impl Node {
    /// Writes its files into a folder of its own, which the programs run in.
    pub fn prepare(setting: &Setting, number: usize, ports: Ports) -> Result<Self> {
        let folder = setting.folder.join(number.to_string());
        fs::create_dir(&folder)?;
        fs::write(folder.join("log4j2.properties"), LOGGING)?;
        fs::write(folder.join("server.properties"), properties(setting, number, &ports)?)?;

        let mut format = java(setting, "kafka.tools.StorageTool");
        let args = [
            "format",
            "--config",
            "server.properties",
            "--cluster-id",
            setting.cluster_id,
        ];
        format.extend(args.map(String::from));
        if setting.options.secure {
            for mechanism in MECHANISMS.iter().filter(|mechanism| mechanism.starts_with("SCRAM-")) {
                let credentials = format!("{mechanism}=[name={USER},password={PASSWORD}]");
                format.extend(["--add-scram".to_owned(), credentials]);
            }
        }
        let mut server = java(setting, "kafka.Kafka");
        server.push("server.properties".to_owned());
        Ok(Self {
            ports,
            format: Program::new(setting.folder, number, "format", &format)?,
            server: Program::new(setting.folder, number, "server", &server)?,
        })
    }
}

/// A virtual machine that leaves nothing outside of its folder, killed or not.
fn java(setting: &Setting, class: &str) -> Vec<String> {
    let size = match setting.options.full_size {
        true => ["-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"],
        false => ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"],
    };
    let flags = [
        "-XX:-UsePerfData",
        "-Djava.io.tmpdir=.",
        "-Dlog4j2.configurationFile=log4j2.properties",
        "-cp",
    ];
    let rest = [setting.distribution.class_path(), class.to_owned()];
    let flags = ["java"].into_iter().chain(size).chain(flags).map(String::from);
    flags.chain(rest).collect()
}

/// What keeps a server of the tests quick and small.
const SMALL: &str = "
# A group begins at once.
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=2
";

fn properties(setting: &Setting, number: usize, ports: &Ports) -> Result<String> {
    let Ports {
        plaintext,
        controller,
        secure,
    } = ports;
    let Setting { voters, options, .. } = setting;
    let nodes = options.nodes;
    let in_sync = nodes.div_ceil(2);
    let (also_listeners, also_map) = if options.secure {
        (format!(",SECURE://127.0.0.1:{secure}"), ",SECURE:SASL_SSL")
    } else {
        (String::new(), "")
    };
    let mut text = format!(
        "\
process.roles=broker,controller
node.id={number}
controller.quorum.voters={voters}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listeners=PLAINTEXT://127.0.0.1:{plaintext},CONTROLLER://127.0.0.1:{controller}{also_listeners}
advertised.listeners=PLAINTEXT://127.0.0.1:{plaintext}{also_listeners}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{also_map}
log.dirs=data
auto.create.topics.enable=false

# Topics of its own, in as many copies as there are nodes and few partitions, which are quick to make.
offsets.topic.replication.factor={nodes}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={nodes}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor={nodes}
share.coordinator.state.topic.min.isr={in_sync}
share.coordinator.state.topic.num.partitions=4
# The offsets' topic takes it from here, and so does every topic that does not say.
min.insync.replicas={in_sync}

# A transaction that took too long is undone soon after.
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
# A node that was killed may come back only when its old session has run out: 9 s unless told.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
log.cleaner.dedupe.buffer.size=4194304
# Records may bear any date: one of long ago is kept, too, until the topic says how long it keeps them.
log.retention.ms=-1
"
    );
    if !options.full_size {
        text.push_str(SMALL);
    }
    if options.secure {
        text.push_str(&secure_listener());
    }
    for (name, value) in &options.properties {
        writeln!(text, "{name}={}", value.replace('\\', "\\\\"))?;
    }
    Ok(text)
}

fn secure_listener() -> String {
    let keystore = tls::KEYSTORE;
    let mechanisms = MECHANISMS.join(",");
    let module = "org.apache.kafka.common.security";
    format!(
        "
listener.name.secure.ssl.keystore.type=PKCS12
listener.name.secure.ssl.keystore.location=../{keystore}
listener.name.secure.ssl.keystore.password={PASSWORD}
listener.name.secure.sasl.enabled.mechanisms={mechanisms}
listener.name.secure.scram-sha-256.sasl.jaas.config={module}.scram.ScramLoginModule required;
listener.name.secure.scram-sha-512.sasl.jaas.config={module}.scram.ScramLoginModule required;
listener.name.secure.plain.sasl.jaas.config={module}.plain.PlainLoginModule required user_{USER}=\"{PASSWORD}\";
listener.name.secure.oauthbearer.sasl.jaas.config={module}.oauthbearer.OAuthBearerLoginModule required;
"
    )
}
