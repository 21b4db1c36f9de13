//! The exit codes, and the end of the process that waits for nobody. They use nothing of the program, so that all of it may use them.

use std::io::{self, Write};

/// All is done.
pub const DONE: u8 = 0;
/// What was typed makes no sense; clap has the same.
pub const USAGE: u8 = 2;
/// A file, a setting or credentials are not usable.
pub const CONFIGURATION: u8 = 3;
/// The broker cannot be reached, or refuses.
pub const BROKER: u8 = 4;
/// The component or its model is refused, or broken.
pub const COMPONENT: u8 = 5;
/// The work ended on an error.
pub const STOPPED: u8 = 6;
/// A user interrupted it; shells have the same for SIGINT.
pub const INTERRUPTED: u8 = 130;

/// Ends the process at once, as interrupted: for a user who has asked three times.
pub fn at_once() -> ! {
    let _ = writeln!(io::stderr(), "error: interrupted: ended without waiting for anything");
    #[expect(clippy::disallowed_methods, reason = "it is the one place that ends the process")]
    std::process::exit(i32::from(INTERRUPTED))
}
