//! What changes records or settings: on a store that nobody has open, or on a running server.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use jiff::{SignedDuration, Span, Timestamp, ToSpan};
use pricestream_domain::{Mode, Money, Override as SetOverride};
use pricestream_embedded::{Runtime, ready};
use pricestream_ports::{Clock, Documents, RecordReads, SystemClock};
use pricestream_price_api::{Change, Done, catalogue_lines};
use pricestream_promotion_engine::RuleSet;
use pricestream_repricing_engine::Strategies;
use serde_json::{Value, json};
use ureq::http::Method;

use super::{Found, Usage, read_bytes};
use crate::app::App;
use crate::cli::{Audit, Global, Override};
use crate::report::{Lines, table, thousands};
use crate::worker::change_records;

const NDJSON: &str = "application/x-ndjson";
const JSON: &str = "application/json";

/// Catalogue lines in one request, so that each stays within the server's limit on a body.
const LINES_PER_REQUEST: usize = 1_000;

/// What became of a catalogue.
#[derive(Debug, Default)]
pub(crate) struct Import {
    changed: u64,
    unchanged: u64,
    problems: Vec<(u64, Vec<String>)>,
}

pub(crate) fn import(global: &Global, file: &Path) -> Result<Found> {
    let lines = read_bytes(file)?;
    let import = match global.client()? {
        Some(client) => {
            let mut import = Import::default();
            let mut number = 0;
            let all: Vec<&[u8]> = lines.split(|byte| *byte == b'\n').collect();
            for part in all.chunks(LINES_PER_REQUEST) {
                let body = part.join(&b'\n');
                if !body.trim_ascii().is_empty() {
                    let answer = client.ask(&Method::POST, "/v1/admin/catalogue", NDJSON, &body)?;
                    import.add_answer(number, &answer);
                }
                number += part.len() as u64;
            }
            import
        }
        None => {
            let app = App::open(&global.directory(), global.durability(), SystemClock, None, Arc::default())?;
            app.ensure_settings(None, None, "catalogue import")?;
            import_lines(&app, &app.runtime()?, &lines)?
        }
    };
    report_import(global, &import);
    Ok(if import.problems.is_empty() { Found::Nothing } else { Found::Something })
}

impl Import {
    fn add_answer(&mut self, lines_before: u64, answer: &Value) {
        let count = |field: &str| answer.get(field).and_then(Value::as_u64).unwrap_or(0);
        self.changed += count("changed");
        self.unchanged += count("unchanged");
        for problem in answer.get("problems").and_then(Value::as_array).into_iter().flatten() {
            let line = problem.get("line").and_then(Value::as_u64).unwrap_or(0) + lines_before;
            let texts = problem.get("errors").and_then(Value::as_array).into_iter().flatten();
            self.problems.push((line, texts.filter_map(Value::as_str).map(str::to_owned).collect()));
        }
    }
}

/// Imports catalogue lines into an open store, and prices what they touch.
pub(crate) fn import_lines<C: Clock + Clone + 'static>(app: &Arc<App<C>>, runtime: &Runtime<C>, lines: &[u8]) -> Result<Import> {
    let parsed = catalogue_lines(lines);
    let mut import = Import::default();
    for problem in parsed.problems {
        import.problems.push((problem.line as u64, problem.errors));
    }
    for products in parsed.products.chunks(LINES_PER_REQUEST) {
        if let Done::Imported { changed, unchanged } = turn(app, runtime, Change::ImportCatalogue(products.to_vec()))? {
            import.changed += changed as u64;
            import.unchanged += unchanged as u64;
        }
    }
    Ok(import)
}

/// Says what became of a catalogue.
pub(crate) fn report_import(global: &Global, import: &Import) {
    let problems: Vec<Value> =
        import.problems.iter().map(|(line, problems)| json!({ "line": line, "problems": problems })).collect();
    if global.json {
        println!("{}", json!({ "changed": import.changed, "unchanged": import.unchanged, "problems": problems }));
        return;
    }
    println!("catalogue: {} lines imported, {} as they were", thousands(import.changed), thousands(import.unchanged));
    if !import.problems.is_empty() {
        let rows: Vec<_> =
            import.problems.iter().take(20).map(|(line, problems)| vec![line.to_string(), problems.join("; ")]).collect();
        println!("{} lines were refused; correct them and import again:", thousands(import.problems.len() as u64));
        print!("{}", table(&["line", "problem"], &rows));
    }
}

/// `text`, if it is a strategies document; else everything that is wrong with it.
pub(crate) fn strategies_text(text: &str) -> Result<&str> {
    match Strategies::from_json(text) {
        Ok(_) => Ok(text),
        Err(problems) => {
            let list: Vec<String> = problems.iter().map(|problem| format!("\n  {problem}")).collect();
            bail!("the strategies document has {} problems:{}", problems.len(), list.concat())
        }
    }
}

/// `text`, if it is a rule set; else everything that is wrong with it.
pub(crate) fn rule_set_text(text: &str) -> Result<&str> {
    match RuleSet::from_json(text) {
        Ok(_) => Ok(text),
        Err(problems) => {
            let list: Vec<String> = problems.iter().map(|problem| format!("\n  {problem}")).collect();
            bail!("the rule set has {} problems:{}", problems.len(), list.concat())
        }
    }
}

pub(crate) fn mode(global: &Global, mode: Option<Mode>, audit: &Audit) -> Result<Found> {
    let client = global.client()?;
    let Some(mode) = mode else {
        let setting = match client {
            Some(client) => client.get("/v1/admin/mode")?,
            None => {
                let app = global.open()?;
                let settings = ready(app.store.settings()).context("reading the settings")?;
                serde_json::to_value(settings.map(|settings| settings.mode))?
            }
        };
        say(global, "mode", &setting);
        return Ok(Found::Nothing);
    };
    let Audit { by, note } = audit.clone();
    let done = match client {
        Some(client) => {
            let body = json!({ "mode": mode, "by": by, "note": note }).to_string();
            client.ask(&Method::PUT, "/v1/admin/mode", JSON, body.as_bytes())?
        }
        None => on_store(global, Change::SetMode { mode, by, note })?,
    };
    say(global, "mode", &done);
    Ok(Found::Nothing)
}

pub(crate) fn set_override(global: &Global, options: &Override) -> Result<Found> {
    let Audit { by, note } = options.audit.clone();
    let sku = &options.sku;
    let client = global.client()?;
    let done = match (options.price, &options.until) {
        (Some(minor), Some(until)) => {
            let expires_at = instant(until)?;
            match client {
                Some(client) => {
                    let price = client.get(&format!("/v1/admin/catalogue/{sku}"))?;
                    let currency = price.pointer("/product/list_price/currency");
                    let currency = currency.cloned().context("the server's catalogue line has no list price")?;
                    let body = json!({
                        "price": { "minor": minor, "currency": currency }, "expires_at": expires_at, "by": by, "note": note
                    });
                    client.ask(&Method::PUT, &format!("/v1/admin/overrides/{sku}"), JSON, body.to_string().as_bytes())?
                }
                None => {
                    let app = global.open()?;
                    let product = ready(app.store.product(sku)).context("reading the catalogue")?;
                    let Some(product) = product else { bail!("{sku} is not in the catalogue") };
                    let price = Money { minor, ..product.product.list_price };
                    let override_ = SetOverride { price, expires_at, by, note };
                    on_open_store(&app, Change::SetOverride { sku: sku.clone(), override_ })?
                }
            }
        }
        _ => match client {
            Some(client) => {
                let (by, note) = (percent_encoded(&by), percent_encoded(&note));
                client.ask(&Method::DELETE, &format!("/v1/admin/overrides/{sku}?by={by}&note={note}"), JSON, &[])?
            }
            None => on_store(global, Change::LiftOverride { sku: sku.clone(), by, note })?,
        },
    };
    say(global, "override", &done);
    Ok(Found::Nothing)
}

pub(super) fn on_store(global: &Global, change: Change) -> Result<Value> {
    on_open_store(&global.open()?, change)
}

/// Carries a change out on an open store, and prices everything that it touches.
fn on_open_store<C: Clock + Clone + 'static>(app: &Arc<App<C>>, change: Change) -> Result<Value> {
    let runtime = app.runtime()?;
    let done = turn(app, &runtime, change)?;
    if done.needs_reconcile() {
        app.reconcile(&runtime)?;
    }
    Ok(serde_json::to_value(done)?)
}

/// Carries a change out in a turn of its own.
pub(crate) fn turn<C: Clock + Clone + 'static>(app: &Arc<App<C>>, runtime: &Runtime<C>, change: Change) -> Result<Done> {
    match runtime.turn(|_| change_records(app, change))? {
        Ok(done) => Ok(done),
        Err(error) => bail!("{error}"),
    }
}

pub(super) fn say(global: &Global, what: &str, done: &Value) {
    if global.json {
        println!("{done}");
        return;
    }
    println!("{what}");
    let mut lines = Lines::default();
    for (field, value) in done.as_object().into_iter().flatten() {
        lines.add(field.replace('_', " "), value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    print!("{lines}");
}

/// `2h`, `3 days` from now, or an instant.
fn instant(text: &str) -> Result<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let usage = || Usage(format!("--until takes a duration (\"2h\", \"3 days\") or an instant (RFC 3339), not {text:?}"));
    let span: Span = text.parse().map_err(|_| usage())?;
    // A day of a price is 24 hours wherever the shop is.
    let hours = span.get_weeks() * 7 * 24 + span.get_days() * 24;
    let rest = span.weeks(0).days(0);
    let later = Timestamp::now().checked_add(i64::from(hours).hours()).and_then(|at| at.checked_add(rest));
    let at = later.map_err(|_| usage())?;
    if at.duration_since(Timestamp::now()) <= SignedDuration::ZERO {
        return Err(usage().into());
    }
    Ok(pricestream_ports::micros(at))
}

/// A text as it may stand in a query.
pub(super) fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
