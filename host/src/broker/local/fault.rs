//! SQLite's errors, in words that name the file and the remedy.

use std::path::Path;
use std::time::Duration;

use rusqlite::ErrorCode;

use crate::broker::BrokerError;

/// How long a connection waits for the lock of another.
pub(super) const BUSY: Duration = Duration::from_secs(5);

/// The file, the problem and the remedy.
pub(super) fn explain(file: &Path, error: &rusqlite::Error) -> BrokerError {
    let name = file.display();
    BrokerError::Failed(match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => format!(
            "{name} has been locked by another program for more than {} s; end that program, such as a database \
             viewer or a backup, and try again",
            BUSY.as_secs()
        ),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => read_only(file),
        Some(ErrorCode::CannotOpen) => format!(
            "{name} cannot be opened or created; check that its folder exists and that you may write to it, or name \
             another file with --local-file"
        ),
        Some(ErrorCode::NotADatabase) => foreign(file),
        Some(ErrorCode::DatabaseCorrupt) => format!(
            "{name} is damaged ({error}); move it and the files '-wal' and '-shm' beside it away, and restore a copy or \
             begin with an empty file"
        ),
        Some(ErrorCode::DiskFull) => format!(
            "there is no room on the disk for {name}: nothing of this commit was written and nothing is lost; free some \
             space, or lower --local-retention"
        ),
        Some(ErrorCode::SystemIoFailure) => {
            format!(
                "reading or writing {name} failed ({error}); check its disk, or name another file with --local-file"
            )
        }
        _ => format!("{name}: {error}"),
    })
}

pub(super) fn read_only(file: &Path) -> String {
    format!(
        "{} is read-only; allow writing to it and its folder, or name another file with --local-file",
        file.display()
    )
}

pub(super) fn foreign(file: &Path) -> String {
    format!(
        "{} is not a file of this broker, and was left as it is; name another file with --local-file",
        file.display()
    )
}

/// Another program held the lock for as long as we wait for it.
pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}
