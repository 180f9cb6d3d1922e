//! A shop that grows: to import it, to price its first stock, to start with it, and then to change one price of it.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::served::{asked, change, line, microseconds_since, send, used};
use super::{Column, count};
use crate::shop::{FULL, strategies};
use crate::target::Target;

pub(super) const COLUMNS: [Column; 7] = [
    Column { name: "import us each", grows: true },
    Column { name: "first stock us each", grows: true },
    Column { name: "on disk KB each", grows: true },
    Column { name: "ready in s", grows: true },
    Column { name: "memory MB", grows: true },
    Column { name: "a change us", grows: true },
    Column { name: "a price us", grows: true },
];

/// Changes that are measured, of SKUs at random.
const CHANGES: usize = 20_000;

pub(super) async fn measure(size: usize, program: &Path) -> Result<Vec<f64>> {
    let directory = tempfile::tempdir().context("a directory for the store")?;
    let sku = |number: usize| format!("growth-{number:07}");
    let file = |name: &str, each: &dyn Fn(usize) -> String| -> Result<_> {
        let text = (0..size).fold(String::new(), |mut text, number| {
            writeln!(text, "{}", each(number)).expect("text takes every write");
            text
        });
        let path = directory.path().join(name);
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        Ok(path)
    };
    let catalogue = file("catalogue.ndjson", &|number| line(&sku(number)))?;
    let stock = file("stock.ndjson", &|number| change(&sku(number), FULL, 1))?;
    let settings = directory.path().join("strategies.json");
    std::fs::write(&settings, strategies())?;
    let data = directory.path().join("store");
    let run = |command: &mut Command| -> Result<(f64, Value)> {
        let began = Instant::now();
        let output = command.args(["--json", "--data"]).arg(&data).output().context("starting pricestream")?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok((began.elapsed().as_secs_f64(), serde_json::from_slice(&output.stdout).unwrap_or_default()))
    };
    let (import, _) = run(Command::new(program).args(["catalogue", "import"]).arg(&catalogue))?;
    let (_, replayed) =
        run(Command::new(program).args(["replay", "--speed", "max"]).arg(&stock).arg("--strategies").arg(&settings))?;
    let first = replayed["cpu_seconds"].as_f64().context("a replay tells its CPU time")?;
    let disk: u64 = std::fs::read_dir(&data)?.map(|entry| Ok(entry?.metadata()?.len())).sum::<Result<u64>>()?;

    let began = Instant::now();
    let target = Target::start_on(program, "process", &data).await?;
    let ready = began.elapsed().as_secs_f64();
    let memory = used(&target)?.memory_mib * 1.048_576;
    let mut random = fastrand::Rng::with_seed(size as u64);
    let changes: Vec<String> =
        (0..CHANGES).map(|number| change(&sku(random.usize(..size)), random.u64(1..FULL), number as u64 + 2)).collect();
    let before = used(&target)?;
    send(&target, &changes, 100).await?;
    let change = microseconds_since(&target, &before, CHANGES)?;
    let price = asked(&target, &format!("/v1/prices/{}", sku(size / 2))).await?;
    target.end().await;
    let (size, us) = (count(size), 1e6);
    #[allow(clippy::cast_precision_loss, reason = "bytes of a disk")]
    let disk = disk as f64 / 1e3 / size;
    Ok(vec![import * us / size, first * us / size, disk, ready, memory, change, price])
}
