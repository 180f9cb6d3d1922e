//! The shop that the benchmarks of the whole program are run on, seeded; and how they report.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

/// The program as it is released.
pub(crate) const PRICESTREAM: &str = env!("CARGO_BIN_EXE_pricestream");

/// Changes of a recording are this far apart.
pub(crate) const APART: SignedDuration = SignedDuration::from_millis(100);

/// Categories of the example's strategies: one of each kind, and the default.
const CATEGORIES: [&str; 8] = ["GROCERY", "PRODUCE", "PASTRY", "DELI", "MEAT", "NUTRITION", "DRUG GM", "FLORAL"];

/// Catalogue, strategies and recording, as files of a directory.
pub(crate) struct Shop {
    pub(crate) catalogue: PathBuf,
    pub(crate) strategies: &'static str,
    pub(crate) recording: PathBuf,
}

impl Shop {
    /// Opens with a delivery of each SKU; then customers buy at random until `changes` were recorded.
    pub(crate) fn found(directory: &Path, skus: usize, changes: usize) -> Self {
        let mut random = fastrand::Rng::with_seed(17);
        let mut catalogue = String::new();
        for sku in 0..skus {
            let (category, list) = (CATEGORIES[sku % CATEGORIES.len()], random.u32(300..20_000));
            writeln!(
                catalogue,
                r#"{{"sku":"SKU-{sku:06}","name":"Article number {sku}","category":"{category}","list_price":{{"minor":{list},"currency":"EUR"}},"low_stock":{{"at":3,"rearm":10}}}}"#
            )
            .expect("text takes every write");
        }
        let mut recording = String::new();
        let (mut on_hand, mut seqs) = (vec![0_u64; skus], vec![0_u64; skus]);
        let mut at: Timestamp = "2026-11-27T08:00:00Z".parse().expect("it is an instant");
        for number in 0..changes {
            let sku = if number < skus { number } else { random.usize(..skus) };
            let delivery = on_hand[sku] == 0;
            on_hand[sku] = if delivery { random.u64(20..100) } else { on_hand[sku] - random.u64(1..=on_hand[sku].min(3)) };
            seqs[sku] += 1;
            at += APART;
            let (left, seq, cause) = (on_hand[sku], seqs[sku], if delivery { "delivery" } else { "sale" });
            writeln!(
                recording,
                r#"{{"sku":"SKU-{sku:06}","on_hand":{left},"source_seq":{seq},"occurred_at":"{at}","cause":"{cause}"}}"#
            )
            .expect("text takes every write");
        }
        let file = |name: &str, text: String| {
            let path = directory.join(name);
            std::fs::write(&path, text).expect("the directory can be written");
            path
        };
        Self {
            catalogue: file("catalogue.ndjson", catalogue),
            strategies: concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/strategies.json"),
            recording: file("changes.ndjson", recording),
        }
    }
}

/// A line of the table that `make bench` ends with.
pub(crate) fn report(goal: &str, measured: &str, ratio: &str, met: bool) {
    println!("BENCH\t{goal}\t{measured}\t{ratio}\t{}", if met { "met" } else { "MISSED" });
}

/// `cargo bench` runs a benchmark with this argument, `cargo test --all-targets` without: then there is nothing to do.
pub(crate) fn is_wanted() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}
