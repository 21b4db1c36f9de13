//! Which component is trusted: what may be typed.

use std::path::PathBuf;

use clap::Args;

use super::heading::COMPONENT;
use crate::values::Digest;

/// What a component has to show before it runs.
#[derive(Args, Clone, Debug, Default)]
pub struct TrustArgs {
    /// Run the component only if its file has this digest: sha256: and 64 digits, as `host inspect` shows it.
    #[arg(long, value_name = "DIGEST", help_heading = COMPONENT)]
    pub digest: Option<Digest>,
    /// Run the component only if this is a signature of its file by --key, as `cosign sign-blob` writes it.
    #[arg(long, value_name = "FILE", requires = "key", help_heading = COMPONENT)]
    pub signature: Option<PathBuf>,
    /// The public key of that signature, in PEM: ECDSA P-256 or Ed25519.
    #[arg(long, value_name = "FILE", requires = "signature", help_heading = COMPONENT)]
    pub key: Option<PathBuf>,
}
