//! Policies measured from the command line, on invented sales and on recorded ones.

mod program;

use std::fmt::Write as _;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use program::{EXAMPLES, run};
use serde_json::{Value, json};

fn json_of(arguments: &[&str]) -> Value {
    let output = run(arguments, "");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Twelve SKUs, each replenished on eight mornings; most buyers come in the first quarter of ten hours.
struct Shop(tempfile::TempDir);

impl Shop {
    fn new() -> Self {
        let shop = Self(tempfile::tempdir().unwrap());
        let mut random = Rng::with_seed(5);
        let first: Timestamp = "2026-05-04T08:00:00Z".parse().unwrap();
        let mut lines = Vec::new();
        let mut catalogue = String::new();
        for number in 0..12 {
            let sku = format!("SKU-{number}");
            writeln!(catalogue, r#"{{"sku":"{sku}","category":"drops","list_price":{{"minor":5000,"currency":"EUR"}}}}"#)
                .unwrap();
            let mut seq = 0;
            for day in 0..8 {
                let begin = first + SignedDuration::from_hours(24 * day);
                let mut left: u64 = 60;
                let mut line = |at: Timestamp, left: u64, cause: &str| {
                    seq += 1;
                    let change = json!({ "sku": sku, "on_hand": left, "source_seq": seq, "occurred_at": at, "cause": cause,
                        "unit_price": { "minor": 5000, "currency": "EUR" } });
                    lines.push((at, change.to_string()));
                };
                line(begin, left, "restock");
                let mut minute = 0.0;
                while left > 0 {
                    // Every three minutes at first, every quarter of an hour later.
                    minute -= (1.0 - random.f64()).ln() * if minute < 150.0 { 3.0 } else { 15.0 };
                    if minute > 590.0 {
                        break;
                    }
                    left -= 1;
                    line(begin + SignedDuration::from_secs_f64(minute * 60.0), left, "sale");
                }
            }
        }
        lines.sort();
        let recording: String = lines.into_iter().map(|(_, line)| line + "\n").collect();
        shop.write("recording.ndjson", &(recording + "no change at all\n"));
        shop.write("catalogue.ndjson", &catalogue);
        shop.write("strategies.json", &strategies(None).to_string());
        shop
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn recorded(&self, command: &str, more: &[&str]) -> Value {
        let (recording, catalogue) = (self.path("recording.ndjson"), self.path("catalogue.ndjson"));
        json_of(&[&["--json", command, &recording, "--catalogue", &catalogue, "--minutes", "600"], more].concat())
    }
}

fn strategies(profiles: Option<&Value>) -> Value {
    let mut document = json!({
        "version": 1,
        "strategies": { "flash": { "kind": "template_bayes", "sale": { "ends": { "after_full_minutes": 600 } } } },
        "default": { "strategy": "flash", "floor_percent_of_list": 50, "demand": { "per_hour": 10 } },
    });
    if let Some(profiles) = profiles {
        document["profiles"] = profiles.clone();
        document["default"]["demand"]["profile"] = json!("drops");
    }
    document
}

#[test]
fn profiles_learned_from_a_recording_are_where_its_buyers_were_and_fit_a_document() {
    let shop = Shop::new();
    let learned = shop.recorded("learn-profiles", &["--parts", "4"]);
    let drops: Vec<f64> = serde_json::from_value(learned["profiles"]["drops"].clone()).unwrap();
    assert_eq!(drops.len(), 4);
    assert!(drops[0] > 1.5 && drops[1..].iter().all(|part| *part < 1.0), "five times as many in the first quarter: {drops:?}");
    shop.write("with.json", &strategies(Some(&learned["profiles"])).to_string());
    let checked = run(&["strategies", "check", &shop.path("with.json")], "");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn a_backtest_is_tested_on_what_comes_after_what_it_was_taught_by() {
    let shop = Shop::new();
    let strategies = shop.path("strategies.json");
    let found = shop.recorded("backtest", &["--strategies", &strategies, "--plays", "3"]);
    assert_eq!((&found["tested"], &found["taught_only"], &found["unreadable_lines"]), (&json!(84), &json!(12), &json!(1)));
    let of = |way: usize, field: &str| found["outcomes"][way][field].as_f64().unwrap();
    // The recorded buyers all paid list price, so that selling at it is the recording itself.
    let stock = 84.0 * 60.0;
    for way in 0..3 {
        assert!((of(way, "units") + of(way, "leftover") - stock).abs() < 1e-6, "every unit is sold or left: {found}");
    }
    assert!((of(0, "revenue_minor") - 5_000.0 * of(0, "units")).abs() < 1.0);
    assert!(of(2, "price_moves") > 0.0);
    let again = shop.recorded("backtest", &["--strategies", &strategies, "--plays", "3"]);
    assert_eq!(found, again, "equal seeds give equal buyers");
    let one_day = run(&["backtest", "-", "--catalogue", &shop.path("catalogue.ndjson"), "--strategies", &strategies], "");
    assert_eq!(one_day.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&one_day.stderr).contains("a recording of two days or more is needed"));
}

#[test]
fn a_simulation_ranks_what_it_plays_and_draws_it() {
    let found = json_of(&["--json", "simulate", "as-planned", "x4", "--runs", "30", "--units", "40", "--buyers", "40"]);
    let percent = |policy: &str, scenario: usize| {
        let found = found["policies"].as_array().unwrap().iter().find(|found| found["policy"] == policy).unwrap();
        found["scenarios"][scenario]["percent"].as_f64().unwrap()
    };
    assert!(percent("gvr_optimal, as planned", 0) > 99.5);
    assert!(percent("list price", 1) < 60.0 && percent("template_bayes", 1) > 85.0, "{found}");
    let folder = tempfile::tempdir().unwrap();
    let plot = folder.path().join("sale.svg");
    let drawn = run(&["simulate", "front5", "--plot", plot.to_str().unwrap()], "");
    assert!(drawn.status.success(), "{}", String::from_utf8_lossy(&drawn.stderr));
    let svg = std::fs::read_to_string(&plot).unwrap();
    assert!(svg.contains("<svg") && svg.contains("percent of list") && svg.matches("polyline").count() >= 3);
    let document = format!("{EXAMPLES}/sale-strategies.json");
    let found = json_of(&[
        "--json",
        "simulate",
        "as-planned",
        "--strategies",
        &document,
        "--runs",
        "2",
        "--units",
        "10",
        "--buyers",
        "10",
    ]);
    assert_eq!(found["policies"].as_array().unwrap().len(), 7, "{found}");
    for (arguments, told) in [
        (&["simulate", "x"][..], "is no scenario"),
        (&["simulate", "--family", "{}"], "--family is no demand family"),
        (&["simulate", "--plot", "x.svg", "--policy", "none"], "there is no policy \"none\""),
        (&["simulate", "--buyers", "0"], "is no number above 0"),
    ] {
        let refused = run(arguments, "");
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}");
        assert!(
            String::from_utf8_lossy(&refused.stderr).contains(told),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&refused.stderr)
        );
    }
}

/// A sale through the whole pipeline: what was learned is in the record, and explain looks ahead from it.
#[test]
fn explain_says_what_the_rest_of_a_sale_is_expected_to_earn() {
    let shop = Shop::new();
    let recording = std::fs::read_to_string(shop.path("recording.ndjson")).unwrap();
    // The first morning, in the midst of its sale.
    let before_eleven = recording.lines().take_while(|line| !line.contains("2026-05-04T11:"));
    let morning = before_eleven.collect::<Vec<_>>().join("\n");
    shop.write("morning.ndjson", &morning);
    let store = shop.path("store");
    let (recording, catalogue, strategies) =
        (shop.path("morning.ndjson"), shop.path("catalogue.ndjson"), shop.path("strategies.json"));
    let arguments =
        ["--data", &store, "--json", "replay", &recording, "--catalogue", &catalogue, "--strategies", &strategies, "--verify"];
    let replayed = run(&arguments, "");
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stdout));
    let explained = json_of(&["--data", &store, "--json", "explain", "SKU-3"]);
    let outlook = &explained["explanation"]["outlook"];
    let percent = outlook["percent_of_best"].as_f64().unwrap();
    assert!((70.0..=105.0).contains(&percent), "{outlook}");
    // A unit every three minutes, at list price.
    assert!((5.0..40.0).contains(&outlook["velocity_per_hour"].as_f64().unwrap()), "{outlook}");
    assert!(outlook["sentence"].as_str().unwrap().contains("of the best possible under the current belief"), "{outlook}");
    let sentence = explained["explanation"]["sentence"].as_str().unwrap();
    assert!(sentence.contains("more buyers expected in") && sentence.contains("\"flash\" gives"), "{sentence}");
}
