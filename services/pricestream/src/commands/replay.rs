use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use pricestream_ports::{Clock, Settings};
use pricestream_telemetry::{FreshnessSummary, Metrics};
use serde::Serialize;
use serde_json::json;

use super::{Found, open_input, read_bytes, read_text};
use crate::app::{App, ReplayClock};
use crate::cli::{Global, Replay as Options};
use crate::client::Client;
use crate::commands::change::{import_lines, report_import, rule_set_text, strategies_text};
use crate::commands::verify::{show, spinner};
use crate::replay::{Line, Replay, Speed, Tally, read_lines};
use crate::report::{Lines, cpu_seconds, peak_memory_mib, table, thousands};
use crate::verify::verify;

/// How a replay ended.
#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    tally: Tally,
    seconds: f64,
    changes_per_second: f64,
    prices_changed: u64,
    prices_kept: u64,
    decisions_refused: u64,
    skus: u64,
    skus_refused: u64,
    alerts: u64,
    freshness_ms: Freshness,
    cpu_seconds: Option<f64>,
    peak_memory_mib: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Freshness {
    count: u64,
    p50: f64,
    p99: f64,
    max: f64,
}

pub(crate) fn run(global: &Global, options: &Options) -> Result<Found> {
    let mut lines = read_lines(open_input(&options.file)?, options.batch as usize).into_iter().peekable();
    if let Some(client) = global.client()? {
        return to_server(global, options, &client, lines);
    }
    let temporary = tempfile::tempdir().context("making a temporary directory")?;
    let directory = global.data.as_deref().unwrap_or(temporary.path());
    let metrics = Arc::new(Metrics::default());
    let clock = ReplayClock::starting_at(Timestamp::UNIX_EPOCH);
    let app = App::open(directory, global.durability(), clock.clone(), None, metrics)?;
    clock.advance(app.store.last_decided_at()?.unwrap_or(Timestamp::UNIX_EPOCH));
    if let Some(Ok(first)) = lines.peek() {
        let occurred = first.iter().find_map(|line| line.change.as_ref().ok().map(|change| change.occurred_at));
        occurred.inspect(|at| clock.advance(*at));
    }
    let strategies = options.strategies.as_deref().map(read_text).transpose()?;
    let promotions = options.promotions.as_deref().map(read_text).transpose()?;
    let promotions = promotions.as_deref().map(rule_set_text).transpose()?;
    app.ensure_settings(strategies.as_deref().map(strategies_text).transpose()?, promotions, "replay")?;
    let mut replay = Replay::new(Arc::clone(&app), options.speed)?;
    if let Some(catalogue) = &options.catalogue {
        let import = import_lines(&app, replay.runtime(), &read_bytes(catalogue)?)?;
        if !global.json {
            report_import(global, &import);
        }
    }
    app.reconcile(replay.runtime())?;
    if app.store.counts()?.products == 0 {
        bail!("the store has no catalogue: give one with --catalogue FILE");
    }
    let began = Instant::now();
    let cpu = cpu_seconds();
    play(global, options, &app, &mut replay, lines)?;
    let report = report(&app, &replay.tally, began, cpu)?;
    print_report(global, &report);
    let mut found = if report.tally.refused > 0 { Found::Something } else { Found::Nothing };
    if options.verify {
        let bar = spinner("decisions taken again", app.store.counts()?.history);
        let verification =
            verify(&app.store, &app.settings.current(), Some(&app.cache), clock.now(), |done| bar.set_position(done))?;
        bar.finish_and_clear();
        if show(global, &verification) == Found::Something {
            found = Found::Something;
        }
    }
    Ok(found)
}

fn play(
    global: &Global,
    options: &Options,
    app: &App<ReplayClock>,
    replay: &mut Replay,
    lines: impl Iterator<Item = Result<Vec<Line>, std::io::Error>>,
) -> Result<()> {
    let bar = progress();
    for batch in lines {
        let batch = batch.context("reading the stock changes")?;
        replay.play(&batch)?;
        if options.acknowledge {
            acknowledge(batch.last().map_or(0, |line| line.number))?;
        }
        if !bar.is_hidden() {
            let FreshnessSummary { p99_ms, .. } = app.metrics.freshness.summary();
            bar.set_message(format!("freshness p99 {p99_ms:.1} ms   {}", app.clock.now()));
            bar.set_position(replay.tally.lines);
        }
    }
    replay.finish()?;
    bar.finish_and_clear();
    if !global.json && replay.tally.lines == 0 {
        eprintln!("pricestream: there was nothing to replay");
    }
    Ok(())
}

/// Everything up to this line is durable.
fn acknowledge(line: u64) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", json!({ "acknowledged": line })).and_then(|()| out.flush()).context("acknowledging")
}

fn progress() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {human_pos} changes {per_sec} {msg}").expect("the template is valid");
    ProgressBar::new_spinner().with_style(style)
}

fn report(app: &App<ReplayClock>, tally: &Tally, began: Instant, cpu: Option<f64>) -> Result<Report> {
    let seconds = began.elapsed().as_secs_f64();
    let counts = app.store.counts()?;
    let FreshnessSummary { count, p50_ms, p99_ms, max_ms } = app.metrics.freshness.summary();
    let decisions = &app.metrics.decisions;
    #[allow(clippy::cast_precision_loss, reason = "a rate is rounded anyway")]
    let changes_per_second = tally.lines as f64 / seconds.max(1e-9);
    Ok(Report {
        tally: tally.clone(),
        seconds,
        changes_per_second,
        prices_changed: decisions.changed.get(),
        prices_kept: decisions.kept.get(),
        decisions_refused: decisions.refused.get(),
        skus: counts.products,
        skus_refused: counts.refused,
        alerts: counts.alerts,
        freshness_ms: Freshness { count, p50: p50_ms, p99: p99_ms, max: max_ms },
        cpu_seconds: cpu.zip(cpu_seconds()).map(|(before, now)| now - before),
        peak_memory_mib: peak_memory_mib(),
    })
}

fn print_report(global: &Global, report: &Report) {
    if global.json {
        println!("{}", serde_json::to_string(report).expect("a report is JSON"));
        return;
    }
    let tally = &report.tally;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is positive and small")]
    let rate = report.changes_per_second as u64;
    let mut lines = Lines::default();
    lines.add("stock changes", format!("{} in {:.1} s, {} a second", thousands(tally.lines), report.seconds, thousands(rate)));
    lines.add(
        "of these",
        format!(
            "{} applied, {} repeated, {} stale, {} refused",
            thousands(tally.applied),
            thousands(tally.repeated),
            thousands(tally.stale),
            thousands(tally.refused)
        ),
    );
    lines.add("prices", format!("{} moved, {} kept", thousands(report.prices_changed), thousands(report.prices_kept)));
    lines.add("SKUs", format!("{}, of which {} are refused a price", thousands(report.skus), thousands(report.skus_refused)));
    lines.count("low-stock alerts", report.alerts);
    let Freshness { p50, p99, max, .. } = report.freshness_ms;
    lines.add("freshness", format!("p50 {p50:.2} ms, p99 {p99:.2} ms, max {max:.2} ms (stock commit to cached price)"));
    if let (Some(cpu), Some(memory)) = (report.cpu_seconds, report.peak_memory_mib) {
        lines.add("cost", format!("{cpu:.1} s of CPU, {memory} MiB at the peak"));
    }
    print!("{lines}");
    if !tally.problems.is_empty() {
        println!("\n{} lines were refused and set aside:", thousands(tally.refused));
        let rows: Vec<_> = tally.problems.iter().map(|problem| vec![problem.line.to_string(), problem.problem.clone()]).collect();
        print!("{}", table(&["line", "problem"], &rows));
    }
}

/// Sends the recording to a running server, which prices by its own clock: each change as if it occurred when it is sent.
fn to_server(
    global: &Global,
    options: &Options,
    client: &Client,
    lines: impl Iterator<Item = Result<Vec<Line>, std::io::Error>>,
) -> Result<Found> {
    if options.speed != Speed::Max || options.catalogue.is_some() || options.strategies.is_some() || options.verify {
        let usage = "with --target a replay takes no --speed, --catalogue, --strategies or --verify: the server has its own clock, catalogue and settings (see `catalogue import`, `strategies publish`, `verify`)";
        return Err(super::Usage(usage.to_owned()).into());
    }
    let bar = progress();
    let mut tally = Tally::default();
    for batch in lines {
        let batch = batch.context("reading the stock changes")?;
        let now = pricestream_ports::SystemClock.now();
        let mut body = Vec::new();
        let mut sent = Vec::new();
        for line in &batch {
            tally.lines += 1;
            match &line.change {
                Ok(change) => {
                    let change = pricestream_event_schema::StockChange { occurred_at: now, ..change.clone() };
                    serde_json::to_writer(&mut body, &change)?;
                    body.push(b'\n');
                    sent.push(line.number);
                }
                Err(problem) => tally.refuse(line.number, problem.clone()),
            }
        }
        if !sent.is_empty() {
            let answer = client.ask(&ureq::http::Method::POST, "/v1/stock-changes", "application/x-ndjson", &body)?;
            tally.add_answer(&answer, &sent);
        }
        if options.acknowledge {
            acknowledge(batch.last().map_or(0, |line| line.number))?;
        }
        bar.set_position(tally.lines);
    }
    bar.finish_and_clear();
    if global.json {
        println!("{}", serde_json::to_string(&tally)?);
    } else {
        let mut lines = Lines::default();
        lines.count("stock changes", tally.lines).count("applied", tally.applied).count("repeated", tally.repeated);
        lines.count("stale", tally.stale).count("refused", tally.refused);
        print!("{lines}");
    }
    Ok(if tally.refused > 0 { Found::Something } else { Found::Nothing })
}
