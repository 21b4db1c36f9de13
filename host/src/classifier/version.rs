//! Which versions of the contract go together. The page has the same rule in `browser/src/component/versions.js`, and
//! `wit/versions.json` holds both to it.
//!
//! Versions are semantic, as the component model takes them: of the same major version, or before 1.0 of the same minor version.
//! Within that, older and newer ones go together, because a released interface never changes. A pre-release promises nothing, so
//! it goes with itself alone.

use wasmparser::names::{ComponentName, ComponentNameKind};

/// The package of the contract.
pub(super) const PACKAGE: &str = "image-stream:classifier";

/// This host's version of the contract.
pub(super) const VERSION: &str = "0.2.0";

/// Of a component's exports the one that serves as `interface` of the contract of version `ours`: that of the same name, else the
/// newest that is compatible.
pub(super) fn chosen<'a>(interface: &str, ours: &str, exports: &'a [String]) -> Option<&'a str> {
    let wanted = format!("{PACKAGE}/{interface}@{ours}");
    let exact = of(interface, exports).find(|name| *name == wanted);
    exact.or_else(|| {
        let track = track(release(&wanted)?);
        let releases = of(interface, exports).filter_map(|name| Some((release(name)?, name)));
        let compatible = releases.filter(|(release, _)| self::track(*release) == track);
        compatible.max_by_key(|(release, _)| *release).map(|(_, name)| name)
    })
}

/// The exports that are `interface` of the contract, of whatever version.
pub(super) fn of<'a>(interface: &str, exports: &'a [String]) -> impl Iterator<Item = &'a str> {
    exports.iter().map(String::as_str).filter(move |name| {
        let rest = name.strip_prefix(PACKAGE).and_then(|rest| rest.strip_prefix('/'));
        let named = rest.and_then(|rest| rest.strip_prefix(interface));
        named.is_some_and(|version| version.is_empty() || version.starts_with('@'))
    })
}

/// What compatible versions have in common.
fn track(release: [u64; 3]) -> [u64; 3] {
    match release {
        [0, 0, _] => release,
        [0, minor, _] => [0, minor, 0],
        [major, ..] => [major, 0, 0],
    }
}

/// Major, minor and patch of the version in an interface's name. None: it has no version, or a pre-release's.
fn release(name: &str) -> Option<[u64; 3]> {
    let name = ComponentName::new(name, 0).ok()?;
    let ComponentNameKind::Interface(interface) = name.kind() else {
        return None;
    };
    let version = interface.version(None).ok()??;
    version
        .pre
        .is_empty()
        .then_some([version.major, version.minor, version.patch])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Case {
        name: String,
        host: String,
        exports: Vec<String>,
        chosen: Option<String>,
    }

    #[test]
    fn host_and_page_choose_the_same_export_of_every_odd_pair_of_versions() {
        let cases: Vec<Case> = serde_json::from_str(include_str!("../../../wit/versions.json")).unwrap();
        assert!(cases.len() >= 10);
        for Case {
            name,
            host,
            exports,
            chosen: expected,
        } in cases
        {
            assert_eq!(chosen("messages", &host, &exports), expected.as_deref(), "{name}");
        }
    }

    #[test]
    fn this_host_s_version_is_that_of_the_contract() {
        let package = format!("\npackage {PACKAGE}@{VERSION};\n");
        assert!(include_str!("../../../wit/classifier.wit").contains(&package));
    }
}
