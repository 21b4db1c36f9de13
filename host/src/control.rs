//! How another command of the same user reaches a running host: through a socket in a private folder.
//!
//! A connection carries one [`Request`] and then [`Reply`]s, each a line of JSON. Only who may write to the folder can connect, so a
//! request is trusted as far as the user who started the host.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{Duration, timeout};

use crate::classifier::Replacement;
use crate::files;

/// What a running host is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// What it does.
    About,
    /// To let another component or model serve. What is not named is read again from the files that it was started with.
    Swap(Replacement),
}

/// What it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// It classifies messages of this topic.
    About {
        /// The input topic.
        topic: String,
        /// The group that it is a member of.
        group: String,
    },
    /// Nothing has changed: why.
    Refused(String),
    /// What was asked for serves already.
    Same(String),
    /// It serves from now on.
    Serves(String),
    /// It must answer this many further messages before it is kept.
    OnTrial(u64),
    /// It is kept.
    Kept,
    /// The one before it serves again: why.
    RolledBack(String),
    /// Another one came before its trial was over.
    Superseded,
}

/// The longest line of a request or a reply. Bytes.
const LINE: u64 = 64 << 10;
/// Who connects and says nothing is not waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running host's socket. Dropping it removes it.
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Drop for Control {
    fn drop(&mut self) {
        // Who looks for running hosts removes what nobody listens to.
        let _ = fs::remove_file(&self.path);
    }
}

impl Control {
    /// Opens a socket for this process.
    pub fn open() -> io::Result<Self> {
        let folder = folder();
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        check(&folder)?;
        let path = folder.join(format!("{}.sock", std::process::id()));
        // Of a process that had the same number.
        let _ = fs::remove_file(&path);
        let listener = UnixListener::bind(&path)?;
        Ok(Self { listener, path })
    }

    /// The next connection. Nothing is lost if it is not waited for to the end.
    pub async fn next(&self) -> Connection {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => return Connection::new(stream),
                // One that was given up before it was accepted is none.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }
}

/// A host that runs on this machine.
pub struct Running {
    /// The number of its process.
    pub pid: u32,
    path: PathBuf,
}

impl Running {
    /// Asks it, and gives the connection for its replies.
    pub async fn ask(&self, request: &Request) -> io::Result<Connection> {
        let mut connection = Connection::new(UnixStream::connect(&self.path).await?);
        connection.write(request).await?;
        Ok(connection)
    }
}

/// The hosts of this user that run on this machine, by their processes' numbers.
pub async fn running() -> io::Result<Vec<Running>> {
    let folder = folder();
    match check(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        checked => checked?,
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let Some(pid) = stem.and_then(|stem| stem.parse().ok()) else {
            continue;
        };
        match UnixStream::connect(&path).await {
            Ok(_) => found.push(Running { pid, path }),
            // Left by a process that was killed.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                let _ = fs::remove_file(&path);
            }
            Err(error) => tracing::debug!(%error, "{}", path.display()),
        }
    }
    found.sort_by_key(|running| running.pid);
    Ok(found)
}

/// One side of a connection.
pub struct Connection {
    stream: BufReader<UnixStream>,
}

impl Connection {
    fn new(stream: UnixStream) -> Self {
        let stream = BufReader::new(stream);
        Self { stream }
    }

    /// The request that it carries. None: whoever connected says nothing, or what nobody understands.
    pub async fn request(&mut self) -> Option<Request> {
        match timeout(PATIENCE, self.read()).await {
            Ok(Ok(request)) => request,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a request that nobody understands");
                None
            }
            Err(_) => None,
        }
    }

    /// The next line. None: the other side has closed it.
    pub async fn read<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let mut line = Vec::new();
        (&mut self.stream).take(LINE).read_until(b'\n', &mut line).await?;
        match line.is_empty() {
            true => Ok(None),
            false => Ok(Some(serde_json::from_slice(&line)?)),
        }
    }

    /// Writes a line.
    pub async fn write<T: Serialize>(&mut self, value: &T) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.stream.write_all(&line).await
    }
}

/// By the XDG Base Directory Specification, which ignores paths that are not absolute; else in the folder for temporary files.
fn folder() -> PathBuf {
    let named = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    match named.filter(|path| path.is_absolute()) {
        Some(runtime) => runtime.join("image-stream"),
        None => env::temp_dir().join(format!("image-stream-{}", rustix::process::geteuid().as_raw())),
    }
}

/// Fails if anybody else could put a socket there.
fn check(folder: &Path) -> io::Result<()> {
    // The folder itself: a link could lead elsewhere a moment later.
    let known = fs::symlink_metadata(folder)?;
    let trouble = match known.is_dir() {
        true => files::foreign(&known),
        false => Some("it is not a folder".to_owned()),
    };
    match trouble {
        None => Ok(()),
        Some(trouble) => Err(io::Error::other(format!(
            "'{}' cannot be used: {trouble}; remove it, or name another folder with XDG_RUNTIME_DIR",
            folder.display()
        ))),
    }
}
