//! R13: the kill switch, and the settings that it is part of.

use jiff::{SignedDuration, Timestamp};
use pricestream_domain::{Cause, Mode, RecordRev};
use pricestream_event_schema::RepriceRequestedV1;
use pricestream_ports::{PolledSettings, Settings, Unsettled};

use crate::shop::{PLUS_FIVE, PLUS_TWENTY, PRICING, Ports, Shop, change, now, settings, sku};

const NO_DOCUMENT: &str = r#"{"version":1,"strategies":{"x":{"kind":"unheard-of"}},"default":{"strategy":"y"}}"#;

fn later(time: Timestamp, ms: i64) -> Timestamp {
    time.checked_add(SignedDuration::from_millis(ms)).unwrap()
}

/// The settings of a process that has just started over the same store.
fn started(shop: &Shop) -> PolledSettings<Ports> {
    PolledSettings::new(shop.memory.clone(), PolledSettings::<Ports>::EVERY)
}

fn ask_for_a_price(shop: &Shop) {
    let request =
        RepriceRequestedV1 { sku: sku("A"), cause: Cause::Reconcile, record_rev: RecordRev(1), requested_at: shop.time() };
    shop.announce(&request);
}

#[test]
fn r13_settings_are_read_at_most_every_five_seconds_and_at_least_then() {
    let shop = Shop::with(&[]);
    let (settings, start) = (started(&shop), shop.time());
    for (ms, reads, why) in [
        (0, 1, "the first"),
        (1, 1, "just read"),
        (4_999, 1, "not yet"),
        (5_000, 2, "five seconds old"),
        (9_999, 2, "not yet"),
        (10_000, 3, "five seconds old again"),
        (8_000, 4, "a clock that went back says nothing of age"),
        (12_999, 4, "not yet"),
    ] {
        now(settings.poll(later(start, ms))).unwrap();
        assert_eq!(shop.count("documents.settings"), reads, "{ms} ms: {why}");
    }
}

#[test]
fn r13_a_switch_is_heard_of_within_five_seconds() {
    let shop = Shop::with(&[]);
    let (settings_here, start) = (started(&shop), shop.time());
    now(settings_here.poll(start)).unwrap();
    shop.memory.tables().settings = vec![settings(2, Mode::Freeze, PLUS_FIVE)];
    now(settings_here.poll(later(start, 4_999))).unwrap();
    assert_eq!(settings_here.current().mode, Mode::Run);
    now(settings_here.poll(later(start, 5_000))).unwrap();
    assert_eq!((settings_here.current().mode, settings_here.current().rev), (Mode::Freeze, 2));
}

#[test]
fn r13_the_last_good_settings_stay_while_the_store_does_not_answer() {
    let shop = Shop::with(&[]);
    let (settings_here, start) = (started(&shop), shop.time());
    now(settings_here.poll(start)).unwrap();
    shop.memory.tables().settings = vec![settings(2, Mode::Run, PLUS_TWENTY)];
    shop.down(Some("documents.settings"));
    for ms in [5_000, 60_000, 86_400_000] {
        assert!(matches!(now(settings_here.poll(later(start, ms))), Err(Unsettled::Port(_))));
        let current = settings_here.current();
        assert_eq!((current.rev, current.mode, current.strategies.is_some()), (1, Mode::Run, true), "after {ms} ms");
    }
    shop.mend();
    shop.calls();
    now(settings_here.poll(later(start, 86_400_999))).unwrap();
    assert_eq!((settings_here.current().rev, shop.calls().len()), (1, 0), "it is not asked for a second, whoever wants to know");
    now(settings_here.poll(later(start, 86_401_000))).unwrap();
    assert_eq!(settings_here.current().rev, 2);
}

#[test]
fn r13_an_unreadable_document_keeps_the_last_good_one_and_the_switch_still_works() {
    let shop = Shop::with(&["A"]);
    shop.take(&change("A", 1, 50)).unwrap();
    shop.settle();
    for (rev, mode, on_hand, expected) in [
        (2, Mode::Run, 9, 1_050),       // by the last good document
        (3, Mode::Freeze, 50, 1_050),   // the switch beside an unreadable document
        (4, Mode::ListPrice, 9, 1_000), // and again
        (5, Mode::Run, 9, 1_050),
    ] {
        shop.memory.tables().settings = vec![settings(rev, mode, NO_DOCUMENT)];
        shop.memory.pass(PolledSettings::<Ports>::EVERY);
        assert!(matches!(now(shop.settings.poll(shop.time())), Err(Unsettled::Invalid(_))));
        assert_eq!((shop.settings.current().rev, shop.settings.current().mode), (rev, mode));
        shop.take(&change("A", rev, on_hand)).unwrap();
        shop.settle();
        assert_eq!((shop.price("A"), shop.cached("A")), (Some(expected), Some(expected)), "settings {rev}");
    }
}

#[test]
fn r13_unreadable_at_a_cold_start_freezes_every_price() {
    type Spoil = fn(&Shop);
    let unreadable: [(&str, Spoil); 3] = [
        ("the store does not answer", |shop| shop.down(Some("documents.settings"))),
        ("the document cannot be read", |shop| shop.memory.tables().settings = vec![settings(2, Mode::Run, NO_DOCUMENT)]),
        ("nothing was ever published", |shop| shop.memory.tables().settings = Vec::new()),
    ];
    for (why, spoil) in unreadable {
        let mut shop = Shop::with(&["A", "NEW"]);
        shop.take(&change("A", 1, 50)).unwrap();
        shop.settle();
        assert_eq!(shop.price("A"), Some(1_000));
        spoil(&shop);
        shop.settings = started(&shop);
        let _the_last_good_are_none = now(shop.settings.poll(shop.time()));
        assert_eq!(shop.settings.current().mode, Mode::Freeze, "{why}");
        for (name, seq) in [("A", 2), ("NEW", 1)] {
            shop.take(&change(name, seq, 9)).unwrap();
        }
        for _ in 0..5 {
            shop.deliver(PRICING);
        }
        assert_eq!((shop.price("A"), shop.record("A").price_version.0), (Some(1_000), 1), "{why}");
        let new = shop.memory.tables().prices.get(&sku("NEW")).cloned();
        assert!(new.is_none_or(|record| record.standing.is_none()), "a SKU that has no price gets none: {why}");
    }
}

#[test]
fn r13_settings_older_than_the_records_are_never_used() {
    let mut shop = Shop::with(&["A"]);
    let behind = started(&shop);
    now(behind.poll(shop.time())).unwrap();
    // Another process has heard of the second settings, and has priced by them.
    shop.put_settings(2, Mode::Run, PLUS_TWENTY);
    shop.take(&change("A", 1, 9)).unwrap();
    shop.settle();
    let record = shop.record("A");
    assert_eq!((shop.price("A"), record.settings_rev), (Some(1_200), 2));
    shop.settings = behind;

    shop.down(Some("documents.settings"));
    ask_for_a_price(&shop);
    assert_eq!(shop.deliver(PRICING).retry.len(), 1, "it cannot hear of them, so it leaves the message");
    assert_eq!((shop.record("A"), shop.settings.current().rev), (record.clone(), 1));

    shop.mend();
    shop.calls();
    assert_eq!(shop.deliver(PRICING), <_>::default());
    assert!(shop.calls().contains(&"documents.settings"), "it reads them at once, whatever their age");
    assert_eq!((shop.record("A"), shop.settings.current().rev), (record, 2));
}
