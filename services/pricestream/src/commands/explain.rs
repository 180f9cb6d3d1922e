use anyhow::{Context, Result};
use jiff::Timestamp;
use pricestream_domain::Sku;
use pricestream_embedded::{Access, Store, ready};
use pricestream_ports::{Documents, HistoryRow, Promotions, RecordReads, SettingsSnapshot, UsageReads};
use pricestream_price_api::{Explanation, GuestPrice, Outlook};
use pricestream_promotion_engine::Context as Asked;
use serde_json::{Value, json};

use super::{Found, quote};
use crate::cli::{Explain, Global};
use crate::report::{Lines, shown, table};

/// Decisions that a server tells at once, at most.
const MOST_OF_SERVER: usize = 500;

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
            client.get(&format!("/v1/prices/{sku}/history?limit={}", last.clamp(1, MOST_OF_SERVER)))?,
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
    let (guest, outlook) = (guest(&store, newest)?, Outlook::of(newest));
    let explanation = Explanation { guest, outlook, ..Explanation::of(newest) };
    let history: Vec<_> = rows.iter().map(pricestream_price_api::HistoryEntry::of).collect();
    Ok((serde_json::to_value(explanation)?, json!({ "sku": sku, "decisions": history })))
}

/// What a guest pays under the rule set that the store has in force, with what is left of limited promotions.
fn guest(store: &Store, newest: &HistoryRow) -> Result<Vec<GuestPrice>> {
    let settings = ready(store.settings()).context("reading the settings")?;
    let promotions = settings.map(|stored| SettingsSnapshot::of(&stored, &SettingsSnapshot::frozen()).0.promotions);
    let Some(Promotions::InForce { rules, without }) = promotions else { return Ok(Vec::new()) };
    let rules = &rules.rules;
    // What has no price is not sold.
    let Ok((basket, mut asked)) =
        quote::resolve(GuestPrice::request(&newest.sku), rules, Timestamp::now(), |sku| quote::from_store(store, sku))
    else {
        return Ok(Vec::new());
    };
    asked.switched_off.extend(without.components.iter().cloned());
    asked.left = ready(store.left(&rules.limits_asked(&basket, &asked)?, &[], asked.at)).context("reading what is left")?;
    let quote = |at| rules.quote(&basket, &Asked { at, ..asked.clone() });
    GuestPrice::now_and_next(newest.lane.as_deref(), asked.at, quote).context("pricing one unit for a guest")
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
        ("outlook", explanation.pointer("/outlook/sentence").and_then(shown)),
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
    for slice in explanation.get("guest").and_then(Value::as_array).into_iter().flatten() {
        let part = |of: &Value, field: &str| of.get(field).and_then(shown).unwrap_or_default();
        let until = slice.get("until").and_then(shown).map(|until| format!(" until {until}")).unwrap_or_default();
        println!("\na guest pays {} from {}{until}", part(slice, "payable"), part(slice, "from"));
        let promotions = slice.get("promotions").and_then(Value::as_array).into_iter().flatten();
        let rows: Vec<_> = promotions.map(|of| vec![part(of, "promotion"), part(of, "why")]).collect();
        print!("{}", table(&["promotion", "what became of it"], &rows));
    }
    let entries = history.get("decisions").and_then(Value::as_array).cloned().unwrap_or_default();
    let cell = |entry: &Value, field: &str| entry.get(field).and_then(shown).unwrap_or_default();
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| ["decided_at", "cause", "previous_price", "price", "reason"].map(|field| cell(entry, field)).into())
        .collect();
    print!("\n{}", table(&["decided at", "cause", "from", "to", "reason"], &rows));
}
