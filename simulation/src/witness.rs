use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use pricestream_domain::{PriceVersion, Sku};
use pricestream_event_schema::StockChange;
use pricestream_inventory_publisher::{PublishError, Published};
use pricestream_ports::memory::Tables;
use pricestream_ports::{AlertState, CacheEntry, SettingsSnapshot, SkuInputs};

use crate::fate::Fate;
use crate::invariants::{self as must, Broken, Holds};
use crate::ledger::Ledger;
use crate::world::{QUEUES, Source};

/// Looks at the tables after every step and remembers what later steps must agree with.
#[derive(Default)]
pub(crate) struct Witness {
    rows: BTreeMap<Sku, usize>,
    /// What each version was committed as.
    committed: BTreeMap<(Sku, PriceVersion), CacheEntry>,
    /// What the cache is to hold by the newest record.
    newest: BTreeMap<Sku, CacheEntry>,
    cache_writes: usize,
    /// Versions in the cache since it was last damaged.
    held: BTreeMap<Sku, PriceVersion>,
    alert_states: BTreeMap<Sku, AlertState>,
    acknowledged: BTreeMap<Sku, u64>,
}

impl Witness {
    /// After a step of an invocation that began when the records had the versions `began_at`.
    pub(crate) fn look(&mut self, tables: &Tables, began_at: &[(Sku, PriceVersion)], fate: &Fate) -> Holds {
        self.look_at_records(tables, fate)?;
        self.look_at_cache(tables, began_at, fate)?;
        for (sku, state) in &tables.alert_states {
            let before = self.alert_states.get(sku);
            if before != Some(state) {
                must::i7_crossings_come_one_by_one(before, state)?;
                self.alert_states.insert(sku.clone(), state.clone());
            }
        }
        for (sku, acknowledged) in &self.acknowledged {
            must::i7_an_acknowledged_change_is_kept(*acknowledged, tables.inventory.get(sku))?;
        }
        Ok(())
    }

    fn look_at_records(&mut self, tables: &Tables, fate: &Fate) -> Holds {
        for (sku, rows) in &tables.history {
            let looked_at = self.rows.entry(sku.clone()).or_default();
            for position in *looked_at..rows.len() {
                let (before, row) = (position.checked_sub(1).map(|before| &rows[before]), &rows[position]);
                let record = &tables.prices[sku];
                let entry = record.cache_entry();
                fate.note(format_args!(
                    "    record {sku} revision {} version {}: {:?} under settings {}, stock {:?}",
                    row.record_rev,
                    row.price_version,
                    row.standing.map(|standing| standing.price.minor),
                    row.inputs.settings_rev,
                    row.inputs.stock.map(|stock| (stock.version.0, stock.on_hand)),
                ));
                must::i3_rows_are_a_chain(before, row)?;
                must::i3_a_row_is_what_its_inputs_give(row)?;
                must::i3_the_record_is_its_newest_row(record, row)?;
                must::i3_the_version_moves_with_the_content(self.newest.get(sku), entry.as_ref())?;
                must::i5_a_price_keeps_its_bounds(row)?;
                must::i6_a_record_never_goes_back_to_older_inputs(before, row)?;
                must::i6_a_frozen_price_stays(row)?;
                if let Some(entry) = entry {
                    self.committed.insert((sku.clone(), entry.price_version), entry.clone());
                    self.newest.insert(sku.clone(), entry);
                }
            }
            *looked_at = rows.len();
        }
        Ok(())
    }

    fn look_at_cache(&mut self, tables: &Tables, began_at: &[(Sku, PriceVersion)], fate: &Fate) -> Holds {
        for taken in &tables.cache_writes[self.cache_writes..] {
            fate.note(format_args!("    cache {} takes version {}", taken.sku, taken.price_version));
            if let Some(held) = self.held.get(&taken.sku) {
                must::i1_the_cache_never_goes_back(*held, taken)?;
            } else {
                let was = began_at.iter().find(|(sku, _)| *sku == taken.sku).map_or(PriceVersion(0), |(_, was)| *was);
                must::r6_an_emptied_cache_takes_no_old_price(was, taken)?;
            }
            must::i4_what_is_cached_was_committed(self.committed.get(&(taken.sku.clone(), taken.price_version)), taken)?;
            self.held.insert(taken.sku.clone(), taken.price_version);
        }
        self.cache_writes = tables.cache_writes.len();
        Ok(())
    }

    /// The cache was wiped or rolled back: from here on it holds what it holds now.
    pub(crate) fn cache_damaged(&mut self, tables: &Tables) {
        self.held = tables.cache.iter().map(|(sku, entry)| (sku.clone(), entry.price_version)).collect();
    }

    /// A source got its answer.
    pub(crate) fn answered(
        &mut self,
        change: &StockChange,
        answer: &Result<Published, PublishError>,
        sources: &mut [Source],
    ) -> Holds {
        match answer {
            Err(PublishError::Refused(refused)) => {
                Err(Broken { invariant: "R15 a source that keeps the rules is not refused", detail: refused.to_string() })
            }
            Err(PublishError::Failed(_)) => Ok(()), // it sends the same again
            Ok(_) => {
                let highest = self.acknowledged.entry(change.sku.clone()).or_default();
                *highest = change.source_seq.0.max(*highest);
                for source in sources.iter_mut().filter(|source| source.sku == change.sku) {
                    if source.unsent.front() == Some(change) {
                        source.sent.extend(source.unsent.pop_front());
                    }
                }
                Ok(())
            }
        }
    }

    /// Nothing is under way any more, and nothing is left for the reconciler to do.
    pub(crate) fn settled(tables: &mut Tables, ledger: &Ledger, now: Timestamp) -> Holds {
        let stored = tables.settings.last().expect("settings were there from the start");
        let (settings, _) = SettingsSnapshot::of(stored, &SettingsSnapshot::frozen());
        for (sku, product) in &tables.products {
            let inputs = SkuInputs {
                product: Some(Arc::clone(product)),
                inventory: tables.inventory.get(sku).cloned(),
                override_: tables.overrides.get(sku).cloned(),
            };
            let record = tables.prices.get(sku);
            must::i2_a_record_has_seen_its_inputs(record, &inputs, &settings, now)?;
            if let Some(record) = record {
                must::i2_the_cache_is_the_record(record, tables.cache.get(sku).map(AsRef::as_ref))?;
            }
        }
        for (sku, state) in &tables.alert_states {
            must::i7_each_crossing_was_told(state, tables)?;
            if let Some(inventory) = tables.inventory.get(sku) {
                must::i7_a_state_knows_what_it_saw(state, inventory)?;
            }
        }
        for (alert, _) in tables.alerts.values() {
            must::i7_an_alert_tells_of_low_stock(alert)?;
        }
        must::i8_poison_alone_is_quarantined(tables, ledger)?;
        must::i10_no_message_vanishes(tables, &QUEUES.map(|(queue, _)| queue), ledger)
    }
}
