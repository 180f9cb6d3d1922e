//! The strategies file of a running server: saved, it is in force; bad, it is refused whole.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

fn document(change_bp: i32) -> String {
    format!(
        r#"{{"version":1,"strategies":{{"s":{{"kind":"inventory_threshold","below":10,"change_bp":{change_bp}}}}},
            "default":{{"strategy":"s","floor_percent_of_list":50}}}}"#
    )
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _it_may_have_ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn price(base: &str) -> i64 {
    let text = ureq::get(format!("{base}/v1/prices/A")).call().unwrap().body_mut().read_to_string().unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["price"]["minor"].as_i64().unwrap()
}

fn within(limit: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < limit, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_saved_strategies_file_is_in_force_and_a_bad_one_changes_nothing() {
    let files = tempfile::tempdir().unwrap();
    let strategies = files.path().join("strategies.json");
    let catalogue = files.path().join("catalogue.ndjson");
    std::fs::write(&strategies, document(500)).unwrap();
    std::fs::write(&catalogue, r#"{"sku":"A","list_price":{"minor":1000,"currency":"EUR"}}"#).unwrap();
    let mut server = Command::new(env!("CARGO_BIN_EXE_pricestream"))
        .args(["up", "--listen", "127.0.0.1:0", "--json", "--data"])
        .arg(files.path().join("store"))
        .arg("--strategies")
        .arg(&strategies)
        .arg("--catalogue")
        .arg(&catalogue)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let _server = Server(server);
    let base = loop {
        let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        if let Some(address) = line["listening"].as_str() {
            break format!("http://{address}");
        }
    };
    let now = jiff::Timestamp::now();
    let change = format!(r#"{{"sku":"A","on_hand":5,"source_seq":1,"occurred_at":"{now}"}}"#);
    ureq::post(format!("{base}/v1/stock-changes")).header("content-type", "application/json").send(change).unwrap();
    within(Duration::from_secs(5), "the first price", || price(&base) == 1_050);

    std::fs::write(&strategies, document(500).replace("inventory_threshold", "no_such_kind")).unwrap();
    let refused = || ureq::get(format!("{base}/metrics")).call().unwrap().body_mut().read_to_string().unwrap();
    within(Duration::from_secs(10), "the refusal is counted", || refused().contains("pricestream_settings_refused_total 1"));
    assert_eq!(price(&base), 1_050, "the old document stays in force");

    std::fs::write(&strategies, document(700)).unwrap();
    within(Duration::from_secs(10), "the new document is in force", || price(&base) == 1_070);
}
