//! The file: its tables, and how every connection to it is opened.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::fault::{BUSY, explain, foreign, is_busy, read_only};
use crate::broker::BrokerError;

/// How often a connection that waits for a lock tries to get it. SQLite's own handler backs off to 100 ms and so seldom hits the gaps between the
/// transactions of others: beside three writers that never stop, it waited four times as long as this.
pub(super) const BUSY_POLL: Duration = Duration::from_millis(1);

/// "hstb", in the header of every file of this broker.
const APPLICATION_ID: i32 = 0x6873_7462;

/// Of the tables below.
const VERSION: i32 = 3;

/// In the first version every record had a payload, and every header a value; up to the second a member did not say which process
/// it is: [`upgrade`].
const FIRST_VERSION: i32 = 1;

/// A payload of some 185 KB is a chain of overflow pages: these are half as many as with SQLite's own 4 KiB, while a small
/// commit, which rewrites three or four pages, still costs little.
const PAGE_BYTES: u32 = 8192;

/// `record.id` is the partition's id and the offset in one number (see [`super::log::record_id`]): the records of a
/// partition lie side by side in the table's own tree, in order, and need no second index. The payload is last, so
/// that reading the columns before it does not touch its overflow pages.
///
/// A partition is free if its `holder` is null or no live member; a member is live until `expires_ms`. `next_offset`
/// moves only in a transaction that finds the expected `fence` and `next_offset`.
const SCHEMA: &str = "
    CREATE TABLE topic (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE partition (
        id INTEGER PRIMARY KEY,
        topic INTEGER NOT NULL REFERENCES topic,
        number INTEGER NOT NULL,
        start_offset INTEGER NOT NULL DEFAULT 0,
        end_offset INTEGER NOT NULL DEFAULT 0,
        bytes INTEGER NOT NULL DEFAULT 0,
        UNIQUE (topic, number)
    );
    CREATE TABLE record (
        id INTEGER PRIMARY KEY,
        timestamp_ms INTEGER NOT NULL,
        size INTEGER NOT NULL,
        key BLOB,
        headers BLOB,
        payload BLOB
    );
    CREATE TABLE member (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        group_name TEXT NOT NULL,
        topic INTEGER NOT NULL REFERENCES topic,
        expires_ms INTEGER NOT NULL,
        process INTEGER
    );
    CREATE TABLE consumption (
        group_name TEXT NOT NULL,
        partition INTEGER NOT NULL REFERENCES partition,
        next_offset INTEGER NOT NULL,
        holder INTEGER,
        fence INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (group_name, partition)
    ) WITHOUT ROWID;
    CREATE INDEX consumption_of_partition ON consumption (partition);
    CREATE TABLE last_fence (fence INTEGER NOT NULL);
    INSERT INTO last_fence VALUES (0);
";

/// Opens a file of this broker, or creates it. Leaves any other file as it is.
pub(super) fn connect(file: &Path) -> Result<Connection, BrokerError> {
    let path = path_of(file)?;
    if let Some(folder) = path.parent().filter(|folder| !folder.is_dir()) {
        return Err(BrokerError::Failed(format!(
            "there is no folder {} for {}; create it, or name another file with --local-file",
            folder.display(),
            file.display()
        )));
    }
    make_private(&path);
    open(file, &path, OpenFlags::SQLITE_OPEN_CREATE)
}

/// Opens a file of this broker, and makes none. None: there is no file, or an empty one.
pub(super) fn connect_existing(file: &Path) -> Result<Option<Connection>, BrokerError> {
    let path = path_of(file)?;
    match path.metadata() {
        Ok(found) if found.len() == 0 => Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        // Whatever else is wrong, SQLite says.
        _ => open(file, &path, OpenFlags::empty()).map(Some),
    }
}

/// The dot keeps SQLite from taking a relative name such as `:memory:` or `file:x` for something else than a file.
fn path_of(file: &Path) -> Result<PathBuf, BrokerError> {
    if file.is_dir() {
        return Err(BrokerError::Failed(format!(
            "{} is a folder; name a file in it, such as --local-file {}",
            file.display(),
            file.join("host.db").display()
        )));
    }
    Ok(Path::new(".").join(file))
}

fn open(file: &Path, path: &Path, more: OpenFlags) -> Result<Connection, BrokerError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let mut connection = Connection::open_with_flags(path, flags).map_err(|error| explain(file, &error))?;
    let began = Instant::now();
    loop {
        match prepare(&mut connection) {
            Ok(()) => return Ok(connection),
            // Unlike everything else, switching to WAL does not wait for a lock.
            Err(Unusable::Sql(error)) if is_busy(&error) && began.elapsed() < BUSY => thread::sleep(BUSY_POLL),
            Err(unusable) => return Err(unusable.explain(file)),
        }
    }
}

/// Creates a missing file for its owner alone, whatever the umask: its contents are not for everybody on this
/// machine. SQLite gives the files beside it the same permissions. An existing file keeps its permissions.
fn make_private(path: &Path) {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // If it exists or cannot be created, SQLite is about to find out, and says why.
    let _ = options.open(path);
}

enum Unusable {
    Sql(rusqlite::Error),
    ReadOnly,
    Foreign,
    Newer(i32),
    /// The journal mode instead.
    NoWal(String),
}

impl From<rusqlite::Error> for Unusable {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl Unusable {
    fn explain(self, file: &Path) -> BrokerError {
        match self {
            Self::Sql(error) => explain(file, &error),
            Self::ReadOnly => BrokerError::Failed(read_only(file)),
            Self::Foreign => BrokerError::Failed(foreign(file)),
            Self::Newer(version) => BrokerError::Failed(format!(
                "{} was written by a newer version of this program (format {version}, this one knows {VERSION}); use \
                 that version, or name another file with --local-file",
                file.display()
            )),
            Self::NoWal(mode) => BrokerError::Failed(format!(
                "{} is in SQLite's journal mode '{mode}' and cannot be put into 'wal', which needs shared memory; move it \
                 to a local disk, or name another file with --local-file",
                file.display()
            )),
        }
    }
}

/// Settings of one connection, after the file has proved to be ours.
fn prepare(connection: &mut Connection) -> Result<(), Unusable> {
    let mut began = Instant::now();
    connection.busy_handler(Some(move |tries| {
        if tries == 0 {
            began = Instant::now();
        }
        thread::sleep(BUSY_POLL);
        began.elapsed() < BUSY
    }))?;
    if connection.is_readonly("main")? {
        return Err(Unusable::ReadOnly);
    }
    let content = Content::of(connection)?;
    if content == Content::Nothing {
        connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    }
    // Stored in the file, but not in every copy of it.
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Unusable::NoWal(mode));
    }
    match content {
        Content::Nothing => create(connection)?,
        Content::Older => upgrade(connection)?,
        Content::Present => {}
    }
    // FULL makes every commit durable, not just every checkpoint. The log is written back every 16 MiB, and cut to 64
    // MiB after a burst.
    connection.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = 2000;
         PRAGMA journal_size_limit = 67108864;
         PRAGMA temp_store = MEMORY;",
    )?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(())
}

/// Several processes may come here at once: the first one to get the lock creates the tables.
fn create(connection: &mut Connection) -> Result<(), Unusable> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if Content::of(&transaction)? == Content::Nothing {
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Brings an older file up to date, at once however large the file is.
fn upgrade(connection: &mut Connection) -> Result<(), Unusable> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if Content::of(&transaction)? == Content::Older {
        let version: i32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version == FIRST_VERSION {
            let_payloads_be_absent(&transaction)?;
        }
        transaction.execute_batch("ALTER TABLE member ADD COLUMN process INTEGER")?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()?;
    }
    Ok(())
}

/// By the procedure that SQLite documents for changes that leave stored data as it is
/// (<https://sqlite.org/lang_altertable.html>, section 7).
fn let_payloads_be_absent(transaction: &Connection) -> rusqlite::Result<()> {
    let schema: i64 = transaction.pragma_query_value(None, "schema_version", |row| row.get(0))?;
    transaction.execute_batch(
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'payload BLOB NOT NULL', 'payload BLOB')
             WHERE type = 'table' AND name = 'record';",
    )?;
    transaction.pragma_update(None, "schema_version", schema + 1)?;
    transaction.execute_batch("PRAGMA writable_schema = RESET")
}

/// The contents of a file that this broker can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Nothing,
    Older,
    Present,
}

impl Content {
    /// An error: it is anything else.
    fn of(connection: &Connection) -> Result<Self, Unusable> {
        // One statement, so that it cannot see another process in the middle of creating the file.
        let sql =
            "SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version),
                          (SELECT count(*) FROM sqlite_schema)";
        let (application, version, tables): (i32, i32, i64) =
            connection.query_row(sql, (), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        match (application, version) {
            (APPLICATION_ID, VERSION) => Ok(Self::Present),
            (APPLICATION_ID, FIRST_VERSION..VERSION) => Ok(Self::Older),
            (APPLICATION_ID, newer) => Err(Unusable::Newer(newer)),
            (0, 0) if tables == 0 => Ok(Self::Nothing),
            _ => Err(Unusable::Foreign),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_first_version_keeps_its_records_and_takes_one_without_a_payload() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("host.db");
        let second = SCHEMA.replace(",\n        process INTEGER", "");
        let first = second.replace("payload BLOB\n", "payload BLOB NOT NULL\n");
        assert!(first != second && second != SCHEMA);
        let old = Connection::open(&file).unwrap();
        old.execute_batch(&first).unwrap();
        old.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        old.pragma_update(None, "user_version", FIRST_VERSION).unwrap();
        let insert = |connection: &Connection, id: i64, payload: Option<&[u8]>| {
            connection.execute(
                "INSERT INTO record (id, timestamp_ms, size, payload) VALUES (?1, 0, 0, ?2)",
                (id, payload),
            )
        };
        insert(&old, 1, Some(b"kept")).unwrap();
        assert!(insert(&old, 2, None).is_err());

        let new = connect(&file).unwrap();
        insert(&new, 2, None).unwrap();
        // A connection that was open all the time sees the change, too.
        insert(&old, 3, None).unwrap();
        let payloads = connect(&file)
            .unwrap()
            .prepare("SELECT payload FROM record ORDER BY id")
            .unwrap()
            .query_map((), |row| row.get(0))
            .unwrap()
            .collect::<Result<Vec<Option<Vec<u8>>>, _>>();
        assert_eq!(payloads.unwrap(), [Some(b"kept".to_vec()), None, None]);
        new.prepare("SELECT process FROM member").unwrap();
        let health: String = new
            .pragma_query_value(None, "integrity_check", |row| row.get(0))
            .unwrap();
        assert_eq!(health, "ok");
    }
}
