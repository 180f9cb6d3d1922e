//! A change of strategies on its way from shadow over a canary to all SKUs: who prices what, what is counted, and what stops it.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pricestream_domain::{BasisPoints, Currency, FullLevel, Mode, Money, Override, Product, Stock, StockVersion};
use pricestream_repricing_engine::rollout::{Arm, Breach, Rollout, Stage, StopRules, Tally, TrialAccount};
use pricestream_repricing_engine::{Decision, Inputs, Outcome, Resolved, Strategies, decide};
use proptest::prelude::*;
use serde_json::{Value, json};

const LIST: i64 = 2_000;

fn opening() -> Timestamp {
    "2026-11-27T08:00:00Z".parse().unwrap()
}

fn product(sku: &str) -> Product {
    serde_json::from_value(json!({ "sku": sku, "list_price": { "minor": LIST, "currency": "USD" } })).unwrap()
}

/// A document with one strategy for every SKU.
fn document(strategy: &Value) -> Arc<Strategies> {
    let default = json!({
        "strategy": "it", "floor_percent_of_list": 20, "demand": { "per_hour": 50.0, "certainty": 2.0 },
    });
    let document = json!({ "version": 1, "strategies": { "it": strategy }, "default": default });
    Arc::new(Strategies::from_json(&document.to_string()).unwrap())
}

fn change_of(change_bp: i64) -> Arc<Strategies> {
    document(&json!({ "kind": "inventory_threshold", "below": 1_000_000, "change_bp": change_bp }))
}

fn learner(kind: &str) -> Arc<Strategies> {
    document(&json!({ "kind": kind, "sale": { "ends": { "after_full_minutes": 120 } } }))
}

/// The policy of `sku` under a rollout; `None`: there is none.
fn policy(in_force: &Strategies, candidate: Option<(&Arc<Strategies>, Stage)>, sku: &str) -> Arc<Resolved> {
    let product = product(sku);
    let in_force = in_force.policy_for(&product).unwrap();
    let rollout = candidate.and_then(|(candidate, stage)| Rollout::new(Arc::clone(candidate), 7, &stage, StopRules::default()));
    rollout.map_or(Arc::clone(&in_force), |rollout| rollout.policy_for(&product, in_force))
}

/// A SKU that is in the canary of half of the SKUs.
fn canary_sku(in_force: &Strategies, candidate: &Arc<Strategies>) -> String {
    let in_canary = |sku: &String| arm(in_force, candidate, 50, sku) == Some(Arm::Canary);
    (0..10_000).map(|number| format!("SKU-{number}")).find(in_canary).unwrap()
}

/// Such a SKU with its policy.
fn canary(in_force: &Strategies, candidate: &Arc<Strategies>) -> (String, Arc<Resolved>) {
    let sku = canary_sku(in_force, candidate);
    let tried = policy(in_force, Some((candidate, Stage::Canary(50))), &sku);
    (sku, tried)
}

fn arm(in_force: &Strategies, candidate: &Arc<Strategies>, percent: u8, sku: &str) -> Option<Arm> {
    policy(in_force, Some((candidate, Stage::Canary(percent))), sku).policy.trial.as_ref().map(|trial| trial.arm)
}

fn stock(on_hand: u64, sold: u64) -> Stock {
    let full = FullLevel { on_hand: 100, at: opening() };
    Stock { on_hand, version: StockVersion(sold + 1), full, sold, changed_at: None }
}

/// A SKU whose decisions follow each other.
struct Shelf {
    product: Product,
    last: Option<Decision>,
}

impl Shelf {
    fn of(sku: &str) -> Self {
        Self { product: product(sku), last: None }
    }

    fn decide_with(&mut self, policy: &Resolved, minute: i64, sold: u64, mode: Mode, override_: Option<&Override>) -> &Decision {
        let last = self.last.take();
        let stock = stock(100 - sold.min(100), sold);
        let decision = decide(&Inputs {
            now: opening() + SignedDuration::from_mins(minute),
            product: &self.product,
            policy: Ok(&policy.policy),
            mode,
            override_,
            stock: Some(&stock),
            previous: last.as_ref().and_then(|last| last.standing.as_ref()),
            belief: last.as_ref().and_then(|last| last.belief.as_ref()),
            trial: last.as_ref().and_then(|last| last.trial.as_ref()),
        });
        self.last.insert(decision)
    }

    fn decide(&mut self, policy: &Resolved, minute: i64, sold: u64) -> &Decision {
        self.decide_with(policy, minute, sold, Mode::Run, None)
    }
}

fn price(decision: &Decision) -> i64 {
    decision.standing.unwrap().price.minor
}

fn account(decision: &Decision) -> &TrialAccount {
    decision.trial.as_deref().unwrap()
}

#[test]
fn a_canary_is_a_share_of_the_skus_and_a_larger_one_holds_the_smaller() {
    let (in_force, candidate) = (change_of(0), change_of(500));
    let skus: Vec<String> = (0..4_000).map(|number| format!("SKU-{number}")).collect();
    let canary = |candidate: &Arc<Strategies>, percent: u8| -> Vec<&String> {
        skus.iter().filter(|sku| arm(&in_force, candidate, percent, sku) == Some(Arm::Canary)).collect()
    };
    let (ten, thirty) = (canary(&candidate, 10), canary(&candidate, 30));
    // Four standard deviations of a draw of so many.
    assert!(ten.len().abs_diff(400) < 80, "{}", ten.len());
    assert!(thirty.len().abs_diff(1_200) < 120, "{}", thirty.len());
    assert!(ten.iter().all(|sku| thirty.contains(sku)));
    let next = canary(&change_of(600), 10);
    let both = next.iter().filter(|sku| ten.contains(sku)).count();
    assert!(both < 100, "the next candidate tries itself out on others: {both} of {} are the same", next.len());
}

#[test]
fn skus_that_a_candidate_says_nothing_new_of_are_on_no_trial() {
    let in_force = change_of(500);
    assert_eq!(policy(&in_force, Some((&change_of(500), Stage::Canary(50))), "A"), policy(&in_force, None, "A"));
    assert_eq!(policy(&in_force, Some((&change_of(600), Stage::Stopped("x".into()))), "A"), policy(&in_force, None, "A"));
}

#[test]
fn in_shadow_the_candidate_moves_no_price_and_is_recorded() {
    let (in_force, candidate) = (change_of(500), change_of(-1_000));
    let tried = policy(&in_force, Some((&candidate, Stage::Shadow)), "A");
    let decision = Shelf::of("A").decide(&tried, 0, 0).clone();
    let plain = Shelf::of("A").decide(&policy(&in_force, None, "A"), 0, 0).clone();
    assert_eq!((decision.standing, decision.next_due), (plain.standing, plain.next_due));
    assert_eq!(decision.shadow_price, Some(Money::new(1_800, Currency::USD)));
    assert_eq!(account(&decision).apart_bp, Some(-1_428));
    assert_eq!(
        decision.reason.sentence(),
        r#"100 left, fewer than 1000000, so "it" gives +5 % on 20.00 USD: 21.00 USD; the candidate would give 18.00 USD"#
    );
}

#[test]
fn a_canary_is_priced_as_by_the_candidate_alone() {
    let (in_force, candidate) = (change_of(500), change_of(-1_000));
    let (sku, tried) = canary(&in_force, &candidate);
    let decision = Shelf::of(&sku).decide(&tried, 0, 0).clone();
    let alone = Shelf::of(&sku).decide(&policy(&candidate, None, &sku), 0, 0).clone();
    assert_eq!(decision.standing, alone.standing);
    assert_eq!(decision.shadow_price, Some(Money::new(2_100, Currency::USD)));
    assert!(decision.reason.sentence().ends_with("; a canary: the strategies in force would give 21.00 USD"));
}

#[test]
fn a_price_that_is_too_far_or_refused_is_not_used_and_counts_as_a_breach() {
    let in_force = change_of(0);
    let strategy = json!({ "kind": "inventory_threshold", "below": 1_000_000, "change_bp": 100 });
    // Without a floor there is no price.
    let text = json!({ "version": 1, "strategies": { "it": strategy }, "default": { "strategy": "it" } }).to_string();
    let refused = Arc::new(Strategies::from_json(&text).unwrap());
    let cases = [
        (change_of(4_990), 2_998, None),
        // Half a cent is rounded: 50.01 % of 20.00 is 50 % of it to the cent.
        (change_of(5_001), 3_000, None),
        (change_of(5_010), LIST, Some(Breach::Apart)),
        (change_of(-5_010), LIST, Some(Breach::Apart)),
        (refused, LIST, Some(Breach::Refused)),
    ];
    for (candidate, expected, breach) in cases {
        let (sku, tried) = canary(&in_force, &candidate);
        let decision = Shelf::of(&sku).decide(&tried, 0, 0).clone();
        assert_eq!((price(&decision), account(&decision).breach), (expected, breach), "{}", decision.reason.sentence());
        assert_eq!(decision.reason.other_side.unwrap().breach, breach);
    }
}

#[test]
fn who_sets_the_price_by_hand_or_freezes_it_is_on_no_trial() {
    let (in_force, candidate) = (change_of(0), change_of(9_000));
    let (sku, tried) = canary(&in_force, &candidate);
    let override_ = Override {
        price: Money::new(1_500, Currency::USD),
        expires_at: opening() + SignedDuration::from_mins(60),
        by: "Ann".into(),
        note: String::new(),
    };
    let by_hand = Shelf::of(&sku).decide_with(&tried, 0, 0, Mode::Run, Some(&override_)).clone();
    assert_eq!((price(&by_hand), by_hand.shadow_price, account(&by_hand).breach), (1_500, None, None));
    let at_list = Shelf::of(&sku).decide_with(&tried, 0, 0, Mode::ListPrice, None).clone();
    assert_eq!((price(&at_list), at_list.reason.other_side), (LIST, None));
    let frozen = Shelf::of(&sku).decide_with(&tried, 0, 0, Mode::Freeze, None).clone();
    assert!(matches!(frozen.outcome, Outcome::Refused(_)));
}

#[test]
fn what_a_person_sets_is_held_by_the_guardrails_in_force() {
    let entry = json!({ "strategy": "it", "floor_percent_of_list": 20, "guardrails": { "band_bp": 1_000 } });
    let text = json!({ "version": 1, "strategies": { "it": { "kind": "fixed_list" } }, "default": entry }).to_string();
    let (in_force, candidate) = (change_of(0), Arc::new(Strategies::from_json(&text).unwrap()));
    let (sku, tried) = canary(&in_force, &candidate);
    let override_ = Override {
        price: Money::new(1_000, Currency::USD),
        expires_at: opening() + SignedDuration::from_mins(60),
        by: "Ann".into(),
        note: String::new(),
    };
    let mut shelf = Shelf::of(&sku);
    assert_eq!(price(shelf.decide_with(&tried, 0, 0, Mode::Run, Some(&override_))), 1_000, "the candidate's band is narrower");
    assert_eq!(price(shelf.decide_with(&tried, 1, 0, Mode::Freeze, None)), 1_000, "what is frozen stays");
}

#[test]
fn a_side_that_refuses_a_price_for_a_while_forgets_nothing() {
    let (in_force, candidate) = (change_of(0), learner("ce_bayes"));
    let (sku, tried) = canary(&in_force, &candidate);
    let mut shelf = Shelf::of(&sku);
    shelf.decide(&tried, 0, 0);
    let known = shelf.decide(&tried, 30, 20).belief.clone().unwrap();
    // A floor above any ceiling of the candidate's: it has no price.
    let refusing = {
        let mut policy = tried.policy.clone();
        let trial = policy.trial.as_mut().unwrap();
        trial.candidate.as_mut().unwrap().floor_percent_of_list = None;
        Resolved::new(policy)
    };
    let meanwhile = shelf.decide(&refusing, 31, 20);
    assert_eq!((account(meanwhile).breach, account(meanwhile).belief.as_ref()), (Some(Breach::Refused), Some(&known)));
    let again = shelf.decide(&tried, 32, 20).belief.clone().unwrap();
    assert!(again.continues(&known) && again.at() > known.at());
}

#[test]
fn two_learners_that_differ_only_in_when_they_begin_anew_learn_apart() {
    let strategy = json!({ "kind": "ce_bayes", "sale": { "ends": { "after_full_minutes": 120 } } });
    let with = |demand: Value| {
        let default = json!({ "strategy": "it", "floor_percent_of_list": 20, "demand": demand });
        let text = json!({ "version": 1, "strategies": { "it": strategy }, "default": default }).to_string();
        Arc::new(Strategies::from_json(&text).unwrap())
    };
    let in_force = with(json!({ "per_hour": 5.0 }));
    let candidate = with(json!({ "per_hour": 5.0, "restart": { "ratio": 2.0, "threshold": 3.0 } }));
    let tried = policy(&in_force, Some((&candidate, Stage::Shadow)), "A");
    let alone = policy(&candidate, None, "A");
    let (mut shelf, mut beside) = (Shelf::of("A"), Shelf::of("A"));
    for (minute, sold) in [(0, 0), (10, 15), (20, 30), (30, 45)] {
        let candidate = beside.decide(&alone, minute, sold).belief.clone().unwrap();
        let both = shelf.decide(&tried, minute, sold);
        let own = account(both).belief.clone().unwrap();
        assert!(own.continues(&candidate) && !own.continues(both.belief.as_ref().unwrap()), "minute {minute}");
    }
}

#[test]
fn what_a_learner_learned_in_shadow_it_knows_in_the_canary_and_in_force() {
    // Both sides learn, each by assumptions of its own.
    for in_force in [change_of(0), learner("ce_bayes")] {
        let candidate = learner("template_bayes");
        let sku = canary_sku(&in_force, &candidate);
        let stages = [
            policy(&in_force, Some((&candidate, Stage::Shadow)), &sku),
            policy(&in_force, Some((&candidate, Stage::Canary(50))), &sku),
            policy(&candidate, None, &sku),
        ];
        let mut shelf = Shelf::of(&sku);
        let mut known = Vec::new();
        for (minute, stage) in [(0, 0), (20, 0), (40, 0), (50, 1), (60, 1), (70, 2), (80, 2)] {
            let decision = shelf.decide(&stages[stage], minute, u64::try_from(minute).unwrap());
            let belief = if stage == 0 { account(decision).belief.clone() } else { decision.belief.clone() };
            known.push(belief.unwrap());
        }
        for pair in known.windows(2) {
            assert!(pair[1].continues(&pair[0]) && pair[1].at() > pair[0].at());
        }
        // Forty sales in forty minutes, not the twenty of the first twenty: nothing was forgotten at a change of stage.
        let anew = Shelf::of(&sku).decide(&stages[2], 80, 80).belief.clone().unwrap();
        assert_ne!(*known.last().unwrap(), anew, "one that saw nothing before");
    }
}

proptest! {
    /// Takings are the units sold at the prices that stood, whatever comes twice.
    #[test]
    fn an_account_counts_each_sale_once(steps in proptest::collection::vec((1..30_i64, 0..5_u64, any::<bool>()), 1..20)) {
        let (in_force, candidate) = (change_of(500), change_of(-1_000));
        for percent in [1, 50] {
            let sku = canary_sku(&in_force, &candidate);
            let tried = policy(&in_force, Some((&candidate, Stage::Canary(percent))), &sku);
            let mut shelf = Shelf::of(&sku);
            let (mut minute, mut sold, mut takings) = (0, 3, 0);
            let mut stands = price(shelf.decide(&tried, minute, sold));
            for (later, units, twice) in &steps {
                minute += later;
                sold += units;
                takings += stands * i64::try_from(*units).unwrap();
                let decision = shelf.decide(&tried, minute, sold);
                stands = price(decision);
                prop_assert_eq!((account(decision).units, account(decision).takings), (sold - 3, takings));
                if *twice {
                    let before = Arc::clone(shelf.last.as_ref().unwrap().trial.as_ref().unwrap());
                    prop_assert_eq!(account(shelf.decide(&tried, minute, sold)), &*before);
                    // A count from before what is known.
                    let late = sold.saturating_sub(2);
                    prop_assert_eq!(account(shelf.decide(&tried, minute, late)).takings, takings);
                    shelf.last.as_mut().unwrap().trial = Some(before);
                }
            }
        }
    }

    /// In every stage the price is that of one of the two sides.
    #[test]
    fn no_trial_makes_a_price_of_its_own(change in -6_000..9_000_i64, other in -6_000..9_000_i64, percent in 1..=99_u8, number in 0..50_u32) {
        let (in_force, candidate) = (change_of(change), change_of(other));
        let sku = format!("SKU-{number}");
        for stage in [Stage::Shadow, Stage::Canary(percent)] {
            let decision = Shelf::of(&sku).decide(&policy(&in_force, Some((&candidate, stage)), &sku), 0, 0).clone();
            let alone = |strategies: &Strategies| price(Shelf::of(&sku).decide(&policy(strategies, None, &sku), 0, 0));
            prop_assert!([alone(&in_force), alone(&candidate)].contains(&price(&decision)));
        }
    }
}

/// How the SKUs of a stage sell.
#[derive(Clone, Copy)]
struct Sales {
    /// Units of the canary for each of the rest.
    volume: f64,
    /// Price of the canary, of list.
    price: f64,
    /// What is sold is replenished.
    replenished: bool,
}

/// 400 SKUs that sell by chance, a tenth of them in the canary, looked at after each of 48 hours; true when it was stopped.
fn stage_stops(seed: u64, sales: Sales) -> bool {
    let mut random = fastrand::Rng::with_seed(seed);
    let rules = StopRules::default();
    let mut left = Vec::new();
    let mut accounts: Vec<(i64, TrialAccount)> = (0..400)
        .map(|number| {
            let (list, on_hand) = (random.i64(300..5_000), random.u64(20..200));
            left.push(on_hand);
            let account = TrialAccount {
                number: 7,
                arm: if number % 10 == 0 { Arm::Canary } else { Arm::Control },
                since: opening(),
                currency: Currency::USD,
                worth: list * i64::try_from(on_hand).unwrap(),
                sold: 0,
                units: 0,
                takings: 0,
                apart_bp: Some(0),
                breach: None,
                was_apart: false,
                belief: None,
            };
            (list, account)
        })
        .collect();
    // SKUs differ in how well they sell: by a factor of up to ten.
    let pace: Vec<f64> = accounts.iter().map(|_| 0.02 * 10.0_f64.powf(random.f64())).collect();
    for _hour in 0..48 {
        let mut tally = Tally::of_stage(7);
        for (((list, account), pace), left) in accounts.iter_mut().zip(&pace).zip(&mut left) {
            let (volume, price) = if account.arm == Arm::Canary { (sales.volume, sales.price) } else { (1.0, 1.0) };
            let sold = (0..*left).filter(|_| random.f64() < pace * volume).count() as u64;
            if !sales.replenished {
                *left -= sold;
            }
            account.units += sold;
            #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a few thousand cents")]
            let price = (*list as f64 * price).round() as i64;
            account.takings += price * i64::try_from(sold).unwrap();
            tally.count(account);
        }
        if tally.harm(&rules).is_some() {
            return true;
        }
    }
    false
}

#[test]
fn a_canary_that_earns_less_is_stopped_and_one_that_does_not_is_left_alone() {
    let stopped =
        |volume, price, replenished| (0..200).filter(|seed| stage_stops(*seed, Sales { volume, price, replenished })).count();
    for replenished in [false, true] {
        let harmful = stopped(0.4, 1.0, replenished);
        assert!(harmful >= 190, "of 200 that sell 60 % less {harmful} were stopped");
        let dead = stopped(0.0, 1.5, replenished);
        assert_eq!(dead, 200, "of 200 that sell nothing at all");
        // Three standard errors, looked at 48 times.
        let equal = stopped(1.0, 1.0, replenished);
        assert!(equal <= 6, "of 200 that are as good {equal} were stopped");
        assert_eq!(stopped(1.3, 1.0, replenished), 0, "of 200 that sell more");
    }
    // A tenth cheaper, and so much more is sold that more is taken: where there is always enough.
    assert_eq!(stopped(1.6, 0.9, true), 0, "of 200 that take 44 % more");
}

#[test]
fn too_few_skus_are_not_judged() {
    let account = |arm, units: u64| TrialAccount {
        number: 7,
        arm,
        since: opening(),
        currency: Currency::USD,
        worth: 100_000,
        sold: units,
        units,
        takings: 1_000 * i64::try_from(units).unwrap(),
        apart_bp: None,
        breach: None,
        was_apart: false,
        belief: None,
    };
    let tally = |canary: u64, control: u64| {
        let mut tally = Tally::of_stage(7);
        (0..canary).for_each(|_| tally.count(&account(Arm::Canary, 0)));
        (0..control).for_each(|_| tally.count(&account(Arm::Control, 50)));
        tally
    };
    // Of fifteen SKUs that sell nothing nobody knows whether they would have; of twenty it is known.
    for (canary, control, judged) in [(15, 135, false), (20, 135, true), (40, 15, false)] {
        let tally = tally(canary, control);
        let comparison = tally.comparisons().next().unwrap();
        assert_eq!(comparison.is_judged(&StopRules::default()), judged, "{canary} and {control}");
        assert_eq!(tally.harm(&StopRules::default()).is_some(), judged, "{canary} and {control}");
    }
}

#[test]
fn a_rollout_is_stopped_when_too_many_prices_cannot_be_used() {
    let (in_force, candidate) = (change_of(0), change_of(9_000));
    let tried = |sku: &str| policy(&in_force, Some((&candidate, Stage::Shadow)), sku);
    let plain = policy(&in_force, Some((&change_of(100), Stage::Shadow)), "A");
    let good = account(Shelf::of("A").decide(&plain, 0, 0)).clone();
    let bad = account(Shelf::of("B").decide(&tried("B"), 0, 0)).clone();
    assert_eq!((good.breach, bad.breach), (None, Some(Breach::Apart)));
    let harm = |good_ones: u64, bad_ones: u64, pending: u64| {
        let mut tally = Tally::of_stage(7);
        tally.pending = pending;
        (0..good_ones).for_each(|_| tally.count(&good));
        (0..bad_ones).for_each(|_| tally.count(&bad));
        tally.harm(&StopRules::default())
    };
    assert_eq!(harm(95, 5, 0), None);
    assert_eq!(
        harm(94, 6, 0).as_deref(),
        Some("the candidate's price is refused or too far from that in force for 6 of 100 SKUs, more than 5 %")
    );
    // Those that happen to be decided first are no fair sample of all; a shop of three SKUs is a whole shop.
    assert_eq!(harm(2, 1, 500), None);
    assert_eq!(harm(0, 20, 500), None);
    assert!(harm(0, 27, 500).is_some());
    assert!(harm(2, 1, 0).is_some());
}

#[test]
fn stop_rules_that_could_stop_nothing_are_refused() {
    let problem = |rules: StopRules| rules.problems("stop").iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(problem(StopRules::default()), Vec::<String>::new());
    let zero = BasisPoints::new(0).unwrap();
    let bad =
        StopRules { most_apart_bp: zero, most_breaches_percent: 101, standard_errors: 0, least_skus: 1, ..StopRules::default() };
    assert_eq!(problem(bad).len(), 4);
}
