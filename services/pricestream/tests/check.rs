//! Rule sets checked from the command line: what is found is told for people and for programs, and shown by a basket.

mod program;

use std::process::{Command, Output};

use program::{EXAMPLES, run};
use serde_json::{Value, json};

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The example sale, with a promotion that gives avocados away, in a file.
fn faulty_sale(folder: &tempfile::TempDir) -> String {
    let mut sale: Value =
        serde_json::from_str(&std::fs::read_to_string(format!("{EXAMPLES}/promotions/sale.json")).unwrap()).unwrap();
    sale["pipeline"].as_array_mut().unwrap().push(json!([{ "component": "percent_off" }]));
    sale["promotions"].as_array_mut().unwrap().push(json!({
        "id": "giveaway", "effect": { "percent_off": { "off_bp": 10_000 } }, "items": { "include": [{ "skus": ["avocado"] }] },
        "when": { "groups": ["the owner's friends"] }
    }));
    let file = folder.path().join("faulty sale.json");
    std::fs::write(&file, sale.to_string()).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn a_sale_with_notes_alone_passes_and_one_with_a_danger_does_not() {
    let (sale, catalogue) = (format!("{EXAMPLES}/promotions/sale.json"), format!("{EXAMPLES}/catalogue.ndjson"));
    let checked = run(&["check", &sale, "--catalogue", &catalogue], "");
    assert_eq!(checked.status.code(), Some(0));
    let told = text(&checked);
    assert!(told.contains("sale.json: no problems, ") && told.contains("\nnotes\n") && !told.contains("dangers"), "{told}");

    let folder = tempfile::tempdir().unwrap();
    let faulty = faulty_sale(&folder);
    let checked = run(&["check", &faulty, "--catalogue", &catalogue], "");
    assert_eq!(checked.status.code(), Some(1));
    let told = text(&checked);
    let dangers = told.split("\ndangers\n").nth(1).unwrap().split("\n\n").next().unwrap();
    assert!(dangers.starts_with("  gives_all_away      promotions[9].effect.percent_off\n"), "{told}");
    assert!(dangers.contains("giveaway takes everything off what it is for"), "{told}");
}

#[test]
fn the_command_that_shows_a_finding_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    let faulty = faulty_sale(&folder);
    let catalogue = format!("{EXAMPLES}/catalogue.ndjson");
    let told = text(&run(&["check", &faulty, "--catalogue", &catalogue], ""));
    let dangers = told.split("\ndangers\n").nth(1).unwrap();
    let command = dangers.lines().find_map(|line| line.trim().strip_prefix("see: pricestream ")).unwrap();
    // As a shell would run it, quotes in names and all.
    let script = format!("{} {command} --json", env!("CARGO_BIN_EXE_pricestream"));
    let shown = Command::new("bash").args(["-c", &script]).output().unwrap();
    assert!(shown.status.success(), "{script}: {}", String::from_utf8_lossy(&shown.stderr));
    let answer: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(answer["payable"]["minor"], 0, "{answer}");
}

#[test]
fn findings_are_told_to_programs_and_problems_stay_problems() {
    let rules = json!({ "version": 1, "promotions": [
        { "id": "a", "effect": { "percent_off": { "off_bp": 500 } }, "limit": { "uses": 0 } }
    ] });
    let checked = run(&["check", "-", "--json"], &rules.to_string());
    assert_eq!(checked.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!((&found["problems"], &found["cut"]), (&json!([]), &json!([])));
    let findings = found["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1);
    assert_eq!(
        (&findings[0]["code"], &findings[0]["severity"], &findings[0]["paths"]),
        (&json!("nothing_left"), &json!("warning"), &json!(["promotions[0].limit.uses"]))
    );
    let refused = run(&["check", "-", "--json"], r#"{"version":2}"#);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(serde_json::from_slice::<Value>(&refused.stdout).unwrap()["problems"][0]["path"], "version");
    let usage = run(&["check", "-", "--target", "http://127.0.0.1:1"], "{}");
    assert_eq!(usage.status.code(), Some(2));
}

#[test]
fn a_store_is_looked_up_like_a_catalogue() {
    let folder = tempfile::tempdir().unwrap();
    let (data, catalogue) = (folder.path().join("store"), format!("{EXAMPLES}/catalogue.ndjson"));
    let data = data.to_str().unwrap();
    let recording = folder.path().join("none.ndjson");
    std::fs::write(&recording, "").unwrap();
    let made = run(&["replay", recording.to_str().unwrap(), "--data", data, "--catalogue", &catalogue], "");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let faulty = faulty_sale(&folder);
    let of = |more: [&str; 2]| {
        let checked = run(&["check", &faulty, more[0], more[1], "--json"], "");
        serde_json::from_slice::<Value>(&checked.stdout).unwrap()
    };
    assert_eq!(of(["--data", data]), of(["--catalogue", &catalogue]));
}
