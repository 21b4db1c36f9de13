//! `host swap`: lets another component or model serve in a running host.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{progress, stdout};
use crate::classifier::Replacement;
use crate::cli::{Format, SwapCommand};
use crate::control::{self, Connection, Reply, Request, Running};
use crate::exit::Failure;
use crate::terminal::counted;

impl SwapCommand {
    /// Asks, and waits for the verdict.
    pub async fn execute(self) -> anyhow::Result<()> {
        let request = Request::Swap(Replacement {
            component: whole(self.component.as_deref())?,
            model: whole(self.model.as_deref())?,
            labels: whole(self.labels.as_deref())?,
            digest: self.digest.map(|digest| digest.to_string()),
            signature: whole(self.signature.as_deref())?,
        });
        let host = the_one(self.pid).await?;
        let mut connection = host.ask(&request).await.map_err(unreachable)?;
        let mut serves = String::new();
        loop {
            let reply = connection.read().await.map_err(unreachable)?;
            match reply {
                None => return Err(Failure::Stopped(format!("the host, process {}, has ended", host.pid)).into()),
                Some(Reply::About { .. }) => {}
                Some(Reply::Refused(why)) => {
                    return Err(Failure::Swap(format!("nothing is swapped: {why}")).into());
                }
                Some(Reply::RolledBack(why)) => {
                    return Err(Failure::Swap(format!("rolled back: {why}")).into());
                }
                Some(Reply::Superseded) => {
                    return Err(Failure::Swap("another swap came before its trial was over".to_owned()).into());
                }
                Some(Reply::Same(name)) => return self.done(&name, "same", "serves already: nothing is swapped"),
                Some(Reply::Kept) => {
                    return self.done(&serves, "kept", "serves, and its trial is over");
                }
                Some(Reply::Serves(name)) => {
                    if self.no_wait {
                        return self.done(&name, "serves", "serves from now on");
                    }
                    progress::say(&format!("{name} serves from now on"));
                    serves = name;
                }
                Some(Reply::OnTrial(left)) => {
                    tracing::info!("on trial for {} more", counted(left, "message", "messages"));
                }
            }
        }
    }

    fn done(&self, name: &str, state: &str, said: &str) -> anyhow::Result<()> {
        match self.format {
            Format::Json => stdout::write_json(&json!({ "classifier": name, "state": state })),
            Format::Text => {
                progress::say(&format!("{name} {said}"));
                Ok(())
            }
        }
    }
}

/// The host may have been started in another folder.
fn whole(file: Option<&Path>) -> anyhow::Result<Option<PathBuf>> {
    let whole = file.map(std::path::absolute).transpose();
    Ok(whole.map_err(|error| Failure::Usage(format!("a file cannot be named: {error}")))?)
}

/// The host to ask.
async fn the_one(pid: Option<u32>) -> anyhow::Result<Running> {
    let mut running = control::running().await.map_err(unreachable)?;
    if let Some(pid) = pid {
        running.retain(|host| host.pid == pid);
    }
    Err(Failure::Configuration(match &running[..] {
        [_] => return Ok(running.remove(0)),
        [] => match pid {
            Some(pid) => {
                format!("no `host run` of this user is process {pid}; without --pid the error names those that run")
            }
            None => "no `host run` of this user runs on this machine; to start with another component, name it with `host run \
                     --component`"
                .to_owned(),
        },
        several => {
            let mut each = Vec::new();
            for host in several {
                each.push(format!("{}, {}", host.pid, about(host).await));
            }
            format!("several hosts run, name one with --pid: {}", each.join("; "))
        }
    })
    .into())
}

/// What a host does, for people.
async fn about(host: &Running) -> String {
    let asked = async {
        let mut connection: Connection = host.ask(&Request::About).await.ok()?;
        connection.read().await.ok()?
    };
    match tokio::time::timeout(std::time::Duration::from_secs(2), asked).await {
        Ok(Some(Reply::About { topic, group })) => format!("which reads {topic} as {group}"),
        _ => "which is busy".to_owned(),
    }
}

fn unreachable(error: std::io::Error) -> anyhow::Error {
    Failure::Stopped(format!("the running host cannot be reached: {error}")).into()
}
