//! `make bench-pricing`: the strategies against the proven optimum. Each row says what was measured, the goal, and what an independent
//! reference reached where it was measured too. `RUNS=n` sets the simulated sales of a row (2000), `--json` prints lines for machines.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "units and shares of time; what a float loses of them is far below what is printed"
)]

use std::hint::black_box;
use std::io::{IsTerminal, Write};
use std::time::Instant;

use pricestream_pricing_lab::{Document, Estimate, Scenario, Shop, Truth, bayes, compare, exact};
use pricestream_repricing_engine::market::menu::{Moves, Periods};
use pricestream_repricing_engine::market::{Bounds, Family, Grid, Shape};
use pricestream_repricing_engine::strategies::gamma;
use serde_json::{Value, json};

/// Of every random draw.
const SEED: u64 = 20_260_504;

struct Report {
    json: bool,
    missed: Vec<String>,
    rows: u32,
}

impl Report {
    fn title(&self, title: &str, columns: &str) {
        if !self.json {
            println!("\n{title}\n  {:<44} {:>16} {:>9} {:>9}  {columns}", "", "measured", "goal", "reference");
        }
    }

    /// `measured` and `goal` in percent; `half`: of the confidence interval, 0 where nothing is random. A goal is met when the measured value
    /// is not below it.
    fn row(&mut self, group: &str, name: &str, measured: Estimate, goal: Option<f64>, reference: Option<f64>) {
        self.rows += 1;
        let (mean, half) = (100.0 * measured.mean, 100.0 * measured.half);
        let met = goal.is_none_or(|goal| mean >= goal);
        if !met {
            self.missed.push(format!("{group}: {name}: {mean:.2}"));
        }
        if self.json {
            println!(
                "{}",
                json!({ "group": group, "name": name, "percent": mean, "half": half, "goal": goal, "reference": reference, "met": met })
            );
            return;
        }
        let number = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.1}"));
        let interval = if half > 0.0 { format!("{mean:.2} ± {half:.2}") } else { format!("{mean:.3}") };
        let mark = if met { "" } else { "MISSED" };
        println!("  {name:<44} {interval:>16} {:>9} {:>9}  {mark}", number(goal), number(reference));
    }
}

fn progress(text: &str) {
    let mut err = std::io::stderr();
    if err.is_terminal() {
        let _ = write!(err, "\r\x1b[K{text}");
        let _ = err.flush();
    }
}

fn exactly(mean: f64) -> Estimate {
    Estimate { mean, half: 0.0 }
}

fn sale() -> Value {
    json!({ "ends": { "after_full_minutes": 60 } })
}

fn level(buyers: f64, family: Family) -> Truth {
    Truth { family, buyers, shape: Shape::flat() }
}

const ONE: Family = Family::Exponential { sensitivity: 1.0 };

/// Section 2 of the reference: units, market, best fixed price and fluid re-solve in percent.
const KNOWN: [(u64, f64, f64, f64); 18] = [
    (5, 5.0, 97.8, 96.1),
    (5, 20.0, 94.7, 99.1),
    (10, 10.0, 98.0, 97.5),
    (10, 40.0, 95.0, 99.6),
    (20, 10.0, 100.0, 100.0),
    (20, 20.0, 98.5, 98.5),
    (20, 40.0, 96.3, 99.3),
    (20, 100.0, 95.6, 99.8),
    (50, 25.0, 100.0, 100.0),
    (50, 50.0, 99.0, 99.3),
    (50, 100.0, 97.0, 99.7),
    (50, 200.0, 96.6, 99.9),
    (100, 50.0, 100.0, 100.0),
    (100, 100.0, 99.3, 99.6),
    (100, 200.0, 97.6, 99.9),
    (100, 500.0, 97.3, 100.0),
    (500, 500.0, 99.8, 99.9),
    (500, 1_000.0, 98.6, 100.0),
];

/// Settings of our own.
const KNOWN_TOO: [(u64, f64); 4] = [(1, 3.0), (7, 12.0), (35, 90.0), (150, 130.0)];

fn known(report: &mut Report) {
    report.title("Known demand, exact: gvr_optimal (fraction of the optimum)", "");
    let mut worst_price: f64 = 0.0;
    let settings = KNOWN.iter().map(|(n, x, ..)| (*n, *x, Some(100.0))).chain(KNOWN_TOO.map(|(n, x)| (n, x, None)));
    for (n, x, reference) in settings.clone() {
        progress(&format!("known demand {n} {x}"));
        let truth = level(x, ONE);
        let document = Document::free(
            &json!({ "kind": "gvr_optimal", "sale": sale() }),
            &json!({ "per_hour": x, "family": { "kind": "exponential", "sensitivity": 1.0 } }),
            1,
        );
        for (units, at) in [(n, 0.0), (n.div_ceil(2), 0.3), (1, 0.9)] {
            // By the recursion of the definition, which the engine does not use.
            let left = x * (1.0 - at);
            let blocking = (1..units).fold(1.0, |blocking, k| left * blocking / (k as f64 + left * blocking));
            let best = 1.0 + (left * blocking / units as f64).ln_1p();
            let asked = document.ratio(units, at).expect("it works prices out");
            worst_price = worst_price.max((asked / best - 1.0).abs());
        }
        let value = exact::value(&truth, n as usize, 1.0, |units, at| document.ratio(units, at).expect("it works prices out"));
        report.row(
            "known demand",
            &format!("n = {n}, x = {x}"),
            exactly(value / truth.optimum(n).expect("exponential")),
            Some(99.9),
            reference,
        );
    }
    progress("");
    let (goal, ok) = (1e-9, worst_price <= 1e-9);
    if !ok {
        report.missed.push(format!("price against p*: {worst_price:.1e}"));
    }
    if !report.json {
        println!(
            "  price against p*, largest relative difference: {worst_price:.1e} (goal {goal:.0e}){}",
            if ok { "" } else { "  MISSED" }
        );
    }
    report.title("Known demand, exact: fluid_resolve, and the best fixed price", "");
    for (n, x, fixed, fluid) in KNOWN.into_iter().filter(|(n, ..)| *n <= 100) {
        let truth = level(x, ONE);
        let document = Document::free(
            &json!({ "kind": "fluid_resolve", "sale": sale() }),
            &json!({ "per_hour": x, "family": { "kind": "exponential", "sensitivity": 1.0 } }),
            1,
        );
        let optimum = truth.optimum(n).expect("exponential");
        let value = exact::value(&truth, n as usize, 1.0, |units, at| document.ratio(units, at).expect("it works prices out"));
        report.row("fluid_resolve", &format!("n = {n}, x = {x}"), exactly(value / optimum), None, Some(fluid));
        report.row(
            "best fixed price",
            &format!("n = {n}, x = {x}, fixed"),
            exactly(exact::best_fixed(&truth, n as usize).1 / optimum),
            None,
            Some(fixed),
        );
    }
}

/// Band, step, reviews and rounding at once: what the engine's own guardrails leave of `gvr_optimal`, against the best policy under the same
/// rules, by a dynamic programme over (review, units, price that stands).
fn guarded(report: &mut Report) {
    const REVIEWS: u32 = 48;
    report.title(
        "Guardrails at once (band 30 % around the fluid price, step 10 % a review, 48 reviews, rounding)",
        "of the free optimum",
    );
    for (n, x) in [(5, 5.0), (10, 10.0), (20, 20.0), (20, 60.0), (50, 50.0), (50, 150.0), (100, 100.0), (30, 80.0)] {
        progress(&format!("guardrails {n} {x}"));
        // List is the fluid price, so that the band is around it; in units of 1/alpha it is this.
        let fluid = (x / f64::from(n)).ln().max(0.0) + 1.0;
        let family = Family::Exponential { sensitivity: fluid };
        let buyers = x * (1.0 - fluid).exp();
        let truth = level(buyers, family);
        let document = json!({
            "version": 1,
            "strategies": { "s": { "kind": "gvr_optimal", "sale": { "ends": { "after_full_minutes": 96 }, "reviews": REVIEWS } } },
            "default": { "strategy": "s", "floor_percent_of_list": 1,
                "guardrails": { "band_bp": 3000, "max_step": { "change_bp": 1000, "per_minutes": 1 } },
                "demand": { "per_hour": buyers / 1.6, "family": { "kind": "exponential", "sensitivity": fluid } } },
        });
        let document = Document::new(&document, jiff::SignedDuration::from_mins(96)).expect("written here");
        let menu: Vec<f64> = (0..=120).map(|place| 0.7 + 0.005 * f64::from(place)).collect();
        let slices = vec![buyers / f64::from(REVIEWS); REVIEWS as usize];
        let moves = Moves { up: true, down: true, max_step: Some(0.1) };
        let periods =
            Periods { menu: &menu, buyers: &slices, family, salvage: 0.0, moves, changes: None, most_work: Periods::IN_A_STUDY };
        let units = n as usize;
        let best = periods.optimum(units, None).expect("it is small").0;
        let shop = std::cell::RefCell::new(Shop::open(&document, u64::try_from(n).expect("positive")));
        let place = |price: f64| {
            menu.iter()
                .enumerate()
                .min_by(|(_, one), (_, other)| (*one - price).abs().total_cmp(&(*other - price).abs()))
                .expect("not empty")
                .0
        };
        let ours = periods.earnings(units, None, |review, left, standing| {
            let at = f64::from(u32::try_from(review).expect("few")) / f64::from(REVIEWS);
            let mut shop = shop.borrow_mut();
            shop.put(left.max(1) as u64, standing, at);
            let chosen = place(shop.decide(at));
            // Rounding to the menu must not step over the rule.
            standing.map_or(chosen, |from| {
                let toward = |place: usize| if menu[place] < from { place + 1 } else { place - 1 };
                let mut chosen = chosen;
                while !moves.allow(from, menu[chosen]) {
                    chosen = toward(chosen);
                }
                chosen
            })
        });
        let ours = ours.expect("it is small");
        let name =
            format!("n = {n}, x = {x} ({:.2} of the free optimum)", 100.0 * ours / truth.optimum(n as u64).expect("exponential"));
        report.row("guardrails", &name, exactly(ours / best), Some(99.5), None);
    }
    progress("");
}

fn families(report: &mut Report) {
    report.title("Another family than exponential, exact: gvr_optimal by refit, and by its grid", "");
    let linear = Family::Linear { choke: 2.0 };
    let logit = Family::Logit { steepness: 4.0, midpoint: 1.0 };
    let elastic = Family::ConstantElasticity { elasticity: 2.5 };
    // Scaled as in the reference: x is the demand at the price that is best for each buyer.
    for (name, family, settings) in [
        (
            "linear",
            linear,
            vec![
                (20, 20.0, Some(99.3)),
                (20, 60.0, Some(99.4)),
                (50, 50.0, Some(99.8)),
                (50, 100.0, Some(99.7)),
                (100, 50.0, Some(100.0)),
                (30, 45.0, None),
            ],
        ),
        (
            "logit",
            logit,
            vec![
                (20, 20.0, Some(98.2)),
                (20, 60.0, Some(99.7)),
                (50, 50.0, Some(99.3)),
                (50, 100.0, Some(99.8)),
                (100, 50.0, Some(100.0)),
                (30, 45.0, None),
            ],
        ),
        ("constant elasticity, floor 40 %", elastic, vec![(20, 20.0, None), (10, 30.0, None)]),
    ] {
        let bounds = Bounds { low: if name.starts_with("constant") { 0.4 } else { 0.01 }, high: 100.0 };
        for (n, x, reference) in settings {
            progress(&format!("{name} {n} {x}"));
            let top = family.best(0.0, bounds);
            let buyers = x / family.demand(top);
            let truth = level(buyers, family);
            let optimum = Grid::solve(family, n, buyers, 0.0, bounds, Grid::IN_A_STUDY).expect("it is small").value();
            for (solve, goal, reference) in [("refit", 98.0, reference), ("grid", 99.5, None)] {
                // The grid is slow to ask at each step of an integration: a quarter of them is asked, and the rest read between.
                let document = Document::free(
                    &json!({ "kind": "gvr_optimal", "solve": solve, "sale": sale() }),
                    &json!({ "per_hour": buyers, "family": family }),
                    if bounds.low > 0.1 { 40 } else { 1 },
                );
                let table = Table::of(n, 100, |units, at| bounds.clip(document.ratio(units, at).expect("it works prices out")));
                let value = exact::value(&truth, n as usize, top, |units, at| table.price(units, at));
                report.row(
                    "family",
                    &format!("{name}, n = {n}, x = {x}, {solve}"),
                    exactly(value / optimum),
                    Some(goal),
                    reference,
                );
            }
        }
    }
    progress("");
}

/// Prices at nodes of time, read in straight lines between.
struct Table {
    nodes: Vec<Vec<f64>>,
}

impl Table {
    fn of(units: u64, count: usize, price: impl Fn(u64, f64) -> f64) -> Self {
        // Denser toward the end, where prices move.
        let at = |node: usize| 1.0 - (1.0 - node as f64 / count as f64).powi(2);
        Self { nodes: (0..=count).map(|node| (1..=units).map(|n| price(n, at(node).min(1.0 - 1e-9))).collect()).collect() }
    }

    fn price(&self, units: u64, at: f64) -> f64 {
        let count = self.nodes.len() - 1;
        let place = (1.0 - (1.0 - at).sqrt()) * count as f64;
        let lower = (place as usize).min(count - 1);
        let within = place - lower as f64;
        let price = |node: usize| self.nodes[node][units as usize - 1];
        price(lower) + (price(lower + 1) - price(lower)) * within
    }
}

fn size_unknown(report: &mut Report, runs: u32) {
    report.title("Size unknown, sensitivity known: template_bayes with a level profile (fraction of the Bayes limit)", "");
    // The reference's limits of learning and what certainty equivalence reached, both in percent of the clairvoyant.
    for (n, mean, cv, reference) in [
        (20, 20.0, 1.0, Some((98.5, 97.8))),
        (20, 20.0, 0.5, Some((99.2, 98.7))),
        (20, 60.0, 1.0, Some((97.8, 97.4))),
        (20, 60.0, 0.5, Some((98.5, 98.0))),
        (50, 50.0, 1.0, Some((99.4, 98.8))),
        (50, 100.0, 1.0, Some((99.2, 98.7))),
        (50, 100.0, 0.5, Some((99.3, 98.9))),
        (50, 25.0, 1.0, Some((99.8, 99.3))),
        (30, 70.0, 0.7, None),
        (12, 20.0, 1.0, None),
    ] {
        progress(&format!("size unknown {n} {mean}"));
        let shape: f64 = 1.0 / (cv * cv);
        let document = Document::free(
            &json!({ "kind": "template_bayes", "sale": { "ends": { "after_full_minutes": 60 }, "reviews": 400 } }),
            &json!({ "per_hour": mean, "certainty": shape, "family": { "kind": "exponential", "sensitivity": 1.0 }, "profile": "level" }),
            1,
        );
        // Our own programme's, where it is accurate; it agrees with the reference's there.
        let limit = match reference {
            Some((limit, _)) if n > 30 => limit / 100.0,
            _ => bayes::limit(bayes::UnknownSize { units: n, mean, shape }, 200),
        };
        let found = compare(
            runs,
            n as u64,
            1.0,
            SEED,
            |rng| level(gamma(rng, shape) / shape * mean, ONE),
            |_| Shop::open(&document, n as u64),
        );
        let of_limit = Estimate { mean: found.mean / limit, half: found.half / limit };
        let name = format!("n = {n}, mean {mean}, cv {cv} (limit {:.1}, {:.1})", 100.0 * limit, 100.0 * found.mean);
        report.row("size unknown", &name, of_limit, Some(99.0), reference.map(|(limit, ours)| 100.0 * ours / limit));
    }
    progress("");
}

fn sensitivity_unknown(report: &mut Report, runs: u32) {
    report.title("Size and sensitivity unknown: ce_bayes (fraction of the clairvoyant); then parametric_thompson", "");
    for (kind, settings) in [
        (
            "ce_bayes",
            &[
                (20, 20.0, Some(94.0), Some(94.0)),
                (20, 60.0, Some(94.0), Some(95.8)),
                (50, 50.0, Some(95.0), Some(95.4)),
                (50, 150.0, Some(95.0), Some(97.5)),
                (100, 100.0, Some(96.0), Some(96.2)),
                (100, 300.0, Some(96.0), Some(98.6)),
                (400, 1_200.0, Some(99.0), Some(99.2)),
                (20, 35.0, Some(94.0), None),
                (70, 140.0, Some(95.0), None),
            ][..],
        ),
        (
            "parametric_thompson",
            &[(20, 60.0, None, Some(91.4)), (50, 150.0, None, Some(95.0)), (100, 300.0, None, Some(97.0))][..],
        ),
    ] {
        for (n, at_list, goal, reference) in settings {
            progress(&format!("{kind} {n} {at_list}"));
            let document = Document::free(
                &json!({ "kind": kind, "sale": { "ends": { "after_full_minutes": 60 }, "reviews": 400 } }),
                &json!({ "per_hour": at_list, "certainty": 2.0, "sensitivity_sd": 0.52, "profile": "level",
                    "family": { "kind": "exponential", "sensitivity": 1.3 } }),
                30,
            );
            let found = compare(
                runs,
                *n,
                0.3,
                SEED,
                |rng| {
                    let buyers = gamma(rng, 2.0) / 2.0 * at_list;
                    level(buyers, Family::Exponential { sensitivity: 0.4 + 1.8 * rng.f64() })
                },
                |_| Shop::open(&document, *n),
            );
            report.row(kind, &format!("{kind}, n = {n}, {at_list} at list"), found, *goal, *reference);
        }
    }
    progress("");
}

/// Scenario, planned market, and what the reference reached by shape templates and with the shape given.
type Surprises<'a> = &'a [(&'a str, f64, Option<f64>, Option<f64>)];

/// The reference's own.
const SURPRISES: Surprises<'_> = &[
    ("as-planned", 100.0, Some(99.1), Some(99.6)),
    ("x4", 100.0, Some(94.9), Some(99.1)),
    ("x0.4", 100.0, Some(100.4), Some(99.8)),
    ("x4@30", 100.0, Some(90.2), Some(99.0)),
    ("x0.3@30", 100.0, Some(98.4), Some(99.8)),
    ("burst8@40-50", 100.0, Some(97.1), Some(99.2)),
    ("front5", 100.0, Some(89.9), Some(99.3)),
    ("as-planned", 300.0, Some(98.5), Some(99.2)),
    ("x0.3", 300.0, Some(96.5), Some(99.6)),
    ("x0.3@30", 300.0, Some(86.0), Some(99.3)),
    ("x2", 300.0, Some(98.8), Some(99.4)),
];

/// The same kinds of surprise, elsewhere and of other sizes.
const MORE_SURPRISES: Surprises<'_> = &[
    ("as-planned", 130.0, None, None),
    ("x3", 100.0, None, None),
    ("x0.5", 100.0, None, None),
    ("x3@37", 100.0, None, None),
    ("x0.4@43", 100.0, None, None),
    ("burst6@52-67", 100.0, None, None),
    ("burst10@27-34", 100.0, None, None),
    ("front4", 100.0, None, None),
    ("power", 100.0, None, None),
    ("as-planned", 280.0, None, None),
    ("x0.4", 300.0, None, None),
    ("x0.4@37", 300.0, None, None),
    ("x1.6", 300.0, None, None),
];

/// Kinds of their own, and extremes.
const WILD_SURPRISES: Surprises<'_> = &[
    ("x5@18", 100.0, None, None),
    ("x2+hump60~16", 100.0, None, None),
    ("x2+waves", 100.0, None, None),
    ("x1.5+back2", 100.0, None, None),
    ("x2+rush", 100.0, None, None),
    ("front7.5", 120.0, None, None),
    ("x2.5@55", 300.0, None, None),
    ("x5", 100.0, None, None),
];

fn surprises(report: &mut Report, runs: u32) {
    for (title, group, set, goals) in [
        (
            "Surprises of the reference: template_bayes, one configuration, no shape in the library is one of them",
            "surprises",
            SURPRISES,
            true,
        ),
        ("Surprises elsewhere and of other sizes", "more surprises", MORE_SURPRISES, true),
        ("Surprises of other kinds", "wild surprises", WILD_SURPRISES, false),
    ] {
        report.title(title, "");
        let mut found = Vec::new();
        for (name, planned, reference, _) in set {
            progress(&format!("{group} {name}"));
            let estimate = surprise(name, *planned, runs, None);
            report.row(group, &format!("{name}, planned {planned}"), estimate, None, *reference);
            found.push(estimate);
        }
        let worst = found.iter().copied().min_by(|one, other| one.mean.total_cmp(&other.mean)).expect("not empty");
        let count = found.len() as f64;
        let mean = Estimate {
            mean: found.iter().map(|one| one.mean).sum::<f64>() / count,
            half: found.iter().map(|one| one.half * one.half).sum::<f64>().sqrt() / count,
        };
        let reference = |value: f64| (group == "surprises").then_some(value);
        report.row(group, "worst", worst, goals.then_some(86.0), reference(86.0));
        report.row(group, "mean", mean, goals.then_some(95.0), reference(95.4));
    }
    report.title("The same surprises, the shape given as a profile: template_bayes", "");
    for (name, planned, _, reference) in SURPRISES.iter().chain(MORE_SURPRISES) {
        progress(&format!("shape given {name}"));
        let scenario: Scenario = name.parse().expect("written here");
        let estimate = surprise(name, *planned, runs, Some(scenario.profile(200)));
        report.row("shape given", &format!("{name}, planned {planned}"), estimate, Some(98.5), *reference);
    }
    progress("");
}

fn surprise(name: &str, planned: f64, runs: u32, profile: Option<Vec<f64>>) -> Estimate {
    let scenario: Scenario = name.parse().expect("written here");
    let (times, shape) = scenario.demand();
    let truth = Truth { family: ONE, buyers: planned * times, shape };
    let strategy = json!({ "kind": "template_bayes", "sale": sale() });
    let mut document = json!({
        "version": 1, "strategies": { "s": strategy },
        "default": { "strategy": "s", "floor_percent_of_list": 1,
            "demand": { "per_hour": planned, "family": { "kind": "exponential", "sensitivity": 1.0 } } },
    });
    if let Some(profile) = profile {
        document["profiles"] = json!({ "given": profile });
        document["default"]["demand"]["profile"] = json!("given");
    }
    let document = Document::new(&document, jiff::SignedDuration::from_hours(1)).expect("written here");
    compare(runs, 100, 1.0, SEED, |_| truth.clone(), |_| Shop::open(&document, 100))
}

/// CPU time of a decision with its belief, beside the plain recursion in the same run: medians of five.
fn cost(report: &Report) {
    if !report.json {
        println!("\nWhat a price costs, belief update included (medians of five; the recursion is Erlang-B over all units)");
        println!("  {:<44} {:>16} {:>9} {:>9}", "", "µs a decision", "goal", "recursion");
    }
    for (kind, n, x) in [
        ("template_bayes", 100, 100.0),
        ("template_bayes", 1_000, 1_000.0),
        ("ce_bayes", 100, 100.0),
        ("ce_bayes", 1_000, 1_000.0),
        ("gvr_optimal", 1_000, 1_000.0),
    ] {
        let document = Document::free(
            &json!({ "kind": kind, "sale": sale() }),
            &json!({ "per_hour": x, "family": { "kind": "exponential", "sensitivity": 1.0 } }),
            1,
        );
        let decide = || {
            let mut shop = Shop::open(&document, n);
            let rounds = 2_000;
            let begin = Instant::now();
            for round in 0..rounds {
                black_box(shop.decide(f64::from(round) / f64::from(rounds)));
                if round % 40 == 0 {
                    pricestream_pricing_lab::Policy::sold(&mut shop, f64::from(round) / f64::from(rounds));
                }
            }
            begin.elapsed().as_secs_f64() * 1e6 / f64::from(rounds)
        };
        let recursion = || {
            let rounds = 2_000;
            let begin = Instant::now();
            for round in 0..rounds {
                let left = black_box(x * (1.0 - f64::from(round) / f64::from(rounds)));
                black_box((1..n).fold(1.0, |blocking, k| left * blocking / (k as f64 + left * blocking)));
            }
            begin.elapsed().as_secs_f64() * 1e6 / f64::from(rounds)
        };
        let mut pairs: Vec<(f64, f64)> = (0..5).map(|_| (decide(), recursion())).collect();
        pairs.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (ours, floor) = pairs[2];
        if report.json {
            println!(
                "{}",
                json!({ "group": "cost", "name": format!("{kind}, n = {n}"), "microseconds": ours, "recursion": floor, "goal": 10.0 })
            );
        } else {
            let mark = if ours > 10.0 { "MISSED" } else { "" };
            println!("  {:<44} {ours:>16.2} {:>9} {floor:>9.2}  {mark}", format!("{kind}, n = {n}"), "10.0");
        }
    }
}

fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    let runs = std::env::var("RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(2_000);
    let only = std::env::var("ONLY").unwrap_or_default();
    let mut report = Report { json, missed: Vec::new(), rows: 0 };
    let wanted = |name: &str| only.is_empty() || only.split(',').any(|one| one == name);
    if !json {
        println!(
            "Repricing against the proven optimum. ± is a 95 % confidence interval over {runs} simulated sales; rows without it are exact."
        );
    }
    if wanted("known") {
        known(&mut report);
    }
    if wanted("guardrails") {
        guarded(&mut report);
    }
    if wanted("families") {
        families(&mut report);
    }
    if wanted("size") {
        size_unknown(&mut report, runs);
    }
    if wanted("sensitivity") {
        sensitivity_unknown(&mut report, runs);
    }
    if wanted("surprises") {
        surprises(&mut report, runs);
    }
    if wanted("cost") {
        cost(&report);
    }
    if !json {
        println!("\n{} rows, {} missed{}", report.rows, report.missed.len(), if report.missed.is_empty() { "" } else { ":" });
        for missed in &report.missed {
            println!("  {missed}");
        }
    }
}
