//! Bad input at the intake: each is told what is wrong, and costs nothing else.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use ureq::http::Method;

use crate::process::{ADMIN, Files, Server, change, kind};

#[test]
fn every_bad_change_is_told_by_a_stable_type_and_moves_nothing() {
    let files = Files::with(&["A", "B"]);
    let server = files.start();
    assert_eq!(server.change(&change("A", 5, 50)).body["result"], "applied");
    let with = |field: &str, value: Value| {
        let mut change = change("A", 6, 9);
        change[field] = value;
        change.to_string().into_bytes()
    };
    let far = |hours: i64| json!(Timestamp::now().checked_add(SignedDuration::from_hours(hours)).unwrap());
    let mut other_body = change("A", 5, 50);
    other_body["on_hand"] = json!(49);
    let table: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        ("nothing", vec![], 400, "bad-body"),
        ("not UTF-8", b"\xff\xfe{\"sku\":\"A\"}".to_vec(), 400, "bad-stock-change"),
        ("not UTF-8 within", b"{\"sku\":\"A\xc3\x28\",\"on_hand\":1}".to_vec(), 400, "bad-stock-change"),
        ("truncated", br#"{"sku":"A","on_hand":9,"source_seq":6,"occur"#.to_vec(), 400, "bad-stock-change"),
        ("no object", b"42".to_vec(), 400, "bad-stock-change"),
        ("a field missing", br#"{"sku":"A","on_hand":9,"source_seq":6}"#.to_vec(), 400, "bad-stock-change"),
        ("a number as text", with("on_hand", json!("9")), 400, "bad-stock-change"),
        ("a fraction", with("on_hand", json!(9.5)), 400, "bad-stock-change"),
        ("null", with("on_hand", Value::Null), 400, "bad-stock-change"),
        ("a list", with("source_seq", json!([6])), 400, "bad-stock-change"),
        ("an object for a SKU", with("sku", json!({ "A": 1 })), 400, "bad-stock-change"),
        ("negative", with("on_hand", json!(-1)), 400, "bad-stock-change"),
        ("more than any shop holds", with("on_hand", json!(1_000_000_001)), 400, "bad-stock-change"),
        (
            "beyond 64 bits",
            br#"{"sku":"A","on_hand":1e400,"source_seq":6,"occurred_at":"2026-01-01T00:00:00Z"}"#.to_vec(),
            400,
            "bad-stock-change",
        ),
        ("number 0", with("source_seq", json!(0)), 400, "bad-stock-change"),
        ("a number beyond 63 bits", with("source_seq", json!(u64::MAX)), 400, "bad-stock-change"),
        ("no instant", with("occurred_at", json!("yesterday")), 400, "bad-stock-change"),
        ("a SKU with a line break", with("sku", json!("A\nB")), 400, "bad-stock-change"),
        ("a SKU with braces", with("sku", json!("{A}")), 400, "bad-stock-change"),
        ("a deep one", "[".repeat(100_000).into_bytes(), 200, "-"), // an array that breaks off: told as a line of it
        ("an unknown SKU", with("sku", json!("ZZZ")), 404, "unknown-sku"),
        ("another origin", with("origin", json!("elsewhere")), 409, "other-origin"),
        ("the same number, another body", other_body.to_string().into(), 409, "contradiction"),
        ("years ago", with("occurred_at", json!("2019-05-01T00:00:00Z")), 422, "other-time"),
        ("eight days ago", with("occurred_at", far(-8 * 24)), 422, "other-time"),
        ("in an hour", with("occurred_at", far(1)), 422, "other-time"),
        ("in years", with("occurred_at", json!("2099-01-01T00:00:00Z")), 422, "other-time"),
        ("10 MB", vec![b' '; 10 << 20], 413, "too-large"),
    ];
    for (what, body, status, expected) in table {
        let answer = server.post("/v1/stock-changes", body);
        if status == 200 {
            assert_eq!((answer.status, kind(&answer.body["problems"][0])), (200, "bad-stock-change"), "{what}: {}", answer.body);
        } else {
            answer.assert_problem(status, expected, what);
        }
    }
    let mut plain = server.request(&Method::POST, "/v1/stock-changes", change("A", 6, 9).to_string());
    plain.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    server.try_ask(plain).unwrap().assert_problem(415, "bad-media-type", "another type");

    let file = files.write("long.ndjson", &"x".repeat(20 << 20));
    let import = server.cli(&["catalogue", "import", &file]);
    let told = String::from_utf8_lossy(&import.stderr).into_owned();
    assert!(import.status.code() == Some(1) && told.contains("The body is too long"), "it hears the answer: {told}");

    assert_eq!((server.price("A"), server.decisions("A").len()), (Some(1_000), 2), "nothing moved");
    assert_eq!(server.change(&change("B", 1, 9)).body["result"], "applied", "nobody else is held up");
    assert_eq!(server.change(&change("A", 6, 9)).body["stock_version"], 2, "and the number is still free");
    assert_eq!(server.done(&["verify"])["findings"], 0);
}

#[test]
fn repeated_stale_and_skipped_numbers_are_answered_and_counted() {
    let files = Files::with(&["A"]);
    let server = files.start();
    let fifth = change("A", 5, 50);
    for (body, result, version) in [
        (&fifth, "applied", 1),
        (&fifth, "repeated", 1),
        (&fifth, "repeated", 1),
        (&change("A", 4, 9), "stale", 1),
        (&change("A", 14, 8), "applied", 2), // 6 to 13 were left out
        (&fifth, "stale", 2),
    ] {
        let answer = server.change(body);
        let expected = json!({ "result": result, "sku": "A", "stock_version": version });
        assert_eq!((answer.status, &answer.body), (200, &expected), "{body}");
    }
    for (metric, expected) in [
        (r#"pricestream_stock_changes_total{result="applied"}"#, 2.0),
        (r#"pricestream_stock_changes_total{result="repeated"}"#, 2.0),
        (r#"pricestream_stock_changes_total{result="stale"}"#, 2.0),
        ("pricestream_source_seq_gaps_total", 8.0),
    ] {
        assert!((server.metric(metric) - expected).abs() < f64::EPSILON, "{metric}: {}", server.metric(metric));
    }
    server.shows("A", 1_050, std::time::Duration::from_secs(1));
}

#[test]
fn one_bad_line_of_ten_thousand_costs_only_itself_and_can_be_looked_up() {
    let files = Files::with(&["A", "B", "C"]);
    let mut command = files.up();
    command.args(["--durability", "process"]);
    let server = Server::start(command);
    let skus = ["A", "B", "C"];
    let mut lines: Vec<String> =
        (0..10_000_u64).map(|at| change(skus[usize::try_from(at % 3).unwrap()], at / 3 + 1, 20 - at % 20).to_string()).collect();
    lines[9_999] = r#"{"sku":"A","on_hand":"#.to_owned();
    let answer = server.post("/v1/stock-changes", lines.join("\n"));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let count = |field: &str| answer.body[field].as_u64().unwrap();
    assert_eq!((count("received"), count("applied"), count("refused")), (10_000, 9_999, 1));
    let problems = answer.body["problems"].as_array().unwrap();
    assert_eq!((problems.len(), &problems[0]["line"], kind(&problems[0])), (1, &json!(10_000), "bad-stock-change"));

    let aside = server.admin_get("/v1/admin/dead-letters");
    let letters = aside["dead_letters"].as_array().unwrap();
    assert_eq!((letters.len(), &letters[0]["body"]), (1, &json!(r#"{"sku":"A","on_hand":"#)));
    let reason = letters[0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("line 10000: not JSON"), "{reason}");
    for sku in skus {
        assert_eq!(server.decisions(sku)[0]["stock_version"], 3_333, "{sku}");
    }
    assert_eq!(server.done(&["verify"])["findings"], 0);
}

#[test]
fn the_intake_may_be_closed_by_a_token() {
    let files = Files::with(&["A"]);
    let mut command = files.up();
    command.env("PRICESTREAM_INGEST_TOKEN", "the-ingest-token");
    let server = Server::start(command);
    for (header, status) in [
        (None, 401),
        (Some("Bearer wrong"), 401),
        (Some("Basic the-ingest-token"), 401),
        (Some("Bearer the-ingest-token"), 200),
        (Some(&*format!("Bearer {ADMIN}")), 200),
    ] {
        let mut request = server.request(&Method::POST, "/v1/stock-changes", change("A", 1, 9).to_string());
        if let Some(header) = header {
            request.headers_mut().insert("authorization", header.parse().unwrap());
        }
        let answer = server.try_ask(request).unwrap();
        if status == 401 {
            answer.assert_problem(401, "unauthorized", header.unwrap_or("no token"));
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
        } else {
            // The second is the first again, at another time of day.
            assert!([200, 409].contains(&answer.status), "{header:?}: {}", answer.body);
        }
    }
    assert_eq!(server.price("A"), Some(1_050), "reading needs none");
}
