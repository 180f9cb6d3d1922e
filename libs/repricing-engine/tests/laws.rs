//! Laws of every decision, for any strategy and any inputs.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pricestream_documents::Zone;
use pricestream_domain::{
    BasisPoints, Currency, FullLevel, Mode, Money, Override, Positive, Prior, Product, RelativeChange, Standing, Stock,
    StockVersion,
};
use pricestream_repricing_engine::market::{Belief, Family, Restart};
use pricestream_repricing_engine::rollout::{Arm, Breach, Trial, TrialAccount};
use pricestream_repricing_engine::strategies::{
    CeBayes, ClearanceMarkdown, DailyStep, DatedStep, Direction, DpFiniteMenu, FixedList, FluidResolve, GvrOptimal,
    InventoryThreshold, Leftover, PaceEnd, PaceTier, PaceTiers, ParametricThompson, Sale, ScheduledMarkdown, Solve, StockTier,
    StockTiers, TemplateBayes,
};
use pricestream_repricing_engine::{
    Decision, Demand, Ending, Guardrails, Inputs, MaxStep, Outcome, Policy, Profile, Strategy as Pricing, decide,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::USD)
}

fn change() -> impl Strategy<Value = RelativeChange> {
    (-9_999..=100_000_i32).prop_map(RelativeChange)
}

fn instant() -> impl Strategy<Value = Timestamp> {
    // Within a few days, so that times meet; and anywhere at all.
    prop_oneof![
        9 => (0..4 * 86_400_000_000_i64).prop_map(|micros| Timestamp::from_microsecond(1_780_000_000_000_000 + micros).unwrap()),
        1 => (Timestamp::MIN.as_microsecond()..Timestamp::MAX.as_microsecond()).prop_map(|micros| Timestamp::from_nanosecond(i128::from(micros) * 1_000).unwrap()),
    ]
}

fn time() -> impl Strategy<Value = jiff::civil::Time> {
    (0..24_i8, 0..60_i8).prop_map(|(hour, minute)| jiff::civil::Time::new(hour, minute, 0, 0).unwrap())
}

fn pace() -> impl Strategy<Value = Vec<PaceTier>> {
    vec((1..50_000_u32, change()), 0..3).prop_map(|mut tiers| {
        tiers.sort_by_key(|(ratio, _)| *ratio);
        tiers.into_iter().map(|(ratio_bp, change_bp)| PaceTier { ratio_bp, change_bp }).collect()
    })
}

fn ends() -> impl Strategy<Value = PaceEnd> {
    prop_oneof![
        instant().prop_map(PaceEnd::At),
        (0..10_000_u32).prop_map(PaceEnd::AfterFullMinutes),
        time().prop_map(PaceEnd::DailyAt)
    ]
}

fn sale() -> impl Strategy<Value = Sale> {
    let leftover = prop_oneof![
        4 => Just(Leftover::Nothing),
        1 => Just(Leftover::Cost),
        1 => (0..=100_u32).prop_map(Leftover::PercentOfList)
    ];
    (option::of(instant()), ends(), 1..=300_u32, leftover).prop_map(|(starts, ends, reviews, leftover)| Sale {
        starts,
        ends,
        reviews,
        leftover,
    })
}

/// The strategies that look at demand.
fn of_sales() -> impl Strategy<Value = Pricing> {
    let solve = prop_oneof![Just(Solve::Grid), Just(Solve::Refit)];
    let direction = prop_oneof![Just(Direction::Both), Just(Direction::MarkdownOnly), Just(Direction::MarkupOnly)];
    prop_oneof![
        sale().prop_map(|sale| Pricing::FluidResolve(FluidResolve { sale })),
        (sale(), solve).prop_map(|(sale, solve)| Pricing::GvrOptimal(GvrOptimal { sale, solve })),
        (sale(), vec(1..1_000_u32, 1..6), direction, option::of(0..6_u32), option::of(1..50_u32)).prop_map(
            |(mut sale, mut menu_percent, direction, max_changes, max_step_percent)| {
                menu_percent.sort_unstable();
                menu_percent.dedup();
                sale.reviews = sale.reviews.min(24);
                Pricing::DpFiniteMenu(DpFiniteMenu { sale, menu_percent, direction, max_changes, max_step_percent })
            }
        ),
        (sale(), 0..=10_000_u32, any::<bool>()).prop_map(|(sale, holding_bp_per_day, markdown_only)| {
            Pricing::ClearanceMarkdown(ClearanceMarkdown { sale, holding_bp_per_day, markdown_only })
        }),
        sale().prop_map(|sale| Pricing::CeBayes(CeBayes { sale })),
        sale().prop_map(|sale| Pricing::TemplateBayes(TemplateBayes { sale })),
        sale().prop_map(|sale| Pricing::ParametricThompson(ParametricThompson { sale })),
    ]
}

/// Anything that a document may say, down to its edges.
fn demand() -> impl Strategy<Value = Demand> {
    let small = || prop_oneof![6 => 0.1_f64..10.0, 1 => 1e-9_f64..1e-3, 1 => 10.0_f64..=100.0];
    let family = prop_oneof![
        small().prop_map(|sensitivity| Family::Exponential { sensitivity }),
        small().prop_map(|above| Family::Linear { choke: (1.0 + above).min(100.0) }),
        (small(), small()).prop_map(|(steepness, midpoint)| Family::Logit { steepness, midpoint }),
        small().prop_map(|elasticity| Family::ConstantElasticity { elasticity: elasticity.min(20.0) }),
    ];
    let restart = (1.01_f64..10.0, 0.1_f64..20.0).prop_map(|(ratio, threshold)| Restart { ratio, threshold });
    let per_hour = prop_oneof![6 => 0.1_f64..100.0, 1 => 1.1e-6_f64..1e-3, 1 => 1e3_f64..=1e9];
    let certainty = prop_oneof![6 => 0.1_f64..10.0, 1 => 0.0011_f64..0.1, 1 => 1e3_f64..=1e6];
    (per_hour, certainty, family, option::of(restart)).prop_map(|(per_hour, certainty, family, restart)| Demand {
        per_hour,
        certainty,
        family,
        sensitivity_sd: None,
        profile: None,
        restart,
    })
}

fn strategy() -> impl Strategy<Value = Pricing> {
    prop_oneof![2 => of_rules(), 3 => of_sales()]
}

fn of_rules() -> impl Strategy<Value = Pricing> {
    let share = || (0..=10_000_u32).prop_map(|share| BasisPoints::new(share).unwrap());
    prop_oneof![
        Just(Pricing::FixedList(FixedList {})),
        (0..100_u64, change())
            .prop_map(|(below, change_bp)| Pricing::InventoryThreshold(InventoryThreshold { below, change_bp })),
        vec((share(), change()), 1..4).prop_map(|mut tiers| {
            tiers.sort_by_key(|(share, _)| *share);
            let tiers = tiers.into_iter().map(|(at_most_bp, change_bp)| StockTier { at_most_bp, change_bp }).collect();
            Pricing::StockTiers(StockTiers { tiers })
        }),
        (ends(), pace(), pace()).prop_map(|(ends, below, above)| Pricing::PaceTiers(PaceTiers { ends, below, above })),
        (vec((instant(), -9_999..=0_i32), 0..3), vec((time(), -9_999..=0_i32), 0..3)).prop_map(|(mut steps, mut daily)| {
            steps.sort_by_key(|(at, _)| *at);
            daily.sort_by_key(|(from, _)| *from);
            Pricing::ScheduledMarkdown(ScheduledMarkdown {
                steps: steps.into_iter().map(|(at, change)| DatedStep { at, change_bp: RelativeChange(change) }).collect(),
                daily: daily.into_iter().map(|(from, change)| DailyStep { from, change_bp: RelativeChange(change) }).collect(),
            })
        }),
    ]
}

fn guardrails() -> impl Strategy<Value = Guardrails> {
    (
        option::of((1..=10_000_u32, 1..600_u32)),
        option::of(0..600_u32),
        option::of(1..5_u32),
        option::of(0..=10_000_u32),
        option::of(100..500_u32),
        option::of((1..200_i64, 0..200_i64)),
    )
        .prop_map(|(step, cooldown_minutes, changes_per_day, band, ceiling_percent_of_list, ending)| Guardrails {
            max_step: step.map(|(change, per_minutes)| MaxStep { change_bp: BasisPoints::new(change).unwrap(), per_minutes }),
            cooldown_minutes,
            changes_per_day,
            band_bp: band.map(|band| BasisPoints::new(band).unwrap()),
            ceiling_percent_of_list,
            ending: ending.map(|(modulo, remainder)| Ending { modulo, remainder: remainder % modulo }),
        })
}

/// A policy, on trial one time in three.
fn policy() -> impl Strategy<Value = Policy> {
    let arm = prop_oneof![Just(Arm::Shadow), Just(Arm::Control), Just(Arm::Canary)];
    let trial = (arm, option::weighted(0.9, side()), 1..=10_000_u32).prop_map(|(arm, candidate, apart)| Trial {
        number: 1,
        arm,
        candidate: candidate.map(Box::new),
        most_apart_bp: BasisPoints::new(apart).unwrap(),
    });
    // One that plans from the price that stands, whoever set it, has no price of its own that another could be held against.
    let plans = |policy: &Policy| matches!(policy.strategy, Pricing::DpFiniteMenu(_));
    (side(), option::weighted(0.33, trial)).prop_map(move |(policy, trial)| {
        let trial = trial.filter(|trial| !trial.candidate.iter().map(Box::as_ref).chain([&policy]).any(plans));
        Policy { trial, ..policy }
    })
}

fn side() -> BoxedStrategy<Policy> {
    let zone = prop_oneof![Just("UTC"), Just("Europe/Amsterdam"), Just("America/New_York"), Just("Asia/Kathmandu")];
    let profile = option::weighted(0.3, vec(0.0_f64..10.0, 1..20).prop_map(Profile));
    (strategy(), guardrails(), option::of(0..=100_u32), zone, option::weighted(0.9, demand()), profile)
        .prop_map(|(strategy, guardrails, floor_percent_of_list, zone, demand, profile)| Policy {
            strategy_name: "s".into(),
            strategy,
            guardrails,
            floor_percent_of_list,
            demand,
            profile,
            time_zone: Zone::named(zone).unwrap(),
            trial: None,
        })
        .boxed()
}

fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![8 => 1..100_000_i64, 1 => 1..20_i64, 1 => 1..=i64::MAX]
}

fn product() -> impl Strategy<Value = Product> {
    let number = || (1e-3_f64..1e3).prop_map(|number| Positive::try_from(number).unwrap());
    let prior = option::weighted(0.2, (number(), number(), 0.05_f64..50.0)).prop_map(|prior| {
        prior.map(|(per_hour, certainty, sensitivity)| {
            let sensitivity = Positive::try_from(sensitivity).unwrap();
            Prior { per_hour, certainty, sensitivity, sensitivity_sd: sensitivity, model: "m".into() }
        })
    });
    (amount(), option::of(amount()), option::of(amount()), option::of(amount()), prior).prop_map(
        |(list, floor, ceiling, cost, prior)| {
            let line = format!(r#"{{"sku":"A","list_price":{{"minor":{list},"currency":"USD"}}}}"#);
            let mut product: Product = serde_json::from_str(&line).unwrap();
            (product.floor, product.ceiling, product.cost) = (floor.map(usd), ceiling.map(usd), cost.map(usd));
            product.prior = prior;
            product
        },
    )
}

fn stock() -> impl Strategy<Value = Option<Stock>> {
    let count = || prop_oneof![9 => 0..200_u64, 1 => 0..=u64::MAX];
    option::of((count(), count(), instant(), count(), option::of(instant())).prop_map(|(on_hand, full, at, sold, changed_at)| {
        Stock { on_hand, version: StockVersion(1), full: FullLevel { on_hand: full, at }, sold, changed_at }
    }))
}

fn standing() -> impl Strategy<Value = Option<Standing>> {
    option::of((amount(), instant(), amount(), instant(), 0..10_u32).prop_map(|(price, since, from, step_since, changes)| {
        Standing { price: usd(price), since, step_from: usd(from), step_since, day: jiff::civil::date(2026, 5, 29), changes }
    }))
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![6 => Just(Mode::Run), 1 => Just(Mode::Freeze), 1 => Just(Mode::ListPrice), 1 => Just(Mode::Shadow)]
}

fn override_() -> impl Strategy<Value = Option<Override>> {
    option::weighted(
        0.2,
        (amount(), instant()).prop_map(|(price, expires_at)| Override {
            price: usd(price),
            expires_at,
            by: "x".into(),
            note: String::new(),
        }),
    )
}

#[derive(Debug)]
struct Case {
    now: Timestamp,
    product: Product,
    policy: Policy,
    mode: Mode,
    override_: Option<Override>,
    stock: Option<Stock>,
    previous: Option<Standing>,
}

impl Case {
    fn at(&self, now: Timestamp, previous: Option<Standing>) -> Decision {
        self.after(now, previous, None, None)
    }

    fn after(
        &self,
        now: Timestamp,
        previous: Option<Standing>,
        belief: Option<&Arc<Belief>>,
        trial: Option<&Arc<TrialAccount>>,
    ) -> Decision {
        decide(&Inputs {
            now,
            product: &self.product,
            policy: Ok(&self.policy),
            mode: self.mode,
            override_: self.override_.as_ref(),
            stock: self.stock.as_ref(),
            previous: previous.as_ref(),
            belief,
            trial,
        })
    }
}

fn case() -> impl Strategy<Value = Case> {
    (instant(), product(), policy(), mode(), override_(), stock(), standing()).prop_map(
        |(now, product, policy, mode, override_, stock, previous)| Case {
            now,
            product,
            policy,
            mode,
            override_,
            stock,
            previous,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// The one promise that everything else may be wrong without breaking.
    #[test]
    fn no_price_ever_breaks_a_hard_guardrail(case in case()) {
        let decision = case.at(case.now, case.previous);
        let list = case.product.list_price.minor;
        if matches!(decision.outcome, Outcome::Refused(_)) {
            prop_assert_eq!(decision.standing, case.previous, "a refusal leaves what stood");
            return Ok(());
        }
        let price = decision.standing.unwrap().price.minor;
        // Those of the side that set it.
        let by_candidate = decision.reason.other_side.is_some_and(|other| other.is_in_force());
        let policy = if by_candidate { case.policy.in_charge() } else { &case.policy };
        let percent = |percent: u32| i64::try_from((i128::from(list) * i128::from(percent) + 50) / 100).unwrap_or(i64::MAX);
        let floor = case.product.floor.map(|floor| floor.minor).or(policy.floor_percent_of_list.map(percent)).unwrap().max(1);
        let ceiling = case.product.ceiling.map(|ceiling| ceiling.minor).or(policy.guardrails.ceiling_percent_of_list.map(percent));
        let ceiling = ceiling.unwrap_or(i64::MAX);
        prop_assert!((floor..=ceiling).contains(&price), "{} is outside {}..={}", price, floor, ceiling);
        if let Some(band) = policy.guardrails.band_bp {
            let distance = i64::try_from(i128::from(list) * i128::from(band.get()) / 10_000).unwrap();
            let (low, high) = (list - distance, list.saturating_add(distance));
            if low <= ceiling && high >= floor {
                prop_assert!((low..=high).contains(&price), "{} is outside the band {}..={}", price, low, high);
            }
        }
        prop_assert!(decision.next_due.is_none_or(|due| due > case.now), "what is due lies ahead");
    }

    /// Whatever is sold, in whatever order of instants: what is learned stays finite, small, and reads back as it was.
    #[test]
    fn a_belief_stays_sound(case in case(), steps in vec((instant(), stock(), amount()), 1..12)) {
        let mut belief: Option<Arc<Belief>> = None;
        let mut trial: Option<Arc<TrialAccount>> = None;
        let mut previous = case.previous;
        for (now, stock, _) in steps {
            let decision = decide(&Inputs {
                now,
                product: &case.product,
                policy: Ok(&case.policy),
                mode: case.mode,
                override_: case.override_.as_ref(),
                stock: stock.as_ref(),
                previous: previous.as_ref(),
                belief: belief.as_ref(),
                trial: trial.as_ref(),
            });
            let beside = decision.trial.as_ref().and_then(|trial| trial.belief.as_ref());
            for belief in decision.belief.iter().chain(beside) {
                let text = belief.to_string();
                prop_assert!(text.len() <= 1_024, "{} bytes", text.len());
                prop_assert_eq!(text.parse::<Belief>(), Ok((**belief).clone()));
            }
            (previous, belief, trial) = (decision.standing, decision.belief, decision.trial);
        }
    }

    /// A price is a function of state and time, never of how many events were seen.
    #[test]
    fn deciding_again_at_once_changes_nothing(case in case()) {
        let first = case.at(case.now, case.previous);
        let again = case.after(case.now, first.standing, first.belief.as_ref(), first.trial.as_ref());
        prop_assert_eq!(again.standing, first.standing);
        if !matches!(first.outcome, Outcome::Refused(_)) {
            prop_assert_eq!(again.outcome, Outcome::Kept);
        }
    }

    /// Extra decisions within an interval cannot walk the price further than one step.
    #[test]
    fn however_many_events_arrive_a_price_stays_within_its_step(mut case in case(), levels in vec((0..200_u64, 0..60_i64), 1..20)) {
        case.mode = Mode::Run;
        case.override_ = None;
        case.policy.trial = None;
        let Some(MaxStep { change_bp, per_minutes }) = case.policy.guardrails.max_step else { return Ok(()) };
        let Some(began) = case.previous else { return Ok(()) };
        // An interval begins here, and all the events fall into it.
        let began = Standing { step_from: began.price, step_since: case.now, ..began };
        let distance = (i128::from(began.price.minor) * i128::from(change_bp.get()) / 10_000).max(1);
        let (mut standing, mut now, mut belief) = (Some(began), case.now, None);
        let end = case.now.checked_add(SignedDuration::from_mins(i64::from(per_minutes))).unwrap_or(Timestamp::MAX);
        for (on_hand, seconds) in levels {
            now = now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(now);
            if now >= end { break }
            case.stock = case.stock.map(|stock| Stock { on_hand, ..stock });
            let decision = case.after(now, standing, belief.as_ref(), None);
            belief.clone_from(&decision.belief);
            let pushed = decision.reason.effects.iter().any(|effect| {
                use pricestream_repricing_engine::Guardrail::{Band, Ceiling, Floor};
                matches!(effect.guardrail, Band | Floor | Ceiling)
            });
            standing = decision.standing;
            let price = i128::from(standing.unwrap().price.minor);
            prop_assert!(pushed || matches!(decision.outcome, Outcome::Refused(_)) || (price - i128::from(began.price.minor)).abs() <= distance);
            if pushed { break }
        }
    }

    /// Before the instant that a record says it is due at, time alone moves nothing.
    #[test]
    fn nothing_moves_before_it_is_due(mut case in case(), share in 0.0..1.0_f64) {
        case.policy.guardrails = Guardrails::default();
        if let Some(candidate) = case.policy.trial.as_mut().and_then(|trial| trial.candidate.as_mut()) {
            candidate.guardrails = Guardrails::default();
        }
        let first = case.at(case.now, None);
        let Some(standing) = first.standing else { return Ok(()) };
        if first.trial.as_ref().is_some_and(|trial| trial.breach == Some(Breach::Refused)) { return Ok(()) }
        let end = first.next_due.unwrap_or(Timestamp::MAX);
        let span = end.as_microsecond() - case.now.as_microsecond();
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "any instant before the end will do")]
        let micros = ((span as f64 * share) as i64).clamp(0, (span - 1).max(0));
        for between in [case.now.as_microsecond() + micros, end.as_microsecond() - 1] {
            let at = Timestamp::from_nanosecond(i128::from(between.max(case.now.as_microsecond())) * 1_000).unwrap();
            let later = case.after(at, Some(standing), first.belief.as_ref(), first.trial.as_ref());
            prop_assert_eq!(later.standing, Some(standing), "at {} of {}..{}", at, case.now, end);
        }
    }

    /// Nor with soft guardrails, endings and modes, from any state that decisions lead to.
    #[test]
    fn whatever_holds_a_price_says_until_when(
        mut case in case(),
        levels in vec((0..200_u64, 0..20_000_i64, mode()), 1..6),
        share in 0.0..1.0_f64,
    ) {
        let (mut now, mut standing, mut belief, mut trial) = (case.now, None, None, None);
        for (on_hand, seconds, mode) in levels {
            now = now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(now);
            case.stock = case.stock.map(|stock| Stock { on_hand, ..stock });
            case.mode = mode;
            let decision = case.after(now, standing, belief.as_ref(), trial.as_ref());
            (standing, belief, trial) = (decision.standing, decision.belief, decision.trial);
        }
        // A first shadow price has nothing to measure a step from, so it may differ from the second.
        let settled = case.after(now, standing, belief.as_ref(), trial.as_ref());
        prop_assert_eq!(settled.standing, standing);
        let other_side_refused = settled.trial.as_ref().is_some_and(|trial| trial.breach == Some(Breach::Refused));
        if other_side_refused || matches!(settled.outcome, Outcome::Refused(_)) { return Ok(()) }
        let end = settled.next_due.unwrap_or(Timestamp::MAX);
        let span = end.as_microsecond() - now.as_microsecond();
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "any instant before the end will do")]
        let micros = ((span as f64 * share) as i64).clamp(0, (span - 1).max(0));
        for between in [now.as_microsecond() + micros, end.as_microsecond() - 1] {
            let at = Timestamp::from_nanosecond(i128::from(between.max(now.as_microsecond())) * 1_000).unwrap();
            let later = case.after(at, standing, settled.belief.as_ref(), settled.trial.as_ref());
            prop_assert_eq!(later.standing, standing, "at {} of {}..{}", at, now, end);
            let refused = later.trial.as_ref().is_some_and(|trial| trial.breach == Some(Breach::Refused));
            prop_assert!(refused || later.shadow_price == settled.shadow_price, "in shadow at {} of {}..{}", at, now, end);
        }
    }

    /// Any text at all is read or refused, with at least one problem.
    #[test]
    fn a_document_of_any_bytes_is_read_or_refused(text in ".{0,200}") {
        if let Err(problems) = pricestream_repricing_engine::Strategies::from_json(&text) {
            prop_assert!(!problems.is_empty());
        }
    }
}
