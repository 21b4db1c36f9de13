//! What a component may import: what each interface could do, and what the host gives for it.
//!
//! The one place that decides which interfaces a component gets: `contract` refuses by it, `engine` links by it, and `host inspect` shows it.

use serde::Serialize;

/// An interface that the host links.
struct Granted {
    name: &'static str,
    /// What it is for, in plain words.
    could: &'static str,
    /// What it comes to here.
    gets: &'static str,
}

const fn granted(name: &'static str, could: &'static str, gets: &'static str) -> Granted {
    Granted { name, could, gets }
}

/// The interfaces that [`super::engine::allow`] links, of any version of WASI 0.2. Standard libraries import all of them, used or not,
/// so what would lead out of the sandbox is here too, and empty. Clocks and random numbers are real: runtimes seed their hash tables
/// by them, and a classifier may pause. Nothing else is worth a grant: a classifier takes bytes and gives bytes.
const GRANTED: [Granted; 20] = [
    granted("wasi:io/error", "describe an error of a stream", "as it is"),
    granted(
        "wasi:io/poll",
        "wait for a stream or a clock",
        "within the time of a call",
    ),
    granted(
        "wasi:io/streams",
        "read and write streams of other interfaces",
        "as those interfaces are",
    ),
    granted("wasi:clocks/wall-clock", "know the date and time", "the host's clock"),
    granted(
        "wasi:clocks/monotonic-clock",
        "measure time, and wait",
        "within the time of a call",
    ),
    granted(
        "wasi:random/random",
        "draw unpredictable numbers",
        "the system's, at most 1 MiB at a time",
    ),
    granted("wasi:random/insecure", "draw numbers", "at most 1 MiB at a time"),
    granted("wasi:random/insecure-seed", "seed hash tables", "a number"),
    granted(
        "wasi:cli/environment",
        "read environment variables and arguments",
        "there are none",
    ),
    granted("wasi:cli/exit", "end the program", "ends its own instance alone"),
    granted("wasi:cli/stdin", "read standard input", "it is empty"),
    granted(
        "wasi:cli/stdout",
        "write to standard output",
        "lines of the host's log, bounded",
    ),
    granted(
        "wasi:cli/stderr",
        "write to standard error",
        "lines of the host's log, bounded",
    ),
    granted("wasi:cli/terminal-input", "know a terminal", "there is none"),
    granted("wasi:cli/terminal-output", "know a terminal", "there is none"),
    granted("wasi:cli/terminal-stdin", "ask for the terminal", "there is none"),
    granted("wasi:cli/terminal-stdout", "ask for the terminal", "there is none"),
    granted("wasi:cli/terminal-stderr", "ask for the terminal", "there is none"),
    granted("wasi:filesystem/preopens", "find folders", "there are none"),
    granted("wasi:filesystem/types", "read and write files", "there are none"),
];

/// What interfaces that are not granted could do, by the beginning of their names.
const OTHERS: [(&str, &str); 7] = [
    ("wasi:sockets/", "connect to other machines, and listen"),
    ("wasi:http/", "send requests over HTTP, and answer them"),
    ("wasi:config/", "read the host's configuration"),
    ("wasi:keyvalue/", "read and write a database"),
    ("wasi:blobstore/", "read and write stored files"),
    ("wasi:messaging/", "send messages past the host"),
    ("wasi:nn/", "run networks on the host's hardware"),
];

/// What the host does with an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// It links it, as [`Import::gets`] says.
    Linked,
    /// It has only types in it, and asks for nothing.
    Types,
    /// It links functions that always fail.
    Stubbed,
    /// It does not run the component.
    Refused,
}

/// An interface that a component imports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Import {
    /// Its name with its version, printable.
    pub name: String,
    /// What the host does with it.
    pub access: Access,
    /// What a component could do with it, in plain words.
    pub could: &'static str,
    /// What it comes to here.
    pub gets: &'static str,
}

impl Import {
    /// What becomes of the interface `name`. With `stubs`, interfaces of WASI that are not granted are stubbed.
    pub(super) fn new(name: &str, has_only_types: bool, stubs: bool) -> Self {
        let other = OTHERS.iter().find(|(start, _)| name.starts_with(start));
        let (access, could, gets) = match find(name) {
            _ if has_only_types => (Access::Types, "nothing: it has only types", "types alone"),
            Some(granted) => (Access::Linked, granted.could, granted.gets),
            None => {
                let could = other.map_or("this host does not know", |(_, could)| could);
                match is_stubbed(name, stubs) {
                    true => (Access::Stubbed, could, "every call fails"),
                    false => (Access::Refused, could, "the component does not run"),
                }
            }
        };
        Self {
            name: super::check::text(name),
            access,
            could,
            gets,
        }
    }
}

/// Whether the host links an interface as it is.
pub(super) fn is_granted(name: &str) -> bool {
    find(name).is_some()
}

/// Whether it links functions that always fail.
pub(super) fn is_stubbed(name: &str, stubs: bool) -> bool {
    stubs && !is_granted(name) && of_wasi(name).is_some()
}

fn find(name: &str) -> Option<&'static Granted> {
    let interface = of_wasi(name)?;
    GRANTED.iter().find(|granted| granted.name == interface)
}

/// The name without the version, of an interface of any version of WASI 0.2.
fn of_wasi(name: &str) -> Option<&str> {
    let (interface, version) = name.split_once('@')?;
    let patch = version.strip_prefix("0.2.")?;
    let is_release = !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit());
    (is_release && interface.starts_with("wasi:")).then_some(interface)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_what_is_listed_is_linked_and_stubs_are_of_wasi_alone() {
        let access = |name: &str, stubs: bool| Import::new(name, false, stubs).access;
        for (name, without, with) in [
            ("wasi:clocks/wall-clock@0.2.0", Access::Linked, Access::Linked),
            ("wasi:clocks/wall-clock@0.2.99", Access::Linked, Access::Linked),
            ("wasi:sockets/tcp@0.2.3", Access::Refused, Access::Stubbed),
            ("wasi:http/types@0.2.3", Access::Refused, Access::Stubbed),
            ("wasi:clocks/wall-clock@0.3.0", Access::Refused, Access::Refused),
            ("wasi:clocks/wall-clock@0.2.0-rc1", Access::Refused, Access::Refused),
            ("wasi:clocks/wall-clock@0.2.", Access::Refused, Access::Refused),
            ("wasi:clocks/wall-clock", Access::Refused, Access::Refused),
            ("my:own/thing@0.2.0", Access::Refused, Access::Refused),
        ] {
            assert_eq!((access(name, false), access(name, true)), (without, with), "{name}");
        }
    }

    #[test]
    fn what_an_import_could_do_is_said_in_plain_words() {
        let import = Import::new("wasi:sockets/tcp@0.2.3", false, false);
        assert_eq!(import.could, "connect to other machines, and listen");
        let import = Import::new("my:own/thing@1.0.0", false, false);
        assert_eq!(import.could, "this host does not know");
        let import = Import::new("my:own/\u{1b}[2J", true, false);
        assert_eq!(
            (import.name.as_str(), import.access),
            ("my:own/\\u{1b}[2J", Access::Types)
        );
    }
}
