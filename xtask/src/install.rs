//! One program on the `PATH`: the host, optimised, with both components in it.

use crate::steps::{self, Steps};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Builds the host around the components that are there and puts it into `root/bin`, or where cargo puts programs. Cargo does it,
/// so that `cargo uninstall host` works.
pub fn run(workspace: &Workspace, steps: &mut Steps, root: Option<&str>) -> Result<()> {
    let root = match root {
        Some(root) => std::path::absolute(root).with_context(|| format!("--root {root}"))?,
        None => cargo_root()?,
    };
    steps.time("host", || {
        let mut cargo = workspace.cargo();
        cargo.args([
            "install",
            "--path",
            "host",
            "--locked",
            "--features",
            "carried-component",
            "--root",
        ]);
        cargo.arg(&root);
        cargo.env("HOST_CARRIED_COMPONENT", workspace.component("classifier"));
        cargo.env("HOST_CARRIED_FULL_COMPONENT", workspace.component("classifier-full"));
        steps::run(&mut cargo)
    })?;
    steps.print();
    let program = root.join("bin").join(format!("host{}", env::consts::EXE_SUFFIX));
    let size = fs::metadata(&program)
        .with_context(|| program.display().to_string())?
        .len();
    let mut text = format!(
        "\n{} ({:.1} MB), which carries both components\n",
        program.display(),
        size as f64 / 1e6
    );
    let path = env::var_os("PATH").unwrap_or_default();
    if let Some(hint) = hint(&path, &program, Path::is_file) {
        text = format!("{text}{hint}\n");
    }
    // Whoever reads this may have gone; the program is there all the same.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

/// Where `cargo install` puts programs, but for a `config.toml` that names another place.
fn cargo_root() -> Result<PathBuf> {
    let named = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    match named("CARGO_INSTALL_ROOT").or_else(|| named("CARGO_HOME")) {
        Some(root) => Ok(root),
        None => match env::home_dir() {
            Some(home) => Ok(home.join(".cargo")),
            None => bail!("there is no home folder: say where to put the program with --root DIR"),
        },
    }
}

/// What is to be done before `host` is that program; none: nothing.
fn hint(path: &OsStr, program: &Path, is_file: impl Fn(&Path) -> bool) -> Option<String> {
    let name = program.file_name()?;
    let folder = program.parent()?.display();
    let mut found = env::split_paths(path).map(|folder| folder.join(name));
    let first = found.find(|candidate| is_file(candidate));
    let export = format!("    export PATH=\"{folder}:$PATH\"");
    match first {
        Some(first) if first == program => None,
        Some(first) => Some(format!(
            "On the PATH another program of that name comes first, {}; to have this one:\n{export}",
            first.display()
        )),
        None => Some(format!("{folder} is not on the PATH; to have it there:\n{export}")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_on_the_path_is_told_and_so_is_another_program_of_that_name_before_it() {
        let program = Path::new("/home/me/.cargo/bin/host");
        let said = |path: &str, others: &[&str]| {
            let is_file = |file: &Path| file == program || others.iter().any(|other| Path::new(other) == file);
            hint(OsStr::new(path), program, is_file)
        };
        assert_eq!(said("/usr/bin:/home/me/.cargo/bin", &[]), None);
        let missing = said("/usr/bin", &[]).unwrap();
        assert!(missing.contains("/home/me/.cargo/bin is not on the PATH"), "{missing}");
        // Debian's `bind9-host` has one.
        let hidden = said("/usr/bin:/home/me/.cargo/bin", &["/usr/bin/host"]).unwrap();
        assert!(hidden.contains("comes first, /usr/bin/host"), "{hidden}");
        assert_eq!(said("/home/me/.cargo/bin:/usr/bin", &["/usr/bin/host"]), None);
    }
}
