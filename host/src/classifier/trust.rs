//! Whether a component's file is the one that was asked for, and who has signed it.
//!
//! Checked on the very bytes that are compiled, before anything else is done with them. What cannot be checked is refused.

use std::path::{Path, PathBuf};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, VerificationAlgorithm};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;
use serde::Serialize;

use super::ComponentError;
use crate::files;
use crate::values::Digest;

/// What a component's file has to show before it is compiled. By default nothing.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Its digest.
    pub digest: Option<Digest>,
    /// A signature of it.
    pub signature: Option<SignatureFiles>,
}

/// A signature as `cosign sign-blob --key` and `openssl` make it, and the key that it has to be of.
#[derive(Clone, Debug)]
pub struct SignatureFiles {
    /// A file with the signature in Base64: ECDSA's in ASN.1, of the file's SHA-256, or Ed25519's 64 bytes, of the file.
    pub signature: PathBuf,
    /// A file with the public key in PEM, as X.509's `SubjectPublicKeyInfo` (RFC 5280).
    pub key: PathBuf,
}

/// What was asked of a component's file, and is so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trusted {
    /// It has the digest that was asked for.
    pub digest: bool,
    /// The key by which it is signed. None: no signature was asked for.
    pub key: Option<Key>,
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Key {
    /// The file that it is in, as typed.
    pub file: String,
    /// Its algorithm.
    pub kind: &'static str,
    /// Lower-case hex SHA-256 of its `SubjectPublicKeyInfo`, by which it can be compared.
    pub digest: String,
}

/// The kinds of keys, by their names: those of cosign's own key pairs, and the usual other one.
const KEYS: [(&str, &dyn VerificationAlgorithm); 2] = [("ECDSA P-256", &ECDSA_P256_SHA256_ASN1), ("Ed25519", &ED25519)];

impl Trust {
    /// Whether anything is to be checked.
    pub fn asks(&self) -> bool {
        self.digest.is_some() || self.signature.is_some()
    }

    /// What was asked and is so. None: nothing was asked. Fails unless the file `path` with these bytes, which have this digest, is to be
    /// trusted.
    pub(super) fn check(&self, path: &Path, bytes: &[u8], digest: Digest) -> Result<Option<Trusted>, ComponentError> {
        if let Some(asked) = self.digest.filter(|asked| *asked != digest) {
            return Err(ComponentError::Untrusted {
                path: path.into(),
                reason: format!(
                    "its digest is {digest}, and --digest asks for {asked}; get the file with that digest, or look at this one \
                     with 'host inspect' and name its digest"
                ),
            });
        }
        let signature = self.signature.as_ref();
        let key = signature.map(|files| files.check(path, bytes)).transpose()?;
        Ok(self.asks().then_some(Trusted {
            digest: self.digest.is_some(),
            key,
        }))
    }
}

impl SignatureFiles {
    fn check(&self, path: &Path, bytes: &[u8]) -> Result<Key, ComponentError> {
        let (parsed, key) = self.read_key()?;
        let signature = self.read_signature()?;
        match parsed.verify_sig(bytes, &signature) {
            Ok(()) => Ok(key),
            Err(_) => Err(ComponentError::Untrusted {
                path: path.into(),
                reason: format!(
                    "'{}' is no signature of this file by the key '{}'; get the signature of this very file, or the key of \
                     whoever has signed it",
                    self.signature.display(),
                    self.key.display()
                ),
            }),
        }
    }

    fn read_key(&self) -> Result<(ParsedPublicKey, Key), ComponentError> {
        let unusable = |reason: String| ComponentError::TrustUnusable {
            path: self.key.clone(),
            reason: format!(
                "{reason}; name a public key in PEM with --key, such as the cosign.pub of cosign generate-key-pair"
            ),
        };
        let text = files::read(&self.key, files::SMALL).map_err(|error| unusable(error.to_string()))?;
        let key = SubjectPublicKeyInfoDer::from_pem_slice(&text)
            .map_err(|_| unusable("it contains no '-----BEGIN PUBLIC KEY-----' with a key".to_owned()))?;
        let parsed = KEYS.iter().find_map(|(name, kind)| {
            let parsed = ParsedPublicKey::new(*kind, &key).ok()?;
            let key = Key {
                file: self.key.display().to_string(),
                kind: name,
                digest: Digest::of(&key).hex(),
            };
            Some((parsed, key))
        });
        parsed.ok_or_else(|| {
            let kinds = KEYS.map(|(name, _)| name).join(" or ");
            unusable(format!("its key is not of the kind {kinds}"))
        })
    }

    fn read_signature(&self) -> Result<Vec<u8>, ComponentError> {
        let unusable = |reason: String| ComponentError::TrustUnusable {
            path: self.signature.clone(),
            reason: format!(
                "{reason}; name a signature in Base64 with --signature, as cosign sign-blob --key writes it"
            ),
        };
        let text = files::read_text(&self.signature, files::SMALL).map_err(|error| unusable(error.to_string()))?;
        // OpenSSL and base64 break long lines.
        let text: String = text.split_whitespace().collect();
        match BASE64_STANDARD.decode(&text) {
            Ok(signature) if !signature.is_empty() => Ok(signature),
            Ok(_) => Err(unusable("it is empty".to_owned())),
            Err(_) => Err(unusable("it is not Base64".to_owned())),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    /// Made once with OpenSSL 3.0: the signatures of the bytes [`SIGNED`], and the keys.
    const SIGNED: &[u8] = b"image stream";
    const ECDSA: &str =
        "MEUCIEKu68vpw3CivY3YPJBlH4jzxdI2R/GcFx7u28aRjt8PAiEAyniU/Ifry3ImT0+GgB4UHjMUEwVcy1fuo0prKlYadR8=";
    const ECDSA_KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEElt2W4Ac0T1vByXBCHB1Neb0eNqA
6e6HK4+4OpwpmpKPBtCOsYH0rmWvsFKJhhcVxTmcQjUsbHomZevGG26T9g==
-----END PUBLIC KEY-----
";
    const ED: &str = "8UTSu1E2LnqkIoZpY2zx9IPQDrf/cqKYIHaT1jEYTrE/FpCjlhCNZ0Yt+z+MO884X3+w7Jv8bL/jF+jC4/kIBQ==";
    const ED_KEY: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAxH7uQrR9FOqPFr9c+tDAhzOfGe+L0j/kGnpOzOokhlg=
-----END PUBLIC KEY-----
";

    fn check(signature: &str, key: &str, bytes: &[u8]) -> Result<Option<Trusted>, ComponentError> {
        let folder = tempfile::tempdir().unwrap();
        let files = SignatureFiles {
            signature: folder.path().join("signature"),
            key: folder.path().join("key"),
        };
        std::fs::write(&files.signature, signature).unwrap();
        std::fs::write(&files.key, key).unwrap();
        let trust = Trust {
            digest: None,
            signature: Some(files),
        };
        trust.check(Path::new("some.wasm"), bytes, Digest::of(bytes))
    }

    fn is_untrusted(signature: &str, key: &str, bytes: &[u8]) -> bool {
        matches!(check(signature, key, bytes), Err(ComponentError::Untrusted { .. }))
    }

    fn unusable(signature: &str, key: &str) -> String {
        let error = check(signature, key, SIGNED).unwrap_err();
        assert!(matches!(error, ComponentError::TrustUnusable { .. }), "{error:?}");
        error.to_string()
    }

    #[test]
    fn a_signature_is_of_these_bytes_by_this_key_alone() {
        for (signature, key, other) in [(ECDSA, ECDSA_KEY, ED_KEY), (ED, ED_KEY, ECDSA_KEY)] {
            let trusted = check(signature, key, SIGNED).unwrap().unwrap();
            assert!(!trusted.digest && trusted.key.unwrap().file.ends_with("key"));
            check(&format!("{}\n{}\n", &signature[..64], &signature[64..]), key, SIGNED).unwrap();
            assert!(is_untrusted(signature, key, b"image stream."));
            assert!(is_untrusted(signature, key, b""));
            assert!(is_untrusted(signature, other, SIGNED));
        }
    }

    #[test]
    fn a_signature_that_was_cut_or_changed_is_none() {
        for (signature, key) in [(ECDSA, ECDSA_KEY), (ED, ED_KEY)] {
            let whole = BASE64_STANDARD.decode(signature).unwrap();
            for length in 1..whole.len() {
                assert!(is_untrusted(&BASE64_STANDARD.encode(&whole[..length]), key, SIGNED));
            }
            for place in 0..whole.len() {
                let mut changed = whole.clone();
                changed[place] ^= 1;
                assert!(is_untrusted(&BASE64_STANDARD.encode(changed), key, SIGNED), "{place}");
            }
        }
    }

    #[test]
    fn what_is_no_signature_and_what_is_no_key_is_named_with_the_remedy() {
        for signature in ["", "\n", "no base64!", "MEUC="] {
            let said = unusable(signature, ECDSA_KEY);
            assert!(
                said.contains("signature'") && said.contains("cosign sign-blob"),
                "{said}"
            );
        }
        let certificate = ECDSA_KEY.replace("PUBLIC KEY", "CERTIFICATE");
        let cut = ECDSA_KEY.replace("6e6HK4", "");
        let rsa = "-----BEGIN PUBLIC KEY-----\nMAoGCSqGSIb3DQEBAQ==\n-----END PUBLIC KEY-----\n";
        for key in ["", "hello", ECDSA, &certificate, &cut, rsa] {
            let said = unusable(ECDSA, key);
            assert!(said.contains("key'") && said.contains("a public key in PEM"), "{said}");
        }
    }

    #[test]
    fn a_digest_is_that_of_these_bytes() {
        let trust = Trust {
            digest: Some(Digest::of(SIGNED)),
            signature: None,
        };
        trust.check(Path::new("some.wasm"), SIGNED, Digest::of(SIGNED)).unwrap();
        let said = trust.check(Path::new("some.wasm"), b"other", Digest::of(b"other"));
        let said = said.unwrap_err().to_string();
        for digest in [Digest::of(SIGNED), Digest::of(b"other")] {
            assert!(said.contains(&digest.to_string()), "{said}");
        }
    }
}
