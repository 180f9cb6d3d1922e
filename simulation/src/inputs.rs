use jiff::{SignedDuration, Timestamp};
use pricestream_domain::{BasisPoints, Currency, LowStock, Mode, Money, Override, Product, Sku, SourceSeq};
use pricestream_event_schema::StockChange;
use pricestream_ports::{ModeSetting, PromotionsSetting, RolloutSetting, SettingsRecord};
use pricestream_repricing_engine::rollout::{Stage, StopRules};

use crate::fate::Fate;

/// The SKUs of every run: few, so that invocations meet on them.
pub(crate) const SKUS: [&str; 3] = ["A", "B", "C"];

/// Where low stock is told, and where the warning is armed again.
pub(crate) const BAND: LowStock = LowStock { at: 5, rearm: 10 };

/// Strategies documents: the price depends on stock alone, on stock and time, or on stock where the catalogue line says so.
const DOCUMENTS: [&str; 3] = [
    r#"{"version":1,"strategies":{"plus-five":{"kind":"inventory_threshold","below":10,"change_bp":500},"steady":{"kind":"fixed_list"}},"default":{"strategy":"plus-five","floor_percent_of_list":50}}"#,
    r#"{"version":1,"strategies":{"plus-five":{"kind":"inventory_threshold","below":20,"change_bp":1500},"steady":{"kind":"fixed_list"}},"default":{"strategy":"plus-five","floor_percent_of_list":50,"guardrails":{"max_step":{"change_bp":400,"per_minutes":1},"cooldown_minutes":1}}}"#,
    r#"{"version":1,"strategies":{"plus-five":{"kind":"inventory_threshold","below":10,"change_bp":-700},"steady":{"kind":"fixed_list"}},"default":{"strategy":"plus-five","floor_percent_of_list":50}}"#,
];

/// Rule sets: a sale of one SKU that begins and one of all that ends while a run lasts, and a sale by stock.
const RULE_SETS: [&str; 2] = [
    r#"{"version":1,"promotions":[
        {"id":"begins","effect":{"percent_off":{"off_bp":1000}},"items":{"include":[{"skus":["A"]}]},"window":{"from":"BEGINS"}},
        {"id":"ends","effect":{"percent_off":{"off_bp":500}},"window":{"until":"ENDS"}}]}"#,
    r#"{"version":1,"promotions":[
        {"id":"begins","effect":{"percent_off":{"off_bp":1000}},"items":{"include":[{"skus":["A"]}]},"window":{"from":"BEGINS"}},
        {"id":"plenty","effect":{"amount_off":{"amount":{"minor":50,"currency":"USD"},"per":"unit"}},"when":{"stock_left":{"at_least":10}}}]}"#,
];

/// What somebody makes of the promotions next.
fn next_promotions(fate: &Fate, before: Option<&PromotionsSetting>) -> PromotionsSetting {
    let mut next = before.cloned().unwrap_or_default();
    match fate.below(6) {
        0..3 => {
            let text = fate.one_of(&RULE_SETS).replace("BEGINS", "2026-11-27T00:01:00Z").replace("ENDS", "2026-11-27T00:00:40Z");
            next.rule_set = Some(text.into());
        }
        3 => next.on = !next.on,
        4 => next.without.used_up = (fate.below(2) == 0).then(|| "begins".into()).into_iter().collect(),
        _ => {}
    }
    next
}

/// The share of the list price that is the floor of a product without one, in every document above.
pub(crate) fn document_floor() -> BasisPoints {
    BasisPoints::new(5_000).expect("half is a share")
}

fn usd(minor: u64) -> Money {
    Money { minor: i64::try_from(minor).expect("a price of the simulation is small"), currency: Currency::USD }
}

/// The catalogue line as it is first imported.
pub(crate) fn first_line(sku: &str) -> Product {
    serde_json::from_value(serde_json::json!({
        "sku": sku, "name": sku, "list_price": { "minor": 1000, "currency": "USD" },
        "low_stock": { "at": BAND.at, "rearm": BAND.rearm },
    }))
    .expect("the first line is a product")
}

/// The line as the merchant changes it next.
pub(crate) fn next_line(fate: &Fate, line: &Product) -> Product {
    let mut line = line.clone();
    match fate.below(8) {
        0 => line.retired = !line.retired,
        1 => line.strategy = if line.strategy.is_some() { None } else { Some("steady".to_owned()) },
        2 => line.ceiling = if line.ceiling.is_some() { None } else { Some(usd(1_020)) },
        3 => line.floor = if line.floor.is_some() { None } else { Some(usd(700)) },
        4 => line.strategy = Some("unheard-of".to_owned()),
        5 => line.list_price.currency = if line.list_price.currency == Currency::USD { Currency::EUR } else { Currency::USD },
        _ => {
            line.retired = false;
            line.list_price = usd(fate.within(800..=1_200));
            line.strategy = None;
        }
    }
    // What a shop could not store is not tried here.
    if line.problems().is_empty() { line } else { Product { floor: None, ceiling: None, ..line } }
}

/// The settings as somebody publishes them next.
pub(crate) fn next_settings(fate: &Fate, before: Option<&SettingsRecord>, now: Timestamp) -> SettingsRecord {
    let mode = *fate.one_of(&[Mode::Run, Mode::Run, Mode::Freeze, Mode::ListPrice, Mode::Shadow]);
    let mode = ModeSetting { mode, by: "simulation".to_owned(), note: String::new(), at: now };
    let rev = before.map_or(0, |before| before.rev) + 1;
    let stage = fate.one_of(&[Stage::Shadow, Stage::Canary(50), Stage::Stopped("a person".to_owned())]).clone();
    let rollout = RolloutSetting {
        candidate: (*fate.one_of(&DOCUMENTS)).into(),
        number: rev,
        stage,
        rules: StopRules::default(),
        by: "simulation".to_owned(),
        note: String::new(),
        at: now,
    };
    SettingsRecord {
        rev,
        rollout: (fate.below(2) == 0).then_some(rollout),
        promotions: next_promotions(fate, before.map(|before| &before.promotions)),
        ..SettingsRecord::first(mode, *fate.one_of(&DOCUMENTS), "simulation")
    }
}

/// The settings that a run begins with: the first document, repricing on.
pub(crate) fn first_settings(now: Timestamp) -> SettingsRecord {
    let mode = ModeSetting { mode: Mode::Run, by: "simulation".to_owned(), note: String::new(), at: now };
    SettingsRecord::first(mode, DOCUMENTS[0], "simulation")
}

/// An override, or none.
pub(crate) fn next_override(fate: &Fate, now: Timestamp) -> Option<Override> {
    let lasts = SignedDuration::from_secs(i64::try_from(fate.within(1..=60)).expect("a minute is short"));
    (fate.below(3) > 0).then(|| Override {
        price: usd(fate.within(400..=1_300)),
        expires_at: now.checked_add(lasts).expect("a simulation stays within the calendar"),
        by: "simulation".to_owned(),
        note: String::new(),
    })
}

/// A stock change: mostly a sale near the band, sometimes a restock, sometimes with a gap in the numbers.
pub(crate) fn next_change(fate: &Fate, sku: &Sku, last: SourceSeq, now: Timestamp) -> StockChange {
    let gap = u64::from(fate.below(8) == 0);
    StockChange {
        sku: sku.clone(),
        on_hand: fate.within(0..=25),
        source_seq: SourceSeq(last.0 + 1 + gap),
        occurred_at: now,
        cause: (fate.below(4) == 0).then(|| "restock".to_owned()),
        quantity: None,
        unit_price: None,
        origin: Some("warehouse".to_owned()),
    }
}
