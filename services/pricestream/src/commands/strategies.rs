//! The strategies document: in force, on trial, and earlier ones.

use std::path::Path;

use anyhow::{Context, Result, bail};
use pricestream_embedded::ready;
use pricestream_ports::Documents;
use pricestream_price_api::{Change, RollOut, RolloutView, versions};
use pricestream_repricing_engine::Strategies as Document;
use serde_json::{Value, json};
use ureq::http::Method;

use super::change::{on_store, percent_encoded, say, strategies_text};
use super::{Found, read_text, report_problems};
use crate::cli::{Audit, Global, Rollout, Strategies};
use crate::report::{Lines, table};

const JSON: &str = "application/json";

pub(crate) fn run(global: &Global, strategies: &Strategies) -> Result<Found> {
    match strategies {
        Strategies::Check { file } => check(global, file),
        Strategies::Publish { file, audit } => publish(global, file, audit),
        Strategies::Show { rev } => show(global, *rev),
        Strategies::History { last } => history(global, *last),
        Strategies::Rollout(Rollout { stage: None, .. }) => rollout(global),
        Strategies::Rollout(options) => roll_out(global, options),
        Strategies::Rollback { to, audit } => roll_back(global, *to, audit),
    }
}

fn check(global: &Global, file: &Path) -> Result<Found> {
    Ok(report_problems(global, file, &Document::from_json(&read_text(file)?).err().unwrap_or_default()))
}

fn publish(global: &Global, file: &Path, audit: &Audit) -> Result<Found> {
    let text = read_text(file)?;
    let strategies = strategies_text(&text)?;
    let done = match global.client()? {
        Some(client) => {
            let (by, note) = (percent_encoded(&audit.by), percent_encoded(&audit.note));
            client.ask(&Method::PUT, &format!("/v1/admin/strategies?by={by}&note={note}"), JSON, strategies.as_bytes())?
        }
        None => on_store(
            global,
            Change::PublishStrategies { text: strategies.into(), by: audit.by.clone(), note: audit.note.clone() },
        )?,
    };
    say(global, "strategies", &done);
    Ok(Found::Nothing)
}

fn show(global: &Global, rev: Option<u64>) -> Result<Found> {
    let path = rev.map_or_else(|| "/v1/admin/strategies".to_owned(), |rev| format!("/v1/admin/strategies/versions/{rev}"));
    match global.client()? {
        Some(client) => println!("{}", serde_json::to_string_pretty(&client.get(&path)?)?),
        None => {
            let store = &global.open()?.store;
            let found = match rev {
                None => ready(store.settings()),
                Some(rev) => ready(store.settings_at(rev)),
            };
            match found.context("reading the settings")? {
                Some(settings) => println!("{}", settings.strategies),
                None => bail!("there is no such document: pricestream strategies history"),
            }
        }
    }
    Ok(Found::Nothing)
}

fn history(global: &Global, last: u64) -> Result<Found> {
    let found = match global.client()? {
        Some(client) => client.get(&format!("/v1/admin/strategies/versions?limit={last}"))?,
        None => {
            let store = &global.open()?.store;
            let most = usize::try_from(last).unwrap_or(usize::MAX);
            serde_json::to_value(ready(versions(&**store, None, most)).context("reading the settings")?)?
        }
    };
    if global.json {
        println!("{found}");
        return Ok(Found::Nothing);
    }
    let short = |of: &Value, field: &str| {
        of.get(field).and_then(Value::as_str).map_or(String::new(), |hash| hash.chars().take(8).collect())
    };
    let text = |of: &Value, field: &str| of.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let rows: Vec<Vec<String>> = found
        .get("versions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|version| {
            let trial = match version.get("stage") {
                None => String::new(),
                Some(stage) => format!("{} {}", short(version, "candidate_hash"), stage_text(stage)),
            };
            let rev = version.get("settings_rev").and_then(Value::as_u64).unwrap_or(0).to_string();
            vec![rev, short(version, "strategies_hash"), text(version, "at"), text(version, "by"), text(version, "note"), trial]
        })
        .collect();
    print!("{}", table(&["rev", "in force", "at", "by", "note", "on trial"], &rows));
    Ok(Found::Nothing)
}

fn stage_text(stage: &Value) -> String {
    if let Some(percent) = stage.get("canary") {
        return format!("canary of {percent} %");
    }
    match stage.get("stopped").and_then(Value::as_str) {
        Some(why) => format!("stopped: {why}"),
        None => stage.as_str().unwrap_or_default().to_owned(),
    }
}

fn rollout(global: &Global) -> Result<Found> {
    let view = match global.client()? {
        Some(client) => client.get("/v1/admin/strategies/rollout")?,
        None => {
            let store = &global.open()?.store;
            let Some(settings) = ready(store.settings()).context("reading the settings")? else {
                bail!("nothing was published yet")
            };
            match ready(RolloutView::of(&settings, &**store, || std::future::ready(()))).context("reading the records")? {
                Some(view) => serde_json::to_value(view)?,
                None => bail!("nothing is on trial: pricestream strategies rollout FILE --stage shadow"),
            }
        }
    };
    let harmful = view.get("harm").is_some();
    if global.json {
        println!("{view}");
    } else {
        show_rollout(&view);
    }
    Ok(if harmful { Found::Something } else { Found::Nothing })
}

fn show_rollout(view: &Value) {
    let shown = |of: &Value, field: &str| match of.get(field) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    println!("rollout");
    let mut lines = Lines::default();
    lines.add("stage", stage_text(view.get("stage").unwrap_or(&Value::Null)));
    lines.add("candidate", shown(view, "candidate_hash"));
    lines.add("since", format!("{}, settings {}", shown(view, "at"), shown(view, "settings_rev")));
    for (label, field) in [("by", "by"), ("note", "note")] {
        if !shown(view, field).is_empty() {
            lines.add(label, shown(view, field));
        }
    }
    lines.add("SKUs on trial", shown(view, "skus"));
    lines.add("still to be decided", shown(view, "pending"));
    if let Some(apart) = view.get("mean_apart_bp").and_then(Value::as_f64) {
        lines.add("its prices lie", format!("{:+.2} % from those in force, on average", apart / 100.0));
    }
    lines.add("not used", format!("{} (refused, or too far from the price in force)", shown(view, "breaches")));
    match view.get("harm") {
        Some(_) => lines.add("stops by itself", shown(view, "harm")),
        None if view.get("finished") == Some(&Value::Bool(false)) => {
            lines.add("stops by itself", format!("not said: there was time for {} SKUs only", shown(view, "looked_at")))
        }
        None => lines.add("stops by itself", "no: nothing that was counted speaks for it"),
    };
    print!("{lines}");
    let list = |field: &str| view.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
    let takings: Vec<Vec<String>> = list("takings")
        .iter()
        .flat_map(|of| {
            ["canary", "control"].map(|side| {
                let cell = |field: &str| of.get(side).map(|side| shown(side, field)).unwrap_or_default();
                vec![shown(of, "currency"), side.to_owned(), cell("skus"), cell("selling"), cell("units"), cell("taken_percent")]
            })
        })
        .collect();
    if !takings.is_empty() {
        println!("\nwhat was taken, in percent of what the goods were worth at list price when the stage began");
        print!("{}", table(&["currency", "side", "SKUs", "selling", "units", "taken %"], &takings));
    }
    for of in list("takings") {
        let (currency, difference, error) = (shown(&of, "currency"), shown(&of, "difference"), shown(&of, "standard_error"));
        let judged = if of.get("judged") == Some(&Value::Bool(true)) {
            ""
        } else {
            "; too few SKUs have sold for the rules to judge by that"
        };
        println!("{currency}: canary less control {difference} points (standard error {error}){judged}");
    }
    let breaches: Vec<Vec<String>> = list("in_breach")
        .iter()
        .map(|of| {
            let apart =
                of.get("apart_bp").and_then(Value::as_f64).map_or(String::new(), |apart| format!("{:+.2} %", apart / 100.0));
            vec![shown(of, "sku"), shown(of, "breach"), apart]
        })
        .collect();
    if !breaches.is_empty() {
        println!();
        print!("{}", table(&["SKU", "not used, since it is", "from the price in force"], &breaches));
    }
}

fn roll_out(global: &Global, options: &Rollout) -> Result<Found> {
    let candidate = options.candidate.as_deref().map(read_text).transpose()?;
    let candidate = candidate.as_deref().map(strategies_text).transpose()?;
    let Some(stage) = options.stage else { return rollout(global) };
    let Audit { by, note } = options.audit.clone();
    let done = match global.client()? {
        Some(client) => {
            let mut body = json!({ "stage": stage, "stop": options.stop, "by": by, "note": note });
            if let Some(text) = candidate {
                body["candidate"] = serde_json::from_str(text)?;
            }
            client.ask(&Method::PUT, "/v1/admin/strategies/rollout", JSON, body.to_string().as_bytes())?
        }
        None => {
            let step = RollOut { candidate: candidate.map(Into::into), stage, stop: options.stop.clone(), by, note };
            on_store(global, Change::RollOut(step))?
        }
    };
    say(global, "rollout", &done);
    Ok(Found::Nothing)
}

fn roll_back(global: &Global, to: u64, audit: &Audit) -> Result<Found> {
    let Audit { by, note } = audit.clone();
    let done = match global.client()? {
        Some(client) => {
            let body = json!({ "to": to, "by": by, "note": note }).to_string();
            client.ask(&Method::PUT, "/v1/admin/strategies/rollback", JSON, body.as_bytes())?
        }
        None => on_store(global, Change::RollBack { to, by, note })?,
    };
    say(global, "strategies", &done);
    Ok(Found::Nothing)
}
