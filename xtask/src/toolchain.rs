//! Finds or makes a toolchain for wasm32-wasip2. It tries the cheapest way first: an installed target, a target that
//! rustup downloads, Debian's compiler with the standard library built from source.
//!
//! The only place that knows the component's flags. It drops everything inherited that could change them, and what
//! the component needs (`RUSTC_BOOTSTRAP` above all) never reaches the host's build.

use crate::debian;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub const TARGET: &str = "wasm32-wasip2";

/// tract has SIMD kernels, and every engine since 2021 runs them.
const FEATURES: &str = "-C target-feature=+simd128";

/// Debian packages: a current rustc, the library sources of exactly that compiler, and the C library that std links.
const PACKAGES: [&str; 3] = ["rustc-web", "rust-web-src", "wasi-libc"];
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_WASI_LIBC: &str = "/usr/lib/wasm32-wasi";

/// A closed network must not delay a build: after this, rustup counts as unable to download.
const DOWNLOAD_LIMIT: Duration = Duration::from_secs(60);

/// A toolchain that builds components.
pub enum Toolchain {
    /// The compiler of the host has the target.
    Target,
    /// Debian's compiler builds std too; `tools` is the folder of the host's toolchain with the linker.
    Debian { tools: PathBuf },
}

impl Toolchain {
    /// Says in one line which way it takes and why.
    pub fn find() -> Result<Self> {
        let libraries = target_libraries()?;
        if libraries.is_dir() {
            eprintln!("xtask: building with the installed target {TARGET}");
            return Ok(Self::Target);
        }
        let refusal = match add_target() {
            Ok(()) if libraries.is_dir() => {
                eprintln!("xtask: building with the target {TARGET}, which rustup has just added");
                return Ok(Self::Target);
            }
            Ok(()) => format!("rustup put {TARGET} elsewhere than {}", libraries.display()),
            Err(error) => format!("{error:#}"),
        };
        eprintln!("xtask: building std from Debian's rustc-web, as rustup cannot provide {TARGET}: {refusal}");
        Self::debian()
    }

    fn debian() -> Result<Self> {
        debian::install(&PACKAGES)
            .with_context(|| format!("this needs Debian 12 and its packages, or `rustup target add {TARGET}`"))?;
        let tools = host_tools()?;
        for tool in ["wasm-component-ld", "gcc-ld/wasm-ld"] {
            let path = tools.join(tool);
            ensure!(
                path.exists(),
                "the linker {} is missing: run this with a Rust that rustup installed",
                path.display()
            );
        }
        Ok(Self::Debian { tools })
    }

    /// `cargo build` for a component by a profile, still without packages; its results are under `target/guest`.
    pub fn cargo_build(&self, workspace: &Workspace, profile: &str) -> Result<Command> {
        let mut cargo = workspace.cargo();
        for (name, _) in std::env::vars_os() {
            if changes_the_guest(&name.to_string_lossy()) {
                cargo.env_remove(&name);
            }
        }
        cargo.args(["build", "--profile", profile, "--target", TARGET, "--target-dir"]);
        cargo.arg(&workspace.guest_target);
        match self {
            Self::Target => cargo.env("RUSTFLAGS", FEATURES),
            Self::Debian { tools } => {
                let path = std::env::var_os("PATH").unwrap_or_default();
                let tools = [tools.clone(), tools.join("gcc-ld")];
                let path = std::env::join_paths(tools.into_iter().chain(std::env::split_paths(&path)))
                    .context("a folder of the toolchain cannot stand in PATH")?;
                // The wasi-libc of Debian 12 lacks `realpath`, which std names and tract links. A component has no
                // files to look up, so the symbol may become a stub that traps.
                let flags =
                    format!("{FEATURES} -L native={DEBIAN_WASI_LIBC} -C link-arg=--unresolved-symbols=ignore-all");
                cargo
                    .arg("-Zbuild-std=std,panic_abort")
                    .env("PATH", path)
                    .env("RUSTC", DEBIAN_RUSTC)
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("RUSTFLAGS", flags)
            }
        };
        Ok(cargo)
    }
}

/// Whether an inherited variable could choose another compiler, flag or profile than the ones set here.
///
/// `RUSTUP_TOOLCHAIN` stays: it names the toolchain of the cargo that is running, whose target was looked for.
fn changes_the_guest(variable: &str) -> bool {
    let exact = ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_INCREMENTAL"];
    let prefixes = [
        "RUSTC",
        "CARGO_BUILD_",
        "CARGO_TARGET_",
        "CARGO_PROFILE_",
        "CARGO_UNSTABLE_",
    ];
    exact.contains(&variable) || prefixes.iter().any(|prefix| variable.starts_with(prefix))
}

/// The folder of the target's libraries in the running toolchain; it exists if the target is installed.
fn target_libraries() -> Result<PathBuf> {
    print_libdir(&["--target", TARGET])
}

/// The folder with the linkers of the running toolchain.
fn host_tools() -> Result<PathBuf> {
    let libraries = print_libdir(&[])?;
    Ok(libraries
        .parent()
        .with_context(|| format!("{} has no parent", libraries.display()))?
        .join("bin"))
}

/// Asks the compiler beside the running cargo, so that Debian's `/usr/bin/rustc` does not get in the way.
fn print_libdir(args: &[&str]) -> Result<PathBuf> {
    let beside = std::env::var_os("CARGO").map(|cargo| Path::new(&cargo).with_file_name("rustc"));
    let rustc = beside.filter(|path| path.exists()).unwrap_or_else(|| "rustc".into());
    let output = Command::new(&rustc)
        .args(["--print", "target-libdir"])
        .args(args)
        .output()
        .with_context(|| format!("cannot start {}", rustc.display()))?;
    ensure!(
        output.status.success(),
        "{} does not know {TARGET}: Rust 1.82 or later does",
        rustc.display()
    );
    let path = String::from_utf8(output.stdout).with_context(|| format!("{} prints a broken path", rustc.display()))?;
    Ok(PathBuf::from(path.trim_end()))
}

fn add_target() -> Result<()> {
    let mut rustup = Command::new("rustup")
        .args(["target", "add", TARGET])
        .stdin(Stdio::null())
        .spawn()
        .context("rustup does not start")?;
    let deadline = Instant::now() + DOWNLOAD_LIMIT;
    loop {
        if let Some(status) = rustup.try_wait()? {
            ensure!(status.success(), "`rustup target add` ended with {status}");
            return Ok(());
        }
        if Instant::now() > deadline {
            rustup.kill()?;
            rustup.wait()?;
            bail!("`rustup target add` took over {} s", DOWNLOAD_LIMIT.as_secs());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::changes_the_guest;

    #[test]
    fn inherited_compilers_flags_and_profiles_do_not_reach_the_guest() {
        for name in [
            "RUSTFLAGS",
            "RUSTC",
            "RUSTC_WRAPPER",
            "RUSTC_WORKSPACE_WRAPPER",
            "RUSTC_BOOTSTRAP",
        ] {
            assert!(changes_the_guest(name), "{name}");
        }
        for name in [
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_BUILD_RUSTFLAGS",
            "CARGO_TARGET_WASM32_WASIP2_LINKER",
        ] {
            assert!(changes_the_guest(name), "{name}");
        }
    }

    #[test]
    fn proxies_registries_and_the_chosen_toolchain_are_kept() {
        for name in [
            "PATH",
            "HOME",
            "CARGO_HOME",
            "RUSTUP_TOOLCHAIN",
            "CARGO_HTTP_PROXY",
            "CARGO_REGISTRIES_X_INDEX",
        ] {
            assert!(!changes_the_guest(name), "{name}");
        }
    }
}
