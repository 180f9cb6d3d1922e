mod codes;
mod db;
mod newest;
mod open;
mod orders;
mod reads;
mod usage;
mod writes;

use std::fs::File;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use pricestream_event_schema::Body;
use pricestream_ports::{MessageId, PortError, PriceRecord};
use rusqlite::OptionalExtension;
use rusqlite::params;

use crate::bus::Outbox;
use db::Db;

pub use open::{Durability, OpenError};

/// The record store: one SQLite file in WAL mode, written by one process.
#[derive(Debug)]
pub struct Store {
    db: Mutex<Db>,
    /// Held while the store is open for writing; gone with the process, however it ends.
    _lock: Option<File>,
}

/// What a store is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To write: one process at a time. The file is made if there is none.
    Write(Durability),
    /// To read what is committed, beside a writer of the same process.
    Read,
}

/// A message or an input to be set aside with the reason.
#[derive(Clone, Copy, Debug)]
pub struct SetAside<'a> {
    /// The queue it was in, or `stock-changes` for refused input.
    pub queue: &'a str,
    /// What it said, byte for byte.
    pub body: &'a [u8],
    /// Why it is here.
    pub reason: &'a str,
    /// How often it was delivered.
    pub receive_count: u32,
    /// Since when it is here.
    pub at: jiff::Timestamp,
}

/// Something set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterRow {
    /// Its number, to redrive it by.
    pub id: i64,
    /// The queue it was in.
    pub queue: String,
    /// What it said; bytes that are no text are shown as �.
    pub body: String,
    /// Why it is here.
    pub reason: String,
    /// How often it was delivered.
    pub receive_count: u32,
    /// Since when it is here.
    pub at: jiff::Timestamp,
}

/// A message of the outbox: its queue, its id, what it says, how often it was delivered.
pub(crate) type Undelivered = (String, MessageId, Body, u32);

/// How much a store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreCounts {
    /// Catalogue lines.
    pub products: u64,
    /// SKUs with stock.
    pub inventory: u64,
    /// SKUs with a price record.
    pub prices: u64,
    /// Price records whose SKU is refused a price.
    pub refused: u64,
    /// Decisions.
    pub history: u64,
    /// Low-stock alerts told.
    pub alerts: u64,
    /// Messages still to be handled.
    pub outbox: u64,
    /// Set aside.
    pub dead_letters: u64,
}

impl Store {
    /// Opens `directory`'s store.
    pub fn open(directory: &Path, access: Access) -> Result<Self, OpenError> {
        open::open(directory, access)
    }

    fn db(&self) -> MutexGuard<'_, Db> {
        self.db.lock().expect("no panic while held")
    }

    /// Begins the transaction of a turn.
    pub(crate) fn begin(&self) -> rusqlite::Result<()> {
        let mut db = self.db();
        db.failed = None;
        db.images.clear();
        db.conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(())
    }

    /// Makes the turn durable; refuses if any of its writes failed half-way.
    pub(crate) fn commit(&self) -> rusqlite::Result<()> {
        let mut db = self.db();
        if let Some(error) = db.failed.take() {
            return Err(error);
        }
        db.conn.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    }

    /// Undoes the turn; whatever was remembered of it is forgotten.
    pub(crate) fn roll_back(&self) {
        let mut db = self.db();
        if !db.conn.is_autocommit()
            && let Err(error) = db.conn.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "the transaction could not be rolled back");
        }
        db.forget();
    }

    /// Images of the price records written since the last call.
    pub fn take_images(&self) -> Vec<PriceRecord> {
        std::mem::take(&mut self.db().images)
    }

    pub(crate) fn put_outbox(&self, outbox: &Outbox) -> rusqlite::Result<()> {
        let db = self.db();
        if !outbox.delete.is_empty() && outbox.deletes_all {
            // That drops its pages, where row by row each would be looked for and taken out.
            db.conn.prepare_cached("DELETE FROM outbox")?.execute([])?;
        } else if !outbox.delete.is_empty() {
            let mut delete = db.conn.prepare_cached("DELETE FROM outbox WHERE id = ?1")?;
            for MessageId(id) in &outbox.delete {
                delete.execute([id.cast_signed()])?;
            }
        }
        if !outbox.insert.is_empty() {
            let mut insert =
                db.conn.prepare_cached("INSERT INTO outbox (id, queue, body, receive_count) VALUES (?1, ?2, ?3, 0)")?;
            for (queue, MessageId(id), body) in &outbox.insert {
                insert.execute(params![id.cast_signed(), queue, body.text()])?;
            }
        }
        Ok(())
    }

    /// What the outbox holds, each counted as delivered once more: what it was given to may have ended the process.
    pub(crate) fn take_up_outbox(&self) -> rusqlite::Result<Vec<Undelivered>> {
        let db = self.db();
        db.conn.execute("UPDATE outbox SET receive_count = receive_count + 1", [])?;
        let mut select = db.conn.prepare("SELECT queue, id, body, receive_count FROM outbox ORDER BY id")?;
        let rows = select.query_map([], |row| {
            let body: String = row.get(2)?;
            Ok((row.get(0)?, MessageId(row.get::<_, i64>(1)?.cast_unsigned()), Body::from(body), row.get(3)?))
        })?;
        rows.collect()
    }

    /// Sets a message or an input aside.
    pub fn put_aside(&self, aside: &SetAside<'_>) -> Result<(), PortError> {
        self.write(|db| {
            let mut insert = db.conn.prepare_cached(
                "INSERT INTO dead_letters (queue, body, reason, receive_count, at) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            let SetAside { queue, body, reason, receive_count, at } = *aside;
            insert.execute(params![queue, body, reason, receive_count, at.as_microsecond()])?;
            Ok(())
        })
    }

    /// Up to `most` of what was set aside, newest first, those before `before`.
    pub fn dead_letters(&self, before: Option<i64>, most: usize) -> Result<Vec<DeadLetterRow>, PortError> {
        self.read(|db| {
            let mut select = db.conn.prepare_cached(
                "SELECT id, queue, body, reason, receive_count, at FROM dead_letters WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
            )?;
            let rows = select.query_map(params![before.unwrap_or(i64::MAX), limit(most)], |row| {
                Ok(DeadLetterRow {
                    id: row.get(0)?,
                    queue: row.get(1)?,
                    body: String::from_utf8_lossy(row.get_ref(2)?.as_blob()?).into_owned(),
                    reason: row.get(3)?,
                    receive_count: row.get(4)?,
                    at: codes::instant(row.get(5)?)?,
                })
            })?;
            rows.collect()
        })
    }

    /// One of what was set aside: its queue, and what it said.
    pub fn dead_letter(&self, id: i64) -> Result<Option<(String, Vec<u8>)>, PortError> {
        self.read(|db| {
            let mut select = db.conn.prepare_cached("SELECT queue, body FROM dead_letters WHERE id = ?1")?;
            select.query_row([id], |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })
    }

    /// Forgets one of what was set aside: it has been redriven.
    pub fn remove_dead_letter(&self, id: i64) -> Result<(), PortError> {
        self.write(|db| db.conn.prepare_cached("DELETE FROM dead_letters WHERE id = ?1")?.execute([id]).map(|_| ()))
    }

    /// Begins to read: until [`Store::end_read`] every read sees the store as it is now.
    pub fn begin_read(&self) -> Result<(), PortError> {
        self.read(|db| db.conn.execute_batch("BEGIN"))
    }

    /// Ends what [`Store::begin_read`] began.
    pub fn end_read(&self) -> Result<(), PortError> {
        self.read(|db| db.conn.execute_batch("ROLLBACK"))
    }

    /// Keeps an alert; false when it was told before.
    pub(crate) fn put_alert(&self, alert: &pricestream_event_schema::LowStockV1) -> Result<bool, PortError> {
        use pricestream_event_schema::Event;
        let body = serde_json::to_string(alert).map_err(|error| PortError::corrupt("alert", error))?;
        self.write(|db| {
            let mut insert = db.conn.prepare_cached("INSERT OR IGNORE INTO alerts (id, body) VALUES (?1, ?2)")?;
            Ok(insert.execute(params![alert.id(), body])? > 0)
        })
    }

    /// Up to `most` alerts, newest first.
    pub fn alerts(&self, most: usize) -> Result<Vec<pricestream_event_schema::LowStockV1>, PortError> {
        let bodies: Vec<String> = self.read(|db| {
            let mut select = db.conn.prepare_cached("SELECT body FROM alerts ORDER BY number DESC LIMIT ?1")?;
            select.query_map([limit(most)], |row| row.get(0))?.collect()
        })?;
        bodies.iter().map(|body| serde_json::from_str(body).map_err(|error| PortError::corrupt("alert", error))).collect()
    }

    /// How much it holds.
    pub fn counts(&self) -> Result<StoreCounts, PortError> {
        self.read(|db| {
            let count = |what: &str| {
                db.conn.query_row(&format!("SELECT count(*) FROM {what}"), [], |row| row.get::<_, i64>(0)).map(i64::cast_unsigned)
            };
            Ok(StoreCounts {
                products: count("products")?,
                inventory: count("inventory")?,
                prices: count("prices")?,
                refused: count("prices WHERE refusal IS NOT NULL")?,
                history: count("history")?,
                alerts: count("alerts")?,
                outbox: count("outbox")?,
                dead_letters: count("dead_letters")?,
            })
        })
    }

    /// The latest instant that a decision was taken at: where a replay's clock goes on.
    pub fn last_decided_at(&self) -> Result<Option<jiff::Timestamp>, PortError> {
        self.read(|db| {
            let micros: Option<i64> = db.conn.query_row("SELECT max(decided_at) FROM prices", [], |row| row.get(0))?;
            micros.map(codes::instant).transpose()
        })
    }

    fn read<T>(&self, work: impl FnOnce(&mut Db) -> rusqlite::Result<T>) -> Result<T, PortError> {
        work(&mut self.db()).map_err(port_error)
    }

    /// Within a turn, part of its transaction: a failure spoils it. Outside, a transaction of its own.
    fn write<T>(&self, work: impl FnOnce(&mut Db) -> rusqlite::Result<T>) -> Result<T, PortError> {
        let db = &mut *self.db();
        if !db.conn.is_autocommit() {
            return work(db).map_err(|error| {
                let told = port_error(rusqlite::Error::ToSqlConversionFailure(error.to_string().into()));
                db.failed = Some(error);
                told
            });
        }
        let committed = db.conn.execute_batch("BEGIN IMMEDIATE").and_then(|()| work(db)).and_then(|value| {
            db.conn.execute_batch("COMMIT")?;
            Ok(value)
        });
        committed.map_err(|error| {
            if !db.conn.is_autocommit()
                && let Err(error) = db.conn.execute_batch("ROLLBACK")
            {
                tracing::error!(%error, "the transaction could not be rolled back");
            }
            db.forget();
            port_error(error)
        })
    }
}

fn limit(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

fn port_error(error: rusqlite::Error) -> PortError {
    match &error {
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..) => PortError::corrupt("store", error),
        _ => PortError::unavailable("store", error),
    }
}
