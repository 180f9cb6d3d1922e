//! Every message ever released is still read. A fixture is never edited: what it shows is in queues and archives.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use pricestream_domain::{Cause, Currency, Money};
use pricestream_event_schema::{
    Event, Incoming, LowStockV1, Outgoing, Pattern, PriceChangedV1, ProductChangedV1, RepriceRequestedV1, StockChangedV1,
    detail_schema, encode, patterns,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn fixtures() -> Vec<(String, String)> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = files.filter(|name| Path::new(name).extension().is_some_and(|end| end == "json")).collect();
    names.sort();
    assert!(names.len() >= 8, "fixtures are missing: {names:?}");
    let with_text = |name: String| {
        let text = fs::read_to_string(folder().join(&name)).unwrap();
        (name, text)
    };
    names.into_iter().map(with_text).collect()
}

fn schema_of(detail_type: &str) -> Value {
    match detail_type {
        StockChangedV1::DETAIL_TYPE => detail_schema::<StockChangedV1>(),
        PriceChangedV1::DETAIL_TYPE => detail_schema::<PriceChangedV1>(),
        LowStockV1::DETAIL_TYPE => detail_schema::<LowStockV1>(),
        ProductChangedV1::DETAIL_TYPE => detail_schema::<ProductChangedV1>(),
        RepriceRequestedV1::DETAIL_TYPE => detail_schema::<RepriceRequestedV1>(),
        other => panic!("no event {other}"),
    }
}

/// The id that its data leads to, and the event in a new envelope.
fn again(event: &Incoming) -> (String, Outgoing) {
    fn of<E: Event>(event: &pricestream_event_schema::Received<E>) -> (String, Outgoing) {
        (event.data.id(), encode(&event.data, event.trace.as_ref().unwrap()))
    }
    match event {
        Incoming::StockChanged(event) => of(event),
        Incoming::PriceChanged(event) => of(event),
        Incoming::LowStock(event) => of(event),
        Incoming::ProductChanged(event) => of(event),
        Incoming::RepriceRequested(event) => of(event),
    }
}

#[test]
fn every_fixture_ever_made_is_read_and_fits_its_schema() {
    for (name, text) in fixtures() {
        let body: Value = serde_json::from_str(&text).unwrap();
        let schema = schema_of(body["detail-type"].as_str().unwrap());
        if let Err(error) = jsonschema::validator_for(&schema).unwrap().validate(&body["detail"]) {
            panic!("{name} breaks its schema at {}: {error}", error.instance_path());
        }
        let event = Incoming::decode(&text.as_str().into()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (id, _) = again(&event);
        assert_eq!(event.id(), id, "{name}: its id is not what its data leads to");
        assert!(event.trace().is_some(), "{name}");
    }
}

#[test]
fn what_is_written_today_says_the_same_as_the_fixture() {
    for (name, text) in fixtures() {
        let (_, written) = again(&Incoming::decode(&text.as_str().into()).unwrap());
        let (fixture, written): (Value, Value) =
            (serde_json::from_str(&text).unwrap(), serde_json::from_str(written.body()).unwrap());
        assert_eq!(written["detail"], fixture["detail"], "{name}");
        assert_eq!((&written["source"], &written["detail-type"]), (&fixture["source"], &fixture["detail-type"]), "{name}");
    }
}

#[test]
fn an_event_that_stays_in_the_process_is_the_one_that_its_text_says() {
    for (name, text) in fixtures() {
        let event = Incoming::decode(&text.as_str().into()).unwrap();
        let (_, sent) = again(&event);
        assert_eq!(Incoming::decode(&sent.clone().into()).unwrap(), event, "{name}: before it was ever written");
        assert_eq!(Incoming::decode(&sent.body().into()).unwrap(), event, "{name}: from what is written of it");
    }
}

#[test]
fn a_fixture_is_never_edited() {
    let listed = fs::read_to_string(folder().join("CHECKSUMS")).unwrap();
    let listed: BTreeSet<&str> = listed.lines().collect();
    let mut present = BTreeSet::new();
    for (name, text) in fixtures() {
        let mut line = String::new();
        Sha256::digest(&text).iter().for_each(|byte| write!(line, "{byte:02x}").unwrap());
        present.insert(format!("{line}  {name}"));
    }
    let present: BTreeSet<&str> = present.iter().map(String::as_str).collect();
    assert_eq!(
        present, listed,
        "a fixture was edited, removed or not listed. Messages like it are in queues and archives: restore it, and add a new \
         file with its line in fixtures/CHECKSUMS (sha256sum) for what is new"
    );
}

#[test]
fn every_fixture_reaches_the_queues_of_its_readers() {
    for (name, text) in fixtures() {
        let body: Value = serde_json::from_str(&text).unwrap();
        for (pattern, reads) in [
            (patterns::PRICING_CALCULATOR, &["stock_changed", "product_changed", "reprice_requested"][..]),
            (patterns::LOW_STOCK_ALERT, &["stock_changed"]),
            (patterns::CACHE_WRITER, &["price_changed"]),
        ] {
            let pattern = Pattern::from_json(pattern).unwrap();
            let expected = reads.iter().any(|event| name.starts_with(event));
            assert!(!pattern.needs_detail(), "our rules route without reading the detail");
            assert_eq!(pattern.matches(&body), expected, "{name}");
            let (source, detail_type) = (body["source"].as_str().unwrap(), body["detail-type"].as_str().unwrap());
            assert_eq!(pattern.matches_header(source, detail_type), expected, "{name}");
        }
    }
}

#[test]
fn fixtures_are_read_field_by_field() {
    let read = |name: &str| Incoming::decode(&fs::read_to_string(folder().join(name)).unwrap().into()).unwrap();
    let Incoming::StockChanged(stock) = read("stock_changed.v1.json") else { panic!() };
    assert_eq!((stock.data.on_hand, stock.data.quantity, stock.data.origin.as_str()), (117, Some(-3), "wms-berlin"));
    assert_eq!(stock.trace.unwrap().state(), Some("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"));
    let Incoming::PriceChanged(price) = read("price_changed.v1.json") else { panic!() };
    assert_eq!((price.data.price, price.data.cause), (Some(Money::new(1_799, Currency::EUR)), Cause::Stock));
    let Incoming::PriceChanged(withdrawn) = read("price_changed.withdrawn.v1.json") else { panic!() };
    assert_eq!((withdrawn.data.price, withdrawn.data.list_price, withdrawn.data.next_due), (None, None, None));
    let Incoming::LowStock(alert) = read("low_stock.v1.json") else { panic!() };
    assert_eq!((alert.data.name.as_str(), alert.data.episode), ("Mütze „Nord“, 2er-Pack", 2));
    let Incoming::ProductChanged(product) = read("product_changed.retired.v1.json") else { panic!() };
    assert!(product.data.retired);
    let Incoming::RepriceRequested(request) = read("reprice_requested.v1.json") else { panic!() };
    assert_eq!((request.data.cause, request.data.record_rev.0), (Cause::Due, 31));
}
