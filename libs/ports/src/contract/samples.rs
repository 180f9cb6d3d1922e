use std::sync::Arc;

use jiff::Timestamp;
use pricestream_domain::{
    Cause, Currency, FullLevel, Lane, LaneSlice, Mode, Money, Override, PriceVersion, RecordRev, Sku, SourceSeq, Standing,
    StockVersion,
};
use pricestream_event_schema::{Outgoing, StockChangedV1, TraceContext, encode, patterns};
use pricestream_promotion_engine::Without;
use pricestream_repricing_engine::Strategies;
use pricestream_repricing_engine::market::{Assumptions, Belief, Family, Hypothesis, Seen, Shape};
use pricestream_repricing_engine::rollout::{Arm, Breach, Stage, StopRules, TrialAccount};

use crate::{
    HistoryRow, Inventory, ModeSetting, PriceRecord, ProductRecord, Promotions, PromotionsSetting, PublishedRules,
    RolloutSetting, RowInputs, SeenInputs, SettingsRecord, SettingsSnapshot, SkuInputs,
};

/// A queue of the pipeline, for whoever builds a [`super::World`].
#[derive(Clone, Copy, Debug)]
pub struct SampleSubscriber {
    /// The queue.
    pub queue: &'static str,
    /// Its event pattern.
    pub pattern: &'static str,
}

impl SampleSubscriber {
    /// The three queues of the pipeline.
    pub const ALL: [Self; 3] = [
        Self { queue: "pricing-calculator", pattern: patterns::PRICING_CALCULATOR },
        Self { queue: "low-stock-alert", pattern: patterns::LOW_STOCK_ALERT },
        Self { queue: "cache-writer", pattern: patterns::CACHE_WRITER },
    ];
}

/// A SKU.
pub fn sku(text: &str) -> Sku {
    Sku::new(text).expect("a sample is legal")
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_microsecond(second * 1_000_000 + 123_456).expect("a sample is legal")
}

fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::USD)
}

/// A catalogue line as change number `rev`.
pub fn product(name: &str, rev: u64) -> ProductRecord {
    let line = format!(
        r#"{{"sku":"{name}","name":"Sample {rev}","category":"C","list_price":{{"minor":{},"currency":"USD"}},
            "floor":{{"minor":50,"currency":"USD"}},"tags":["t"],"attributes":{{"brand":"b"}},"low_stock":{{"at":5,"rearm":10}}}}"#,
        1_000 + rev
    );
    ProductRecord::new(serde_json::from_str(&line).expect("a sample is legal"), rev)
}

/// An inventory record at `version`.
pub fn inventory(name: &str, version: u64) -> Inventory {
    Inventory {
        sku: sku(name),
        on_hand: 100 - version,
        stock_version: StockVersion(version),
        full: FullLevel { on_hand: 100, at: at(0) },
        sold: version * 3,
        origin: "north".into(),
        source_seq: SourceSeq(version * 2),
        fingerprint: u64::MAX - version,
        occurred_at: at(10 + i64::try_from(version).expect("a sample is small")),
        committed_at: at(20 + i64::try_from(version).expect("a sample is small")),
    }
}

/// A rule set.
const RULES: &str = r#"{"version":1,"promotions":[{"id":"sale","effect":{"percent_off":{"off_bp":1000}},"window":{"from":"2026-11-11T00:00:00Z"}}]}"#;

fn without(something: bool) -> Without {
    let used_up = something.then(|| Arc::from("sale")).into_iter().collect();
    Without { used_up, components: something.then(|| "points".to_owned()).into_iter().collect() }
}

/// Settings number `rev`.
pub fn settings(rev: u64) -> SettingsRecord {
    let strategies = r#"{"version":1,"strategies":{"steady":{"kind":"fixed_list"}},"default":{"strategy":"steady"}}"#;
    let mode = if rev % 2 == 1 { Mode::Run } else { Mode::ListPrice };
    let mode = ModeSetting { mode, by: "ops".into(), note: format!("change {rev}"), at: at(5) };
    let promotions = PromotionsSetting {
        rule_set: (rev.is_multiple_of(2)).then(|| RULES.into()),
        published_by: "promotions".into(),
        on: !rev.is_multiple_of(3),
        switched_by: "ops".into(),
        note: format!("switch {rev}"),
        at: at(6),
        without: without(rev.is_multiple_of(2)),
    };
    let rollout = (!rev.is_multiple_of(3)).then(|| RolloutSetting {
        candidate: r#"{"version":1,"strategies":{"trial":{"kind":"fixed_list"}},"default":{"strategy":"trial"}}"#.into(),
        number: rev - 1,
        stage: [Stage::Stopped("too dear".into()), Stage::Shadow, Stage::Canary(10)][usize::try_from(rev % 3).unwrap_or(0)]
            .clone(),
        rules: StopRules::default(),
        by: "pricing".into(),
        note: format!("stage {rev}"),
        at: at(8),
    });
    SettingsRecord {
        rev,
        mode,
        strategies: strategies.into(),
        strategies_by: "pricing".into(),
        strategies_note: format!("strategies {rev}"),
        strategies_at: at(7),
        rollout,
        promotions,
    }
}

/// What a sale taught once `sold` units of it were sold.
fn belief(sold: u64) -> Belief {
    let family = Family::Exponential { sensitivity: 2.0 };
    let hypothesis = |weight| Hypothesis { shape: Shape::flat(), family, weight, forgets: 0.0 };
    let hypotheses = [hypothesis(1.0), hypothesis(3.0)];
    let assumptions = Assumptions { hypotheses: &hypotheses, expected: 10.0, certainty: 1.0, fingerprint: 7, restart: None };
    let seen = |now, sold| Seen { sale: (0, 3_000_000), now, changed: now, sold, on_hand: 50, price: Some(1.1) };
    let before = Belief::updated(None, &assumptions, &seen(1_000, 0));
    Belief::updated(Some(&before), &assumptions, &seen(1_234_567, sold))
}

/// What a rollout counted once `sold` units were sold.
fn trial(sold: u64) -> TrialAccount {
    TrialAccount {
        number: 3,
        arm: Arm::Canary,
        since: at(20),
        currency: usd(1).currency,
        worth: 50_000,
        sold,
        units: sold - 1,
        takings: 900,
        apart_bp: Some(-250),
        breach: sold.is_multiple_of(2).then_some(Breach::Apart),
        was_apart: sold.is_multiple_of(2),
        belief: sold.is_multiple_of(4).then(|| Arc::new(belief(sold))),
    }
}

/// A price record at revision `rev` with its history row; every optional part is there when `rev` is even.
pub fn priced(name: &str, rev: u64) -> (PriceRecord, HistoryRow) {
    let full = rev.is_multiple_of(2);
    let product = Arc::new(product(name, 1));
    let snapshot = SettingsSnapshot {
        rev: 1,
        mode: Mode::Run,
        strategies: Some(Arc::new(Strategies::from_json(&settings(1).strategies).expect("a sample is legal"))),
        rollout: None,
        promotions: match rev % 4 {
            0 | 2 => Promotions::InForce {
                rules: Arc::new(PublishedRules::read(RULES.into()).expect("a sample is legal")),
                without: Arc::new(without(rev.is_multiple_of(4))),
            },
            1 => Promotions::None,
            _ => Promotions::Unreadable,
        },
    };
    let lane = |minor: i64| {
        let slices = vec![LaneSlice { from: at(30), payable: usd(minor) }, LaneSlice { from: at(60), payable: usd(minor - 90) }];
        Arc::new(Lane::new(slices, full.then(|| at(90))).expect("a sample is legal"))
    };
    let policy = if full { snapshot.policy_for(&product.product) } else { Err("no such strategy".to_owned()) };
    let override_ = full.then(|| Override { price: usd(900), expires_at: at(99), by: "ops".into(), note: "try".into() });
    let standing = |minor| Standing {
        price: usd(minor),
        since: at(30),
        step_from: usd(minor - 1),
        step_since: at(29),
        day: jiff::civil::date(2026, 11, 22),
        changes: 3,
    };
    let inventory = full.then(|| inventory(name, rev));
    let stock = inventory.as_ref().map(Inventory::stock);
    let inputs = SkuInputs { product: Some(Arc::clone(&product)), inventory, override_: override_.clone() };
    let record = PriceRecord {
        sku: sku(name),
        record_rev: RecordRev(rev),
        price_version: PriceVersion(rev.div_ceil(2)),
        standing: Some(standing(900 + i64::try_from(rev).expect("a sample is small"))),
        list_price: Some(product.product.list_price),
        lane: (!rev.is_multiple_of(3)).then(|| lane(900)),
        belief: full.then(|| Arc::new(belief(rev + 1))),
        trial: full.then(|| Arc::new(trial(rev + 1))),
        seen: SeenInputs::of(&product, &policy, &inputs, &snapshot),
        settings_rev: 1,
        decided_at: at(40 + i64::try_from(rev).expect("a sample is small")),
        cause: if full { Cause::Override } else { Cause::Product },
        shadow_price: full.then(|| usd(901)),
        refusal: (!full).then(|| "no-floor".to_owned()),
        next_due: full.then(|| at(99)),
        stock_committed_at: inputs.inventory.as_ref().map(|inventory| inventory.committed_at),
        withdrawn_at: full.then(|| at(35)),
    };
    let row = HistoryRow {
        sku: record.sku.clone(),
        record_rev: record.record_rev,
        inputs: RowInputs {
            decided_at: record.decided_at,
            previous: full.then(|| standing(880)),
            stock,
            product,
            policy,
            mode: Mode::Run,
            override_,
            settings_rev: 1,
            promotions: snapshot.promotions,
            previous_lane: full.then(|| lane(880)),
            previous_belief: full.then(|| Arc::new(belief(rev))),
            previous_trial: full.then(|| Arc::new(trial(rev))),
        },
        cause: record.cause,
        standing: record.standing,
        price_version: record.price_version,
        shadow_price: record.shadow_price,
        refusal: record.refusal.clone(),
        lane: record.lane.clone(),
        next_due: record.next_due,
    };
    (record, row)
}

/// A `StockChanged` event.
pub fn stock_event(name: &str, version: u64) -> Outgoing {
    let stored = inventory(name, version);
    let event = StockChangedV1 {
        sku: stored.sku,
        stock_version: stored.stock_version,
        on_hand: stored.on_hand,
        quantity: Some(-1),
        cause: Some("sale".into()),
        origin: stored.origin,
        source_seq: stored.source_seq,
        unit_price: Some(usd(999)),
        occurred_at: stored.occurred_at,
        committed_at: stored.committed_at,
    };
    encode(&event, &TraceContext::root(name))
}
