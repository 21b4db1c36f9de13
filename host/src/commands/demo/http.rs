//! The files of one folder over HTTP, for a browser on this machine. Read only, and nothing else: no other folder, no
//! hidden file, no list of files.

use std::convert::Infallible;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, HOST, HeaderMap, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::http::uri::Authority;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tower_http::services::ServeDir;
use tower_http::services::fs::{
    Backend, DefaultServeDirFallback, ServeFileSystemResponseBody as Body, TokioBackend, TokioFile,
};

use crate::terminal::printable;

/// Connections at once; a browser opens six. Further ones wait.
const CONNECTIONS: usize = 64;

/// A connection without a request for this long ends, and makes room for a waiting one. One that does not read its
/// response keeps its place.
const IDLE: Duration = Duration::from_secs(5);

/// The pause after a connection that could not be accepted, probably because too many files are open.
const PAUSE: Duration = Duration::from_secs(1);

/// The names of this machine for itself.
const HOSTS: [&str; 2] = ["127.0.0.1", "localhost"];

/// Finds, reads and describes files.
type Files = TowerToHyperService<ServeDir<DefaultServeDirFallback, Folder>>;

/// Serves all connections. They are polled here, so they end when this is dropped.
pub async fn serve(listener: &TcpListener, folder: Folder) -> Infallible {
    let files = TowerToHyperService::new(ServeDir::with_backend(folder.0.clone(), folder));
    let mut connections = FuturesUnordered::new();
    loop {
        tokio::select! {
            stream = accept(listener), if connections.len() < CONNECTIONS => connections.push(converse(stream, &files)),
            Some(()) = connections.next() => {}
        }
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => tracing::warn!("a connection cannot be accepted: {error}"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// One connection, to its end.
async fn converse(stream: TcpStream, files: &Files) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(IDLE);
    let service = service_fn(|request| answer(request, files));
    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!("a connection broke off: {error}");
    }
}

async fn answer(request: Request<Incoming>, files: &Files) -> Result<Response<Body>, Infallible> {
    let mut response = Response::new(Body::default());
    if is_for_this_machine(request.headers()) {
        response = files.call(request).await?;
    } else {
        *response.status_mut() = StatusCode::MISDIRECTED_REQUEST;
    }
    let headers = response.headers_mut();
    // A browser keeps its copies, and asks each time whether they are current: the page may have been rebuilt.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

/// A foreign page, whose name was made to resolve to this address, may not read this folder.
fn is_for_this_machine(headers: &HeaderMap) -> bool {
    let host = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let is_ours = host.parse().is_ok_and(|host: Authority| HOSTS.contains(&host.host()));
    if !is_ours {
        tracing::warn!(
            "refused a request for '{}': take 127.0.0.1 or localhost",
            printable(host)
        );
    }
    is_ours
}

/// The folder that is served, without hidden files.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Fails if there is none.
    pub fn open(path: &Path) -> io::Result<Self> {
        fs::canonicalize(path).map(Self)
    }

    /// The file of a path. None outside of the folder or hidden in it, even through a link.
    async fn find(self, path: PathBuf) -> io::Result<PathBuf> {
        let found = tokio::fs::canonicalize(path).await?;
        let is_plain = |part| matches!(part, Component::Normal(name) if !name.as_encoded_bytes().starts_with(b"."));
        match found.strip_prefix(&self.0) {
            Ok(inside) if inside.components().all(is_plain) => Ok(found),
            _ => Err(ErrorKind::NotFound.into()),
        }
    }
}

type Opening<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

impl Backend for Folder {
    type File = TokioFile;
    type Metadata = fs::Metadata;
    type OpenFuture = Opening<TokioFile>;
    type MetadataFuture = Opening<fs::Metadata>;

    fn open(&self, path: PathBuf) -> Self::OpenFuture {
        let found = self.clone().find(path);
        Box::pin(async { TokioBackend.open(found.await?).await })
    }

    fn metadata(&self, path: PathBuf) -> Self::MetadataFuture {
        let found = self.clone().find(path);
        Box::pin(async { TokioBackend.metadata(found.await?).await })
    }
}
