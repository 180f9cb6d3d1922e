//! The committed schemas are the ones of the code, and nothing in them breaks the readers of a release.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use pricestream_event_schema::{
    LowStockV1, PriceChangedV1, ProductChangedV1, RepriceRequestedV1, StockChangedV1, detail_schema, parse_stock_change,
    stock_change_schema,
};
use serde_json::{Value, json};
use support::incompatibilities;

fn generated() -> Vec<(&'static str, Value)> {
    vec![
        ("stock_changed.v1.json", detail_schema::<StockChangedV1>()),
        ("price_changed.v1.json", detail_schema::<PriceChangedV1>()),
        ("low_stock.v1.json", detail_schema::<LowStockV1>()),
        ("product_changed.v1.json", detail_schema::<ProductChangedV1>()),
        ("reprice_requested.v1.json", detail_schema::<RepriceRequestedV1>()),
        ("stock_change.json", stock_change_schema()),
    ]
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas")
}

#[test]
fn committed_schemas_are_the_ones_of_the_code() {
    for (name, schema) in generated() {
        let (path, text) = (folder().join(name), serde_json::to_string_pretty(&schema).unwrap() + "\n");
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == text,
            "{} is not what the code says: run the tests with UPDATE_SCHEMAS=1 and read the diff",
            path.display()
        );
    }
}

#[test]
fn nothing_breaks_the_readers_of_a_release() {
    for (name, schema) in generated() {
        let released = fs::read_to_string(folder().join("released").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let broken = incompatibilities(&serde_json::from_str(&released).unwrap(), &schema);
        assert!(broken.is_empty(), "{name} breaks its readers; publish a new version beside it instead: {broken:#?}");
    }
}

#[test]
fn the_schema_of_a_stock_change_takes_what_the_parser_takes() {
    let validator = jsonschema::validator_for(&stock_change_schema()).unwrap();
    let full = json!({ "sku": "A", "on_hand": 3, "source_seq": 1, "occurred_at": "2026-11-27T08:00:00Z", "cause": "sale", "quantity": -1,
        "unit_price": { "minor": 1, "currency": "EUR" }, "origin": "wms", "of_a_later_release": 1 });
    let edits = [
        ("sku", json!("a b")),
        ("on_hand", json!(-1)),
        ("on_hand", json!(1_000_000_001)),
        ("source_seq", json!(0)),
        ("cause", json!("x".repeat(65))),
        ("origin", json!("")),
        ("origin", json!(null)),
        ("quantity", json!(1.5)),
        ("unit_price", json!(7)),
        ("on_hand", json!("3")),
    ];
    for (field, value) in std::iter::once(("sku", json!("A"))).chain(edits) {
        let mut change = full.clone();
        change[field] = value;
        let parsed = parse_stock_change(change.to_string().as_bytes());
        assert_eq!(validator.is_valid(&change), parsed.is_ok(), "{change}: {parsed:?}");
    }
}

/// `price_changed` with one thing changed.
fn edited(edit: impl FnOnce(&mut Value)) -> Vec<String> {
    let released = detail_schema::<PriceChangedV1>();
    let mut new = released.clone();
    edit(&mut new);
    assert_ne!(released, new, "the edit changes nothing");
    incompatibilities(&released, &new)
}

fn data(schema: &mut Value) -> &mut Value {
    &mut schema["$defs"]["PriceChangedV1"]
}

#[test]
fn an_added_optional_field_is_compatible() {
    let broken = edited(|schema| data(schema)["properties"]["margin"] = json!({ "type": ["integer", "null"] }));
    assert_eq!(broken, Vec::<String>::new());
    let another_word = edited(|schema| {
        schema["$defs"]["Cause"]["oneOf"].as_array_mut().unwrap().push(json!({ "type": "string", "const": "rule-set" }));
    });
    assert_eq!(another_word, Vec::<String>::new(), "readers take a cause that they do not know for `reconcile`");
    assert_eq!(edited(|schema| schema["description"] = json!("other words")), Vec::<String>::new());
}

#[test]
fn every_incompatible_edit_is_found() {
    type Edit = fn(&mut Value);
    let edits: [(&str, Edit); 15] = [
        ("data.since: removed", |schema| drop(data(schema)["properties"].as_object_mut().unwrap().remove("since"))),
        ("data.next_due: newly required", |schema| data(schema)["required"].as_array_mut().unwrap().push(json!("next_due"))),
        ("data.price: no longer required", |schema| {
            data(schema)["required"].as_array_mut().unwrap().retain(|name| name != "price");
        }),
        ("data.since: type", |schema| data(schema)["properties"]["since"]["type"] = json!("integer")),
        ("data.since: type", |schema| data(schema)["properties"]["since"]["type"] = json!(["string", "null"])),
        ("data.price: type", |schema| data(schema)["properties"]["price"] = json!({ "$ref": "#/$defs/Money" })),
        ("data.next_due: type", |schema| data(schema)["properties"]["next_due"]["type"] = json!("string")),
        ("data.price.minor: type", |schema| schema["$defs"]["Money"]["properties"]["minor"]["type"] = json!("number")),
        ("data.price.exponent: added", |schema| {
            schema["$defs"]["Money"]["properties"]["exponent"] = json!({ "type": "integer" });
        }),
        ("data.cause: value \"due\" removed", |schema| {
            schema["$defs"]["Cause"]["oneOf"].as_array_mut().unwrap().retain(|word| word["const"] != "due");
        }),
        ("source: value \"pricestream.pricing\" removed", |schema| schema["properties"]["source"]["const"] = json!("other")),
        ("sequence: pattern", |schema| schema["properties"]["sequence"]["pattern"] = json!("^[0-9]+$")),
        ("data.sku: pattern", |schema| schema["$defs"]["Sku"]["pattern"] = json!("^[A-Z]+$")),
        ("tracestate: maxLength", |schema| schema["properties"]["tracestate"]["maxLength"] = json!(100)),
        ("data: removed", |schema| drop(schema["properties"].as_object_mut().unwrap().remove("data"))),
    ];
    for (expected, edit) in edits {
        let broken = edited(edit);
        assert!(broken.iter().any(|line| line.starts_with(expected)), "{expected}: {broken:?}");
    }
}
