//! Recomputes every price from the records and compares record, cache and history.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use pricestream_domain::{Cause, Lane, Money, PriceVersion, RecordRev, Sku, Standing};
use pricestream_embedded::{Access, EmbeddedCache, EmbeddedSettings, Store, ready};
use pricestream_ports::{CacheEntry, Clock, HistoryRow, PriceRecord, RecordReads, Settings, SettingsSnapshot, SkuState};
use pricestream_price_api::{Finding, Verification};
use pricestream_reconciler::behind;

/// Findings told one by one; the rest are counted.
const TOLD: usize = 20;
const PAGE: usize = 2_000;

/// The newest row of a SKU so far.
struct Newest {
    record_rev: RecordRev,
    price_version: PriceVersion,
    standing: Option<Standing>,
    lane: Option<Arc<Lane>>,
    content: Option<Content>,
    stock_version: u64,
}

/// What the cache holds of a row: price, since when, list price, lane.
type Content = (Money, Timestamp, Money, Option<Arc<Lane>>);

/// A verification under way.
struct Verifier {
    report: Verification,
}

impl Verifier {
    fn find(&mut self, sku: &Sku, what: &'static str, detail: impl Into<String>) {
        self.report.findings += 1;
        if self.report.first.len() < TOLD {
            self.report.first.push(Finding { sku: sku.clone(), what: what.to_owned(), detail: detail.into() });
        }
    }

    fn look_at_row(&mut self, row: &HistoryRow, newest: &mut HashMap<Sku, Newest>) {
        self.report.decisions += 1;
        if let Some(disagreement) = row.disagreement() {
            self.find(&row.sku, "history", format!("decision {}: {disagreement}", row.record_rev));
        }
        let list_price = row.inputs.product.product.list_price;
        let content = row.standing.map(|standing| (standing.price, standing.since, list_price, row.lane.clone()));
        let stock_version = row.inputs.stock.map_or(0, |stock| stock.version.0);
        let before = newest.get(&row.sku);
        let (rev, version) = before.map_or((RecordRev(0), PriceVersion(0)), |before| (before.record_rev, before.price_version));
        if row.record_rev != rev.next() {
            self.find(&row.sku, "history", format!("decision {} follows {rev}", row.record_rev));
        }
        if row.inputs.previous != before.and_then(|before| before.standing) {
            self.find(&row.sku, "history", format!("decision {} did not see what decision {rev} left", row.record_rev));
        }
        if row.inputs.previous_lane != before.and_then(|before| before.lane.clone()) {
            self.find(&row.sku, "history", format!("decision {} did not see the lane that decision {rev} left", row.record_rev));
        }
        let moved = before.and_then(|before| before.content.as_ref()) != content.as_ref();
        if row.price_version != (if moved { version.next() } else { version }) {
            let detail = format!("decision {} has price version {} after {version}", row.record_rev, row.price_version);
            self.find(&row.sku, "history", detail);
        }
        if before.is_some_and(|before| before.stock_version > stock_version) {
            self.find(&row.sku, "history", format!("decision {} saw older stock than the one before", row.record_rev));
        }
        let (record_rev, price_version, standing) = (row.record_rev, row.price_version, row.standing);
        let lane = row.lane.clone();
        newest.insert(row.sku.clone(), Newest { record_rev, price_version, standing, lane, content, stock_version });
    }

    fn look_at_record(&mut self, state: &SkuState, newest: Option<&Newest>, settings: &SettingsSnapshot, now: Timestamp) {
        let sku = &state.sku;
        let Some(record) = &state.price else {
            return self.find(sku, "record", "there is no price record");
        };
        if record.refusal.is_some() {
            self.report.refused += 1;
        }
        match newest {
            Some(newest)
                if (newest.record_rev, newest.price_version, newest.standing, &newest.lane)
                    == (record.record_rev, record.price_version, record.standing, &record.lane) => {}
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

    /// The cache of a running server may be ahead of what was read of the records, never behind.
    fn look_at_cache(&mut self, record: &PriceRecord, cache: &EmbeddedCache) {
        let (held, due) = (cache.look_up(&record.sku), record.cache_entry());
        let version = |entry: Option<&CacheEntry>| entry.map_or(PriceVersion(0), |entry| entry.price_version);
        let ahead = version(held.as_deref()) > version(due.as_ref());
        if !ahead && held.as_deref() != due.as_ref() {
            let held = held.map_or_else(|| "nothing".to_owned(), |held| format!("version {}", held.price_version));
            self.find(&record.sku, "cache", format!("the cache holds {held}, the record version {}", record.price_version));
        }
        *self.report.cached.get_or_insert(0) += 1;
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
    let mut verifier = Verifier { report: Verification { cached: cache.map(|_| 0), ..Verification::default() } };
    let mut newest = HashMap::new();
    let mut after = 0;
    loop {
        let page = store.history_page(after, PAGE).context("reading the history")?;
        let Some((last, _)) = page.last() else { break };
        after = *last;
        for (_, row) in &page {
            verifier.look_at_row(row, &mut newest);
        }
        progress(verifier.report.decisions);
    }
    let mut after: Option<Sku> = None;
    loop {
        let page = ready(store.page(after.as_ref(), PAGE)).context("reading the records")?;
        for state in &page {
            verifier.report.skus += 1;
            verifier.look_at_record(state, newest.get(&state.sku), settings, now);
            if let (Some(cache), Some(record)) = (cache, &state.price) {
                verifier.look_at_cache(record, cache);
            }
        }
        match page.into_iter().last() {
            Some(last) => after = Some(last.sku),
            None => return Ok(verifier.report),
        }
    }
}

/// Verifies a store that is being written: on one snapshot of it, by a connection of its own. What is being priced this
/// very moment gets a second look.
pub(crate) fn verify_running(directory: &Path, cache: &EmbeddedCache, clock: &impl Clock) -> Result<Verification> {
    let store = Arc::new(Store::open(directory, Access::Read)?);
    let settings = EmbeddedSettings::new(Arc::clone(&store));
    let look = || {
        store.begin_read()?;
        let now = clock.now().checked_sub(UNDER_WAY).unwrap_or(Timestamp::MIN);
        let report = ready(settings.reload()).map_err(anyhow::Error::from);
        let report = report.and_then(|()| verify(&store, &settings.current(), Some(cache), now, |_| ()));
        store.end_read()?;
        report
    };
    let first = look()?;
    if first.findings == 0 {
        return Ok(first);
    }
    std::thread::sleep(UNDER_WAY.unsigned_abs());
    look()
}

/// A record that has been due for less is being priced.
const UNDER_WAY: SignedDuration = SignedDuration::from_secs(2);
