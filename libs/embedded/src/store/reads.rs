use std::sync::Arc;

use jiff::Timestamp;
use pricestream_domain::{FullLevel, Money, PriceVersion, RecordRev, Sku, SourceSeq, Stock, StockVersion};
use pricestream_ports::{
    AlertState, Documents, HistoryRow, Inventory, ModeSetting, PortError, PriceRecord, ProductRecord, Promotions, RecordReads,
    RolloutSetting, RowInputs, SeenInputs, SettingsRecord, SettingsVersion, Sighting, SkuInputs, SkuState,
};
use pricestream_repricing_engine::market::Belief;
use pricestream_repricing_engine::rollout::TrialAccount;
use rusqlite::{OptionalExtension, Result, Row, params};

use super::codes::{UNREADABLE_RULES, cause, instant, maybe_instant, maybe_money, mode, standing, unreadable};
use super::db::Db;
use super::{Store, limit};

const PRICE: &str =
    "SELECT record_rev, price_version, currency, price, since, step_from, step_since, day, changes, list_currency,
    list_price, stock_version, product, policy, mode, override, settings_rev, decided_at, cause, shadow_price, refusal, next_due,
    stock_committed_at, withdrawn_at, lane, promotions, belief, trial FROM prices WHERE sku = ?1";

const HISTORY: &str = "SELECT earlier, record_rev, price_version, decided_at, cause, was_currency, was_price, was_since,
    was_step_from, was_step_since, was_day, was_changes, on_hand, stock_version, full_on_hand, full_at, product_rev, product, policy,
    policy_error, mode, override, settings_rev, currency, price, since, step_from, step_since, day, changes, shadow_price, refusal,
    next_due, id, sku, lane, was_lane, rule_set, left_out, sold, changed_at, was_belief, was_trial FROM history";

/// Ends of pages that are remembered; whoever reads page by page asks for the next one soon.
const MOST_PAGES: usize = 4_096;

impl Db {
    pub(super) fn price(&mut self, sku: &Sku, number: i64) -> Result<Option<PriceRecord>> {
        if let Some((record, _)) = self.newest.prices.get(number) {
            return Ok(Some(record.clone()));
        }
        let found = self.conn.prepare_cached(PRICE)?.query_row([number], |row| {
            let documents: [Option<i64>; 4] = [row.get(12)?, row.get(13)?, row.get(15)?, row.get(24)?];
            let promotions: Option<[u8; 16]> = row.get(25)?;
            let list_price = maybe_money(row.get(9)?, row.get(10)?)?;
            let shadow: Option<i64> = row.get(19)?;
            let record = PriceRecord {
                sku: sku.clone(),
                record_rev: RecordRev(count(row, 0)?),
                price_version: PriceVersion(count(row, 1)?),
                standing: standing(row, 2)?,
                list_price,
                lane: None,
                belief: belief(row, 26)?,
                trial: trial(row, 27)?,
                seen: SeenInputs {
                    stock_version: StockVersion(count(row, 11)?),
                    product: pricestream_documents::ContentHash::from_bytes([0; 16]),
                    policy: None,
                    promotions: promotions.map(pricestream_documents::ContentHash::from_bytes),
                    mode: mode(row.get(14)?)?,
                    override_: None,
                },
                settings_rev: count(row, 16)?,
                decided_at: instant(row.get(17)?)?,
                cause: cause(row.get(18)?)?,
                shadow_price: shadow.and_then(|minor| list_price.map(|list| Money::new(minor, list.currency))),
                refusal: row.get(20)?,
                next_due: maybe_instant(row.get(21)?)?,
                stock_committed_at: maybe_instant(row.get(22)?)?,
                withdrawn_at: maybe_instant(row.get(23)?)?,
            };
            Ok((record, documents))
        });
        let Some((mut record, [product, policy, override_, lane])) = found.optional()? else {
            return Ok(None);
        };
        record.lane = self.lane(lane)?;
        record.seen.product = self.document_hash(product.ok_or_else(|| unreadable("a price has no product"))?)?;
        record.seen.policy = policy.map(|policy| self.document_hash(policy)).transpose()?;
        record.seen.override_ = override_.map(|override_| self.override_(override_)).transpose()?.map(Arc::unwrap_or_clone);
        Ok(Some(record))
    }

    pub(super) fn inventory(&mut self, sku: &Sku, number: i64) -> Result<Option<Inventory>> {
        if let Some(inventory) = self.newest.inventory.get(number) {
            return Ok(Some(inventory.clone()));
        }
        let mut select = self.conn.prepare_cached(
            "SELECT on_hand, stock_version, full_on_hand, full_at, origin, source_seq, fingerprint, occurred_at, committed_at, sold
             FROM inventory WHERE sku = ?1",
        )?;
        let read = |row: &Row<'_>| {
            Ok(Inventory {
                sku: sku.clone(),
                on_hand: count(row, 0)?,
                stock_version: StockVersion(count(row, 1)?),
                full: FullLevel { on_hand: count(row, 2)?, at: instant(row.get(3)?)? },
                origin: row.get(4)?,
                source_seq: SourceSeq(count(row, 5)?),
                fingerprint: count(row, 6)?,
                occurred_at: instant(row.get(7)?)?,
                committed_at: instant(row.get(8)?)?,
                sold: count(row, 9)?,
            })
        };
        select.query_row([number], read).optional()
    }

    pub(super) fn product_of(&mut self, number: i64) -> Result<Option<Arc<ProductRecord>>> {
        if let Some((rev, document)) = self.newest.products.get(number).copied() {
            return self.product(document, rev).map(Some);
        }
        let mut select = self.conn.prepare_cached("SELECT rev, document FROM products WHERE sku = ?1")?;
        let found = select.query_row([number], |row| Ok((count(row, 0)?, row.get::<_, i64>(1)?))).optional()?;
        drop(select);
        if let Some(found) = found.filter(|_| self.is_writer) {
            self.newest.products.put(number, found);
        }
        found.map(|(rev, document)| self.product(document, rev)).transpose()
    }

    pub(super) fn inputs(&mut self, sku: &Sku, number: i64) -> Result<SkuInputs> {
        let override_ = self.override_document(number)?;
        Ok(SkuInputs {
            product: self.product_of(number)?,
            inventory: self.inventory(sku, number)?,
            override_: override_.map(|document| self.override_(document)).transpose()?.map(Arc::unwrap_or_clone),
        })
    }

    fn override_document(&mut self, number: i64) -> Result<Option<i64>> {
        if let Some(document) = self.newest.overrides.get(number) {
            return Ok(*document);
        }
        let mut select = self.conn.prepare_cached("SELECT document FROM overrides WHERE sku = ?1")?;
        let document = select.query_row([number], |row| row.get(0)).optional()?;
        if self.is_writer {
            self.newest.overrides.put(number, document);
        }
        Ok(document)
    }

    fn history_row(&mut self, sku: &Sku, raw: RawRow) -> Result<HistoryRow> {
        let product = self.product(raw.product, raw.product_rev)?;
        let policy = match raw.policy {
            Some(policy) => Ok(self.policy(policy)?),
            None => Err(raw.policy_error.unwrap_or_default()),
        };
        let override_ = raw.override_.map(|override_| self.override_(override_)).transpose()?.map(Arc::unwrap_or_clone);
        let list_currency = product.product.list_price.currency;
        let promotions = match raw.rule_set {
            None => Promotions::None,
            Some(UNREADABLE_RULES) => Promotions::Unreadable,
            Some(number) => match self.rules(number)? {
                Some(rules) => {
                    let without = raw.without.map(|number| self.rare(number)).transpose()?.unwrap_or_default();
                    Promotions::InForce { rules, without: Arc::new(without) }
                }
                None => Promotions::Unreadable,
            },
        };
        let previous_lane = self.lane(raw.was_lane)?;
        let lane = self.lane(raw.lane)?;
        Ok(HistoryRow {
            sku: sku.clone(),
            inputs: RowInputs { product, policy, override_, promotions, previous_lane, ..raw.row.inputs },
            lane,
            shadow_price: raw.shadow.map(|minor| Money::new(minor, list_currency)),
            ..raw.row
        })
    }

    /// The newest row of the history of a SKU.
    fn newest_row(&mut self, number: i64) -> Result<Option<i64>> {
        let mut select = self.conn.prepare_cached("SELECT newest FROM prices WHERE sku = ?1")?;
        select.query_row([number], |row| row.get(0)).optional()
    }

    /// The newest row before `before`: where a page ended, or by going back row by row.
    fn first_before(&mut self, number: i64, before: RecordRev) -> Result<Option<i64>> {
        if let Some(id) = self.pages.get(&(number, before)) {
            return Ok(*id);
        }
        let mut next = self.newest_row(number)?;
        let mut select = self.conn.prepare_cached("SELECT earlier, record_rev FROM history WHERE id = ?1")?;
        while let Some(id) = next {
            let (earlier, rev) = select.query_row([id], |row| Ok((row.get(0)?, count(row, 1)?)))?;
            if RecordRev(rev) < before {
                break;
            }
            next = earlier;
        }
        Ok(next)
    }

    /// A page of the history ended at `last`; the row before it is `id`, if there is one. Rows are only ever added, so that this stays.
    fn note_page(&mut self, number: i64, last: RecordRev, id: Option<i64>) {
        if self.pages.len() >= MOST_PAGES {
            self.pages.clear();
        }
        self.pages.insert((number, last), id);
    }

    /// Every row of the history, oldest first, handed to `visit`.
    pub(super) fn each_history_row(&mut self, after: i64, most: usize) -> Result<Vec<(i64, HistoryRow)>> {
        let sql = format!("{HISTORY} WHERE id > ?1 ORDER BY id LIMIT ?2");
        let raw: Vec<RawRow> = {
            let mut select = self.conn.prepare_cached(&sql)?;
            let rows = select.query_map([after, limit(most)], RawRow::read)?;
            rows.collect::<Result<_>>()?
        };
        raw.into_iter()
            .map(|raw| {
                let (id, number) = (raw.id, raw.sku);
                let sku = self.sku_of(number)?;
                Ok((id, self.history_row(&sku, raw)?))
            })
            .collect()
    }

    /// The settings of that number; those in force for none.
    fn settings_of(&mut self, rev: Option<u64>) -> Result<Option<SettingsRecord>> {
        let mut select = self.conn.prepare_cached(
            "SELECT rev, mode, mode_by, mode_note, mode_at, strategies, strategies_by, rule_set, promotions, strategies_note,
             strategies_at, candidate, rollout FROM settings WHERE ?1 IS NULL OR rev = ?1 ORDER BY rev DESC LIMIT 1",
        )?;
        let found = select
            .query_row([rev.map(u64::cast_signed)], |row| {
                let (mode, promotions): (String, String) = (row.get(1)?, row.get(8)?);
                let mode = ModeSetting {
                    mode: mode.parse().map_err(unreadable)?,
                    by: row.get(2)?,
                    note: row.get(3)?,
                    at: instant(row.get(4)?)?,
                };
                let settings = SettingsRecord {
                    rev: count(row, 0)?,
                    mode,
                    strategies: "".into(),
                    strategies_by: row.get(6)?,
                    strategies_note: row.get(9)?,
                    strategies_at: instant(row.get(10)?)?,
                    rollout: rollout(row, 12)?,
                    promotions: serde_json::from_str(&promotions).map_err(unreadable)?,
                };
                Ok((settings, row.get::<_, i64>(5)?, row.get::<_, Option<i64>>(7)?, row.get::<_, Option<i64>>(11)?))
            })
            .optional()?;
        drop(select);
        let Some((mut settings, strategies, rule_set, candidate)) = found else { return Ok(None) };
        settings.strategies = self.document_text(strategies)?.1.into();
        settings.promotions.rule_set =
            rule_set.map(|number| self.document_text(number)).transpose()?.map(|(_, text)| text.into());
        if let (Some(rollout), Some(number)) = (&mut settings.rollout, candidate) {
            rollout.candidate = self.document_text(number)?.1.into();
        }
        Ok(Some(settings))
    }

    fn sku_of(&mut self, number: i64) -> Result<Sku> {
        let text: String =
            self.conn.prepare_cached("SELECT sku FROM skus WHERE id = ?1")?.query_row([number], |row| row.get(0))?;
        Sku::new(&text).map_err(unreadable)
    }
}

/// A history row whose documents are still numbers.
struct RawRow {
    id: i64,
    sku: i64,
    earlier: Option<i64>,
    product_rev: u64,
    product: i64,
    policy: Option<i64>,
    policy_error: Option<String>,
    override_: Option<i64>,
    shadow: Option<i64>,
    lane: Option<i64>,
    was_lane: Option<i64>,
    rule_set: Option<i64>,
    without: Option<i64>,
    row: HistoryRow,
}

thread_local! {
    // Stands in a row until its documents are looked up.
    static NOBODY: Arc<ProductRecord> = Arc::new(ProductRecord::new(
        serde_json::from_str(r#"{"sku":"-","list_price":{"minor":1,"currency":"USD"}}"#).expect("it is a catalogue line"),
        0,
    ));
}

impl RawRow {
    fn read(row: &Row<'_>) -> Result<Self> {
        let stock = match row.get::<_, Option<i64>>(12)? {
            None => None,
            Some(_) => Some(Stock {
                on_hand: count(row, 12)?,
                version: StockVersion(count(row, 13)?),
                full: FullLevel { on_hand: count(row, 14)?, at: instant(row.get(15)?)? },
                sold: row.get::<_, Option<i64>>(39)?.unwrap_or_default().cast_unsigned(),
                changed_at: maybe_instant(row.get(40)?)?,
            }),
        };
        let nobody = NOBODY.with(Arc::clone);
        Ok(Self {
            earlier: row.get(0)?,
            product_rev: count(row, 16)?,
            product: row.get(17)?,
            policy: row.get(18)?,
            policy_error: row.get(19)?,
            override_: row.get(21)?,
            shadow: row.get(30)?,
            id: row.get(33)?,
            sku: row.get(34)?,
            lane: row.get(35)?,
            was_lane: row.get(36)?,
            rule_set: row.get(37)?,
            without: row.get(38)?,
            row: HistoryRow {
                sku: nobody.product.sku.clone(),
                record_rev: RecordRev(count(row, 1)?),
                price_version: PriceVersion(count(row, 2)?),
                cause: cause(row.get(4)?)?,
                inputs: RowInputs {
                    decided_at: instant(row.get(3)?)?,
                    previous: standing(row, 5)?,
                    stock,
                    product: nobody,
                    policy: Err(String::new()),
                    mode: mode(row.get(20)?)?,
                    override_: None,
                    settings_rev: count(row, 22)?,
                    promotions: Promotions::None,
                    previous_lane: None,
                    previous_belief: belief(row, 41)?,
                    previous_trial: trial(row, 42)?,
                },
                standing: standing(row, 23)?,
                shadow_price: None,
                refusal: row.get(31)?,
                lane: None,
                next_due: maybe_instant(row.get(32)?)?,
            },
        })
    }
}

/// A rollout without its candidate, which is kept by itself.
fn rollout(row: &Row<'_>, column: usize) -> Result<Option<RolloutSetting>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| serde_json::from_str(&text).map_err(unreadable)).transpose()
}

fn trial(row: &Row<'_>, column: usize) -> Result<Option<Arc<TrialAccount>>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| serde_json::from_str(&text).map(Arc::new).map_err(unreadable)).transpose()
}

fn belief(row: &Row<'_>, column: usize) -> Result<Option<Arc<Belief>>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| text.parse().map(Arc::new).map_err(unreadable)).transpose()
}

fn count(row: &Row<'_>, column: usize) -> Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

impl Store {
    /// Up to `most` rows of the whole history, oldest first, those after row `after`; with their numbers.
    pub fn history_page(&self, after: i64, most: usize) -> std::result::Result<Vec<(i64, HistoryRow)>, PortError> {
        self.read(|db| db.each_history_row(after, most))
    }
}

impl RecordReads for Store {
    async fn price(&self, sku: &Sku) -> std::result::Result<Option<PriceRecord>, PortError> {
        self.read(|db| match db.number(sku)? {
            Some(number) => db.price(sku, number),
            None => Ok(None),
        })
    }

    async fn inputs(&self, sku: &Sku) -> std::result::Result<SkuInputs, PortError> {
        self.read(|db| match db.number(sku)? {
            Some(number) => db.inputs(sku, number),
            None => Ok(SkuInputs::default()),
        })
    }

    async fn inventory(&self, sku: &Sku) -> std::result::Result<Option<Inventory>, PortError> {
        self.read(|db| match db.number(sku)? {
            Some(number) => db.inventory(sku, number),
            None => Ok(None),
        })
    }

    async fn product(&self, sku: &Sku) -> std::result::Result<Option<Arc<ProductRecord>>, PortError> {
        self.read(|db| match db.number(sku)? {
            Some(number) => db.product_of(number),
            None => Ok(None),
        })
    }

    async fn alert_state(&self, sku: &Sku) -> std::result::Result<Option<AlertState>, PortError> {
        self.read(|db| {
            let Some(number) = db.number(sku)? else { return Ok(None) };
            if let Some(state) = db.newest.alert_states.get(number) {
                return Ok(Some(state.clone()));
            }
            let mut select = db.conn.prepare_cached(
                "SELECT rev, episode, low, stock_version, crossed_on_hand, crossed_version, crossed_at FROM alert_states WHERE sku = ?1",
            )?;
            let read = |row: &Row<'_>| {
                let crossing = |crossed_at| {
                    Ok::<_, rusqlite::Error>(Sighting {
                        on_hand: count(row, 4)?,
                        stock_version: StockVersion(count(row, 5)?),
                        occurred_at: crossed_at,
                    })
                };
                Ok(AlertState {
                    sku: sku.clone(),
                    rev: count(row, 0)?,
                    episode: count(row, 1)?,
                    low: row.get(2)?,
                    pending: maybe_instant(row.get(6)?)?.map(crossing).transpose()?,
                    stock_version: StockVersion(count(row, 3)?),
                })
            };
            select.query_row([number], read).optional()
        })
    }

    async fn page(&self, after: Option<&Sku>, most: usize) -> std::result::Result<Vec<SkuState>, PortError> {
        self.read(|db| {
            let skus: Vec<(i64, String)> = {
                let mut select = db.conn.prepare_cached(
                    "SELECT skus.id, skus.sku FROM skus JOIN products ON products.sku = skus.id WHERE skus.sku > ?1 ORDER BY skus.sku LIMIT ?2",
                )?;
                let most = limit(most);
                let rows = select.query_map(rusqlite::params![after.map_or("", |sku| sku), most], |row| Ok((row.get(0)?, row.get(1)?)))?;
                rows.collect::<Result<_>>()?
            };
            // From the file, whatever is remembered: the store is verified by its pages.
            let newest = std::mem::take(&mut db.newest);
            let states = skus
                .into_iter()
                .map(|(number, text)| {
                    let sku = Sku::new(&text).map_err(unreadable)?;
                    Ok(SkuState { inputs: db.inputs(&sku, number)?, price: db.price(&sku, number)?, sku })
                })
                .collect();
            db.newest = newest;
            states
        })
    }

    async fn due(&self, now: Timestamp, most: usize) -> std::result::Result<Vec<(Timestamp, Sku)>, PortError> {
        self.read(|db| {
            let now = now.as_microsecond();
            if db.nothing_due_before.is_some_and(|before| now < before) {
                return Ok(Vec::new());
            }
            // No bound on the instant in the statement: SQLite would plan it anew for each value.
            let mut select = db.conn.prepare_cached(
                "SELECT prices.next_due, skus.sku FROM prices JOIN skus ON skus.id = prices.sku WHERE prices.next_due IS NOT NULL
                 ORDER BY prices.next_due, prices.sku LIMIT ?1",
            )?;
            let mut rows = select.query([limit(most.max(1))])?;
            let mut due = Vec::new();
            let mut before = Some(i64::MAX);
            while let Some(row) = rows.next()? {
                let at: i64 = row.get(0)?;
                if at > now {
                    before = due.is_empty().then_some(at);
                    break;
                }
                let text: String = row.get(1)?;
                due.push((instant(at)?, Sku::new(&text).map_err(unreadable)?));
                before = None;
            }
            drop(rows);
            drop(select);
            if db.is_writer {
                db.nothing_due_before = before;
            }
            due.truncate(most);
            Ok(due)
        })
    }

    async fn history(
        &self,
        sku: &Sku,
        before: Option<RecordRev>,
        most: usize,
    ) -> std::result::Result<Vec<HistoryRow>, PortError> {
        self.read(|db| {
            let Some(number) = db.number(sku)? else { return Ok(Vec::new()) };
            let mut next = match before {
                Some(before) => db.first_before(number, before)?,
                None => db.newest_row(number)?,
            };
            let sql = format!("{HISTORY} WHERE id = ?1");
            let mut rows = Vec::new();
            while rows.len() < most
                && let Some(id) = next
            {
                let raw = db.conn.prepare_cached(&sql)?.query_row([id], RawRow::read)?;
                next = raw.earlier;
                rows.push(db.history_row(sku, raw)?);
            }
            if let Some(last) = rows.last() {
                db.note_page(number, last.record_rev, next);
            }
            Ok(rows)
        })
    }
}

impl Documents for Store {
    async fn settings(&self) -> std::result::Result<Option<SettingsRecord>, PortError> {
        self.read(|db| db.settings_of(None))
    }

    async fn settings_at(&self, rev: u64) -> std::result::Result<Option<SettingsRecord>, PortError> {
        self.read(|db| db.settings_of(Some(rev)))
    }

    async fn settings_before(&self, before: u64, most: usize) -> std::result::Result<Vec<SettingsVersion>, PortError> {
        self.read(|db| {
            let mut select = db.conn.prepare_cached(
                "SELECT rev, strategies, strategies_by, strategies_note, strategies_at, candidate, rollout FROM settings
                 WHERE rev < ?1 ORDER BY rev DESC LIMIT ?2",
            )?;
            let before = i64::try_from(before).unwrap_or(i64::MAX);
            let rows = select.query_map(params![before, limit(most)], |row| {
                let texts: (String, String) = (row.get(2)?, row.get(3)?);
                let numbers: (i64, Option<i64>) = (row.get(1)?, row.get(5)?);
                Ok((count(row, 0)?, numbers, texts, instant(row.get(4)?)?, rollout(row, 6)?))
            })?;
            let rows: Vec<_> = rows.collect::<Result<_>>()?;
            drop(select);
            rows.into_iter()
                .map(|(rev, (strategies, candidate), (by, note), at, rollout)| {
                    let candidate = candidate.map(|candidate| db.document_hash(candidate)).transpose()?;
                    let strategies = db.document_hash(strategies)?;
                    Ok(SettingsVersion { rev, strategies, by, note, at, rollout: candidate.zip(rollout) })
                })
                .collect()
        })
    }

    async fn put_settings(&self, settings: &SettingsRecord) -> std::result::Result<pricestream_ports::Conditional, PortError> {
        self.put_settings_row(settings)
    }
}
