//! What the routes cost beside the least that the same answers can cost: prices read from memory and from Valkey, whole quote
//! requests, and the live stream. CPU time of the serving thread alone; who asks has a thread of its own.

mod price_read;
mod quote_request;
mod served;
mod streams;
mod valkey;
mod world;

#[path = "../../../../libs/promotion-engine/benches/shared/measured.rs"]
mod measured;

#[path = "../../../../libs/promotion-engine/benches/cart/floor.rs"]
mod floor;
#[path = "../../../../libs/promotion-engine/benches/cart/workload.rs"]
#[allow(dead_code, reason = "the engine's own benchmark needs more of it")]
mod workload;

use mimalloc::MiMalloc;

/// As in the program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Rounds of each side, by turns; the medians count.
const ROUNDS: usize = 9;

/// A part by its name; told whether it is to measure, or only to work.
type Part = (&'static str, fn(bool));

fn main() {
    let wanted = std::env::args().any(|argument| argument == "--bench");
    // `-- streams` runs that part alone.
    let named: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let parts: [Part; 4] = [
        ("price_read", price_read::run),
        ("quote_request", quote_request::run),
        ("streams", streams::run),
        ("valkey", valkey::run),
    ];
    for (name, run) in parts {
        if named.is_empty() || named.iter().any(|named| named == name) {
            run(wanted);
        }
    }
}

/// A line of the table that `make bench` ends with.
fn report(goal: &str, measured: &str, ratio: f64, at_least: f64) {
    println!("BENCH\t{goal}\t{measured}\t{ratio:.2}\t{}", if ratio >= at_least { "met" } else { "MISSED" });
}

#[allow(clippy::cast_precision_loss, reason = "a count of a benchmark is exact")]
fn count(of: usize) -> f64 {
    of as f64
}
