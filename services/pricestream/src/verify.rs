//! Recomputes every price from the records and compares record, cache and history.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use jiff::Timestamp;
use pricestream_domain::Sku;
use pricestream_embedded::{Access, EmbeddedCache, EmbeddedSettings, Store, ready};
use pricestream_ports::{Clock, RecordReads, Settings, SettingsSnapshot};
use pricestream_price_api::{Newest, UNDER_WAY, Verification, Verifier};

const PAGE: usize = 2_000;

/// Verifies everything in `store` as of `now`; `progress` hears how many decisions were taken again.
pub(crate) fn verify(
    store: &Store,
    settings: &SettingsSnapshot,
    cache: Option<&EmbeddedCache>,
    now: Timestamp,
    mut progress: impl FnMut(u64),
) -> Result<Verification> {
    let mut verifier = Verifier { report: Verification { cached: cache.map(|_| 0), ..Verification::default() } };
    let mut newest: HashMap<Sku, Newest> = HashMap::new();
    let mut after = 0;
    loop {
        let page = store.history_page(after, PAGE).context("reading the history")?;
        let Some((last, _)) = page.last() else { break };
        after = *last;
        for (_, row) in &page {
            verifier.look_at_row(row, newest.get(&row.sku));
            newest.insert(row.sku.clone(), Newest::of(row));
        }
        progress(verifier.report.decisions);
    }
    let mut after: Option<Sku> = None;
    loop {
        let page = ready(store.page(after.as_ref(), PAGE)).context("reading the records")?;
        for state in &page {
            verifier.look_at_record(state, newest.get(&state.sku), settings, now);
            if let (Some(cache), Some(record)) = (cache, &state.price) {
                verifier.look_at_cache(record, cache.look_up(&record.sku).as_deref());
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
