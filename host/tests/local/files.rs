//! The file may be anything: each case is an error that names it and the remedy, and leaves it as it is.

use std::fs;
use std::path::{Path, PathBuf};

use host::broker::local::Broker;
use host::broker::{Admin, Subscription};
use host::config::LocalConfig;
use host::message::Message;

use crate::support::local::{MAX_MESSAGE_BYTES, fixture};
use crate::support::{Fixture, INPUT, numbered, within};
use crate::write;

async fn refusal(file: &Path) -> String {
    let config = LocalConfig {
        file: file.to_owned(),
        ..fixture().config
    };
    let error = Broker::open(&config, MAX_MESSAGE_BYTES).await.unwrap_err().to_string();
    assert!(error.contains(&file.display().to_string()), "{error}");
    error
}

#[tokio::test]
async fn a_file_that_is_not_a_database_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [("short", "hello".to_owned()), ("long", "not a database ".repeat(1000))] {
        let file = folder.path().join(name);
        fs::write(&file, &content).unwrap();
        let error = refusal(&file).await;
        assert!(
            error.contains("not a file of this broker") && error.contains("--local-file"),
            "{error}"
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), content);
    }
}

#[tokio::test]
async fn another_programs_database_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for (name, sql) in [
        ("table", "CREATE TABLE theirs (x)"),
        ("marked", "PRAGMA application_id = 42; CREATE TABLE a (b)"),
    ] {
        let file = folder.path().join(name);
        rusqlite::Connection::open(&file).unwrap().execute_batch(sql).unwrap();
        let before = fs::read(&file).unwrap();
        let error = refusal(&file).await;
        assert!(error.contains("not a file of this broker"), "{error}");
        assert_eq!(fs::read(&file).unwrap(), before);
    }
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused() {
    let local = fixture();
    local.broker().await;
    local.sqlite().pragma_update(None, "user_version", 99).unwrap();
    let error = refusal(&local.config.file).await;
    assert!(error.contains("newer version") && error.contains("99"), "{error}");
}

#[tokio::test]
async fn a_folder_and_a_file_in_no_folder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = refusal(folder.path()).await;
    assert!(error.contains("is a folder"), "{error}");
    let error = refusal(&folder.path().join("missing/host.db")).await;
    assert!(
        error.contains("there is no folder") && error.contains("missing"),
        "{error}"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_may_not_be_written_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let local = fixture();
    local.broker().await;
    let (mut file, mut folder) = (
        local.config.file.clone(),
        local.config.file.parent().unwrap().join("locked"),
    );
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::OpenOptions::new().write(true).open(&file).is_ok() {
        // Root may write to everything except what the system itself refuses.
        file = PathBuf::from("/sys/devices/system/cpu/online");
        folder = PathBuf::from("/sys/devices/system/cpu");
    }
    let error = refusal(&file).await;
    assert!(error.contains("is read-only"), "{error}");
    let error = refusal(&folder.join("host.db")).await;
    assert!(error.contains("cannot be opened or created"), "{error}");
}

#[tokio::test]
async fn a_file_that_somebody_locks_for_too_long_is_an_error_and_works_again_afterwards() {
    let local = fixture();
    let broker = local.broker().await;
    let writer = broker.writer("topic", "topic").await.unwrap();
    let other = local.sqlite();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = within("the lock to be given up", write(&writer, Message::new("1")).await)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("locked by another program") && error.contains("host.db"),
        "{error}"
    );
    other.execute_batch("ROLLBACK").unwrap();
    write(&writer, Message::new("2")).await.await.unwrap();
    let there: Vec<_> = local
        .read("topic")
        .await
        .into_iter()
        .filter_map(|message| message.payload)
        .collect();
    assert_eq!(there, ["2"]);
}

#[tokio::test]
async fn an_empty_file_that_somebody_locks_for_too_long_cannot_be_opened() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("host.db");
    let other = rusqlite::Connection::open(&file).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = refusal(&file).await;
    assert!(error.contains("locked by another program"), "{error}");
}

#[tokio::test]
async fn a_damaged_file_is_an_error_wherever_it_shows() {
    let local = fixture();
    let broker = local.broker().await;
    local.create(1).await;
    local.append(numbered(&["a"], 50)).await;
    local
        .sqlite()
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))
        .unwrap();
    let mut bytes = fs::read(&local.config.file).unwrap();
    // The first page, which lists the tables, stays whole.
    bytes[8192..].fill(0xa5);
    fs::write(&local.config.file, bytes).unwrap();
    let subscription = Subscription {
        topic: INPUT.to_owned(),
        group: "group".to_owned(),
        create: false,
    };
    let errors = [
        broker.describe(INPUT).await.unwrap_err(),
        broker.create("another", 1).await.unwrap_err(),
        broker.subscribe(&subscription).await.unwrap_err(),
        broker.writer(INPUT, INPUT).await.unwrap_err(),
    ];
    for error in errors.map(|error| error.to_string()) {
        assert!(error.contains("is damaged") && error.contains("host.db"), "{error}");
    }
}

#[tokio::test]
async fn several_processes_may_make_the_file_at_once() {
    let local = fixture();
    let opened = (0..8).map(|_| {
        let config = local.config.clone();
        tokio::spawn(async move { Broker::open(&config, MAX_MESSAGE_BYTES).await?.create("topic", 2).await })
    });
    let made: Vec<bool> = futures_util::future::join_all(opened)
        .await
        .into_iter()
        .map(|made| made.unwrap().unwrap())
        .collect();
    assert_eq!(made.iter().filter(|made| **made).count(), 1);
}

#[tokio::test]
async fn a_name_with_a_meaning_to_sqlite_is_a_file_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let config = LocalConfig {
        file: folder.path().join("file:host.db?mode=memory"),
        ..fixture().config
    };
    Broker::open(&config, 1000)
        .await
        .unwrap()
        .create("topic", 1)
        .await
        .unwrap();
    assert!(config.file.is_file());
    Broker::open(&config, 1000)
        .await
        .unwrap()
        .describe("topic")
        .await
        .unwrap();
}

/// SQLite's own way of copying a file leaves the write-ahead log out.
#[tokio::test]
async fn a_copy_that_sqlite_made_is_as_durable_as_the_file() {
    let local = fixture();
    local.create(1).await;
    local.append(numbered(&["a"], 3)).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy.db");
    local
        .sqlite()
        .execute("VACUUM INTO ?1", (file.to_str().unwrap(),))
        .unwrap();
    let config = LocalConfig {
        file: file.clone(),
        ..local.config.clone()
    };
    let broker = Broker::open(&config, MAX_MESSAGE_BYTES).await.unwrap();
    assert_eq!(broker.describe(INPUT).await.unwrap().partitions[0].end, 3);
    let mode: String = rusqlite::Connection::open(&file)
        .unwrap()
        .query_row("PRAGMA journal_mode", (), |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
}

/// The umask is a process's own, so another process creates the file.
#[cfg(unix)]
#[tokio::test]
async fn the_file_and_what_lies_beside_it_are_made_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let local = fixture();
    let file = &local.config.file;
    let made = std::process::Command::new("sh")
        .args(["-c", "umask 022 && exec \"$0\" topics create input --local-file \"$1\""])
        .arg(env!("CARGO_BIN_EXE_host"))
        .arg(file)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    // While somebody has it open, there is more of it.
    let _member = local.join().await;
    for beside in ["", "-wal", "-shm"] {
        let path = format!("{}{beside}", file.display());
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{path}: {mode:o}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_keeps_the_rights_that_somebody_gave_it() {
    use std::os::unix::fs::PermissionsExt;
    let local = fixture();
    fs::File::create(&local.config.file).unwrap();
    fs::set_permissions(&local.config.file, fs::Permissions::from_mode(0o660)).unwrap();
    local.create(1).await;
    let mode = fs::metadata(&local.config.file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
}
