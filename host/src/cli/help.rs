//! The help, a screen at a time: `--help` shows what everybody needs, `--help kafka` what is under that heading, and
//! `--help all` everything with every value explained.
//!
//! The options of brokers would otherwise bury the few that a newcomer looks for.

use std::ffi::OsString;
use std::fmt::Write;

use clap::{Arg, ArgAction, Command};

use super::heading::SCREENS;

/// A command with no more options than this shows them all at once.
const FEW: usize = 14;

/// Behind the options of a command's own.
pub(super) const LAST: usize = 1000;

/// The name of the screen with everything.
const ALL: &str = "all";

/// The program with its help as `arguments` ask for it, and the arguments without the name of the screen.
pub(super) fn arrange(program: Command, arguments: Vec<OsString>) -> (Command, Vec<OsString>) {
    let mut arguments = as_option(arguments);
    let end = arguments
        .iter()
        .position(|word| word == "--")
        .unwrap_or(arguments.len());
    let help = arguments
        .iter()
        .take(end)
        .position(|word| word == "--help" || word == "-h");
    let screen = help.and_then(|at| screen(arguments.get(at + 1)?));
    if let (Some(at), Some(_)) = (help, screen) {
        arguments.remove(at + 1);
    }
    let action = match screen {
        Some(ALL) => ArgAction::HelpLong,
        _ => ArgAction::HelpShort,
    };
    let flag = Arg::new("help").short('h').long("help").action(action).global(true);
    let flag = flag.display_order(LAST);
    let program = program
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .arg(flag.help("Print help"));
    let name = program.get_name().to_owned();
    (show(program, &name, screen), arguments)
}

/// `host help run kafka` is `host run --help kafka`.
fn as_option(mut arguments: Vec<OsString>) -> Vec<OsString> {
    if arguments.get(1).is_some_and(|word| word == "help") {
        arguments.remove(1);
        let named = arguments.len() > 2 && screen_of(arguments.last()).is_some();
        arguments.insert(arguments.len() - usize::from(named), "--help".into());
    }
    arguments
}

fn screen_of(word: Option<&OsString>) -> Option<&'static str> {
    word.and_then(screen)
}

/// The screen that a word names.
fn screen(word: &OsString) -> Option<&'static str> {
    let names = SCREENS.iter().map(|(name, ..)| *name).chain([ALL]);
    names.into_iter().find(|name| word == name)
}

/// Hides what is not on the screen that was asked for, here and in all subcommands.
fn show(command: Command, path: &str, screen: Option<&'static str>) -> Command {
    let command = command.mut_subcommands(|below| {
        let path = format!("{path} {}", below.get_name());
        show(below, &path, screen)
    });
    if command.get_arguments().count() <= FEW || screen == Some(ALL) {
        return command;
    }
    let there = |heading: &str| {
        command
            .get_arguments()
            .any(|one| one.get_help_heading() == Some(heading))
    };
    let screens: Vec<_> = SCREENS.iter().filter(|(_, heading, _)| there(heading)).collect();
    let wanted = screens.iter().find(|(name, ..)| Some(*name) == screen);
    let heading = wanted.map(|(_, heading, _)| *heading);
    let more = match heading {
        Some(_) => format!("The other options: {path} --help"),
        None => {
            let mut more = "More options:\n".to_owned();
            let all = (ALL, "", "all options, with all their values explained");
            for (name, _, about) in screens.into_iter().chain([&all]) {
                // Writing to a string cannot fail.
                let _ = writeln!(more, "  {path} --help {name:<14} {about}");
            }
            let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            format!("{more}\n{examples}")
        }
    };
    let hide = |argument: Arg| {
        let is_shown = argument.get_help_heading() == heading;
        argument.hide(!is_shown)
    };
    command.mut_args(hide).after_help(more)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use std::collections::BTreeSet;

    use clap::error::ErrorKind;

    use super::super::parse;
    use super::*;

    fn help(words: &[&str]) -> String {
        let error = parse(["host"].iter().chain(words).map(Into::into)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DisplayHelp, "{words:?}: {error}");
        error.to_string()
    }

    /// Each command, and the long names of its options.
    fn commands() -> Vec<(Vec<String>, BTreeSet<String>)> {
        fn below(command: &Command, path: &[String], found: &mut Vec<(Vec<String>, BTreeSet<String>)>) {
            for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
                let path = [path, &[command.get_name().to_owned()]].concat();
                let options = command.get_arguments().filter_map(Arg::get_long);
                found.push((path.clone(), options.map(|long| format!("--{long}")).collect()));
                below(command, &path, found);
            }
        }
        let mut found = Vec::new();
        below(&<super::super::Cli as clap::CommandFactory>::command(), &[], &mut found);
        found
    }

    #[test]
    fn the_help_of_every_command_is_a_screen() {
        for (path, _) in commands() {
            let mut words: Vec<_> = path.iter().map(String::as_str).collect();
            words.push("--help");
            let help = help(&words);
            let lines = help.lines().count();
            assert!(lines <= 40, "{path:?} has {lines} lines:\n{help}");
            words.pop();
            assert_eq!(help, super::tests::help(&[&words[..], &["-h"]].concat()));
        }
    }

    #[test]
    fn every_option_is_on_a_screen_that_the_help_names() {
        for (path, options) in commands() {
            let words: Vec<_> = path.iter().map(String::as_str).collect();
            let first = help(&[&words[..], &["--help"]].concat());
            let start = format!("  host {} --help ", path.join(" "));
            let named = first.lines().filter_map(|line| line.strip_prefix(&start));
            let mut shown = first.clone();
            for line in named {
                let name = line.split(' ').next().unwrap();
                let screen = help(&[&words[..], &["--help", name]].concat());
                match name {
                    ALL => assert!(options.iter().all(|option| screen.contains(option)), "{screen}"),
                    _ => shown += &screen,
                }
            }
            for option in options {
                assert!(shown.contains(&option), "{path:?}: {option} is on no screen");
            }
        }
    }

    #[test]
    fn a_heading_has_a_screen_of_its_own() {
        let kafka = help(&["run", "--help", "kafka"]);
        assert!(
            kafka.contains("--bootstrap-servers") && kafka.contains("--sasl-username"),
            "{kafka}"
        );
        assert!(
            !kafka.contains("--input-topic") && !kafka.contains("--emulator"),
            "{kafka}"
        );
        assert_eq!(help(&["help", "run", "kafka"]), kafka);
        assert_eq!(help(&["help", "run"]), help(&["run", "--help"]));
        assert_eq!(help(&["help"]), help(&["--help"]));
        assert_eq!(help(&["help", "topics", "list"]), help(&["topics", "list", "-h"]));
    }
}
