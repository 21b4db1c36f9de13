//! How to reach Google Pub/Sub, checked: credentials, project, subscriptions.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::cli::{PubSubArgs, StorageArgs};
use crate::exit::Failure;
use crate::files;
use crate::values::DEFAULT_MAX_MESSAGE;

/// The kinds of Google's credentials files, by their member `type`.
const KINDS: [&str; 4] = [
    "service_account",
    "authorized_user",
    "external_account",
    "impersonated_service_account",
];

/// A project of Google Pub/Sub, and how this program uses it.
#[derive(Clone, Debug)]
pub struct PubSubConfig {
    /// The project's id.
    pub project: String,
    /// The identity of this program.
    pub identity: Identity,
    /// The service's address, such as `http://127.0.0.1:8085`. None: Google's own.
    pub endpoint: Option<String>,
    /// By topic, if it is not `TOPIC-sub`.
    pub subscriptions: BTreeMap<String, String>,
    /// For the input topic; takes precedence.
    pub subscription: Option<String>,
    /// The messages of a killed host are redelivered within this time. 10 s to 10 min.
    pub lease: Duration,
    /// The most messages that are handed out and not acknowledged: in flight, and read ahead.
    pub outstanding_messages: usize,
    /// Their bytes.
    pub outstanding_bytes: usize,
    /// Messages that may additionally be held until the end. If so, bytes are limited by not reading on while that
    /// many wait.
    pub set_aside: usize,
    /// The largest message to publish. Bytes.
    pub max_message_bytes: usize,
    /// A stream is reopened after this long without a message.
    pub silence: Duration,
}

/// An identity.
#[derive(Clone)]
pub enum Identity {
    /// None: emulators need no token.
    Anonymous,
    /// The application-default credentials of this machine.
    Default,
    /// A credentials file's contents and its path.
    File(PathBuf, Value),
}

impl fmt::Debug for Identity {
    /// Without the file's contents.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("Anonymous"),
            Self::Default => f.write_str("Default"),
            Self::File(path, _) => write!(f, "File({})", path.display()),
        }
    }
}

impl Identity {
    /// The account to give a role to, or else where the credentials are.
    pub fn name(&self) -> String {
        match self {
            Self::File(_, value) => match value.get("client_email").and_then(Value::as_str) {
                Some(email) => email.to_owned(),
                None => self.place(),
            },
            _ => self.place(),
        }
    }

    /// Where the credentials are.
    pub fn place(&self) -> String {
        match self {
            Self::Anonymous => "a caller without credentials".to_owned(),
            Self::Default => "the application-default credentials".to_owned(),
            Self::File(path, _) => format!("the credentials in {}", path.display()),
        }
    }
}

impl PubSubConfig {
    /// The same as in Google's clients: long enough for slow work between two extensions.
    const LEASE: Duration = Duration::from_secs(60);

    /// Read ahead of the work, or waiting to be acknowledged, which Google's client does ten times a second.
    const AHEAD_MESSAGES: usize = 512;
    const AHEAD_BYTES: usize = 32 << 20;

    /// The shortest and longest lease.
    const LEASES: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(600)];

    /// Reopening costs nothing if there was nothing to read.
    const SILENCE: Duration = Duration::from_secs(5 * 60);

    /// A project at an emulator, with the defaults.
    pub fn at(emulator: &str, project: &str) -> Self {
        Self {
            project: project.to_owned(),
            identity: Identity::Anonymous,
            endpoint: Some(format!("http://{emulator}")),
            subscriptions: BTreeMap::new(),
            subscription: None,
            lease: Self::LEASE,
            outstanding_messages: Self::AHEAD_MESSAGES,
            outstanding_bytes: Self::AHEAD_BYTES,
            set_aside: 0,
            max_message_bytes: DEFAULT_MAX_MESSAGE.as_usize(),
            silence: Self::SILENCE,
        }
    }

    /// From the command line and the files that it names. `project`: if it was given elsewhere.
    pub(super) fn new(args: PubSubArgs, project: Option<String>, storage: &StorageArgs) -> Result<Self, Failure> {
        // A single argument is the project, unless that is known already.
        let (credentials, typed) = match (args.credentials, args.project) {
            (first, None) if project.is_none() && first.as_deref() != Some("-") => (None, first),
            (first, second) => (first, second),
        };
        if let (Some(project), Some(typed)) = (&project, &typed)
            && project != typed
        {
            return Err(Failure::Usage(format!(
                "'{project}' and '{typed}' are two projects; leave out the one after the credentials"
            )));
        }
        let identity = match credentials.as_deref() {
            None | Some("-") => Identity::Default,
            Some(file) => identity(Path::new(file))?,
        };
        let project = match project.or(typed) {
            Some(project) => checked_project(project)?,
            None => default_project()?,
        };
        let lease = args.lease.unwrap_or(Self::LEASE);
        if !(Self::LEASES[0]..=Self::LEASES[1]).contains(&lease) {
            return Err(Failure::Usage(format!(
                "--lease {}: Pub/Sub takes 10s to 10m",
                humantime::format_duration(lease)
            )));
        }
        let (endpoint, identity) = match (args.endpoint, args.emulator) {
            (Some(endpoint), _) => (Some(checked_endpoint(endpoint)?), identity),
            (None, Some(emulator)) if !emulator.is_empty() => {
                let address = checked_emulator(emulator.trim_start_matches("http://"))?;
                (Some(format!("http://{address}")), Identity::Anonymous)
            }
            (None, _) => (None, identity),
        };
        Ok(Self {
            project,
            identity,
            endpoint,
            subscriptions: args
                .subscriptions
                .as_deref()
                .map_or(Ok(BTreeMap::new()), subscriptions)?,
            subscription: None,
            lease,
            outstanding_messages: Self::AHEAD_MESSAGES,
            outstanding_bytes: Self::AHEAD_BYTES,
            set_aside: 0,
            max_message_bytes: storage.max_message_bytes.as_usize(),
            silence: Self::SILENCE,
        })
    }

    /// The name of a topic's subscription.
    pub fn subscription_of(&self, topic: &str) -> String {
        let mapped = self.subscriptions.get(topic).cloned();
        mapped.unwrap_or_else(|| format!("{topic}-sub"))
    }
}

/// A credentials file's identity, as far as the file tells.
fn identity(file: &Path) -> Result<Identity, Failure> {
    let name = file.display();
    let refused = |trouble: String| {
        Failure::Configuration(format!(
            "{name} is not a Google credentials file: {trouble}; download a JSON key of a service account, or write - for the \
             application-default credentials"
        ))
    };
    let text = files::read_text(file, files::SMALL).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => refused("it is not text".to_owned()),
        _ => Failure::Configuration(format!(
            "cannot read the credentials '{name}': {error}; name the JSON key of a service account, or write - for the \
             application-default credentials"
        )),
    })?;
    // The line of the mistake, and not its text, which may be a key.
    let value: Value =
        serde_json::from_str(&text).map_err(|error| refused(format!("no JSON from line {} on", error.line())))?;
    let kind = value.get("type").and_then(Value::as_str);
    let Some(kind) = kind.filter(|kind| KINDS.contains(kind)) else {
        let kind = kind.map_or("has no member 'type'".to_owned(), |kind| format!("is of type '{kind}'"));
        return Err(refused(format!(
            "it {kind}, where one of {} is known",
            KINDS.join(", ")
        )));
    };
    if kind == "service_account" {
        for member in ["client_email", "private_key", "private_key_id", "project_id"] {
            if value.get(member).and_then(Value::as_str).is_none_or(str::is_empty) {
                return Err(refused(format!("its member '{member}' is missing")));
            }
        }
    }
    Ok(Identity::File(file.to_owned(), value))
}

/// A project's id has 6 to 30 characters, or 100 if it belongs to a domain.
fn checked_project(project: String) -> Result<String, Failure> {
    let is_id = |c: char| c.is_ascii_alphanumeric() || "-.:_".contains(c);
    let begins = project.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins && project.len() <= 100 && project.chars().all(is_id) && !project.ends_with(".json") {
        return Ok(project);
    }
    Err(Failure::Usage(format!(
        "'{project}' is not the id of a project; write CREDENTIALS PROJECT, PROJECT alone, or - PROJECT"
    )))
}

/// `HOST:PORT`, with brackets around an IPv6 address.
fn checked_emulator(address: &str) -> Result<&str, Failure> {
    let is_host = |host: &str| match host.strip_prefix('[') {
        Some(host) => host.ends_with(']'),
        None => !host.is_empty() && !host.contains([':', ',', '/', ' ']),
    };
    let parts = address.rsplit_once(':');
    match parts.filter(|(host, port)| is_host(host) && port.parse().is_ok_and(|port: u16| port > 0)) {
        Some(_) => Ok(address),
        None => Err(Failure::Usage(format!(
            "'{address}' is not the address of an emulator; write --emulator HOST:PORT, or PUBSUB_EMULATOR_HOST"
        ))),
    }
}

fn checked_endpoint(endpoint: String) -> Result<String, Failure> {
    match ["http://", "https://"]
        .iter()
        .any(|scheme| endpoint.starts_with(scheme))
    {
        true => Ok(endpoint),
        false => Err(Failure::Usage(format!(
            "--endpoint '{endpoint}' is not an address; write https://HOST, such as \
             https://europe-west3-pubsub.googleapis.com"
        ))),
    }
}

/// The project of the application-default credentials, found where Google's tools store it.
fn default_project() -> Result<String, Failure> {
    for name in ["GOOGLE_CLOUD_PROJECT", "PUBSUB_PROJECT_ID"] {
        if let Some(project) = env::var(name).ok().filter(|project| !project.is_empty()) {
            return checked_project(project);
        }
    }
    let file = env::var_os("GOOGLE_APPLICATION_CREDENTIALS")
        .map(PathBuf::from)
        .or_else(|| {
            let home = PathBuf::from(env::var_os("HOME")?);
            Some(home.join(".config/gcloud/application_default_credentials.json"))
        });
    let value = file
        .and_then(|file| files::read(&file, files::SMALL).ok())
        .and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    let project = value.as_ref().and_then(|value| {
        let members = ["project_id", "quota_project_id"].iter();
        members.filter_map(|member| value.get(*member)?.as_str()).next()
    });
    match project {
        Some(project) => checked_project(project.to_owned()),
        None => Err(Failure::Configuration(
            "which Google project? Write CREDENTIALS PROJECT behind the options, or PROJECT alone, or set \
             GOOGLE_CLOUD_PROJECT"
                .to_owned(),
        )),
    }
}

/// `{"TOPIC": "SUBSCRIPTION"}`.
fn subscriptions(file: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let name = file.display();
    let text = files::read_text(file, files::SMALL)
        .map_err(|error| Failure::Configuration(format!("--subscriptions: cannot read {name}: {error}")))?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::Configuration(format!(
            "--subscriptions: {name} is not an object such as {{\"images\": \"images-reader\"}}: {error}"
        ))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn config(args: PubSubArgs) -> Result<PubSubConfig, Failure> {
        PubSubConfig::new(args, None, &StorageArgs::default())
    }

    fn typed(first: &str, second: Option<&str>) -> PubSubArgs {
        PubSubArgs {
            credentials: Some(first.to_owned()),
            project: second.map(str::to_owned),
            ..PubSubArgs::default()
        }
    }

    #[test]
    fn one_alone_is_the_project_and_a_dash_stands_for_the_default_credentials() {
        for args in [typed("my-project", None), typed("-", Some("my-project"))] {
            let config = config(args).unwrap();
            assert_eq!(config.project, "my-project");
            assert!(matches!(config.identity, Identity::Default));
        }
    }

    #[test]
    fn where_the_project_is_said_elsewhere_one_alone_is_the_credentials() {
        let new = |args| PubSubConfig::new(args, Some("mine".to_owned()), &StorageArgs::default());
        let missing = new(typed("no-such-file.json", None)).unwrap_err().to_string();
        assert!(missing.contains("no-such-file.json"), "{missing}");
        assert_eq!(new(typed("-", Some("mine"))).unwrap().project, "mine");
        let refused = new(typed("-", Some("other"))).unwrap_err().to_string();
        assert!(refused.contains("'mine' and 'other'"), "{refused}");
    }

    #[test]
    fn a_file_that_is_taken_for_the_project_is_refused_with_what_to_write() {
        let refused = config(typed("creds.json", None)).unwrap_err().to_string();
        assert!(
            refused.contains("'creds.json'") && refused.contains("CREDENTIALS PROJECT"),
            "{refused}"
        );
    }

    #[test]
    fn an_emulator_is_asked_by_nobody_and_the_file_is_checked_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.json");
        let args = || PubSubArgs {
            emulator: Some("127.0.0.1:8085".to_owned()),
            ..typed(file.to_str().unwrap(), Some("p"))
        };
        let secret = r#"{"type": "service_account", "private_key": "hush", "client_email": "a@b", "private_key_id": "k",
            "project_id": "p"}"#;
        for (text, named) in [
            ("", "no JSON"),
            (r#"{"type": "mine", "private_key": "hush"}"#, "'mine'"),
            (
                r#"{"type": "service_account", "private_key": "hush"}"#,
                "'client_email'",
            ),
            (&secret[..secret.len() - 2], "no JSON from line 2"),
        ] {
            std::fs::write(&file, text).unwrap();
            let refused = config(args()).unwrap_err().to_string();
            assert!(refused.contains(named) && refused.contains("key.json"), "{refused}");
            assert!(!refused.contains("hush"), "{refused}");
        }
        std::fs::write(&file, secret).unwrap();
        let config = config(args()).unwrap();
        assert_eq!(config.endpoint.as_deref(), Some("http://127.0.0.1:8085"));
        assert!(matches!(config.identity, Identity::Anonymous));
        assert!(!format!("{config:?}").contains("hush"));
    }

    #[test]
    fn what_is_no_address_and_what_is_no_project_is_refused_by_name() {
        for emulator in ["127.0.0.1:99999", ":8085", "::1:8085", "localhost:port", " ", "a:1,b:2"] {
            let args = PubSubArgs {
                emulator: Some(emulator.to_owned()),
                ..typed("p", None)
            };
            let refused = config(args).unwrap_err();
            assert!(
                matches!(&refused, Failure::Usage(said) if said.contains("--emulator")),
                "{refused}"
            );
        }
        for project in ["..", "-a", ":", "_", "a b"] {
            assert!(
                matches!(config(typed(project, None)), Err(Failure::Usage(_))),
                "{project}"
            );
        }
    }

    #[test]
    fn a_file_without_an_end_is_not_read_to_it() {
        let refused = config(typed("/dev/zero", Some("p"))).unwrap_err().to_string();
        assert!(
            refused.contains("/dev/zero") && refused.contains("not a regular file"),
            "{refused}"
        );
    }

    #[test]
    fn another_endpoint_is_asked_with_the_credentials() {
        let args = PubSubArgs {
            emulator: Some("127.0.0.1:8085".to_owned()),
            endpoint: Some("https://somewhere".to_owned()),
            ..typed("p", None)
        };
        let config = config(args).unwrap();
        assert_eq!(config.endpoint.as_deref(), Some("https://somewhere"));
        assert!(matches!(config.identity, Identity::Default));
    }

    #[test]
    fn subscriptions_are_named_after_their_topic_unless_a_file_says_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("names.json");
        std::fs::write(&file, r#"{"images": "reader"}"#).unwrap();
        let args = PubSubArgs {
            subscriptions: Some(file),
            ..typed("p", None)
        };
        let config = config(args).unwrap();
        assert_eq!(config.subscription_of("images"), "reader");
        assert_eq!(config.subscription_of("input-stream"), "input-stream-sub");
    }

    #[test]
    fn a_lease_that_the_service_would_not_take_is_refused() {
        for seconds in [9, 601] {
            let args = PubSubArgs {
                lease: Some(Duration::from_secs(seconds)),
                ..typed("p", None)
            };
            assert!(config(args).unwrap_err().to_string().contains("10s to 10m"));
        }
    }
}
