//! Laws of the envelope: what is written is read, by every path and in every spelling; what is broken is named.

use std::fmt::Debug;
use std::sync::Arc;

use jiff::Timestamp;
use pricestream_domain::{Cause, Currency, Lane, LaneSlice, Money, PriceVersion, RecordRev, Sku, SourceSeq, StockVersion};
use pricestream_event_schema::{
    Body, DecodeError, Event, Incoming, LowStockV1, MAX_BODY, PriceChangedV1, ProductChangedV1, RepriceRequestedV1,
    StockChangedV1, TraceContext, decode, decode_bytes, encode, kind, parse_stock_change, stock_changes,
};
use proptest::prelude::*;
use serde_json::Value;

const FIXTURES: [&str; 4] = [
    include_str!("../fixtures/stock_changed.v1.json"),
    include_str!("../fixtures/price_changed.v1.json"),
    include_str!("../fixtures/low_stock.v1.json"),
    include_str!("../fixtures/reprice_requested.v1.json"),
];

fn sku() -> impl Strategy<Value = Sku> {
    "[A-Za-z0-9._-]{1,64}".prop_map(|text| Sku::new(&text).unwrap())
}

fn instant() -> impl Strategy<Value = Timestamp> {
    (0..4_102_444_800_i64, 0..1_000_000_000_i32).prop_map(|(second, nano)| Timestamp::new(second, nano).unwrap())
}

fn money() -> impl Strategy<Value = Money> {
    let currency = prop::sample::select(vec![Currency::EUR, Currency::USD, Currency::JPY, Currency::KWD]);
    (any::<i64>(), currency).prop_map(|(minor, currency)| Money::new(minor, currency))
}

fn cause() -> impl Strategy<Value = Cause> {
    prop::sample::select(vec![
        Cause::Stock,
        Cause::Product,
        Cause::Strategies,
        Cause::Mode,
        Cause::Override,
        Cause::Due,
        Cause::Reconcile,
    ])
}

prop_compose! {
    fn stock_changed()(sku in sku(), version: u64, on_hand: u64, quantity: Option<i64>, cause: Option<String>, origin: String,
        seq: u64, unit_price in prop::option::of(money()), occurred_at in instant(), committed_at in instant()) -> StockChangedV1 {
        StockChangedV1 { sku, stock_version: StockVersion(version), on_hand, quantity, cause, origin, source_seq: SourceSeq(seq),
            unit_price, occurred_at, committed_at }
    }
}

fn lane() -> impl Strategy<Value = Arc<Lane>> {
    (prop::collection::btree_map(0..1_000_000_i64, any::<i64>(), 1..5), any::<bool>()).prop_map(|(slices, ends)| {
        let at = |second| Timestamp::from_second(second).unwrap();
        let slices =
            slices.into_iter().map(|(from, minor)| LaneSlice { from: at(from), payable: Money::new(minor, Currency::EUR) });
        Arc::new(Lane::new(slices.collect(), ends.then(|| at(2_000_000))).unwrap())
    })
}

prop_compose! {
    fn price_changed()(sku in sku(), price in prop::option::of(money()), list_price in prop::option::of(money()),
        versions: [u64; 3], since in instant(), decided_at in instant(), cause in cause(), next_due in prop::option::of(instant()),
        stock_committed_at in prop::option::of(instant()), lane in prop::option::of(lane())) -> PriceChangedV1 {
        PriceChangedV1 { sku, price, list_price, price_version: PriceVersion(versions[0]), record_rev: RecordRev(versions[1]),
            stock_version: StockVersion(versions[2]), since, lane, decided_at, cause, next_due, stock_committed_at }
    }
}

prop_compose! {
    fn low_stock()(sku in sku(), name: String, levels: [u64; 4], occurred_at in instant()) -> LowStockV1 {
        let [on_hand, at, episode, version] = levels;
        LowStockV1 { sku, name, on_hand, at, episode, stock_version: StockVersion(version), occurred_at }
    }
}

fn trace() -> impl Strategy<Value = TraceContext> {
    (any::<String>(), any::<String>(), prop::option::of("[a-z][a-z0-9]{0,9}=[!-+--<>-~]{1,40}")).prop_map(|(seed, hop, state)| {
        let root = TraceContext::root(&seed).child(&hop);
        TraceContext::parse(&root.to_string(), state.as_deref()).unwrap()
    })
}

fn round_trip<E: Event + Clone + Debug + PartialEq>(event: &E, trace: &TraceContext) -> Result<(), TestCaseError> {
    let out = encode(event, trace);
    let got = decode::<E>(out.body()).unwrap();
    prop_assert_eq!((&got.data, &got.trace, got.id.as_str()), (event, &Some(trace.clone()), out.id()));
    prop_assert_eq!(&Body::from(out.body()).decode::<E>().unwrap(), &got);
    // The same without the text: what a reader in the same process gets.
    prop_assert_eq!(&Body::from(encode(event, trace)).decode::<E>().unwrap(), &got);
    let header = kind(out.body()).unwrap();
    prop_assert_eq!((&*header.source, &*header.detail_type), (out.source(), out.detail_type()));
    let body: Value = serde_json::from_str(out.body()).unwrap();
    let detail: Value = serde_json::from_str(out.detail()).unwrap();
    prop_assert_eq!(&body["detail"], &detail);
    prop_assert_eq!((&detail["source"], &detail["type"]), (&body["source"], &body["detail-type"]));
    prop_assert_eq!(detail["subject"].as_str(), Some(out.subject().as_str()));
    // Fields in alphabetical order: `detail` before `detail-type`. And with every letter escaped.
    let reordered = body.to_string();
    prop_assert_eq!(&decode::<E>(&reordered).unwrap(), &got);
    prop_assert_eq!(&decode::<E>(&serde_json::to_string_pretty(&body).unwrap()).unwrap(), &got);
    prop_assert_eq!(&*kind(&reordered).unwrap().detail_type, E::DETAIL_TYPE);
    Ok(())
}

proptest! {
    #[test]
    fn what_is_written_is_read(stock in stock_changed(), price in price_changed(), low in low_stock(), cause in cause(),
        retired: bool, rev: u64, at in instant(), trace in trace()) {
        round_trip(&stock, &trace)?;
        round_trip(&price, &trace)?;
        round_trip(&low, &trace)?;
        round_trip(&ProductChangedV1 { sku: low.sku.clone(), product_rev: rev, retired }, &trace)?;
        round_trip(&RepriceRequestedV1 { sku: low.sku, cause, record_rev: RecordRev(rev), requested_at: at }, &trace)?;
    }

    #[test]
    fn padded_sequences_sort_as_the_numbers_do(a: u64, b: u64) {
        let sequence = |rev| {
            let event = ProductChangedV1 { sku: Sku::new("A").unwrap(), product_rev: rev, retired: false };
            let detail: Value = serde_json::from_str(encode(&event, &TraceContext::root("")).detail()).unwrap();
            detail["sequence"].as_str().unwrap().to_owned()
        };
        prop_assert_eq!(sequence(a).cmp(&sequence(b)), a.cmp(&b));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>, text: String) {
        prop_assert!(decode_bytes::<StockChangedV1>(&bytes).is_err());
        prop_assert!(Incoming::decode_bytes(&bytes).is_err());
        prop_assert!(Incoming::decode(&text.as_str().into()).is_err());
        let _ = (parse_stock_change(&bytes), stock_changes(&bytes).count(), TraceContext::parse(&text, Some(&text)));
    }

    #[test]
    fn mutated_fixtures_never_panic(which in 0..FIXTURES.len(), at: prop::sample::Index, byte: u8, cut: bool) {
        let mut bytes = FIXTURES[which].as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if cut {
            bytes.truncate(at);
        }
        let _ = Incoming::decode_bytes(&bytes).map_err(|error| error.to_string());
        for (_, result, _) in stock_changes(&bytes) {
            let _ = result.map_err(|error| error.to_string());
        }
    }

    #[test]
    fn line_numbers_rise_and_stay_within_the_body(items in prop::collection::vec("[ -~]{0,20}", 0..8)) {
        let body = items.join("\n");
        let lines = stock_changes(body.as_bytes()).map(|(number, ..)| number).collect::<Vec<_>>();
        prop_assert!(lines.is_sorted() && lines.last().is_none_or(|last| *last <= items.len()));
    }
}

/// The first fixture with one text replaced.
fn with(from: &str, to: &str) -> Result<Incoming, DecodeError> {
    assert!(FIXTURES[0].contains(from), "{from}");
    Incoming::decode(&FIXTURES[0].replace(from, to).into())
}

#[test]
fn every_rejection_says_where_and_what_to_do() {
    for (from, to, expected) in [
        ("StockChanged.v1", "StockChanged.v9", "no reader for \"StockChanged.v9\": deploy"),
        (
            "\"on_hand\": 117",
            "\"on_hand\": -1",
            "does not read as StockChanged.v1 at detail.data.on_hand: invalid value: integer `-1`",
        ),
        ("\"on_hand\": 117,", "", "does not read as StockChanged.v1 at detail.data: missing field `on_hand` at line"),
        ("\"sku\": \"CJ-819518\"", "\"sku\": \"other\"", "subject is \"CJ-819518\" in the envelope, \"other\" in the data"),
        ("00000000000000000042", "00000000000000000043", "sequence is \"00000000000000000043\" in the envelope"),
        ("\"source\": \"pricestream.inventory\"", "\"source\": 7", "does not read as an event at .: invalid type: integer `7`"),
        ("\"resources\": [],", "\"resources\": [", "does not read as StockChanged.v1 at "),
    ] {
        let error = with(from, to).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{to}: {error}");
    }
    let not_json = Incoming::decode(&"nonsense".into()).unwrap_err().to_string();
    assert!(not_json.contains("line 1 column 2") && not_json.contains("redrive"), "{not_json}");
    assert_eq!(decode_bytes::<StockChangedV1>(b"{\xff"), Err(DecodeError::NotUtf8 { at: 1 }));
    let large = " ".repeat(MAX_BODY + 1);
    assert_eq!(Incoming::decode(&large.into()), Err(DecodeError::TooLarge { len: MAX_BODY + 1, max: MAX_BODY }));
}

#[test]
fn another_type_is_told_from_a_broken_one() {
    let found = "PriceChanged.v1".to_owned();
    assert_eq!(decode::<StockChangedV1>(FIXTURES[1]), Err(DecodeError::WrongType { expected: "StockChanged.v1", found }));
}

#[test]
fn an_event_that_never_was_text_is_told_from_another_type_and_reads_as_its_text() {
    let event = ProductChangedV1 { sku: Sku::new("A").unwrap(), product_rev: 3, retired: true };
    let body = Body::from(encode(&event, &TraceContext::root("seed")));
    let found = "ProductChanged.v1".to_owned();
    assert_eq!(body.decode::<StockChangedV1>(), Err(DecodeError::WrongType { expected: "StockChanged.v1", found }));
    assert_eq!(body, Body::from(encode(&event, &TraceContext::root("seed")).body()));
    assert_ne!(body, Body::from(encode(&event, &TraceContext::root("another seed"))));
    assert_eq!((body.to_string(), format!("{body:?}")), (body.text().to_owned(), format!("{:?}", body.text())));
}

#[test]
fn unknown_fields_and_causes_of_a_later_release_are_read() {
    let later = FIXTURES[1].replace("\"cause\": \"stock\"", "\"cause\": \"rule-set\", \"margin\": {\"deep\": [1]}");
    let later = later.replace("\"specversion\"", "\"correlationid\": \"x\", \"specversion\"");
    assert_eq!(decode::<PriceChangedV1>(&later).unwrap().data.cause, Cause::Reconcile);
}

#[test]
fn a_lost_price_field_is_no_withdrawal() {
    let event = FIXTURES[1].replace("\"price\":", "\"prise\":");
    let error = decode::<PriceChangedV1>(&event).unwrap_err().to_string();
    assert!(error.contains("missing field `price`"), "{error}");
}

#[test]
fn an_invalid_trace_is_left_out_and_the_event_read() {
    let Ok(Incoming::StockChanged(event)) = with("00-4bf92f35", "00-XXXXXXXX") else { panic!() };
    assert_eq!(event.trace, None);
    let Ok(Incoming::StockChanged(event)) = with("\"traceparent\"", "\"other\"") else { panic!() };
    assert_eq!(event.trace, None);
}

#[test]
fn the_same_event_is_written_in_the_same_bytes() {
    let event = ProductChangedV1 { sku: Sku::new("A").unwrap(), product_rev: 3, retired: true };
    let trace = TraceContext::root("seed");
    assert_eq!(
        encode(&event, &trace).body(),
        format!(
            r#"{{"source":"pricestream.catalogue","detail-type":"ProductChanged.v1","detail":{{"specversion":"1.0","id":"product/A/3","source":"pricestream.catalogue","type":"ProductChanged.v1","subject":"A","sequence":"00000000000000000003","dataschema":"urn:pricestream:schema:ProductChanged.v1","traceparent":"{trace}","data":{{"sku":"A","product_rev":3,"retired":true}}}}}}"#
        )
    );
}
