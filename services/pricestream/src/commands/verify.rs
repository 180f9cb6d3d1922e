use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use pricestream_embedded::{Access, EmbeddedSettings, Store, ready};
use pricestream_ports::{Clock, Settings, SystemClock};
use pricestream_price_api::Verification;
use std::sync::Arc;

use super::Found;
use crate::cli::Global;
use crate::client::Client;
use crate::report::{Lines, table};
use crate::verify::verify;

pub(crate) fn run(global: &Global) -> Result<Found> {
    let report = match global.client()? {
        Some(client) => {
            let bar = spinner("decisions taken again", 0);
            let report = ask(&client, |done| bar.set_position(done))?;
            bar.finish_and_clear();
            report
        }
        None => {
            let store = Arc::new(Store::open(&global.directory(), Access::Read)?);
            let settings = EmbeddedSettings::new(Arc::clone(&store));
            // A store at rest stands at its last decision: what fell due since could not have been priced.
            let now = store.last_decided_at()?.unwrap_or_else(|| SystemClock.now());
            ready(settings.refresh(now)).context("reading the settings")?;
            let bar = spinner("decisions taken again", store.counts()?.history);
            let report = verify(&store, &settings.current(), None, now, |done| bar.set_position(done))?;
            bar.finish_and_clear();
            report
        }
    };
    Ok(show(global, &report))
}

/// Has a server verify, one answer after the other until every SKU was looked at.
fn ask(client: &Client, progress: impl Fn(u64)) -> Result<Verification> {
    let mut all = Verification::default();
    loop {
        let after = all.next.take().map_or_else(String::new, |sku| format!("?after={sku}"));
        let path = format!("/v1/admin/verify{after}");
        let body = client.ask(&ureq::http::Method::POST, &path, "application/json", b"{}")?;
        all.add(serde_json::from_value(body).context("the server's answer is no verification")?);
        progress(all.decisions);
        if all.next.is_none() {
            return Ok(all);
        }
    }
}

/// Prints a verification; says whether anything was found.
pub(crate) fn show(global: &Global, report: &Verification) -> Found {
    if global.json {
        println!("{}", serde_json::to_string(report).expect("a report is JSON"));
    } else {
        let mut lines = Lines::default();
        lines.count("SKUs", report.skus);
        lines.count("of these refused a price", report.refused);
        lines.count("decisions taken again", report.decisions);
        match report.cached {
            Some(cached) => lines.count("cache entries compared", cached),
            None => lines.add("cache entries compared", "none: no server runs on this store"),
        };
        lines.count("findings", report.findings);
        print!("{lines}");
        if report.findings == 0 {
            println!("clean: every price is what its records make it");
        } else {
            let rows: Vec<_> =
                report.first.iter().map(|found| vec![found.sku.to_string(), found.what.clone(), found.detail.clone()]).collect();
            print!("\n{}", table(&["SKU", "where", "what"], &rows));
        }
    }
    if report.findings == 0 { Found::Nothing } else { Found::Something }
}

/// A progress bar on a terminal; nothing elsewhere.
pub(crate) fn spinner(what: &'static str, total: u64) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{bar:30} {human_pos}/{human_len} {msg} {per_sec} {eta}").expect("the template is valid");
    let bar = ProgressBar::new(total).with_style(style).with_message(what);
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}
