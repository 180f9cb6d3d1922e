use anyhow::{Context, Result};
use pricestream_domain::Sku;
use pricestream_embedded::{Access, Store, ready};
use pricestream_ports::RecordReads;
use serde_json::{Value, json};

use super::{Found, quote};
use crate::cli::{Explain, Global};
use crate::report::{Lines, shown, table};

pub(crate) fn run(global: &Global, options: &Explain) -> Result<Found> {
    match (&options.basket, &options.sku) {
        (Some(basket), _) => quote::price(global, basket, &options.with, true),
        (None, Some(sku)) => of_sku(global, sku, options.last),
        (None, None) => unreachable!("the command line asks for one of them"),
    }
}

fn of_sku(global: &Global, sku: &Sku, last: usize) -> Result<Found> {
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
    Ok((serde_json::to_value(explanation)?, json!({ "sku": sku, "decisions": history })))
}

fn show(sku: &Sku, explanation: &Value, history: &Value) {
    println!("{sku}");
    let mut lines = Lines::default();
    let decision = |field: &str| explanation.pointer(&format!("/decision/{field}")).and_then(shown);
    for (label, field) in
        [("price", "price"), ("since", "since"), ("list price", "list_price"), ("on hand", "on_hand"), ("mode", "mode")]
    {
        if let Some(text) = decision(field) {
            lines.add(label, text);
        }
    }
    for slice in explanation.pointer("/decision/lane/slices").and_then(Value::as_array).into_iter().flatten() {
        let part = |field: &str| slice.get(field).and_then(shown).unwrap_or_default();
        lines.add("a guest pays", format!("{} from {}", part("payable"), part("from")));
    }
    for (label, text) in [
        ("reason", explanation.get("sentence").and_then(shown)),
        ("refused", decision("refusal")),
        ("shadow price", decision("shadow_price")),
        ("next due", decision("next_due")),
        ("WRONG", explanation.get("disagreement").and_then(shown)),
    ] {
        if let Some(text) = text {
            lines.add(label, text);
        }
    }
    print!("{lines}");
    let entries = history.get("decisions").and_then(Value::as_array).cloned().unwrap_or_default();
    let cell = |entry: &Value, field: &str| entry.get(field).and_then(shown).unwrap_or_default();
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| ["decided_at", "cause", "previous_price", "price", "reason"].map(|field| cell(entry, field)).into())
        .collect();
    print!("\n{}", table(&["decided at", "cause", "from", "to", "reason"], &rows));
}
