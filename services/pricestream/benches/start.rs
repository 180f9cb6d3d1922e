//! How long a server with a large catalogue takes to be ready, and what it holds in memory then.

#[allow(dead_code, reason = "a start takes more than its own CPU time")]
#[path = "../../../libs/promotion-engine/benches/shared/measured.rs"]
mod measured;
mod shop;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use measured::median;
use shop::{PRICESTREAM, Shop, is_wanted, report};

const SKUS: usize = 100_000;

/// Starts on one store; the medians count.
const ROUNDS: usize = 5;

/// A server that is ready.
struct Started {
    seconds: f64,
    memory_mb: f64,
    peak_mb: f64,
}

fn main() {
    if !is_wanted() {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let shop = Shop::found(directory.path(), SKUS, SKUS);
    let data = directory.path().join("store");
    let seconds = run(Command::new(PRICESTREAM).args(["catalogue", "import"]).arg(&shop.catalogue), &data);
    println!("catalogue import of {SKUS} lines, a first price for each: {seconds:.2} s");
    let seconds =
        run(Command::new(PRICESTREAM).arg("replay").arg(&shop.recording).args(["--strategies", shop.strategies]), &data);
    println!("another strategies document, then stock for each: {seconds:.2} s");
    let starts: Vec<Started> = (0..ROUNDS).map(|_| start(&data)).collect();
    let middle = |of: fn(&Started) -> f64| median(starts.iter().map(of));
    let (seconds, memory, peak) = (middle(|start| start.seconds), middle(|start| start.memory_mb), middle(|start| start.peak_mb));
    println!("ready after {seconds:.2} s with {SKUS} SKUs, {memory:.0} MB resident, {peak:.0} MB at the peak");
    report("start with 100,000 SKUs: under 2 s", &format!("{seconds:.2} s"), "", seconds < 2.0);
    let measured = format!("{memory:.0} MB, {peak:.0} MB at the peak");
    report("memory with 100,000 SKUs: under 300 MB resident", &measured, "", peak < 300.0);
}

fn run(command: &mut Command, data: &Path) -> f64 {
    let began = Instant::now();
    let output = command.arg("--json").arg("--data").arg(data).output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    began.elapsed().as_secs_f64()
}

fn start(data: &Path) -> Started {
    let began = Instant::now();
    let mut server = Command::new(PRICESTREAM)
        .args(["up", "--listen", "127.0.0.1:0", "--json", "--data"])
        .arg(data)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut line = String::new();
    BufReader::new(server.stdout.take().expect("it is piped")).read_line(&mut line).expect("it says when it is ready");
    let seconds = began.elapsed().as_secs_f64();
    assert!(line.contains(&format!(r#""skus":{SKUS}"#)), "{line}");
    let started = Started { seconds, memory_mb: memory_mb(&server, "VmRSS:"), peak_mb: memory_mb(&server, "VmHWM:") };
    server.kill().and_then(|()| server.wait()).expect("it is ours");
    started
}

/// A line of /proc/PID/status in MB.
fn memory_mb(process: &Child, line: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).expect("this is Linux");
    let line = status.lines().find_map(|text| text.strip_prefix(line)).expect("the kernel says so");
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().expect("it is a number");
    kib * 1_024.0 / 1e6
}
