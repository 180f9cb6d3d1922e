use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rusqlite::{Connection, OpenFlags};

use super::db::Db;
use super::{Access, Store};

/// What a commit survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process and the loss of power: each commit waits for the disk.
    #[default]
    Power,
    /// The end of the process alone; for tests and throw-away stores.
    Process,
}

/// Why a store cannot be opened, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process writes it.
    #[error("{} is in use by another process: stop that one, or give this one another --data directory", .0.display())]
    InUse(PathBuf),
    /// Some other program's file lies there.
    #[error("{} is not a pricestream store: give another --data directory", .0.display())]
    NotOurs(PathBuf),
    /// Written by a newer version.
    #[error("{} has layout {found}, this program knows {known}: use the newer program", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its layout.
        found: i64,
        /// The layout of this program.
        known: i64,
    },
    /// There is none, and it was to be read.
    #[error("there is no store in {}: run `pricestream up` or `pricestream replay` with this --data directory first", .0.display())]
    Missing(PathBuf),
    /// The file system refuses.
    #[error("{} cannot be used: see that the directory exists, is yours and has space", .path.display())]
    Io {
        /// File or directory.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// SQLite refuses.
    #[error("{} cannot be opened as a store", .path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: rusqlite::Error,
    },
}

/// The store's file in its directory.
const FILE: &str = "pricestream.db";

/// Marks a SQLite file as ours: "PSTR".
const APPLICATION_ID: i64 = 0x5053_5452;

/// Layout of the tables.
const LAYOUT: i64 = 4;

const SCHEMA: &str = concat!(include_str!("schema.sql"), include_str!("usage.sql"));

/// What makes each layout of the one before, from the second on.
const CHANGES: [&str; 3] =
    [concat!(include_str!("from_1.sql"), include_str!("usage.sql")), include_str!("from_2.sql"), include_str!("from_3.sql")];

/// Statements kept compiled; there are fewer.
const STATEMENTS: usize = 128;

pub(super) fn open(directory: &Path, access: Access) -> Result<Store, OpenError> {
    let path = directory.join(FILE);
    let (conn, lock) = match access {
        Access::Write(durability) => {
            fs::create_dir_all(directory).map_err(|source| OpenError::Io { path: directory.to_owned(), source })?;
            let lock = lock(directory)?;
            (open_to_write(&path, durability)?, Some(lock))
        }
        Access::Read => {
            if !path.exists() {
                return Err(OpenError::Missing(directory.to_owned()));
            }
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let conn = Connection::open_with_flags(&path, flags).map_err(|source| failed(&path, source))?;
            if check(&path, &conn)? < LAYOUT {
                let _lock = lock(directory)?;
                bring_up_to_date(&path, &conn)?;
            }
            conn.execute_batch("PRAGMA query_only = on; PRAGMA busy_timeout = 5000;").map_err(|source| failed(&path, source))?;
            (conn, None)
        }
    };
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(Store { db: Mutex::new(Db::new(conn, lock.is_some())), _lock: lock })
}

/// The operating system frees it however the process ends. A file of its own: locks on SQLite's would meet its own.
fn lock(directory: &Path) -> Result<File, OpenError> {
    let path = directory.join("lock");
    let failed = |source| OpenError::Io { path: path.clone(), source };
    let file = OpenOptions::new().create(true).write(true).truncate(false).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(directory.to_owned())),
        Err(TryLockError::Error(source)) => Err(OpenError::Io { path, source }),
    }
}

fn open_to_write(path: &Path, durability: Durability) -> Result<Connection, OpenError> {
    let failed = |source| failed(path, source);
    let is_new = fs::metadata(path).map_or(true, |file| file.len() == 0);
    // Our own lock guards the connection.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(failed)?;
    if !is_new {
        bring_up_to_date(path, &conn)?;
    }
    let synchronous = match durability {
        Durability::Power => "FULL",
        Durability::Process => "NORMAL",
    };
    conn.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; PRAGMA foreign_keys = off; PRAGMA cache_size = -32768;
         PRAGMA journal_size_limit = 67108864; PRAGMA wal_autocheckpoint = 4000; PRAGMA busy_timeout = 5000; PRAGMA temp_store = memory;"
    ))
    .map_err(failed)?;
    if is_new {
        let create = format!("BEGIN; {SCHEMA} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {LAYOUT}; COMMIT;");
        conn.execute_batch(&create).map_err(failed)?;
    }
    Ok(conn)
}

/// Changes the tables of a store that an older program wrote, a layout at a time. Only while the store is locked.
fn bring_up_to_date(path: &Path, conn: &Connection) -> Result<(), OpenError> {
    for found in check(path, conn)?..LAYOUT {
        let change = usize::try_from(found - 1).ok().and_then(|place| CHANGES.get(place)).expect("there is one for each layout");
        let change = format!("BEGIN IMMEDIATE; {change} PRAGMA user_version = {}; COMMIT;", found + 1);
        conn.execute_batch(&change).map_err(|source| failed(path, source))?;
    }
    Ok(())
}

/// The layout of the store: one that this program knows.
fn check(path: &Path, conn: &Connection) -> Result<i64, OpenError> {
    let pragma = |name: &str| conn.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    match (pragma("application_id"), pragma("user_version")) {
        (Ok(APPLICATION_ID), Ok(found @ 1..=LAYOUT)) => Ok(found),
        (Ok(APPLICATION_ID), Ok(found)) => Err(OpenError::Newer { path: path.to_owned(), found, known: LAYOUT }),
        _ => Err(OpenError::NotOurs(path.to_owned())),
    }
}

fn failed(path: &Path, source: rusqlite::Error) -> OpenError {
    OpenError::Sqlite { path: path.to_owned(), source }
}
