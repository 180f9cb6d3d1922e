//! What durable repricing costs beside a bare loop that writes the same rows to SQLite in the same batches; and how fresh
//! prices are at half of the greatest speed.

#[path = "../../../libs/promotion-engine/benches/shared/measured.rs"]
mod measured;
mod shop;

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use measured::{cpu_seconds, median};
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};
use serde::Deserialize;
use shop::{APART, PRICESTREAM, Shop, is_wanted, report};

const SKUS: usize = 2_000;
const CHANGES: usize = 100_000;

/// Rounds of each, by turns; the medians count.
const ROUNDS: usize = 5;

/// Changes committed together: the program's default.
const BATCH: usize = 250;

/// As in libs/embedded/src/store/open.rs; each commit waits for the disk.
const PRAGMAS: &str =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = off; PRAGMA cache_size = -32768;
    PRAGMA journal_size_limit = 67108864; PRAGMA wal_autocheckpoint = 4000; PRAGMA temp_store = memory;";
const SCHEMA: &str = include_str!("../../../libs/embedded/src/store/schema.sql");

/// `cause` of a decision that a stock change asked for.
const STOCK: Value = Value::Integer(0);

/// What `pricestream replay --json` says at its end.
#[derive(Deserialize)]
struct Replayed {
    applied: usize,
    changes_per_second: f64,
    cpu_seconds: f64,
    freshness_ms: Freshness,
}

#[derive(Deserialize)]
struct Freshness {
    count: u64,
    p50: f64,
    p99: f64,
}

/// One way of writing all the changes.
#[derive(Clone, Copy)]
struct Cost {
    per_second: f64,
    per_cpu_second: f64,
}

#[allow(clippy::cast_precision_loss, reason = "a small count")]
const COUNT: f64 = CHANGES as f64;

fn main() {
    if !is_wanted() {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let shop = Shop::found(directory.path(), SKUS, CHANGES);
    let mut rounds = Vec::new();
    let mut rows = None;
    for round in 1..=ROUNDS {
        let data = directory.path().join(format!("store-{round}"));
        let ours = replay(&shop, &data, "max");
        let ours = Cost { per_second: ours.changes_per_second, per_cpu_second: COUNT / ours.cpu_seconds };
        let rows = rows.get_or_insert_with(|| Rows::of(&data.join("pricestream.db")));
        let bare = rows.write(&directory.path().join(format!("bare-{round}.db")));
        println!(
            "round {round}: replay {:.0} changes/s, {:.0} per CPU second; bare loop {:.0} changes/s, {:.0} per CPU second",
            ours.per_second, ours.per_cpu_second, bare.per_second, bare.per_cpu_second
        );
        rounds.push((ours, bare));
    }
    let middle = |of: fn(&(Cost, Cost)) -> f64| median(rounds.iter().map(of));
    let (ours, bare) = (middle(|round| round.0.per_second), middle(|round| round.1.per_second));
    let (ours_cpu, bare_cpu) = (middle(|round| round.0.per_cpu_second), middle(|round| round.1.per_cpu_second));
    println!("durable replay: {:.2} x the bare loop by the clock, {:.2} x per CPU second", ours / bare, ours_cpu / bare_cpu);
    report(
        "durable replay: at least 0.4 x the rate of a bare SQLite loop (CPU time)",
        &format!("{ours_cpu:.0} against {bare_cpu:.0} changes per CPU second; {ours:.0} against {bare:.0} per second"),
        &format!("{:.2}", ours_cpu / bare_cpu),
        ours_cpu / bare_cpu >= 0.4,
    );

    let recorded = 1.0 / APART.as_secs_f64();
    let half = ours / 2.0;
    let Freshness { count, p50, p99 } =
        replay(&shop, &directory.path().join("store-half"), &format!("{}", half / recorded)).freshness_ms;
    println!("freshness at {half:.0} changes/s: p50 {p50:.2} ms, p99 {p99:.2} ms of {count} changed prices");
    report(
        "freshness in process at half of that rate: p99 under 20 ms",
        &format!("p50 {p50:.2} ms, p99 {p99:.2} ms at {half:.0} changes/s"),
        "",
        p99 < 20.0,
    );
}

fn replay(shop: &Shop, data: &Path, speed: &str) -> Replayed {
    let output = Command::new(PRICESTREAM)
        .arg("replay")
        .arg(&shop.recording)
        .args(["--json", "--speed", speed, "--strategies", shop.strategies, "--catalogue"])
        .arg(&shop.catalogue)
        .arg("--data")
        .arg(data)
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let replayed: Replayed = serde_json::from_slice(&output.stdout).expect("it reports in JSON");
    assert_eq!(replayed.applied, CHANGES, "every change is accepted");
    replayed
}

/// What a replay wrote, to be written again.
struct Rows {
    /// Before the first change: the catalogue's numbers and documents, and a price for each.
    before: String,
    /// The history from the first change on, oldest first: its columns but the first, the id; then those of [`OF_PRICE`].
    history: Vec<Vec<Value>>,
    /// What these columns are named.
    columns: Vec<String>,
    /// Columns that a price has of the decision that made it.
    decided: Vec<String>,
    /// A message as long as those that the replay put into the outbox.
    message: String,
}

/// What a price has beside what its history says: every decision writes it, and the replay leaves it as it is.
const OF_PRICE: [&str; 2] = ["list_price", "promotions"];

impl Rows {
    fn of(store: &Path) -> Self {
        let conn = Connection::open(store).expect("the replay made it");
        let mut select = conn
            .prepare(&format!(
                "SELECT history.*, prices.{} FROM history JOIN prices ON prices.sku = history.sku
                 WHERE history.id >= (SELECT min(id) FROM history WHERE cause = 0) ORDER BY history.id",
                OF_PRICE.join(", prices.")
            ))
            .expect("its columns are known");
        let columns: Vec<String> = select.column_names().skip(1).map(str::to_owned).collect();
        let row = |row: &rusqlite::Row<'_>| (1..=columns.len()).map(|column| row.get(column)).collect();
        let history = select.query_map([], row).and_then(Iterator::collect).expect("it can be read");
        let prices = conn.prepare("SELECT * FROM prices").expect("there are prices");
        let of_decision = |name: &&str| *name != "sku" && columns.iter().any(|column| column == name);
        let decided = prices.column_names().filter(of_decision).map(str::to_owned).collect();
        let before = format!(
            "ATTACH '{}' AS replay;
             INSERT INTO skus SELECT * FROM replay.skus; INSERT INTO documents SELECT * FROM replay.documents;
             INSERT INTO products SELECT * FROM replay.products; INSERT INTO prices SELECT * FROM replay.prices;
             INSERT INTO history SELECT * FROM replay.history
             WHERE id < (SELECT min(id) FROM replay.history WHERE cause = 0); DETACH replay;",
            store.display()
        );
        let event = include_str!("../../../libs/event-schema/fixtures/price_changed.v1.json");
        let event: serde_json::Value = serde_json::from_str(event).expect("a fixture is JSON");
        Self { before, history, columns, decided, message: event.to_string() }
    }

    /// Where a column is in a row of the history.
    fn place(&self, column: &str) -> usize {
        self.columns.iter().position(|name| name == column).unwrap_or_else(|| panic!("history has no {column}"))
    }

    /// A change is a row of inventory and one of alert states; a decision one of prices, one of history, and a message into
    /// the outbox and, with the commit after it, out again.
    fn write(&self, path: &Path) -> Cost {
        let conn = Connection::open(path).expect("the directory can be written");
        conn.execute_batch(PRAGMAS).and_then(|()| conn.execute_batch(SCHEMA)).expect("it is the program's own");
        conn.execute_batch(&self.before).expect("the replay's store can be read");
        let (began, cpu) = (Instant::now(), cpu_seconds());
        self.write_rows(&conn).expect("SQLite takes what it took before");
        let (seconds, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds() - cpu);
        Cost { per_second: COUNT / seconds, per_cpu_second: COUNT / cpu }
    }

    fn write_rows(&self, conn: &Connection) -> rusqlite::Result<()> {
        let mut new_inventory =
            conn.prepare("INSERT INTO inventory VALUES (?1, ?2, ?3, ?4, ?5, 'default', ?3, ?6, ?6, ?6, 0)")?;
        let mut inventory = conn.prepare(
            "UPDATE inventory SET on_hand = ?2, stock_version = ?3, full_on_hand = ?4, full_at = ?5, origin = 'default',
             source_seq = ?3, fingerprint = ?6, occurred_at = ?6, committed_at = ?6, sold = sold + ?2 WHERE sku = ?1 AND stock_version = ?3 - 1",
        )?;
        let mut alert_state = conn.prepare(
            "INSERT INTO alert_states (sku, rev, episode, low, stock_version) VALUES (?1, ?2, 0, 0, ?2)
             ON CONFLICT (sku) DO UPDATE SET rev = excluded.rev, stock_version = excluded.stock_version",
        )?;
        let of_history = self.columns.len() - OF_PRICE.len();
        let values: Vec<String> = (1..=of_history).map(|number| format!("?{number}")).collect();
        let mut history = conn.prepare(&format!("INSERT INTO history VALUES (NULL, {})", values.join(", ")))?;
        let parameter = |column: &str| {
            let place = self.decided.iter().position(|name| name == column);
            format!("?{}", 3 + place.unwrap_or_else(|| panic!("prices has no {column}")))
        };
        let mut set: Vec<String> = self.decided.iter().map(|column| format!("{column} = {}", parameter(column))).collect();
        set.push(format!("list_currency = {}, stock_committed_at = {}", parameter("currency"), parameter("decided_at")));
        let mut price =
            conn.prepare(&format!("UPDATE prices SET {}, withdrawn_at = NULL, newest = ?2 WHERE sku = ?1", set.join(", ")))?;
        let decided: Vec<usize> = self.decided.iter().map(|column| self.place(column)).collect();
        let [sku, cause, decided_at, on_hand, stock_version, full_on_hand, full_at] =
            ["sku", "cause", "decided_at", "on_hand", "stock_version", "full_on_hand", "full_at"]
                .map(|column| self.place(column));
        let mut send = conn.prepare("INSERT INTO outbox VALUES (?1, 'cache-writer', ?2, 0)")?;
        let mut forget = conn.prepare("DELETE FROM outbox")?;
        let (mut begin, mut commit) = (conn.prepare("BEGIN IMMEDIATE")?, conn.prepare("COMMIT")?);
        let mut sent = 0;
        let mut changes = 0;
        begin.execute([])?;
        for row in &self.history {
            if row[cause] == STOCK {
                if changes == BATCH {
                    commit.execute([])?;
                    begin.execute([])?;
                    forget.execute([])?;
                    changes = 0;
                }
                changes += 1;
                let stock = params![row[sku], row[on_hand], row[stock_version], row[full_on_hand], row[full_at], row[decided_at]];
                if inventory.execute(stock)? == 0 {
                    new_inventory.execute(stock)?;
                }
                alert_state.execute(params![row[sku], row[stock_version]])?;
            }
            history.execute(params_from_iter(&row[..of_history]))?;
            let newest = Value::Integer(conn.last_insert_rowid());
            price
                .execute(params_from_iter([&row[sku], &newest].into_iter().chain(decided.iter().map(|column| &row[*column]))))?;
            sent += 1;
            send.execute(params![sent, self.message])?;
        }
        commit.execute([])?;
        Ok(())
    }
}
