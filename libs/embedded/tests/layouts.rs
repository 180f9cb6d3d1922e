//! A store that an older program wrote is brought up to date with nothing lost; one of a newer program is left alone.

use std::path::Path;

use pricestream_embedded::{Access, Durability, OpenError, Store, ready};
use pricestream_ports::contract::{product, settings};
use pricestream_ports::{Conditional, Documents, OrderId, OrderReads, PromotionsSetting, RecordReads, Records, SettingsRecord};
use rusqlite::Connection;

fn with(directory: &Path, sql: &str) {
    Connection::open(directory.join("pricestream.db")).unwrap().execute_batch(sql).unwrap();
}

fn layout(directory: &Path) -> i64 {
    let conn = Connection::open(directory.join("pricestream.db")).unwrap();
    conn.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

/// Settings that have nothing of what came later.
fn first_settings() -> SettingsRecord {
    SettingsRecord {
        promotions: PromotionsSetting::default(),
        strategies_note: String::new(),
        strategies_at: jiff::Timestamp::UNIX_EPOCH,
        rollout: None,
        ..settings(1)
    }
}

/// As the first layout was, with a catalogue line in it.
fn first_layout() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), Access::Write(Durability::Process)).unwrap();
    assert_eq!(ready(store.put_product(&product("A", 1))).unwrap(), Conditional::Written);
    assert_eq!(ready(store.put_settings(&first_settings())).unwrap(), Conditional::Written);
    drop(store);
    with(
        directory.path(),
        "DROP TABLE orders; DROP TABLE usage_counts; DROP TABLE reservation_uses; DROP TABLE reservations;
         ALTER TABLE prices DROP COLUMN lane; ALTER TABLE prices DROP COLUMN promotions;
         ALTER TABLE history DROP COLUMN lane; ALTER TABLE history DROP COLUMN was_lane;
         ALTER TABLE history DROP COLUMN rule_set; ALTER TABLE history DROP COLUMN left_out;
         ALTER TABLE inventory DROP COLUMN sold; ALTER TABLE prices DROP COLUMN belief; ALTER TABLE history DROP COLUMN sold;
         ALTER TABLE history DROP COLUMN changed_at; ALTER TABLE history DROP COLUMN was_belief;
         ALTER TABLE settings DROP COLUMN rule_set; ALTER TABLE settings DROP COLUMN promotions;
         ALTER TABLE settings DROP COLUMN strategies_note; ALTER TABLE settings DROP COLUMN strategies_at;
         ALTER TABLE settings DROP COLUMN candidate; ALTER TABLE settings DROP COLUMN rollout;
         ALTER TABLE prices DROP COLUMN trial; ALTER TABLE history DROP COLUMN was_trial;
         PRAGMA user_version = 1;",
    );
    directory
}

#[test]
fn an_older_store_is_brought_up_to_date_whoever_opens_it_first() {
    for access in [Access::Write(Durability::Process), Access::Read] {
        let directory = first_layout();
        for _ in 0..2 {
            let store = Store::open(directory.path(), access).unwrap();
            assert_eq!(*ready(store.product(&product("A", 1).product.sku)).unwrap().unwrap(), product("A", 1), "{access:?}");
            assert_eq!(ready(store.order(&OrderId::new("o").unwrap())).unwrap(), None, "{access:?}");
            assert_eq!(ready(store.price(&product("A", 1).product.sku)).unwrap(), None, "{access:?}");
            assert_eq!(ready(store.settings()).unwrap(), Some(first_settings()), "{access:?}");
        }
        assert_eq!(layout(directory.path()), 4);
    }
}

#[test]
fn an_older_store_that_is_in_use_is_left_alone() {
    let directory = first_layout();
    let lock = std::fs::File::open(directory.path().join("lock")).unwrap();
    lock.lock().unwrap();
    assert!(matches!(Store::open(directory.path(), Access::Read), Err(OpenError::InUse(_))));
    assert_eq!(layout(directory.path()), 1);
}

#[test]
fn a_newer_store_is_left_alone() {
    let directory = first_layout();
    with(directory.path(), "PRAGMA user_version = 99;");
    for access in [Access::Write(Durability::Process), Access::Read] {
        let found = Store::open(directory.path(), access).map(drop);
        assert!(matches!(found, Err(OpenError::Newer { found: 99, .. })), "{found:?}");
    }
}
