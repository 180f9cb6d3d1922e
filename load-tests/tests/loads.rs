//! The scenarios of the repository, and a little of a load on a real server.

use std::path::{Path, PathBuf};
use std::process::Command;

use pricestream_load_tests::Scenario;
use serde_json::Value;

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

#[test]
fn every_scenario_reads_and_says_what_it_is_about() {
    let files: Vec<PathBuf> = std::fs::read_dir(scenarios()).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() >= 11, "{files:?}");
    for file in files {
        let scenario = Scenario::read(&file).unwrap();
        assert!(scenario.about.len() > 20 && scenario.rates(1_000.0).is_ok(), "{file:?}");
    }
}

/// The program that this load is put on: built beside this test by whoever builds the whole workspace.
fn server() -> Option<PathBuf> {
    let here = std::env::current_exe().unwrap();
    let program = here.parent()?.parent()?.join("pricestream");
    if !program.exists() {
        eprintln!("SKIPPED: there is no {}: test the whole workspace, or build pricestream first", program.display());
        return None;
    }
    Some(program)
}

fn load(arguments: &[&str], files: &[(&str, &str)]) -> Option<(bool, Vec<Value>, tempfile::TempDir)> {
    let server = server()?;
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_load"));
    command.args(["--json", "--durability", "process", "--server"]).arg(server).arg("--out").arg(directory.path().join("out"));
    command.args(arguments);
    for (name, text) in files {
        std::fs::write(directory.path().join(name), text).unwrap();
        command.arg(directory.path().join(name));
    }
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let outcomes: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {told}"));
    Some((output.status.success(), outcomes, directory))
}

#[test]
fn a_load_of_every_kind_leaves_nothing_behind_and_its_report_shows_it() {
    let scenario = r#"
        about = "a little of everything"
        seconds = 4
        skus = 40
        [changes]
        rate = [[0, 60], [2, "5%"]]
        hot_share = 0.5
        restock_at = 2.5
        [reads]
        rate = [[0, 50]]
        [streams]
        clients = 5
        skus_each = 3
        reconnect_at = [1.5]
        [promotions]
        count = 30
        begin_at = 2
        [orders]
        rate = [[0, 10]]
        units = 12
    "#;
    let Some((good, outcomes, directory)) = load(&[], &[("everything.toml", scenario)]) else { return };
    let outcome = &outcomes[0];
    assert!(good, "{}", outcome["checks"]);
    let count = |of: &str| outcome[of]["count"].as_u64().unwrap();
    // A change that is not the last of its SKU may be overtaken; each that moved a price was seen.
    assert!(count("acknowledged") > 150 && count("freshness") > 100 && count("reads") > 100 && count("orders") > 20, "{outcome}");
    assert!(outcome["events"].as_u64().unwrap() > 20, "{outcome}");
    assert_eq!(outcome["checks"].as_array().unwrap().len(), 12, "{}", outcome["checks"]);
    let page = std::fs::read_to_string(directory.path().join("out/report.html")).unwrap();
    assert!(page.contains("a little of everything") && page.matches("<svg").count() >= 5, "{} bytes", page.len());
}

#[test]
fn a_recording_is_played_as_fast_as_is_asked() {
    let recording: String = (0..200)
        .map(|number| {
            let at = jiff::Timestamp::from_second(1_500_000_000 + 60 * number).unwrap();
            format!("{{\"sku\":\"S-{}\",\"on_hand\":5,\"source_seq\":1,\"occurred_at\":\"{at}\",\"cause\":\"sale\"}}", number % 7)
        })
        .collect::<Vec<_>>()
        .join("\n");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("recording.ndjson");
    std::fs::write(&file, recording).unwrap();
    let scenario = "about = \"a recording\"\nseconds = 3\nskus = 1\nrecording_speed = 10\n";
    let arguments = ["--recording", file.to_str().unwrap(), "--speed", "6000"];
    let Some((good, outcomes, _directory)) = load(&arguments, &[("recorded.toml", scenario)]) else { return };
    // 199 minutes in two seconds.
    assert!(good && outcomes[0]["acknowledged"]["count"] == 200, "{}", outcomes[0]["checks"]);
}

#[test]
fn the_scenario_of_the_page_is_one() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/load.md")).unwrap();
    let (_, rest) = page.split_once("```toml\n").unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    let scenario = Scenario::parse(text).unwrap();
    assert!(scenario.orders.is_some() && scenario.promotions.is_some() && scenario.streams.reconnect_at.len() == 2);
}
