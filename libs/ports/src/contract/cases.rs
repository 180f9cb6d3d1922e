use jiff::Timestamp;
use pricestream_domain::{PriceVersion, RecordRev, StockVersion};

use super::samples::{inventory, priced, product, settings, sku, stock_event};
use super::{MAX_RECEIVE_COUNT, VISIBILITY, World};
use crate::{
    AlertState, BatchOutcome, Bus, Cache, CacheWrite, Conditional, Delivery, Documents, IfAbsent, Quarantined, RecordReads,
    Records, Sighting,
};

const PRICING: &str = "pricing-calculator";

/// R1: a write that saw an older version changes nothing.
pub async fn a_conditional_write_needs_the_version_it_saw(world: &impl World) {
    let records = world.records();
    let name = sku("A");
    for (version, seen, expected) in [
        (1, 1, Conditional::Superseded), // there is none yet
        (1, 0, Conditional::Written),
        (1, 0, Conditional::Superseded), // there is one now
        (3, 2, Conditional::Superseded),
        (2, 1, Conditional::Written),
    ] {
        assert_eq!(records.put_inventory(&inventory("A", version), StockVersion(seen)).await.unwrap(), expected);
    }
    assert_eq!(records.inventory(&name).await.unwrap(), Some(inventory("A", 2)));
    for (rev, expected) in
        [(2, Conditional::Superseded), (1, Conditional::Written), (1, Conditional::Superseded), (2, Conditional::Written)]
    {
        assert_eq!(records.put_product(&product("A", rev)).await.unwrap(), expected);
    }
    let (first, row) = priced("A", 1);
    assert_eq!(records.put_price(&first, &row, RecordRev(5)).await.unwrap(), Conditional::Superseded);
    assert_eq!(records.put_price(&first, &row, RecordRev(0)).await.unwrap(), Conditional::Written);
    let (second, row) = priced("A", 2);
    assert_eq!(records.put_price(&second, &row, RecordRev(0)).await.unwrap(), Conditional::Superseded);
    assert_eq!(records.price(&name).await.unwrap(), Some(first));
    assert_eq!(records.put_price(&second, &row, RecordRev(1)).await.unwrap(), Conditional::Written);
    assert_eq!(records.price(&name).await.unwrap(), Some(second));
}

/// Neither is there without the other.
pub async fn a_price_and_its_history_row_are_written_together(world: &impl World) {
    let records = world.records();
    let (record, row) = priced("A", 1);
    assert_eq!(records.put_price(&record, &row, RecordRev(9)).await.unwrap(), Conditional::Superseded);
    assert_eq!(records.history(&sku("A"), None, 10).await.unwrap(), []);
    assert_eq!(records.put_price(&record, &row, RecordRev(0)).await.unwrap(), Conditional::Written);
    assert_eq!(records.history(&sku("A"), None, 10).await.unwrap(), [row]);
}

/// Rows of one SKU, with those of another between.
pub async fn history_is_append_only_and_newest_first(world: &impl World) {
    let records = world.records();
    for rev in 1..=5 {
        for name in ["A", "B"] {
            let (record, row) = priced(name, rev);
            assert_eq!(records.put_price(&record, &row, RecordRev(rev - 1)).await.unwrap(), Conditional::Written);
        }
    }
    let revs = |rows: Vec<crate::HistoryRow>| rows.iter().map(|row| row.record_rev.0).collect::<Vec<_>>();
    assert_eq!(revs(records.history(&sku("A"), None, 10).await.unwrap()), [5, 4, 3, 2, 1]);
    assert_eq!(revs(records.history(&sku("A"), Some(RecordRev(4)), 2).await.unwrap()), [3, 2]);
    assert_eq!(revs(records.history(&sku("C"), None, 10).await.unwrap()), [0; 0]);
}

/// Pages of any length, while more is written, and from any revision.
pub async fn pages_of_a_history_are_the_history(world: &impl World) {
    let records = world.records();
    let mut written = 0;
    for length in 1..=4 {
        for _ in 0..5 {
            written += 1;
            let (record, row) = priced("A", written);
            assert_eq!(records.put_price(&record, &row, RecordRev(written - 1)).await.unwrap(), Conditional::Written);
        }
        let (mut revs, mut before) = (Vec::new(), None);
        loop {
            let rows = records.history(&sku("A"), before, length).await.unwrap();
            revs.extend(rows.iter().map(|row| row.record_rev.0));
            before = rows.last().map(|row| row.record_rev);
            if rows.len() < length {
                break;
            }
        }
        assert_eq!(revs, (1..=written).rev().collect::<Vec<_>>(), "pages of {length}");
        for rev in 1..=written + 2 {
            let rows = records.history(&sku("A"), Some(RecordRev(rev)), 1).await.unwrap();
            let expected = (rev > 1).then(|| (rev - 1).min(written));
            assert_eq!(rows.first().map(|row| row.record_rev.0), expected, "before {rev}");
        }
    }
}

/// Every field, present and absent.
pub async fn what_is_written_reads_back_the_same(world: &impl World) {
    let records = world.records();
    assert_eq!(records.put_product(&product("A", 1)).await.unwrap(), Conditional::Written);
    assert_eq!(records.put_inventory(&inventory("A", 1), StockVersion(0)).await.unwrap(), Conditional::Written);
    let read = records.product(&sku("A")).await.unwrap().unwrap();
    assert_eq!(*read, product("A", 1));
    for rev in 1..=4 {
        let (record, row) = priced("A", rev);
        assert_eq!(records.put_price(&record, &row, RecordRev(rev - 1)).await.unwrap(), Conditional::Written);
        assert_eq!(records.price(&sku("A")).await.unwrap(), Some(record));
        assert_eq!(records.history(&sku("A"), None, 1).await.unwrap(), [row]);
    }
    let inputs = records.inputs(&sku("A")).await.unwrap();
    assert_eq!((inputs.product.as_deref(), inputs.inventory), (Some(&product("A", 1)), Some(inventory("A", 1))));
}

/// In SKU order, whatever the page's size.
pub async fn pages_walk_the_whole_catalogue_in_order(world: &impl World) {
    let records = world.records();
    for name in ["c", "B", "a", "A.1", "A-1"] {
        assert_eq!(records.put_product(&product(name, 1)).await.unwrap(), Conditional::Written);
    }
    for most in [1, 2, 10] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = records.page(after.as_ref(), most).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.sku.clone());
            seen.extend(page.iter().map(|state| state.sku.to_string()));
        }
        assert_eq!(seen, ["A-1", "A.1", "B", "a", "c"], "{most} at a time");
    }
}

/// And none that is not due.
pub async fn due_records_come_longest_due_first(world: &impl World) {
    let records = world.records();
    let due = |second: i64| Timestamp::from_second(second).expect("it is legal");
    for (name, when) in [("late", Some(5)), ("never", None), ("first", Some(1)), ("later", Some(50))] {
        let (mut record, row) = priced(name, 1);
        record.next_due = when.map(due);
        assert_eq!(records.put_price(&record, &row, RecordRev(0)).await.unwrap(), Conditional::Written);
    }
    let found = records.due(due(5), 10).await.unwrap();
    assert_eq!(found, [(due(1), sku("first")), (due(5), sku("late"))]);
    assert_eq!(records.due(due(5), 1).await.unwrap().len(), 1);
    assert_eq!(records.due(due(0), 10).await.unwrap(), []);
}

/// Two publishers at once: one wins, the other reads again.
pub async fn settings_are_published_one_after_the_other(world: &impl World) {
    let documents = world.documents();
    assert_eq!(documents.settings().await.unwrap(), None);
    for (rev, expected) in
        [(2, Conditional::Superseded), (1, Conditional::Written), (1, Conditional::Superseded), (2, Conditional::Written)]
    {
        assert_eq!(documents.put_settings(&settings(rev)).await.unwrap(), expected);
    }
    assert_eq!(documents.settings().await.unwrap(), Some(settings(2)));
}

/// What was ever in force can be put in force again.
pub async fn earlier_settings_stay_readable(world: &impl World) {
    let documents = world.documents();
    assert_eq!(documents.settings_before(u64::MAX, 10).await.unwrap(), []);
    for rev in 1..=4 {
        assert_eq!(documents.put_settings(&settings(rev)).await.unwrap(), Conditional::Written);
    }
    for rev in 1..=4 {
        assert_eq!(documents.settings_at(rev).await.unwrap(), Some(settings(rev)));
    }
    for rev in [0, 5] {
        assert_eq!(documents.settings_at(rev).await.unwrap(), None);
    }
    let versions = [3, 2, 1].map(|rev| settings(rev).version());
    assert_eq!(documents.settings_before(4, 10).await.unwrap(), versions);
    assert_eq!(documents.settings_before(4, 2).await.unwrap(), versions[..2]);
    assert_eq!(documents.settings_before(u64::MAX, 1).await.unwrap(), [settings(4).version()]);
    assert_eq!(documents.settings_before(1, 10).await.unwrap(), []);
}

/// The newest one counts.
pub async fn overrides_are_set_and_lifted(world: &impl World) {
    let records = world.records();
    let (record, _) = priced("A", 2);
    let override_ = record.seen.override_.expect("the sample has one");
    records.put_override(&sku("A"), Some(&override_)).await.unwrap();
    assert_eq!(records.inputs(&sku("A")).await.unwrap().override_, Some(override_));
    records.put_override(&sku("A"), None).await.unwrap();
    assert_eq!(records.inputs(&sku("A")).await.unwrap().override_, None);
}

/// Two handlers of one crossing: one decides.
pub async fn alert_state_is_conditional(world: &impl World) {
    let records = world.records();
    let crossing = Sighting { on_hand: 4, stock_version: StockVersion(2), occurred_at: inventory("A", 2).occurred_at };
    let state = |rev: u64, episode| AlertState {
        sku: sku("A"),
        rev,
        episode,
        low: true,
        pending: rev.is_multiple_of(2).then_some(crossing),
        stock_version: StockVersion(3),
    };
    for (rev, expected) in
        [(2, Conditional::Superseded), (1, Conditional::Written), (1, Conditional::Superseded), (2, Conditional::Written)]
    {
        assert_eq!(records.put_alert_state(&state(rev, rev)).await.unwrap(), expected);
    }
    assert_eq!(records.alert_state(&sku("A")).await.unwrap(), Some(state(2, 2)));
}

/// By the documents that the cloud's rules carry.
pub async fn events_reach_every_queue_whose_pattern_matches_and_no_other(world: &impl World) {
    let (record, _) = priced("A", 2);
    let announcement = record.announcement().expect("the sample has a price");
    let price = pricestream_event_schema::encode(&announcement, &pricestream_event_schema::TraceContext::root("A"));
    assert_eq!(world.bus().publish(&[stock_event("A", 1), price.clone()]).await.unwrap(), []);
    for (queue, expected) in [
        (PRICING, stock_event("A", 1).body().to_owned()),
        ("low-stock-alert", stock_event("A", 1).body().to_owned()),
        ("cache-writer", price.body().to_owned()),
    ] {
        let bodies: Vec<String> = world.receive(queue, 10).await.iter().map(|delivery| delivery.body.to_string()).collect();
        assert_eq!(bodies.len(), 1, "{queue}");
        let (got, sent): (serde_json::Value, serde_json::Value) =
            (serde_json::from_str(&bodies[0]).unwrap(), serde_json::from_str(&expected).unwrap());
        assert_eq!(got["detail"], sent["detail"], "{queue}");
    }
}

async fn publish(world: &impl World, versions: std::ops::RangeInclusive<u64>) {
    let events: Vec<_> = versions.map(|version| stock_event("A", version)).collect();
    assert_eq!(world.bus().publish(&events).await.unwrap(), []);
}

fn all_failed(batch: &[Delivery]) -> BatchOutcome {
    BatchOutcome { retry: batch.iter().map(|delivery| delivery.id).collect(), ..BatchOutcome::default() }
}

/// R3: what was not acknowledged is delivered again, what was is not.
pub async fn an_unacknowledged_message_comes_again_after_the_visibility_timeout(world: &impl World) {
    publish(world, 1..=1).await;
    let batch = world.receive(PRICING, 10).await;
    assert_eq!((batch.len(), batch[0].receive_count), (1, 1));
    assert!(world.receive(PRICING, 10).await.is_empty(), "it is hidden");
    world.pass(VISIBILITY).await; // the handler never came back
    let batch = world.receive(PRICING, 10).await;
    assert_eq!((batch.len(), batch[0].receive_count), (1, 2));
    world.finish(PRICING, batch, BatchOutcome::default()).await;
    world.pass(VISIBILITY).await;
    assert!(world.receive(PRICING, 10).await.is_empty(), "it was acknowledged");
}

/// R8: one failure redelivers one message.
pub async fn partial_batch_failure_redelivers_only_what_failed(world: &impl World) {
    publish(world, 1..=3).await;
    let batch = world.receive(PRICING, 10).await;
    assert_eq!(batch.len(), 3);
    let failed = batch[1].clone();
    let outcome = BatchOutcome { retry: vec![failed.id], ..BatchOutcome::default() };
    world.finish(PRICING, batch, outcome).await;
    world.pass(VISIBILITY).await;
    let again = world.receive(PRICING, 10).await;
    assert_eq!(again.iter().map(|delivery| &delivery.body).collect::<Vec<_>>(), [&failed.body]);
}

/// R9: a message that always fails does not go round for ever.
pub async fn a_message_delivered_too_often_is_a_dead_letter(world: &impl World) {
    publish(world, 1..=1).await;
    for _ in 0..MAX_RECEIVE_COUNT {
        let batch = world.receive(PRICING, 10).await;
        assert_eq!(batch.len(), 1);
        let outcome = all_failed(&batch);
        world.finish(PRICING, batch, outcome).await;
        world.pass(VISIBILITY).await;
    }
    assert!(world.receive(PRICING, 10).await.is_empty());
    assert_eq!(world.dead_letters(PRICING).await.len(), 1);
}

/// R9: poison holds nobody up.
pub async fn quarantined_messages_are_kept_aside_and_acknowledged(world: &impl World) {
    publish(world, 1..=2).await;
    let batch = world.receive(PRICING, 10).await;
    let outcome =
        BatchOutcome { retry: Vec::new(), quarantined: vec![Quarantined { id: batch[0].id, reason: "no event".into() }] };
    world.finish(PRICING, batch, outcome).await;
    world.pass(VISIBILITY).await;
    assert!(world.receive(PRICING, 10).await.is_empty());
    assert_eq!(world.dead_letters(PRICING).await.len(), 1);
}

/// R5: one compare-and-set on the version.
pub async fn r5_the_cache_takes_only_what_is_newer(world: &impl World) {
    let cache = world.cache();
    let entry = |version: u64| {
        let mut entry = priced("A", 2).0.cache_entry().expect("the sample has a price");
        entry.price_version = PriceVersion(version);
        entry
    };
    for (version, expected) in
        [(3, CacheWrite::Applied), (3, CacheWrite::Equal), (2, CacheWrite::Stale), (4, CacheWrite::Applied)]
    {
        assert_eq!(cache.put_if_newer(&entry(version), IfAbsent::Write).await.unwrap(), expected, "version {version}");
    }
    assert_eq!(cache.get(&sku("A")).await.unwrap().as_deref(), Some(&entry(4)));
}

/// R5: a number in Lua is a double; the version must not become one.
pub async fn r5_versions_beyond_2_to_the_53_are_told_apart(world: &impl World) {
    let cache = world.cache();
    let entry = |version: u64| {
        let mut entry = priced("A", 2).0.cache_entry().expect("the sample has a price");
        entry.price_version = PriceVersion(version);
        entry
    };
    assert_eq!(cache.put_if_newer(&entry(1 << 53), IfAbsent::Write).await.unwrap(), CacheWrite::Applied);
    assert_eq!(cache.put_if_newer(&entry((1 << 53) + 1), IfAbsent::Write).await.unwrap(), CacheWrite::Applied);
    assert_eq!(cache.put_if_newer(&entry(1 << 53), IfAbsent::Write).await.unwrap(), CacheWrite::Stale);
}

/// R6: a withdrawn price stays withdrawn.
pub async fn r6_a_tombstone_keeps_an_older_price_out(world: &impl World) {
    let cache = world.cache();
    let mut tombstone = priced("A", 2).0.cache_entry().expect("the sample has a price");
    let old = tombstone.clone();
    (tombstone.price, tombstone.list_price, tombstone.price_version) = (None, None, old.price_version.next());
    assert_eq!(cache.put_if_newer(&tombstone, IfAbsent::Write).await.unwrap(), CacheWrite::Applied);
    assert_eq!(cache.put_if_newer(&old, IfAbsent::Write).await.unwrap(), CacheWrite::Stale);
    assert_eq!(cache.get(&sku("A")).await.unwrap().as_deref(), Some(&tombstone));
}

/// R6: an event alone never fills an emptied cache.
pub async fn r6_an_absent_key_is_reported_and_then_filled_from_the_record(world: &impl World) {
    let cache = world.cache();
    let entry = priced("A", 2).0.cache_entry().expect("the sample has a price");
    assert_eq!(cache.put_if_newer(&entry, IfAbsent::Report).await.unwrap(), CacheWrite::Absent);
    assert_eq!(cache.get(&sku("A")).await.unwrap(), None);
    assert_eq!(cache.put_if_newer(&entry, IfAbsent::Write).await.unwrap(), CacheWrite::Applied);
    world.wipe_cache();
    assert_eq!(cache.put_if_newer(&entry, IfAbsent::Report).await.unwrap(), CacheWrite::Absent);
}

/// The path to the cache that no lost event can close.
pub async fn every_written_price_is_imaged_for_the_guaranteed_path(world: &impl World) {
    let (first, row) = priced("A", 1);
    assert_eq!(world.records().put_price(&first, &row, RecordRev(0)).await.unwrap(), Conditional::Written);
    let (second, row) = priced("A", 2);
    assert_eq!(world.records().put_price(&second, &row, RecordRev(7)).await.unwrap(), Conditional::Superseded);
    assert_eq!(world.records().put_price(&second, &row, RecordRev(1)).await.unwrap(), Conditional::Written);
    assert_eq!(world.images().await, [first, second]);
}
