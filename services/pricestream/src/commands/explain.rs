use anyhow::{Context, Result};
use pricestream_domain::{Money, Sku};
use pricestream_embedded::{Access, Store, ready};
use pricestream_ports::RecordReads;
use serde_json::{Value, json};

use super::Found;
use crate::cli::Global;
use crate::report::{Lines, table};

pub(crate) fn run(global: &Global, sku: &Sku, last: usize) -> Result<Found> {
    let (explanation, history) = match global.client()? {
        Some(client) => (
            client.get(&format!("/v1/prices/{sku}/explanation"))?,
            client.get(&format!("/v1/prices/{sku}/history?limit={last}"))?,
        ),
        None => from_store(global, sku, last)?,
    };
    if global.json {
        println!("{}", json!({ "explanation": explanation, "history": history }));
        return Ok(Found::Nothing);
    }
    show(sku, &explanation, &history);
    Ok(Found::Nothing)
}

fn from_store(global: &Global, sku: &Sku, last: usize) -> Result<(Value, Value)> {
    let store = Store::open(&global.directory(), Access::Read)?;
    let rows = ready(store.history(sku, None, last.max(1))).context("reading the history")?;
    let Some(newest) = rows.first() else {
        anyhow::bail!("{sku} was never priced: see that it is in the catalogue (`pricestream catalogue import`)");
    };
    let explanation = pricestream_price_api::Explanation::of(newest);
    let history: Vec<_> = rows.iter().map(pricestream_price_api::HistoryEntry::of).collect();
    Ok((serde_json::to_value(explanation)?, json!({ "entries": history })))
}

fn show(sku: &Sku, explanation: &Value, history: &Value) {
    println!("{sku}");
    let mut lines = Lines::default();
    for (label, field) in [
        ("price", "price"),
        ("list price", "list_price"),
        ("since", "since"),
        ("decided at", "decided_at"),
        ("because of", "cause"),
    ] {
        if let Some(text) = explanation.get(field).and_then(shown) {
            lines.add(label, text);
        }
    }
    if let Some(sentence) = explanation.get("sentence").and_then(Value::as_str) {
        lines.add("reason", sentence);
    }
    if let Some(refusal) = explanation.get("refusal").and_then(shown) {
        lines.add("refused", refusal);
    }
    if let Some(due) = explanation.get("next_due").and_then(shown) {
        lines.add("next due", due);
    }
    print!("{lines}");
    let entries = history.get("entries").and_then(Value::as_array).cloned().unwrap_or_default();
    let cell = |entry: &Value, field: &str| entry.get(field).and_then(shown).unwrap_or_default();
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| ["decided_at", "cause", "previous_price", "price", "sentence"].map(|field| cell(entry, field)).into())
        .collect();
    print!("\n{}", table(&["decided at", "cause", "from", "to", "reason"], &rows));
}

fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => {
            Some(serde_json::from_value::<Money>(other.clone()).map_or_else(|_| other.to_string(), |money| money.to_string()))
        }
    }
}
