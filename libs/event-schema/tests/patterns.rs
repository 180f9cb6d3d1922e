//! Event patterns match as EventBridge's do, and refuse what we do not evaluate as it does.

use pricestream_event_schema::Pattern;
use serde_json::{Value, json};

fn pattern(pattern: &Value) -> Pattern {
    Pattern::from_json(&pattern.to_string()).unwrap()
}

fn event() -> Value {
    json!({
        "source": "pricestream.inventory",
        "detail-type": "StockChanged.v1",
        "resources": ["arn:a", "arn:b"],
        "empty": [],
        "detail": { "subject": "CJ-1", "data": { "on_hand": 5, "ratio": 300.0, "gone": null, "new": true, "lines": [
            { "sku": "A", "left": 1 }, { "sku": "B", "left": 9 },
        ] } },
    })
}

#[test]
fn operators_match_as_at_aws() {
    let detail = |data: Value| json!({ "detail": { "data": data } });
    for (case, expected) in [
        (json!({ "source": ["x", "pricestream.inventory"] }), true),
        (json!({ "source": ["pricestream"] }), false),
        (json!({ "source": [{ "prefix": "pricestream." }] }), true),
        (json!({ "source": ["pricestream.inventory"], "detail-type": ["PriceChanged.v1"] }), false),
        (json!({ "resources": ["arn:b"] }), true),
        (json!({ "resources": ["arn:c"] }), false),
        (json!({ "resources": [{ "anything-but": ["arn:a"] }] }), true), // one element is something else
        (json!({ "resources": [{ "anything-but": ["arn:a", "arn:b"] }] }), false),
        (json!({ "source": [{ "anything-but": "other" }] }), true),
        (json!({ "absent": [{ "anything-but": "other" }] }), false), // it asks for a value
        (json!({ "absent": [{ "exists": false }] }), true),
        (json!({ "absent": [{ "exists": true }] }), false),
        (json!({ "absent": { "below": [{ "exists": false }] } }), true),
        (json!({ "source": { "below": [{ "exists": false }] } }), true),
        (json!({ "source": { "below": ["x"] } }), false),
        (json!({ "empty": [{ "exists": false }] }), true),
        (json!({ "detail": [{ "exists": true }] }), false), // leaves only
        (json!({ "source": ["x", { "exists": true }] }), true),
        (detail(json!({ "on_hand": [5] })), true),
        (detail(json!({ "on_hand": ["5"] })), false),
        (detail(json!({ "ratio": [300] })), false), // as written
        (detail(json!({ "ratio": [{ "numeric": ["=", 300] }] })), true),
        (detail(json!({ "on_hand": [{ "numeric": ["<", 5] }] })), false),
        (detail(json!({ "on_hand": [{ "numeric": ["<=", 5] }] })), true),
        (detail(json!({ "on_hand": [{ "numeric": [">", 0, "<=", 5] }] })), true),
        (detail(json!({ "on_hand": [{ "numeric": [">=", 6] }, { "numeric": ["<", 6] }] })), true),
        (detail(json!({ "gone": [null], "new": [true] })), true),
        (detail(json!({ "gone": [{ "exists": true }] })), true),
        (detail(json!({ "new": [false, "true", 1] })), false),
        (detail(json!({ "lines": { "sku": ["A"], "left": [1] } })), true),
        (detail(json!({ "lines": { "sku": ["A"], "left": [9] } })), false), // of one element
    ] {
        assert_eq!(pattern(&case).matches(&event()), expected, "{case}");
    }
}

#[test]
fn what_is_not_evaluated_is_refused_with_its_path() {
    for (text, expected) in [
        ("[]", "event pattern, .: expected an object"),
        ("{", "event pattern, .: EOF"),
        ("{}", "event pattern, .: an empty object"),
        (r#"{"source":"x"}"#, "event pattern, source: expected a list"),
        (r#"{"source":[]}"#, "event pattern, source: an empty list"),
        (r#"{"detail":{}}"#, "event pattern, detail: an empty object"),
        (r#"{"detail":{"a":["x",{"suffix":"y"}]}}"#, "event pattern, detail.a[1].suffix: this operator is not supported"),
        (r#"{"a":[{"prefix":"x","exists":true}]}"#, "event pattern, a[0]: expected one operator"),
        (r#"{"a":[{"prefix":{"equals-ignore-case":"x"}}]}"#, "event pattern, a[0].prefix: expected a text"),
        (r#"{"a":[{"exists":1}]}"#, "event pattern, a[0].exists: expected true or false"),
        (r#"{"a":[{"anything-but":[1]}]}"#, "event pattern, a[0].anything-but: expected a text"),
        (r#"{"a":[{"anything-but":{"prefix":"x"}}]}"#, "event pattern, a[0].anything-but: expected a text"),
        (r#"{"a":[{"numeric":["!=",1]}]}"#, "event pattern, a[0].numeric: expected"),
        (r#"{"a":[{"numeric":[]}]}"#, "event pattern, a[0].numeric: expected"),
        (r#"{"a":[{"numeric":["<",1,">",0]}]}"#, "event pattern, a[0].numeric: expected"),
        (r#"{"a":[{"numeric":["<",5000000001]}]}"#, "event pattern, a[0].numeric: expected"),
        (r#"{"a":[{"numeric":["<"]}]}"#, "event pattern, a[0].numeric: expected"),
        (r#"{"a":[["x"]]}"#, "event pattern, a[0]: a list inside a list"),
        (r#"{"$or":[{"a":["x"]},{"b":["y"]}]}"#, "event pattern, $or: this operator is not supported"),
    ] {
        let error = Pattern::from_json(text).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}

#[test]
fn a_bus_routes_by_the_header_alone_when_it_may() {
    let header = pattern(&json!({ "source": [{ "prefix": "pricestream." }], "detail-type": ["StockChanged.v1"] }));
    assert!(!header.needs_detail());
    for (source, detail_type, expected) in [
        ("pricestream.inventory", "StockChanged.v1", true),
        ("pricestream.inventory", "PriceChanged.v1", false),
        ("other", "StockChanged.v1", false),
    ] {
        assert_eq!(header.matches_header(source, detail_type), expected);
        assert_eq!(header.matches(&json!({ "source": source, "detail-type": detail_type })), expected);
    }
    let deep = pattern(&json!({ "source": ["x"], "detail": { "subject": ["CJ-1"] } }));
    assert!(deep.needs_detail());
    assert!(deep.matches_header("x", "any"), "the detail decides");
    assert!(!deep.matches_header("y", "any"), "no detail can help");
}
