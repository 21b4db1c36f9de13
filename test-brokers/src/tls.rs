//! A certificate authority for one cluster, and a server certificate that it signed. The JRE's `keytool` makes both.

use crate::program;
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The servers' key and certificates, PKCS #12, in the cluster's folder.
pub const KEYSTORE: &str = "server.p12";

const GENERATE: &str = "-genkeypair -keyalg EC -groupname secp256r1 -validity 30";
const AUTHORITY: &str = "-alias ca -dname CN=test-brokers -ext bc:c=ca:true -ext ku:c=keyCertSign";
const SERVER: &str =
    "-alias server -signer ca -dname CN=localhost -ext san=ip:127.0.0.1,dns:localhost -ext eku=serverAuth";

/// Makes [`KEYSTORE`], and gives the path of the authority's certificate. Its key is thrown away once it has signed.
/// `password` opens the store.
pub fn make(folder: &Path, password: &str) -> Result<PathBuf> {
    let keytool = |args: String| {
        let mut keytool = Command::new("keytool");
        keytool
            .current_dir(folder)
            .args(args.split_whitespace())
            .args(["-keystore", KEYSTORE, "-storetype", "PKCS12", "-storepass", password])
            // As for the servers: this halves the time.
            .args(["-J-XX:TieredStopAtLevel=1", "-J-XX:+UseSerialGC"]);
        program::run(&mut keytool, &folder.join("keytool.log"), program::DEADLINE)
    };
    keytool(format!("{GENERATE} {AUTHORITY}"))?;
    keytool(format!("{GENERATE} {SERVER}"))?;
    keytool("-exportcert -rfc -file ca.pem -alias ca".to_owned())?;
    keytool("-delete -alias ca".to_owned())?;
    Ok(folder.join("ca.pem"))
}
