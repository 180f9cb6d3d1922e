//! What must hold. Each function is one invariant, named after it; the number is that of the design.

use std::collections::BTreeSet;

use jiff::Timestamp;
use pricestream_domain::{Mode, PriceVersion, Product, StockVersion};
use pricestream_event_schema::LowStockV1;
use pricestream_ports::memory::Tables;
use pricestream_ports::{
    AlertState, CacheEntry, HistoryRow, Inventory, MessageId, PriceRecord, SeenInputs, SettingsSnapshot, SkuInputs,
};

use crate::inputs::{BAND, document_floor};
use crate::ledger::Ledger;

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which, by number and name.
    pub invariant: &'static str,
    /// Where it shows.
    pub detail: String,
}

pub(crate) type Holds = Result<(), Broken>;

fn holds(invariant: &'static str, held: bool, detail: impl FnOnce() -> String) -> Holds {
    if held { Ok(()) } else { Err(Broken { invariant, detail: detail() }) }
}

/// Every version that the cache of a SKU takes is above the one that it held.
pub(crate) fn i1_the_cache_never_goes_back(held: PriceVersion, taken: &CacheEntry) -> Holds {
    holds("I1 the cache never goes back", taken.price_version > held, || {
        format!("{} held version {held} and took {}", taken.sku, taken.price_version)
    })
}

/// With nothing under way, a record was decided on what its inputs are now.
pub(crate) fn i2_a_record_has_seen_its_inputs(
    record: Option<&PriceRecord>,
    inputs: &SkuInputs,
    settings: &SettingsSnapshot,
    now: Timestamp,
) -> Holds {
    let product = inputs.product.as_ref().expect("the simulation deletes no product");
    let sku = &product.product.sku;
    let seen = SeenInputs::of(product, &settings.policy_for(&product.product), inputs, settings);
    let name = "I2 a settled record has seen its inputs";
    let Some(record) = record else {
        return holds(name, false, || format!("{sku} has no record"));
    };
    holds(name, record.seen == seen, || format!("{sku} saw {:?}, the inputs are {seen:?}", record.seen))?;
    holds(name, !record.is_due(now), || format!("{sku} has been due since {:?}, it is {now}", record.next_due))
}

/// With nothing under way, the cache holds what the record says.
pub(crate) fn i2_the_cache_is_the_record(record: &PriceRecord, cached: Option<&CacheEntry>) -> Holds {
    let entry = record.cache_entry();
    holds("I2 a settled cache is the record", entry.as_ref() == cached, || {
        format!("the record says {entry:?}, the cache {cached:?}")
    })
}

/// A row says what its inputs give, bit for bit.
pub(crate) fn i3_a_row_is_what_its_inputs_give(row: &HistoryRow) -> Holds {
    let disagreement = row.disagreement();
    holds("I3 a row is what its inputs give", disagreement.is_none(), || {
        format!("{} revision {}: {}", row.sku, row.record_rev, disagreement.map(|found| found.to_string()).unwrap_or_default())
    })
}

/// Each row goes on from the one before: no decision is lost, none is taken twice.
pub(crate) fn i3_rows_are_a_chain(before: Option<&HistoryRow>, row: &HistoryRow) -> Holds {
    let name = "I3 rows are a chain";
    let rev = before.map_or(0, |before| before.record_rev.0) + 1;
    holds(name, row.record_rev.0 == rev, || format!("{}: revision {} follows {}", row.sku, row.record_rev, rev - 1))?;
    let stood = before.and_then(|before| before.standing);
    holds(name, row.inputs.previous == stood, || {
        format!("{} revision {rev} went on from {:?}, before it stood {stood:?}", row.sku, row.inputs.previous)
    })?;
    let lane = before.and_then(|before| before.lane.as_ref());
    holds(name, row.inputs.previous_lane.as_ref() == lane, || {
        format!("{} revision {rev} went on from {:?}, before it was {lane:?}", row.sku, row.inputs.previous_lane)
    })
}

/// The record that the cache and the shop are told of is the newest row.
pub(crate) fn i3_the_record_is_its_newest_row(record: &PriceRecord, row: &HistoryRow) -> Holds {
    let of_record = (record.record_rev, record.price_version, record.standing, &record.lane, record.next_due, &record.refusal);
    let of_row = (row.record_rev, row.price_version, row.standing, &row.lane, row.next_due, &row.refusal);
    holds("I3 the record is its newest row", of_record == of_row, || format!("record {of_record:?}, row {of_row:?}"))
}

/// The price version moves by one exactly when what the cache is to hold moves.
pub(crate) fn i3_the_version_moves_with_the_content(before: Option<&CacheEntry>, after: Option<&CacheEntry>) -> Holds {
    let name = "I3 the version moves with the content";
    let version = |entry: Option<&CacheEntry>| entry.map_or(0, |entry| entry.price_version.0);
    let as_before = |entry: &CacheEntry| CacheEntry { price_version: PriceVersion(version(before)), ..entry.clone() };
    let same = after.map(as_before).as_ref() == before;
    let moved = version(after).wrapping_sub(version(before));
    holds(name, moved == u64::from(!same), || format!("from {before:?} to {after:?}"))
}

/// Whatever the cache ever took was committed under that version.
pub(crate) fn i4_what_is_cached_was_committed(committed: Option<&CacheEntry>, taken: &CacheEntry) -> Holds {
    holds("I4 what is cached was committed", committed == Some(taken), || format!("took {taken:?}, committed was {committed:?}"))
}

/// No price is below its floor or above its ceiling. (A SKU that is refused a price keeps its last valid one.)
pub(crate) fn i5_a_price_keeps_its_bounds(row: &HistoryRow) -> Holds {
    let Some(price) = row.standing.filter(|_| row.refusal.is_none()).map(|standing| standing.price) else { return Ok(()) };
    let (floor, ceiling) = bounds(&row.inputs.product.product);
    holds("I5 a price keeps its bounds", (floor..=ceiling).contains(&price.minor), || {
        format!("{} revision {}: {price} is not within {floor} and {ceiling}", row.sku, row.record_rev)
    })
}

/// Floor and ceiling in minor units, by the simulation's catalogue and documents.
fn bounds(product: &Product) -> (i64, i64) {
    let floor = product.floor.unwrap_or_else(|| product.list_price.portion(document_floor()));
    (floor.minor, product.ceiling.map_or(i64::MAX, |ceiling| ceiling.minor))
}

/// A decision never replaces one that saw newer stock or newer settings; so nothing moves once a freeze was seen.
pub(crate) fn i6_a_record_never_goes_back_to_older_inputs(before: Option<&HistoryRow>, row: &HistoryRow) -> Holds {
    let name = "I6 a record never goes back to older inputs";
    let stock = |row: &HistoryRow| row.inputs.stock.map_or(StockVersion(0), |stock| stock.version);
    let Some(before) = before else { return Ok(()) };
    holds(name, stock(before) <= stock(row), || {
        format!("{} revision {}: stock {} after {}", row.sku, row.record_rev, stock(row), stock(before))
    })?;
    holds(name, before.inputs.product.rev <= row.inputs.product.rev, || {
        format!("{} revision {}: line {} after {}", row.sku, row.record_rev, row.inputs.product.rev, before.inputs.product.rev)
    })?;
    holds(name, before.inputs.settings_rev <= row.inputs.settings_rev, || {
        let (older, newer) = (row.inputs.settings_rev, before.inputs.settings_rev);
        format!("{} revision {}: settings {older} after {newer}", row.sku, row.record_rev)
    })
}

/// While repricing is frozen a price stays; only its bounds, a person's override or the end of the product move it.
pub(crate) fn i6_a_frozen_price_stays(row: &HistoryRow) -> Holds {
    let inputs = &row.inputs;
    let product = &inputs.product.product;
    let overridden = inputs.override_.as_ref().is_some_and(|override_| override_.expires_at > inputs.decided_at);
    if inputs.mode != Mode::Freeze || overridden || product.retired {
        return Ok(());
    }
    let (floor, ceiling) = bounds(product);
    let stays = inputs.previous.map(|standing| standing.price.minor.max(floor).min(ceiling));
    let stands = row.standing.map(|standing| standing.price.minor);
    holds("I6 a frozen price stays", row.refusal.is_some() && row.standing == inputs.previous || stays == stands, || {
        format!("{} revision {}: from {:?} to {:?}", row.sku, row.record_rev, inputs.previous, row.standing)
    })
}

/// What a source was told is kept, is kept.
pub(crate) fn i7_an_acknowledged_change_is_kept(acknowledged: u64, inventory: Option<&Inventory>) -> Holds {
    let kept = inventory.map_or(0, |inventory| inventory.source_seq.0);
    holds("I7 an acknowledged stock change is kept", acknowledged <= kept, || {
        format!("change {acknowledged} was acknowledged, the record holds {kept}")
    })
}

/// A low-stock state moves by one crossing at a time, each of which is to be told.
pub(crate) fn i7_crossings_come_one_by_one(before: Option<&AlertState>, after: &AlertState) -> Holds {
    let crossed = after.episode - before.map_or(0, |before| before.episode.min(after.episode));
    let back = before.is_some_and(|before| before.episode > after.episode || before.stock_version > after.stock_version);
    let held = !back && (crossed == 0 || (crossed == 1 && after.pending.is_some()));
    holds("I7 crossings come one by one", held, || format!("from {before:?} to {after:?}"))
}

/// With nothing under way, each downward crossing that was seen was told, under one id.
pub(crate) fn i7_each_crossing_was_told(state: &AlertState, tables: &Tables) -> Holds {
    let name = "I7 each crossing was told, under one id";
    let of_sku: BTreeSet<&str> =
        tables.alerts.iter().filter(|(_, (alert, _))| alert.sku == state.sku).map(|(id, _)| id.as_str()).collect();
    let expected: BTreeSet<String> = (1..=state.episode).map(|episode| format!("low-stock/{}/{episode}", state.sku)).collect();
    holds(name, of_sku == expected.iter().map(String::as_str).collect(), || format!("{state:?}, told {of_sku:?}"))?;
    holds(name, state.pending.is_none(), || format!("{state:?} is still to be told"))
}

/// An alert tells of stock that is low.
pub(crate) fn i7_an_alert_tells_of_low_stock(alert: &LowStockV1) -> Holds {
    holds("I7 an alert tells of low stock", alert.on_hand <= alert.at && alert.at == BAND.at, || format!("{alert:?}"))
}

/// A state that has seen the present stock knows whether that is low.
pub(crate) fn i7_a_state_knows_what_it_saw(state: &AlertState, inventory: &Inventory) -> Holds {
    let known = state.stock_version != inventory.stock_version
        || (inventory.on_hand > BAND.at || state.low) && (inventory.on_hand < BAND.rearm || !state.low);
    holds("I7 a state knows what it saw", known, || format!("{state:?} with {} on hand", inventory.on_hand))
}

/// What cannot be read is in quarantine, or with the dead after too many crashes on the way there; nothing else is in
/// quarantine.
pub(crate) fn i8_poison_alone_is_quarantined(tables: &Tables, ledger: &Ledger) -> Holds {
    for (queue, aside) in &tables.quarantine {
        for (delivery, why) in aside {
            holds("I8 poison alone is quarantined", ledger.poison.contains(&delivery.id), || {
                format!("{queue} refused message {}: {}", delivery.id.0, why.reason)
            })?;
        }
    }
    Ok(())
}

/// With nothing under way, every copy of a message was handled, refused with a reason, given up, or lost by a fault.
pub(crate) fn i10_no_message_vanishes(tables: &mut Tables, queues: &[&str], ledger: &Ledger) -> Holds {
    let mut ends: BTreeSet<MessageId> = &ledger.handled | &ledger.lost;
    for queue in queues {
        ends.extend(tables.dead(queue).iter().map(|dead| dead.id));
        ends.extend(tables.quarantine.get(*queue).into_iter().flatten().map(|(delivery, _)| delivery.id));
        let left = tables.queue(queue).len();
        holds("I10 no message vanishes", left == 0, || format!("{left} are left in {queue}"))?;
    }
    let all: BTreeSet<MessageId> = (1..=ledger.sent).map(MessageId).collect();
    holds("I10 no message vanishes", ends == all, || {
        let (missing, invented): (Vec<_>, Vec<_>) = (all.difference(&ends).collect(), ends.difference(&all).collect());
        format!("of {} sent {missing:?} vanished, {invented:?} were never sent", ledger.sent)
    })
}

/// What a message writes into an emptied cache is not older than the record was when the message was taken up.
pub(crate) fn r6_an_emptied_cache_takes_no_old_price(record_was: PriceVersion, taken: &CacheEntry) -> Holds {
    holds("R6 an emptied cache takes no old price", taken.price_version >= record_was, || {
        format!(
            "{} took version {}, its record was at {record_was} before the message was taken up",
            taken.sku, taken.price_version
        )
    })
}
