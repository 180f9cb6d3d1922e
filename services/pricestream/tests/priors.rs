//! A model of demand from recorded sales to prices: trained by the example's script, asked, imported, priced by.
//!
//! Needs a Python with numpy and onnx: `PRICESTREAM_TEST_PYTHON`, or `python3`. Without one it is skipped, and says so.
#![cfg(feature = "onnx")]

mod program;

use std::fmt::Write as _;
use std::process::Command;

use program::{EXAMPLES, run};
use serde_json::{Value, json};

fn python() -> Option<String> {
    let python = std::env::var("PRICESTREAM_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has_all = Command::new(&python).args(["-c", "import numpy, onnx"]).output().is_ok_and(|output| output.status.success());
    if !has_all {
        eprintln!("SKIPPED: {python} has no numpy or no onnx; name one that has in PRICESTREAM_TEST_PYTHON");
    }
    has_all.then_some(python)
}

/// Sales an hour at list price, and the sensitivity, that the recording is made of.
fn truth(number: usize) -> (f64, f64) {
    let new = if number.is_multiple_of(3) { 4.0 } else { 1.0 };
    (5.0 * new, if number.is_multiple_of(2) { 1.0 } else { 4.0 })
}

fn category(number: usize) -> &'static str {
    if number.is_multiple_of(2) { "TEA" } else { "SHOES" }
}

fn line(number: usize) -> Value {
    let tags = if number.is_multiple_of(3) { vec!["new"] } else { vec![] };
    json!({ "sku": format!("SKU-{number}"), "category": category(number), "tags": tags, "list_price": { "minor": 1_000, "currency": "EUR" } })
}

const SKUS: usize = 40;

/// A day of sales by chance, at prices that change each hour.
fn recording() -> String {
    // Minor units from hour to hour.
    const PRICES: [i64; 3] = [800, 1_000, 1_200];
    let mut random = fastrand::Rng::with_seed(7);
    let mut changes = Vec::new();
    let begin: jiff::Timestamp = "2026-11-20T06:00:00Z".parse().unwrap();
    for number in 0..SKUS {
        let (per_hour, sensitivity) = truth(number);
        let (mut on_hand, mut seq) = (2_000, 1);
        changes.push((begin, json!({ "on_hand": on_hand, "cause": "restock", "quantity": on_hand }), number, seq));
        let (mut now, mut hour) = (0.0, 0_u32);
        while now < 15.0 {
            let minor = PRICES[(hour as usize + number) % 3];
            let ratio = f64::from(i32::try_from(minor).unwrap()) / 1_000.0;
            let rate = per_hour * f64::exp(-sensitivity * (ratio - 1.0));
            now += -random.f64().ln() / rate;
            while f64::from(hour + 1) <= now {
                hour += 1;
            }
            on_hand -= 1;
            seq += 1;
            let sold = json!({ "on_hand": on_hand, "cause": "sale", "quantity": 1,
                "unit_price": { "minor": minor, "currency": "EUR" } });
            changes.push((begin + jiff::SignedDuration::from_secs_f64(now * 3_600.0), sold, number, seq));
        }
    }
    changes.sort_by_key(|(at, ..)| *at);
    changes.into_iter().fold(String::new(), |mut lines, (at, mut change, number, seq)| {
        change["sku"] = json!(format!("SKU-{number}"));
        change["source_seq"] = json!(seq);
        change["occurred_at"] = json!(at);
        writeln!(lines, "{change}").unwrap();
        lines
    })
}

#[test]
fn a_model_trained_on_sales_says_what_they_were_made_of_and_prices_are_made_by_it() {
    let Some(python) = python() else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let write = |name: &str, text: &str| std::fs::write(path(name), text).unwrap();
    let lines = |of: Vec<Value>| of.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    write("catalogue.ndjson", &lines((0..SKUS).map(line).collect()));
    write("changes.ndjson", &recording());

    let features = run(&["catalogue", "features", &path("catalogue.ndjson"), "--targets", &path("changes.ndjson")], "");
    assert!(features.status.success(), "{}", String::from_utf8_lossy(&features.stderr));
    std::fs::write(path("features.ndjson"), &features.stdout).unwrap();
    let script = format!("{EXAMPLES}/prior-model/train.py");
    let trained = Command::new(python).args([&script, &path("features.ndjson"), &path("model.onnx")]).output().unwrap();
    let told = String::from_utf8_lossy(&trained.stdout).into_owned();
    assert!(trained.status.success(), "{told}{}", String::from_utf8_lossy(&trained.stderr));
    assert!(told.contains("of the deviance explained"), "{told}");

    // SKUs that were never sold: the model knows them by category and tag alone.
    write("new.ndjson", &lines((SKUS..SKUS + 12).map(line).collect()));
    let asked = run(&["catalogue", "priors", &path("new.ndjson"), "--model", &path("model.onnx")], "");
    let said = String::from_utf8_lossy(&asked.stderr).into_owned();
    assert!(
        asked.status.success() && said.contains("12 SKUs with a prior of the model, 0 with that of their category"),
        "{said}"
    );
    let priced: Vec<Value> =
        String::from_utf8(asked.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (line, number) in priced.iter().zip(SKUS..) {
        let ((per_hour, sensitivity), prior) = (truth(number), &line["prior"]);
        let number = |field: &str| prior[field].as_f64().unwrap();
        assert!((number("per_hour") / per_hour - 1.0).abs() < 0.15, "{line}: {per_hour}");
        assert!((number("sensitivity") / sensitivity - 1.0).abs() < 0.25, "{line}: {sensitivity}");
        assert!(number("certainty") > 5.0, "{line}");
    }

    // Without a model every SKU keeps its line, with the reason.
    let asked = run(&["catalogue", "priors", &path("new.ndjson"), "--model", &path("nowhere.onnx")], "");
    assert_eq!(asked.status.code(), Some(1));
    let text = String::from_utf8(asked.stdout).unwrap();
    assert_eq!(text.lines().filter(|line| line.contains("\"no_prior\":") && line.contains("cannot be read")).count(), 12);

    // Both are catalogue lines that a store takes.
    for (name, catalogue) in [("with", lines(priced)), ("without", text)] {
        write("import.ndjson", &catalogue);
        let store = path(name);
        let imported = run(&["replay", "-", "--catalogue", &path("import.ndjson"), "--data", &store], "");
        assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
        let told = String::from_utf8(imported.stdout).unwrap();
        assert!(told.contains("12 lines imported"), "{told}");
    }
}
