//! Recomputes every price from the records and compares record, cache and history.

use std::collections::HashMap;

use anyhow::{Context, Result};
use jiff::Timestamp;
use pricestream_domain::{Cause, Money, PriceVersion, RecordRev, Sku, Standing};
use pricestream_embedded::{EmbeddedCache, Store, ready};
use pricestream_ports::{HistoryRow, PriceRecord, RecordReads, SettingsSnapshot, SkuState};
use pricestream_reconciler::behind;
use serde::{Deserialize, Serialize};

/// What was looked at and what was found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Verification {
    /// SKUs of the catalogue.
    pub(crate) skus: u64,
    /// Decisions taken again.
    pub(crate) decisions: u64,
    /// SKUs that are refused a price.
    pub(crate) refused: u64,
    /// Cache entries compared; none when there is no running cache to compare.
    pub(crate) cached: Option<u64>,
    /// How many findings there are.
    pub(crate) findings: u64,
    /// The first of them.
    pub(crate) first: Vec<Finding>,
}

/// Something that does not agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Finding {
    pub(crate) sku: Sku,
    /// history, record, inputs, due or cache.
    pub(crate) what: String,
    pub(crate) detail: String,
}

/// Findings told one by one; the rest are counted.
const TOLD: usize = 20;
const PAGE: usize = 2_000;

/// The newest row of a SKU so far.
struct Newest {
    record_rev: RecordRev,
    price_version: PriceVersion,
    standing: Option<Standing>,
    content: Option<(Money, Timestamp, Money)>,
    stock_version: u64,
}

impl Verification {
    /// Nothing disagrees.
    pub(crate) fn is_clean(&self) -> bool {
        self.findings == 0
    }

    fn find(&mut self, sku: &Sku, what: &'static str, detail: impl Into<String>) {
        self.findings += 1;
        if self.first.len() < TOLD {
            self.first.push(Finding { sku: sku.clone(), what: what.to_owned(), detail: detail.into() });
        }
    }

    fn look_at_row(&mut self, row: &HistoryRow, newest: &mut HashMap<Sku, Newest>) {
        self.decisions += 1;
        if let Some(disagreement) = row.disagreement() {
            self.find(&row.sku, "history", format!("decision {}: {disagreement}", row.record_rev));
        }
        let list_price = row.inputs.product.product.list_price;
        let content = row.standing.map(|standing| (standing.price, standing.since, list_price));
        let stock_version = row.inputs.stock.map_or(0, |stock| stock.version.0);
        let before = newest.get(&row.sku);
        let (rev, version) = before.map_or((RecordRev(0), PriceVersion(0)), |before| (before.record_rev, before.price_version));
        if row.record_rev != rev.next() {
            self.find(&row.sku, "history", format!("decision {} follows {rev}", row.record_rev));
        }
        if row.inputs.previous != before.and_then(|before| before.standing) {
            self.find(&row.sku, "history", format!("decision {} did not see what decision {rev} left", row.record_rev));
        }
        let moved = before.and_then(|before| before.content) != content;
        if row.price_version != (if moved { version.next() } else { version }) {
            let detail = format!("decision {} has price version {} after {version}", row.record_rev, row.price_version);
            self.find(&row.sku, "history", detail);
        }
        if before.is_some_and(|before| before.stock_version > stock_version) {
            self.find(&row.sku, "history", format!("decision {} saw older stock than the one before", row.record_rev));
        }
        let (record_rev, price_version, standing) = (row.record_rev, row.price_version, row.standing);
        newest.insert(row.sku.clone(), Newest { record_rev, price_version, standing, content, stock_version });
    }

    fn look_at_record(&mut self, state: &SkuState, newest: Option<&Newest>, settings: &SettingsSnapshot, now: Timestamp) {
        let sku = &state.sku;
        let Some(record) = &state.price else {
            return self.find(sku, "record", "there is no price record");
        };
        if record.refusal.is_some() {
            self.refused += 1;
        }
        match newest {
            Some(newest)
                if (newest.record_rev, newest.price_version, newest.standing)
                    == (record.record_rev, record.price_version, record.standing) => {}
            Some(newest) => {
                self.find(sku, "record", format!("the record is at {}, its history at {}", record.record_rev, newest.record_rev));
            }
            None => self.find(sku, "record", "the record has no history"),
        }
        match behind(state, settings, now) {
            None => {}
            Some(Cause::Due) => {
                let due = record.next_due.map_or_else(String::new, |due| due.to_string());
                self.find(sku, "due", format!("was due at {due}"));
            }
            Some(cause) => {
                self.find(sku, "inputs", format!("the record was decided on other inputs than there are now: {cause}"));
            }
        }
    }

    fn look_at_cache(&mut self, record: &PriceRecord, cache: &EmbeddedCache) {
        let held = cache.look_up(&record.sku);
        if held.as_deref() != record.cache_entry().as_ref() {
            let held = held.map_or_else(|| "nothing".to_owned(), |held| format!("version {}", held.price_version));
            self.find(&record.sku, "cache", format!("the cache holds {held}, the record version {}", record.price_version));
        }
        *self.cached.get_or_insert(0) += 1;
    }
}

/// Verifies everything in `store` as of `now`; `progress` hears how many decisions were taken again.
pub(crate) fn verify(
    store: &Store,
    settings: &SettingsSnapshot,
    cache: Option<&EmbeddedCache>,
    now: Timestamp,
    mut progress: impl FnMut(u64),
) -> Result<Verification> {
    let mut report = Verification { cached: cache.map(|_| 0), ..Verification::default() };
    let mut newest = HashMap::new();
    let mut after = 0;
    loop {
        let page = store.history_page(after, PAGE).context("reading the history")?;
        let Some((last, _)) = page.last() else { break };
        after = *last;
        for (_, row) in &page {
            report.look_at_row(row, &mut newest);
        }
        progress(report.decisions);
    }
    let mut after: Option<Sku> = None;
    loop {
        let page = ready(store.page(after.as_ref(), PAGE)).context("reading the records")?;
        for state in &page {
            report.skus += 1;
            report.look_at_record(state, newest.get(&state.sku), settings, now);
            if let (Some(cache), Some(record)) = (cache, &state.price) {
                report.look_at_cache(record, cache);
            }
        }
        match page.into_iter().last() {
            Some(last) => after = Some(last.sku),
            None => return Ok(report),
        }
    }
}
