//! What a replay does with a recording that is not perfect, and with its own time.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const PRICESTREAM: &str = env!("CARGO_BIN_EXE_pricestream");

const STRATEGIES: &str = r#"{"version":1,"strategies":{"evening":{"kind":"scheduled_markdown","daily":[{"from":"18:00","change_bp":-2000}]}},
  "default":{"strategy":"evening","floor_percent_of_list":60}}"#;

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.write("strategies.json", STRATEGIES.as_bytes());
        let line = |sku: &str| format!(r#"{{"sku":"{sku}","list_price":{{"minor":1000,"currency":"EUR"}}}}"#);
        files.write("catalogue.ndjson", format!("{}\n{}\n", line("A"), line("B")).as_bytes());
        files
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: &[u8]) {
        std::fs::write(self.path(name), content).unwrap();
    }

    fn replay(&self, recording: &Path, more: &[&str]) -> Output {
        let mut command = Command::new(PRICESTREAM);
        command.arg("replay").arg(recording).args(["--json", "--catalogue"]).arg(self.path("catalogue.ndjson"));
        command.arg("--strategies").arg(self.path("strategies.json")).arg("--data").arg(self.path("store")).args(more);
        command.output().unwrap()
    }
}

fn change(sku: &str, on_hand: u64, seq: u64, at: &str) -> String {
    format!(r#"{{"sku":"{sku}","on_hand":{on_hand},"source_seq":{seq},"occurred_at":"{at}"}}"#)
}

fn json(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let first = text.lines().next().unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    serde_json::from_str(first).unwrap()
}

#[test]
fn one_bad_line_of_ten_thousand_costs_no_other_and_is_told_with_its_number() {
    let files = Files::new();
    let mut recording = String::new();
    for number in 1..=10_000 {
        let line = if number == 7_123 {
            r#"{"sku":"A","on_hand":"#.to_owned()
        } else {
            change("A", number % 50, number, "2026-11-22T08:00:00Z")
        };
        writeln!(recording, "{line}").unwrap();
    }
    files.write("recording.ndjson", recording.as_bytes());
    let output = files.replay(&files.path("recording.ndjson"), &["--verify"]);
    assert_eq!(output.status.code(), Some(1), "something was found");
    let report = json(&output);
    assert_eq!((&report["applied"], &report["refused"]), (&9_999.into(), &1.into()));
    assert_eq!(report["problems"][0]["line"], 7_123);
    let verification: Value = serde_json::from_str(String::from_utf8_lossy(&output.stdout).lines().nth(1).unwrap()).unwrap();
    assert_eq!(verification["findings"], 0);
    assert_eq!(verification["cached"], 2, "the replay's own cache was compared");
}

#[test]
fn every_kind_of_bad_line_is_refused_by_itself() {
    let at = "2026-11-22T08:00:00Z";
    for (line, why) in [
        (b"\xff\xfe".to_vec(), "not UTF-8"),
        (b"{\"sku\":\"A\",\"on_h".to_vec(), "truncated"),
        (change("A", 1, 2, at).replace("\"on_hand\":1", "\"on_hand\":\"1\"").into_bytes(), "a wrong type"),
        (change("A", 1, 2, at).replace("\"on_hand\":1", "\"on_hand\":-1").into_bytes(), "negative"),
        (change("A", 5_000_000_000, 2, at).into_bytes(), "huge"),
        (change("nobody", 1, 1, at).into_bytes(), "unknown SKU"),
        (change("A", 7, 1, at).into_bytes(), "the same number, another body"),
        (change("A", 1, 2, at).replace("{\"sku\"", "{\"origin\":\"other\",\"sku\"").into_bytes(), "another source"),
        (vec![b'x'; 10_000_000], "ten megabytes"),
    ] {
        let files = Files::new();
        let mut recording = format!("{}\n", change("A", 9, 1, at)).into_bytes();
        recording.extend(line);
        recording.extend(format!("\n{}\n", change("B", 9, 1, at)).into_bytes());
        files.write("recording.ndjson", &recording);
        let report = json(&files.replay(&files.path("recording.ndjson"), &[]));
        assert_eq!((&report["applied"], &report["refused"]), (&2.into(), &1.into()), "{why}: {report}");
        assert_eq!(report["problems"][0]["line"], 2, "{why}");
    }
}

#[test]
fn repeated_stale_and_skipped_numbers_are_counted_and_have_no_second_effect() {
    let files = Files::new();
    let at = "2026-11-22T08:00:00Z";
    let lines =
        [change("A", 9, 1, at), change("A", 9, 1, at), change("A", 8, 5, at), change("A", 9, 1, at), change("A", 7, 6, at)];
    files.write("recording.ndjson", lines.join("\n").as_bytes());
    let report = json(&files.replay(&files.path("recording.ndjson"), &[]));
    assert_eq!((&report["applied"], &report["repeated"], &report["stale"]), (&3.into(), &1.into(), &1.into()));
}

#[test]
fn a_price_falls_due_by_the_recordings_clock_between_two_changes() {
    let files = Files::new();
    let lines = [change("A", 9, 1, "2026-11-22T08:00:00Z"), change("B", 9, 1, "2026-11-22T19:30:00Z")];
    files.write("recording.ndjson", lines.join("\n").as_bytes());
    assert!(files.replay(&files.path("recording.ndjson"), &["--verify"]).status.success());
    let told = Command::new(PRICESTREAM).args(["explain", "A", "--json", "--data"]).arg(files.path("store")).output().unwrap();
    let told = json(&told);
    assert_eq!(
        told["explanation"]["decision"]["decided_at"], "2026-11-22T18:00:00Z",
        "at the very instant, not at the next change"
    );
    assert_eq!(told["explanation"]["decision"]["price"]["minor"], 800);
}

#[test]
fn a_factor_of_real_time_takes_that_long() {
    let files = Files::new();
    let lines = [change("A", 9, 1, "2026-11-22T08:00:00Z"), change("A", 8, 2, "2026-11-22T08:01:00Z")];
    files.write("recording.ndjson", lines.join("\n").as_bytes());
    let report = json(&files.replay(&files.path("recording.ndjson"), &["--speed", "120"]));
    assert_eq!(report["applied"], 2);
    assert!(report["seconds"].as_f64().unwrap() >= 0.5, "a minute at 120 times real time is half a second: {report}");
}

#[test]
fn wrong_usage_and_missing_files_say_what_to_do() {
    let files = Files::new();
    for (arguments, status, says) in [
        (vec!["replay", "/nowhere/recording.ndjson"], 1, "/nowhere/recording.ndjson cannot be read"),
        (vec!["replay", "-", "--speed", "slow"], 2, "max"),
        (vec!["verify", "--data", "/nowhere"], 1, "there is no store in /nowhere"),
        (vec!["mode", "off"], 2, "run, freeze, list-price or shadow"),
        (vec!["override", "A", "--price", "5", "--until", "never", "--data", "/nowhere"], 2, "2h"),
        (vec!["verify", "--target", "localhost"], 1, "http://127.0.0.1:8080"),
    ] {
        let output = Command::new(PRICESTREAM).args(&arguments).current_dir(files.0.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
}
