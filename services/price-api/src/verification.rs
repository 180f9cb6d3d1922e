//! Takes decisions again, and compares record, cache and history.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{StreamExt, iter};
use jiff::{SignedDuration, Timestamp};
use pricestream_domain::{Cause, Lane, Money, PriceVersion, RecordRev, Sku, Standing};
use pricestream_ports::{Cache, CacheEntry, HistoryRow, PortError, PriceRecord, RecordReads, SettingsSnapshot, SkuState};

use crate::ledger::{Finding, Verification};

/// Findings told one by one; the rest are counted.
const TOLD: usize = 20;

/// SKUs read at a time, and those looked at beside each other.
const PAGE: usize = 100;
const AT_A_TIME: usize = 16;

/// Decisions read at a time.
const ROWS: usize = 200;

/// What a decision left, for the one after it.
#[derive(Debug)]
pub struct Newest {
    record_rev: RecordRev,
    price_version: PriceVersion,
    standing: Option<Standing>,
    lane: Option<Arc<Lane>>,
    content: Option<Content>,
    stock_version: u64,
}

/// What the cache holds of a row: price, since when, list price, lane.
type Content = (Money, Timestamp, Money, Option<Arc<Lane>>);

impl Newest {
    /// What `row` left.
    pub fn of(row: &HistoryRow) -> Self {
        let list_price = row.inputs.product.product.list_price;
        Self {
            record_rev: row.record_rev,
            price_version: row.price_version,
            standing: row.standing,
            lane: row.lane.clone(),
            content: row.standing.map(|standing| (standing.price, standing.since, list_price, row.lane.clone())),
            stock_version: row.inputs.stock.map_or(0, |stock| stock.version.0),
        }
    }
}

/// A verification under way.
#[derive(Debug, Default)]
pub struct Verifier {
    /// What was looked at and found so far.
    pub report: Verification,
}

impl Verifier {
    fn find(&mut self, sku: &Sku, what: &'static str, detail: impl Into<String>) {
        self.report.findings += 1;
        if self.report.first.len() < TOLD {
            self.report.first.push(Finding { sku: sku.clone(), what: what.to_owned(), detail: detail.into() });
        }
    }

    /// Takes the decision again, and sees that it follows the one `before` it.
    pub fn look_at_row(&mut self, row: &HistoryRow, before: Option<&Newest>) {
        self.report.decisions += 1;
        if let Some(disagreement) = row.disagreement() {
            self.find(&row.sku, "history", format!("decision {}: {disagreement}", row.record_rev));
        }
        let this = Newest::of(row);
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
        let moved = before.and_then(|before| before.content.as_ref()) != this.content.as_ref();
        if row.price_version != (if moved { version.next() } else { version }) {
            let detail = format!("decision {} has price version {} after {version}", row.record_rev, row.price_version);
            self.find(&row.sku, "history", detail);
        }
        if before.is_some_and(|before| before.stock_version > this.stock_version) {
            self.find(&row.sku, "history", format!("decision {} saw older stock than the one before", row.record_rev));
        }
    }

    /// Compares a record with what the newest decision left, and with its inputs.
    pub fn look_at_record(&mut self, state: &SkuState, newest: Option<&Newest>, settings: &SettingsSnapshot, now: Timestamp) {
        self.report.skus += 1;
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
        match state.behind(settings, now) {
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

    /// Compares what the cache has of a SKU with its record. A cache that moves may be ahead of what was read of the record, never
    /// behind.
    pub fn look_at_cache(&mut self, record: &PriceRecord, held: Option<&CacheEntry>) {
        let due = record.cache_entry();
        let version = |entry: Option<&CacheEntry>| entry.map_or(PriceVersion(0), |entry| entry.price_version);
        let ahead = version(held) > version(due.as_ref());
        if !ahead && held != due.as_ref() {
            let held = held.map_or_else(|| "nothing".to_owned(), |held| format!("version {}", held.price_version));
            self.find(&record.sku, "cache", format!("the cache holds {held}, the record version {}", record.price_version));
        }
        *self.report.cached.get_or_insert(0) += 1;
    }
}

/// A record that has been due for less is being priced.
pub const UNDER_WAY: SignedDuration = SignedDuration::from_secs(2);

/// What a verification over the ports reads.
#[derive(Debug)]
pub struct Verify<'a, R, K> {
    /// Records and decisions.
    pub records: &'a R,
    /// Compared with the records.
    pub cache: &'a K,
    /// What records are to be decided under.
    pub settings: &'a SettingsSnapshot,
    /// The time that prices are a function of; see [`UNDER_WAY`].
    pub now: Timestamp,
}

impl<R: RecordReads, K: Cache> Verify<'_, R, K> {
    /// Verifies SKUs after `after`, some at a time until `enough`: then the answer's `next` says where it goes on. What is being
    /// priced this very moment gets a second look after `pause`.
    pub async fn some(
        &self,
        mut after: Option<Sku>,
        mut enough: impl FnMut() -> bool,
        pause: Duration,
    ) -> Result<Verification, PortError> {
        let mut all = Verification { cached: Some(0), ..Verification::default() };
        let mut again = Vec::new();
        'pages: loop {
            let mut page = self.records.page(after.as_ref(), PAGE).await?;
            let last_page = page.len() < PAGE;
            while !page.is_empty() {
                let rest = page.split_off(AT_A_TIME.min(page.len()));
                for (sku, report) in self.all(std::mem::replace(&mut page, rest)).await? {
                    after = Some(sku.clone());
                    if report.findings == 0 { all.add(report) } else { again.push(sku) }
                }
                if enough() && !(last_page && page.is_empty()) {
                    break 'pages;
                }
            }
            if last_page {
                after = None;
                break;
            }
        }
        if !again.is_empty() {
            tokio::time::sleep(pause).await;
            let states: Vec<Result<SkuState, PortError>> =
                iter(again).map(|sku| self.state(sku)).buffered(AT_A_TIME).collect().await;
            for (_, report) in self.all(states.into_iter().collect::<Result<_, _>>()?).await? {
                all.add(report);
            }
        }
        all.next = after;
        Ok(all)
    }

    async fn state(&self, sku: Sku) -> Result<SkuState, PortError> {
        let price = self.records.price(&sku).await?;
        let inputs = self.records.inputs(&sku).await?;
        Ok(SkuState { sku, inputs, price })
    }

    async fn all(&self, states: Vec<SkuState>) -> Result<Vec<(Sku, Verification)>, PortError> {
        let looked: Vec<Result<(Sku, Verification), PortError>> =
            iter(states).map(|state| self.one(state)).buffered(AT_A_TIME).collect().await;
        looked.into_iter().collect()
    }

    async fn one(&self, state: SkuState) -> Result<(Sku, Verification), PortError> {
        let mut verifier = Verifier::default();
        // Decisions that came after the record was read are not about it.
        let rev = state.price.as_ref().map_or(RecordRev(0), |record| record.record_rev);
        let mut newest = None;
        let mut before = Some(rev.next());
        let mut younger: Option<HistoryRow> = None;
        while let Some(upto) = before {
            let rows = self.records.history(&state.sku, Some(upto), ROWS).await?;
            before = rows.last().filter(|_| rows.len() == ROWS).map(|row| row.record_rev);
            for row in rows {
                let left = Newest::of(&row);
                if let Some(younger) = younger.replace(row) {
                    verifier.look_at_row(&younger, Some(&left));
                }
                newest.get_or_insert(left);
            }
        }
        if let Some(first) = younger {
            verifier.look_at_row(&first, None);
        }
        verifier.look_at_record(&state, newest.as_ref(), self.settings, self.now);
        if let Some(record) = &state.price {
            let held = self.cache.get(&state.sku).await?;
            verifier.look_at_cache(record, held.as_deref());
        }
        Ok((state.sku, verifier.report))
    }
}

impl Verification {
    /// Adds what was looked at elsewhere.
    pub fn add(&mut self, other: Self) {
        self.skus += other.skus;
        self.decisions += other.decisions;
        self.refused += other.refused;
        if let Some(cached) = other.cached {
            *self.cached.get_or_insert(0) += cached;
        }
        self.findings += other.findings;
        self.first.extend(other.first.into_iter().take(TOLD.saturating_sub(self.first.len())));
        self.next = other.next;
    }
}
