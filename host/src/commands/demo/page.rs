//! `host demo --browser`: serves the page that `cargo xtask browser` has built to the browsers of this machine.

use std::env;
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use tokio::net::TcpListener;

use super::http::{self, Folder};
use crate::commands::stdout;
use crate::exit::{Failure, StdoutError};
use crate::files;
use crate::shutdown::interrupted;
use crate::values::DEFAULT_PORT;

/// Beside the program, and where `cargo xtask browser` puts it: `target/browser` beside `target/debug/host`.
const PLACES: [&str; 2] = ["browser", "../browser"];

/// Serves the page in `folder`, or beside the program, until a signal, which is the end that is meant.
pub async fn serve(folder: Option<&Path>, port: Option<u16>, component: Option<&Path>) -> anyhow::Result<()> {
    refuse_component(component)?;
    let (folder, page) = find(folder)?;
    let serving = async {
        let listener = listen(port).await?;
        tell(format!("http://{}/", listener.local_addr()?)).await?;
        tracing::info!("serving the page in {} until Ctrl-C", folder.display());
        match http::serve(&listener, page).await {}
    };
    tokio::select! {
        biased;
        () = interrupted() => Ok(()),
        failed = serving => failed,
    }
}

/// The page contains its own component. Clap cannot tell a typed component from HOST_COMPONENT, which is for other
/// commands.
fn refuse_component(component: Option<&Path>) -> Result<(), Failure> {
    let untyped = env::var_os("HOST_COMPONENT").map(PathBuf::from);
    match component.filter(|component| Some(*component) != untyped.as_deref()) {
        None => Ok(()),
        Some(typed) => Err(Failure::Usage(format!(
            "--component '{}' cannot be used with --browser: the page contains its own",
            typed.display()
        ))),
    }
}

/// The folder that was named, or the first beside the program that has a page in it.
fn find(named: Option<&Path>) -> Result<(PathBuf, Folder), Failure> {
    let folders: Vec<_> = match named {
        Some(folder) => vec![folder.to_owned()],
        None => {
            let beside = files::program_folder().into_iter();
            beside
                .flat_map(|folder| PLACES.map(|place| folder.join(place)))
                .collect()
        }
    };
    let has_page = |folder: &&PathBuf| folder.join("index.html").is_file();
    let found = folders.iter().find(has_page);
    let page = found.and_then(|folder| Some((folder.clone(), Folder::open(folder).ok()?)));
    page.ok_or_else(|| {
        let folders: Vec<_> = folders.iter().map(|folder| format!("'{}'", folder.display())).collect();
        Failure::Configuration(format!(
            "there is no page in {}, as there is no index.html: build it with `cargo xtask browser`, and say where it is with \
             --browser=FOLDER, such as --browser=target/browser",
            folders.join(" or ")
        ))
    })
}

/// Only on this machine. The default port may be replaced by a free one.
async fn listen(port: Option<u16>) -> Result<TcpListener, Failure> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this machine's own address alone, for the demo's page"
    )]
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let wanted = port.unwrap_or(DEFAULT_PORT);
    let bound = match bind(wanted).await {
        Err(error) if port.is_none() && error.kind() == ErrorKind::AddrInUse => {
            tracing::info!("port {wanted} is in use, so this is another one; choose one with --port");
            bind(0).await
        }
        bound => bound,
    };
    bound.map_err(|error| {
        Failure::Configuration(format!(
            "cannot listen on 127.0.0.1:{wanted} ({error}): choose another port with --port, or any that is free with --port 0"
        ))
    })
}

/// Prints the address on stdout. The reader may have gone; the page is served all the same.
async fn tell(url: String) -> Result<(), StdoutError> {
    match stdout::write_line(url).await {
        Err(StdoutError(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        told => told,
    }
}
