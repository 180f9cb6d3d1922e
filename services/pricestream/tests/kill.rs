//! The process is killed at random points of a replay, started again, and given what was not acknowledged: nothing
//! acknowledged is lost, no price is applied twice, and every price is what its records make it.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const PRICESTREAM: &str = env!("CARGO_BIN_EXE_pricestream");
const SKUS: usize = 40;
const CHANGES: usize = 6_000;
const KILLS: usize = 20;

const STRATEGIES: &str = r#"{"version":1,"strategies":{
    "plus-five":{"kind":"inventory_threshold","below":10,"change_bp":500},
    "tiers":{"kind":"stock_tiers","tiers":[{"at_most_bp":2500,"change_bp":2000},{"at_most_bp":6000,"change_bp":500}]},
    "evening":{"kind":"scheduled_markdown","daily":[{"from":"18:00","change_bp":-2000}]}},
  "default":{"strategy":"plus-five","floor_percent_of_list":60,"guardrails":{"band_bp":5000}},
  "categories":{"B":{"strategy":"tiers"},"C":{"strategy":"evening"}}}"#;

fn catalogue() -> String {
    (0..SKUS).fold(String::new(), |mut text, sku| {
        let category = ["A", "B", "C"][sku % 3];
        let list = 500 + sku * 37;
        let low = r#""low_stock":{"at":3,"rearm":8}"#;
        writeln!(text, r#"{{"sku":"K-{sku}","category":"{category}","list_price":{{"minor":{list},"currency":"EUR"}},{low}}}"#)
            .unwrap();
        text
    })
}

/// Seeded sales and restocks over two days.
fn recording(random: &mut fastrand::Rng) -> Vec<String> {
    let mut on_hand = [0_u64; SKUS];
    let mut seqs = [0_u64; SKUS];
    (0..CHANGES)
        .map(|number| {
            let sku = random.usize(..SKUS);
            let restock = on_hand[sku] == 0 || random.u8(..) < 4;
            on_hand[sku] = if restock { random.u64(10..40) } else { on_hand[sku] - 1 };
            seqs[sku] += 1;
            let at = jiff::Timestamp::from_second(1_780_000_000 + i64::try_from(number).unwrap() * 29).unwrap();
            let cause = if restock { "restock" } else { "sale" };
            let (left, seq) = (on_hand[sku], seqs[sku]);
            format!(r#"{{"sku":"K-{sku}","on_hand":{left},"source_seq":{seq},"occurred_at":"{at}","cause":"{cause}"}}"#)
        })
        .collect()
}

/// A replay that reads its changes from a pipe; the acknowledged line numbers come through the channel.
fn start(directory: &Path, files: &Path, lines: Vec<String>) -> (Child, Receiver<usize>) {
    let mut child = Command::new(PRICESTREAM)
        .args(["replay", "-", "--acknowledge", "--batch", "50", "--json"])
        .arg("--data")
        .arg(directory)
        .arg("--catalogue")
        .arg(files.join("catalogue.ndjson"))
        .arg("--strategies")
        .arg(files.join("strategies.json"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    std::thread::spawn(move || {
        for line in lines {
            if writeln!(input, "{line}").is_err() {
                return; // it was killed
            }
        }
    });
    let output = BufReader::new(child.stdout.take().unwrap());
    let (sender, acknowledged) = channel();
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            // A line cut short by the kill acknowledges nothing.
            let value: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            let number = value.get("acknowledged").and_then(serde_json::Value::as_u64);
            if let Some(number) = number.and_then(|number| usize::try_from(number).ok()) {
                let _the_test_has_moved_on = sender.send(number);
            }
        }
    });
    (child, acknowledged)
}

fn verify(directory: &Path) {
    let output = Command::new(PRICESTREAM).args(["verify", "--json", "--data"]).arg(directory).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["findings"], 0, "{report}");
}

/// Every price that every SKU ever had, a decision each.
fn decisions(directory: &Path) -> Vec<String> {
    let explain = |sku: usize| {
        let sku = format!("K-{sku}");
        let told =
            Command::new(PRICESTREAM).args(["explain", &sku, "--last", "100000", "--json", "--data"]).arg(directory).output();
        let told = told.unwrap();
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
        let history = told["history"]["decisions"].as_array().unwrap();
        let prices: Vec<String> = history.iter().map(|entry| entry["price"].to_string()).collect();
        format!("{sku}: {} decisions: {}", history.len(), prices.join(" "))
    };
    (0..SKUS).map(explain).collect()
}

#[test]
fn killed_at_twenty_random_points_nothing_acknowledged_is_lost_and_no_price_is_applied_twice() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_127);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let files = tempfile::tempdir().unwrap();
    std::fs::write(files.path().join("catalogue.ndjson"), catalogue()).unwrap();
    std::fs::write(files.path().join("strategies.json"), STRATEGIES).unwrap();
    let lines = recording(&mut random);

    let undisturbed = files.path().join("undisturbed");
    let (mut child, _) = start(&undisturbed, files.path(), lines.clone());
    assert!(child.wait().unwrap().success());
    verify(&undisturbed);

    let killed = files.path().join("killed");
    let mut acknowledged = 0;
    for kill in 0..KILLS {
        // What was not acknowledged is sent again, and with it some that was: a source that lost its own place.
        let again = acknowledged - random.usize(..=acknowledged.min(20));
        let (mut child, progress) = start(&killed, files.path(), lines[again..].to_vec());
        let until = acknowledged + (CHANGES - acknowledged) / (KILLS - kill + 1);
        let mut reached = acknowledged;
        while reached < until
            && let Ok(line) = progress.recv_timeout(Duration::from_mins(1))
        {
            reached = reached.max(again + line);
        }
        std::thread::sleep(Duration::from_micros(random.u64(..3_000)));
        child.kill().unwrap(); // SIGKILL
        child.wait().unwrap();
        acknowledged = progress.iter().last().map_or(reached, |line| reached.max(again + line));
        assert!(acknowledged >= until, "kill {kill} came before anything was acknowledged");
        verify(&killed);
    }
    let again = acknowledged - random.usize(..=acknowledged.min(20));
    let (mut child, _) = start(&killed, files.path(), lines[again..].to_vec());
    assert!(child.wait().unwrap().success());
    verify(&killed);
    for (disturbed, undisturbed) in decisions(&killed).iter().zip(decisions(&undisturbed)) {
        assert_eq!(*disturbed, undisturbed, "the same decisions, each taken once");
    }
}
