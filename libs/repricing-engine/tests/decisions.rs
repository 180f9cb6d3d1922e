//! What decides, in which order, and how it is told: tables with worked numbers.

use jiff::Timestamp;
use pricestream_domain::{Currency, FullLevel, Mode, Money, Override, Product, Standing, Stock, StockVersion};
use pricestream_repricing_engine::{Basis, Decision, Guardrail, Inputs, Outcome, Refusal, Strategies, decide};
use serde_json::{Value, json};

const NOON: &str = "2026-05-04T12:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::USD)
}

/// One SKU in a shop of one: 20.00 USD, four left of forty, "+5 % below 10", no guardrail but a floor of 60 %.
#[derive(Clone)]
struct Shop {
    strategy: Value,
    entry: Value,
    line: Value,
    mode: Mode,
    override_: Option<Override>,
    on_hand: Option<u64>,
    full: FullLevel,
    previous: Option<Standing>,
}

impl Shop {
    fn new() -> Self {
        Self {
            strategy: json!({ "kind": "inventory_threshold", "below": 10, "change_bp": 500 }),
            entry: json!({ "strategy": "plus-five", "floor_percent_of_list": 60 }),
            line: json!({ "sku": "A", "list_price": usd(2_000) }),
            mode: Mode::Run,
            override_: None,
            on_hand: Some(4),
            full: FullLevel { on_hand: 40, at: at("2026-05-04T06:00:00Z") },
            previous: None,
        }
    }

    fn guarded(guardrails: &Value) -> Self {
        let mut shop = Self::new();
        shop.entry["guardrails"] = guardrails.clone();
        shop
    }

    fn priced_by(name: &str, strategy: Value) -> Self {
        let entry = json!({ "strategy": name, "floor_percent_of_list": 60 });
        Self { strategy, entry, ..Self::new() }
    }

    fn line(mut self, field: &str, value: impl serde::Serialize) -> Self {
        self.line[field] = serde_json::to_value(value).unwrap();
        self
    }

    fn mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    fn left(self, on_hand: impl Into<Option<u64>>) -> Self {
        Self { on_hand: on_hand.into(), ..self }
    }

    fn stood_at(self, price: Money, since: &str) -> Self {
        let since = at(since);
        let day = since.to_zoned(jiff::tz::TimeZone::UTC).date();
        Self { previous: Some(Standing { price, since, step_from: price, step_since: since, day, changes: 1 }), ..self }
    }

    fn overridden(self, price: Money, expires_at: &str) -> Self {
        let expires_at = at(expires_at);
        Self { override_: Some(Override { price, expires_at, by: "Ann".into(), note: String::new() }), ..self }
    }

    fn decide(&self, now: &str) -> Decision {
        let name = self.entry["strategy"].as_str().unwrap();
        let document = json!({ "version": 1, "strategies": { name: self.strategy }, "default": self.entry });
        let strategies = Strategies::from_json(&document.to_string()).unwrap();
        let product: Product = serde_json::from_value(self.line.clone()).unwrap();
        let policy = strategies.policy_for(&product).map_err(|error| error.to_string());
        decide(&Inputs {
            now: at(now),
            product: &product,
            policy: policy.as_ref().map(|resolved| &resolved.policy).map_err(String::as_str),
            mode: self.mode,
            override_: self.override_.as_ref(),
            stock: self
                .on_hand
                .map(|on_hand| Stock { on_hand, version: StockVersion(1), full: self.full, sold: 0, changed_at: None })
                .as_ref(),
            previous: self.previous.as_ref(),
            belief: None,
            trial: None,
        })
    }

    fn price(&self, now: &str) -> i64 {
        self.decide(now).standing.unwrap().price.minor
    }

    fn refusal(&self) -> Refusal {
        match self.decide(NOON).outcome {
            Outcome::Refused(refusal) => refusal,
            priced => panic!("{priced:?}"),
        }
    }
}

/// The price stands at 20.50 since a minute ago and rests for an hour; the strategy would have 21.00.
#[test]
fn an_override_wins_over_the_mode_and_the_mode_over_the_strategy() {
    let rests = json!({ "cooldown_minutes": 60, "changes_per_day": 1, "max_step": { "change_bp": 1, "per_minutes": 60 } });
    let shop = Shop::guarded(&rests).stood_at(usd(2_050), "2026-05-04T11:59:00Z");
    let rested = Some("2026-05-04T12:59:00Z");
    let (in_force, expired) = ("2026-05-04T13:00:00Z", NOON);
    for (mode, none, overridden) in [
        (Mode::Run, (2_050, None, rested), (2_200, None)),
        (Mode::Freeze, (2_050, None, None), (2_200, None)),
        (Mode::ListPrice, (2_000, None, None), (2_200, None)),
        (Mode::Shadow, (2_050, Some(2_050), rested), (2_200, None)),
    ] {
        let told = |shop: Shop| {
            let decision = shop.mode(mode).decide(NOON);
            let due = decision.next_due.map(|due| due.to_string());
            (decision.standing.unwrap().price.minor, decision.shadow_price.map(|price| price.minor), due)
        };
        let none = (none.0, none.1, none.2.map(str::to_owned));
        assert_eq!(told(shop.clone()), none, "{mode}");
        assert_eq!(told(shop.clone().overridden(usd(2_200), expired)), none, "{mode}, an override that just expired");
        let foreign = Money::new(2_200, Currency::EUR);
        assert_eq!(told(shop.clone().overridden(foreign, in_force)), none, "{mode}, an override in another currency");
        let overridden = (overridden.0, overridden.1, Some(in_force.to_owned()));
        assert_eq!(told(shop.clone().overridden(usd(2_200), in_force)), overridden, "{mode}, an override in force");
    }
}

#[test]
fn override_and_mode_skip_soft_guardrails_and_the_ending_but_no_hard_one() {
    let ending = json!({ "modulo": 100, "remainder": 99 });
    let rails = json!({ "cooldown_minutes": 60, "changes_per_day": 1, "band_bp": 3_000, "ceiling_percent_of_list": 120,
                        "max_step": { "change_bp": 1, "per_minutes": 60 }, "ending": ending });
    let shop = Shop::guarded(&rails).stood_at(usd(2_000), "2026-05-04T11:59:00Z");
    let later = "2026-05-05T12:00:00Z";
    for (shop, expected, effects, why) in [
        (shop.clone().overridden(usd(2_222), later), 2_222, &[][..], "a person's price is the price"),
        (shop.clone().overridden(usd(9_999), later), 2_400, &[Guardrail::Band, Guardrail::Ceiling], "up to the ceiling"),
        (shop.clone().overridden(usd(1), later), 1_400, &[Guardrail::Band], "and down to the band"),
        (shop.clone().line("floor", usd(1_800)).overridden(usd(1_500), later), 1_800, &[Guardrail::Floor], "or the floor"),
        (shop.clone().mode(Mode::ListPrice).stood_at(usd(2_399), NOON), 2_000, &[], "the list price at once"),
        (shop.clone().mode(Mode::ListPrice).line("ceiling", usd(1_900)), 1_900, &[Guardrail::Ceiling], "if it is legal"),
        (shop.clone().mode(Mode::Freeze).stood_at(usd(2_222), NOON), 2_222, &[], "frozen where it is"),
        (shop.clone().mode(Mode::Freeze).line("floor", usd(2_100)), 2_100, &[Guardrail::Floor], "while that is legal"),
        (
            shop.mode(Mode::Shadow).line("floor", usd(2_100)).line("ceiling", usd(2_300)),
            2_100,
            &[Guardrail::MaxStep, Guardrail::Cooldown, Guardrail::Floor, Guardrail::Floor],
            "in shadow first what made the shadow price, then what moved the price",
        ),
    ] {
        let decision = shop.decide(NOON);
        assert_eq!(decision.standing.unwrap().price.minor, expected, "{why}");
        let told: Vec<_> = decision.reason.effects.iter().map(|effect| effect.guardrail).collect();
        assert_eq!(told, effects, "{why}");
    }
}

/// What moved a price by hand is where the next step is measured from, not what the hand had asked for.
#[test]
fn after_an_override_steps_go_from_where_the_price_stood() {
    let rails = json!({ "max_step": { "change_bp": 1_000, "per_minutes": 60 } });
    let mut shop =
        Shop::guarded(&rails).stood_at(usd(2_000), "2026-05-04T10:00:00Z").overridden(usd(500), "2026-05-04T12:30:00Z");
    let first = shop.decide(NOON);
    assert_eq!((first.standing.unwrap().price, first.standing.unwrap().step_from), (usd(1_200), usd(1_200)), "held at the floor");
    assert_eq!(first.next_due, Some(at("2026-05-04T12:30:00Z")));
    shop.previous = first.standing;
    for (now, expected, due, why) in [
        ("2026-05-04T12:29:59.999999Z", 1_200, Some("2026-05-04T12:30:00Z"), "in force to the last microsecond"),
        ("2026-05-04T12:30:00Z", 1_320, Some("2026-05-04T13:00:00Z"), "then back by steps: a tenth of 12.00"),
        ("2026-05-04T13:00:00Z", 1_452, Some("2026-05-04T14:00:00Z"), "and a tenth of 13.20"),
    ] {
        let decision = shop.decide(now);
        assert_eq!((decision.standing.unwrap().price.minor, decision.next_due), (expected, due.map(at)), "{now}: {why}");
        shop.previous = decision.standing;
    }
}

#[test]
fn without_soft_guardrails_an_expired_override_gives_way_at_once() {
    let shop = Shop::new().stood_at(usd(2_500), "2026-05-04T10:00:00Z").overridden(usd(2_500), NOON);
    assert_eq!(shop.decide("2026-05-04T11:59:59Z").next_due, Some(at(NOON)));
    let decision = shop.decide(NOON);
    assert_eq!((decision.standing.unwrap().price, decision.next_due), (usd(2_100), None));
}

/// In shadow, the price that stands is not what anything is measured on its way.
#[test]
fn shadow_works_the_strategy_out_and_leaves_the_price() {
    let rails = json!({ "max_step": { "change_bp": 100, "per_minutes": 60 } });
    let shop = Shop::new().mode(Mode::Shadow);
    for (shop, price, shadow, due, outcome, why) in [
        (shop.clone(), 2_000, 2_100, None, Outcome::Changed, "without a price the list price"),
        (shop.clone().stood_at(usd(1_777), NOON), 1_777, 2_100, None, Outcome::Kept, "else what stands"),
        (shop.clone().stood_at(usd(1_100), NOON), 1_200, 2_100, None, Outcome::Changed, "unless that became illegal"),
        (
            Shop::guarded(&rails).mode(Mode::Shadow).stood_at(usd(2_000), "2026-05-04T10:00:00Z"),
            2_000,
            2_020,
            None,
            Outcome::Kept,
            "a step from a price that does not move is the same an hour later: nothing is due",
        ),
    ] {
        let decision = shop.decide(NOON);
        assert_eq!(decision.standing.unwrap().price, usd(price), "{why}");
        assert_eq!((decision.shadow_price, decision.next_due, decision.outcome), (Some(usd(shadow)), due, outcome), "{why}");
    }
    // An interval that runs ends, and with it what the shadow price is measured from.
    let mut running = Shop::guarded(&rails).mode(Mode::Shadow).stood_at(usd(2_010), "2026-05-04T11:30:00Z");
    running.previous.as_mut().unwrap().step_from = usd(2_000);
    let decision = running.decide(NOON);
    assert_eq!((decision.shadow_price, decision.next_due), (Some(usd(2_020)), Some(at("2026-05-04T12:30:00Z"))));
    let decision = running.decide("2026-05-04T12:30:00Z");
    assert_eq!((decision.shadow_price, decision.next_due), (Some(usd(2_030)), None));
}

#[test]
fn what_stands_counts_its_changes_and_begins_its_steps() {
    let mut shop = Shop::guarded(&json!({ "max_step": { "change_bp": 100, "per_minutes": 60 } }));
    shop.on_hand = Some(50);
    for (now, on_hand, price, since, step, day, changes, why) in [
        (NOON, 50, 2_000, NOON, (2_000, NOON), "2026-05-04", 1, "the first"),
        ("2026-05-04T12:30:00Z", 50, 2_000, NOON, (2_000, NOON), "2026-05-04", 1, "kept: nothing moves"),
        ("2026-05-04T12:40:00Z", 4, 2_020, "2026-05-04T12:40:00Z", (2_000, NOON), "2026-05-04", 2, "within the interval"),
        ("2026-05-04T23:00:00Z", 50, 2_000, "2026-05-04T23:00:00Z", (2_020, "2026-05-04T23:00:00Z"), "2026-05-04", 3, "anew"),
        ("2026-05-05T01:00:00Z", 4, 2_020, "2026-05-05T01:00:00Z", (2_000, "2026-05-05T01:00:00Z"), "2026-05-05", 1, "next day"),
        ("2026-05-04T23:59:59Z", 50, 2_000, "2026-05-04T23:59:59Z", (2_000, "2026-05-05T01:00:00Z"), "2026-05-05", 2, "back"),
    ] {
        let decision = shop.clone().left(on_hand).decide(now);
        let expected = Standing {
            price: usd(price),
            since: at(since),
            step_from: usd(step.0),
            step_since: at(step.1),
            day: day.parse().unwrap(),
            changes,
        };
        assert_eq!(decision.standing, Some(expected), "{now}: {why}");
        shop.previous = decision.standing;
    }
}

#[test]
fn nine_sales_below_the_threshold_give_one_price() {
    let mut shop = Shop::new();
    let mut prices = Vec::new();
    for (minute, on_hand) in (0..=11).rev().enumerate() {
        let decision = shop.clone().left(on_hand).decide(&format!("2026-05-04T12:{minute:02}:00Z"));
        prices.push(decision.standing.unwrap().price.minor);
        shop.previous = decision.standing;
    }
    assert_eq!(prices, [2_000, 2_000, 2_100, 2_100, 2_100, 2_100, 2_100, 2_100, 2_100, 2_100, 2_100, 2_100]);
    assert_eq!(shop.previous.unwrap().changes, 2, "the first price and the rise");
}

#[test]
fn the_floor_is_the_products_else_a_share_of_the_list_price() {
    let cheap = Shop::priced_by("cheap", json!({ "kind": "inventory_threshold", "below": 10, "change_bp": -9_999 }));
    for (list, floor, percent, expected, why) in [
        (2_000, None, Some(60), 1_200, "60 %"),
        (1_999, None, Some(60), 1_199, "1199.4"),
        (1_999, None, Some(50), 1_000, "999.5 rounds up"),
        (2_000, None, Some(100), 2_000, "no reductions at all"),
        (2_000, None, Some(0), 1, "a floor of nothing is one minor unit"),
        (2_000, Some(1_700), Some(60), 1_700, "the product's wins"),
        (2_000, Some(700), Some(60), 700, "also when it is lower"),
        (2_000, Some(0), None, 1, "the product's of nothing"),
        (2_000, Some(1_700), None, 1_700, "the product's is enough"),
    ] {
        let mut shop = cheap.clone().line("list_price", usd(list));
        shop.entry = json!({ "strategy": "cheap" });
        if let Some(percent) = percent {
            shop.entry["floor_percent_of_list"] = percent.into();
        }
        if let Some(floor) = floor {
            shop = shop.line("floor", usd(floor));
        }
        assert_eq!(shop.price(NOON), expected, "{why}");
    }
}

#[test]
fn the_ceiling_is_the_products_else_a_share_of_the_list_price() {
    for (change, ceiling, percent, expected, why) in [
        (30_000, None, json!(null), 8_000, "none"),
        (30_000, None, json!(130), 2_600, "130 %"),
        (30_000, Some(3_000), json!(130), 3_000, "the product's wins"),
        (30_000, Some(2_000), json!(null), 2_000, "no rises at all"),
    ] {
        let dear = json!({ "kind": "inventory_threshold", "below": 10, "change_bp": change });
        let mut shop = Shop::priced_by("dear", dear);
        shop.entry["guardrails"] = json!({ "ceiling_percent_of_list": percent });
        if let Some(ceiling) = ceiling {
            shop = shop.line("ceiling", usd(ceiling));
        }
        assert_eq!(shop.price(NOON), expected, "{why}");
    }
}

/// A refused SKU keeps the price that it has, whatever became of its line; only what is no longer sold loses it.
#[test]
fn who_is_refused_keeps_the_last_valid_price() {
    let no_floor = Shop { entry: json!({ "strategy": "plus-five" }), ..Shop::new() };
    let eur = Money::new(100, Currency::EUR);
    let contradiction = |floor, ceiling| Refusal::Contradiction { floor: usd(floor), ceiling: usd(ceiling) };
    let huge = Shop::new().line("list_price", usd(i64::MAX));
    for (shop, expected, code) in [
        (Shop::new().line("retired", true), Refusal::Retired, "retired"),
        (Shop::new().line("list_price", usd(0)), Refusal::NoListPrice, "no-list-price"),
        (Shop::new().line("list_price", usd(-1)), Refusal::NoListPrice, "no-list-price"),
        (
            Shop::new().line("strategy", "plus-sixx"),
            Refusal::NoPolicy(
                "the catalogue line names strategy \"plus-sixx\", which the strategies document does not have".into(),
            ),
            "no-policy",
        ),
        (no_floor.clone(), Refusal::NoFloor, "no-floor"),
        (no_floor.clone().mode(Mode::ListPrice), Refusal::NoFloor, "no-floor"),
        (no_floor.overridden(usd(2_200), "2026-05-05T00:00:00Z"), Refusal::NoFloor, "no-floor"),
        (Shop::new().line("floor", eur), Refusal::MixedCurrencies("floor"), "mixed-currencies"),
        (Shop::new().line("ceiling", eur), Refusal::MixedCurrencies("ceiling"), "mixed-currencies"),
        (Shop::new().line("ceiling", usd(1_199)), contradiction(1_200, 1_199), "floor-above-ceiling"),
        (Shop::new().line("floor", usd(5)).line("ceiling", usd(4)), contradiction(5, 4), "floor-above-ceiling"),
        (huge, Refusal::Overflow, "overflow"),
    ] {
        for shop in [shop.clone(), shop.stood_at(usd(2_345), "2026-05-04T11:00:00Z")] {
            let decision = shop.decide(NOON);
            assert_eq!(decision.outcome, Outcome::Refused(expected.clone()), "{code}");
            let stands = shop.previous.filter(|_| expected != Refusal::Retired);
            assert_eq!(decision.standing, stands, "{code}");
            assert_eq!(decision.shadow_price, None, "{code}");
            assert_eq!(expected.code(), code);
            assert_eq!(decision.reason.sentence(), format!("refused: {expected}"));
        }
    }
    assert_eq!(Shop::new().mode(Mode::Freeze).refusal(), Refusal::Frozen, "frozen without a price");
}

/// A list price in another currency: what stood is no price to step from or to freeze at.
#[test]
fn a_new_currency_begins_anew() {
    let rails = json!({ "cooldown_minutes": 600, "changes_per_day": 1, "max_step": { "change_bp": 1, "per_minutes": 600 } });
    let euros = Money::new(2_050, Currency::EUR);
    let shop = Shop::guarded(&rails).stood_at(euros, "2026-05-04T11:59:00Z");
    let decision = shop.decide(NOON);
    let standing = decision.standing.unwrap();
    assert_eq!(
        (standing.price, standing.step_from, standing.changes),
        (usd(2_100), usd(2_100), 1),
        "no soft guardrail has a say"
    );
    assert_eq!(decision.next_due, None);
    let frozen = shop.clone().mode(Mode::Freeze);
    assert_eq!(frozen.refusal(), Refusal::Frozen);
    assert_eq!(frozen.decide(NOON).standing, shop.previous, "the last valid price, in its own currency");
    assert_eq!(shop.mode(Mode::Shadow).price(NOON), 2_000, "in shadow the list price, as for any SKU without a price");
}

#[test]
fn the_earliest_of_all_is_due() {
    let evening = json!({ "kind": "scheduled_markdown", "daily": [{ "from": "18:00", "change_bp": -2_000 }] });
    let cooldown = |minutes: u32| json!({ "cooldown_minutes": minutes });
    for (minutes, expected, why) in [
        (60, "2026-05-04T12:59:00Z", "the rest ends before the evening"),
        (600, "2026-05-04T18:00:00Z", "the evening begins before the rest ends"),
    ] {
        let mut shop = Shop::priced_by("evening", evening.clone()).stood_at(usd(1_900), "2026-05-04T11:59:00Z");
        shop.entry["guardrails"] = cooldown(minutes);
        assert_eq!(shop.decide(NOON).next_due, Some(at(expected)), "{why}");
    }
}

#[test]
fn a_reason_is_a_sentence() {
    let plus_five = || Shop::new().line("list_price", usd(1_999));
    let priced_by = |name, strategy| Shop::priced_by(name, strategy).line("list_price", usd(1_999));
    let tiers = json!({ "kind": "stock_tiers", "tiers": [{ "at_most_bp": 2_500, "change_bp": 1_000 }] });
    let ends = json!({ "after_full_minutes": 960 });
    let curve = json!({ "kind": "pace_tiers", "ends": ends, "below": [{ "ratio_bp": 8_000, "change_bp": 700 }],
                        "above": [{ "ratio_bp": 12_550, "change_bp": -725 }] });
    let evening = json!({ "kind": "scheduled_markdown", "daily": [{ "from": "12:00", "change_bp": -5_000 }] });
    let guarded = |rails: Value| Shop::guarded(&rails).line("list_price", usd(1_999));
    let an_hour_ago = "2026-05-04T11:00:00Z";
    let step = json!({ "max_step": { "change_bp": 200, "per_minutes": 90 } });
    for (shop, expected) in [
        (plus_five(), r#"4 left, fewer than 10, so "plus-five" gives +5 % on 19.99 USD: 20.99 USD"#),
        (plus_five().left(0), r#"0 left, fewer than 10, so "plus-five" gives +5 % on 19.99 USD: 20.99 USD"#),
        (plus_five().left(40), r#"40 left and nothing calls for a change, so "plus-five" gives the list price 19.99 USD"#),
        (plus_five().left(None), r#"its stock is not known yet, so "plus-five" gives the list price 19.99 USD"#),
        // The strategy said 5 %, though 10.5 yen make it a tenth.
        (
            Shop::new().line("list_price", Money::new(10, Currency::JPY)),
            r#"4 left, fewer than 10, so "plus-five" gives +5 % on 10 JPY: 11 JPY"#,
        ),
        (priced_by("scarce", tiers), r#"4 of 40 left, at most 25 %, so "scarce" gives +10 % on 19.99 USD: 21.99 USD"#),
        (
            priced_by("curve", curve.clone()),
            r#"4 of 40 left, which sells out early (pace below 80 %), so "curve" gives +7 % on 19.99 USD: 21.39 USD"#,
        ),
        (
            priced_by("curve", curve).left(39),
            r#"39 of 40 left, which will not sell out in time (pace above 125.5 %), so "curve" gives -7.25 % on 19.99 USD: 18.54 USD"#,
        ),
        (
            priced_by("evening", evening.clone()),
            r#"the step of 2026-05-04T12:00:00Z has begun, so "evening" gives -50 % on 19.99 USD: 10.00 USD; the floor is 11.99 USD"#,
        ),
        (
            priced_by("fixed", json!({ "kind": "fixed_list" })).left(None),
            r#"nothing calls for a change, so "fixed" gives the list price 19.99 USD"#,
        ),
        (
            guarded(step.clone()).stood_at(usd(1_999), an_hour_ago),
            r#"4 left, fewer than 10, so "plus-five" gives +5 % on 19.99 USD: 20.99 USD; the largest step allows 20.38 USD for now"#,
        ),
        (
            guarded(json!({ "cooldown_minutes": 90 })).stood_at(usd(1_999), an_hour_ago),
            r#"4 left, fewer than 10, so "plus-five" gives +5 % on 19.99 USD: 20.99 USD; 19.99 USD stays until its cooldown is over"#,
        ),
        (
            guarded(json!({ "changes_per_day": 1 })).stood_at(usd(1_999), an_hour_ago),
            r#"4 left, fewer than 10, so "plus-five" gives +5 % on 19.99 USD: 20.99 USD; 19.99 USD stays, as today's changes are used up"#,
        ),
        (
            guarded(json!({ "band_bp": 200, "ending": { "modulo": 10, "remainder": 5 } })),
            r#"4 left, fewer than 10, so "plus-five" gives +5 % on 19.99 USD: 20.99 USD; the band around the list price allows 20.38 USD; with the price ending 20.35 USD"#,
        ),
        (
            plus_five().line("ceiling", usd(2_050)).overridden(usd(2_500), "2026-05-05T00:00:00Z"),
            "an override sets 25.00 USD; the ceiling is 20.50 USD",
        ),
        (plus_five().mode(Mode::ListPrice), "the mode is list-price, so 19.99 USD"),
        (plus_five().mode(Mode::Freeze).stood_at(usd(1_850), an_hour_ago), "prices are frozen at 18.50 USD"),
        (plus_five().mode(Mode::Freeze).stood_at(usd(850), an_hour_ago), "prices are frozen at 8.50 USD; the floor is 11.99 USD"),
        (
            plus_five().mode(Mode::Shadow).stood_at(usd(1_850), an_hour_ago),
            r#"4 left, fewer than 10, so "plus-five" gives +5 % on 19.99 USD: 20.99 USD; in shadow only: the price is 18.50 USD"#,
        ),
        (plus_five().mode(Mode::Shadow).overridden(usd(1_850), "2026-05-05T00:00:00Z"), "an override sets 18.50 USD"),
        (
            Shop { entry: json!({ "strategy": "plus-five" }), ..plus_five() },
            "refused: no floor: state one in the catalogue line, or floor_percent_of_list in the strategies document",
        ),
    ] {
        assert_eq!(shop.decide(NOON).reason.sentence(), expected);
    }
}

#[test]
fn a_reason_is_data_as_well() {
    let decision = Shop::new().line("ceiling", usd(2_050)).decide(NOON);
    assert!(matches!(&decision.reason.basis, Basis::Strategy { name, .. } if &**name == "plus-five"));
    let expected = json!({
        "basis": { "strategy": { "name": "plus-five", "fired": { "below": 10 }, "change": 500 } },
        "mode": "run",
        "list_price": 2_000,
        "currency": "USD",
        "on_hand": 4,
        "full": 40,
        "proposed": 2_100,
        "effects": [{ "guardrail": "ceiling", "from": 2_100, "to": 2_050 }],
        "price": 2_050,
        "decided_at": NOON,
    });
    assert_eq!(serde_json::to_value(&decision.reason).unwrap(), expected);
}

/// Records hold whole microseconds: a due instant that is finer would read back as another one, and a moment too early.
#[test]
fn what_is_due_is_due_at_a_whole_microsecond_and_has_happened_by_then() {
    let finer = "2026-05-04T18:00:00.123456789Z";
    let markdown = json!({ "kind": "scheduled_markdown", "steps": [{ "at": finer, "change_bp": -1_000 }] });
    let override_ = Override { price: usd(1_900), expires_at: at(finer), by: "x".into(), note: String::new() };
    let mut overridden = Shop::new();
    overridden.override_ = Some(override_);
    for (shop, before, after) in [(Shop::priced_by("m", markdown), 2_000, 1_800), (overridden, 1_900, 2_100)] {
        let first = shop.decide(NOON);
        assert_eq!(first.standing.unwrap().price, usd(before));
        assert_eq!(first.next_due, Some(at("2026-05-04T18:00:00.123457Z")));
        assert_eq!(shop.decide("2026-05-04T18:00:00.123457Z").standing.unwrap().price, usd(after));
    }
}

#[test]
fn a_models_prior_stands_over_the_categorys_demand_and_the_lack_of_one_is_told() {
    let sale = json!({ "kind": "gvr_optimal", "sale": { "ends": { "after_full_minutes": 600 } } });
    let mut shop = Shop::priced_by("evening", sale).left(40);
    shop.entry["demand"] = json!({ "per_hour": 4.0, "certainty": 5.0 });
    let prior = json!({ "per_hour": 40.0, "certainty": 9.0, "sensitivity": 1.0, "sensitivity_sd": 0.5, "model": "m" });
    let price = |decision: &Decision| decision.standing.unwrap().price.minor;
    let by_category = shop.decide(NOON);
    let by_model = shop.clone().line("prior", &prior).decide(NOON);
    // As if the document had said it.
    let mut said = shop.clone();
    said.entry["demand"] = json!({ "per_hour": 40.0, "certainty": 9.0, "family": { "kind": "exponential", "sensitivity": 1.0 }, "sensitivity_sd": 0.5 });
    assert_eq!(price(&by_model), price(&said.decide(NOON)));
    assert!(price(&by_model) > price(&by_category) + 500, "ten times the buyers, who mind half as much");

    let without = shop.line("no_prior", "model.onnx cannot be read").decide(NOON);
    assert_eq!(price(&without), price(&by_category));
    let told = without.reason.sentence();
    assert!(
        told.contains("demand is taken to be its category's, as its model says nothing: model.onnx cannot be read"),
        "{told}"
    );
    // A strategy that asks for no demand has no need of one.
    let told = Shop::new().line("no_prior", "x").decide(NOON).reason.sentence();
    assert!(!told.contains("model"), "{told}");
}
