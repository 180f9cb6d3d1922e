//! What pricing a cart costs, decision record included, beside the least that it can cost; and how that grows with the number of
//! promotions. Both want to take the same off each cart, promotion by promotion, or nothing is measured.

mod floor;
#[path = "../shared/measured.rs"]
mod measured;
mod peers;
mod workload;

use std::hint::black_box;

use floor::{Floor, Scratch};
use measured::{cpu_seconds, median};
use mimalloc::MiMalloc;
use pricestream_promotion_engine::{Basket, Context, Outcome, Quote, Reason, RuleSet};
use workload::{Cart, Promotion};

/// As in the program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const SIZES: [usize; 4] = [10, 50, 500, 5_000];

/// Rounds of each, by turns; the medians count.
const ROUNDS: usize = 9;

/// All carts so often in a round.
const TURNS: usize = 10;

fn main() {
    if let Some(directory) = std::env::var_os("CART_DATA") {
        return peers::run(std::path::Path::new(&directory));
    }
    let wanted = std::env::args().any(|argument| argument == "--bench");
    let (promotions, carts) = workload::invent(5_000);
    let baskets: Vec<(Basket, Context)> = carts.iter().map(workload::basket).collect();
    let mut at_50 = 0.0;
    for size in SIZES {
        let promotions = &promotions[..size];
        let began = cpu_seconds();
        let rules = RuleSet::from_json(&workload::rule_set(promotions)).expect("the sample is legal");
        let compiled = cpu_seconds() - began;
        let floor = Floor::of(promotions);
        compare(promotions, &rules, &floor, &carts, &baskets);
        if !wanted {
            continue;
        }
        let mut scratch = Scratch::default();
        let mut singles = Vec::new();
        let rounds: [[f64; 2]; ROUNDS] = std::array::from_fn(|_| {
            let ours = seconds(|| {
                for (basket, context) in &baskets {
                    black_box(rules.quote(basket, context).expect("the sample is legal"));
                }
            });
            let floor = seconds(|| {
                for cart in &carts {
                    black_box(floor.price(cart, &mut scratch));
                }
            });
            [ours, floor]
        });
        for (basket, context) in baskets.iter().cycle().take(ROUNDS * TURNS * baskets.len()) {
            let began = cpu_seconds();
            black_box(rules.quote(basket, context).expect("the sample is legal"));
            singles.push((cpu_seconds() - began) * 1e6);
        }
        #[allow(clippy::cast_precision_loss, reason = "small counts")]
        let carts_a_round = (TURNS * carts.len()) as f64;
        let [ours, least] = [0, 1].map(|which| carts_a_round / median(rounds.iter().map(|round| round[which])));
        singles.sort_by(f64::total_cmp);
        let (p50, p99) = (singles[singles.len() / 2], singles[singles.len() * 99 / 100]);
        println!(
            "{size} promotions: {ours:.0} carts per CPU second, floor {least:.0}, ratio {:.2}; p50 {p50:.1} us, p99 {p99:.1} us; read and compiled in {:.1} ms",
            ours / least,
            compiled * 1e3
        );
        let rates = format!("{ours:.0} against {least:.0} carts per CPU second");
        report(
            &format!("cart, {size} promotions: at least 0.25 x a plain indexed floor"),
            &rates,
            ours / least,
            ours / least >= 0.25,
        );
        let ratio = p99 / p50;
        report(
            &format!("cart, {size} promotions: p99 at most 3 x p50"),
            &format!("{p99:.1} against {p50:.1} us"),
            ratio,
            ratio <= 3.0,
        );
        if size == 50 {
            at_50 = ours;
        }
        if size == 500 {
            // The same promotions match.
            let (goal, rates) =
                ("cart: 500 promotions at most 1.15 x the CPU of 50", format!("{:.1} against {:.1} us", 1e6 / ours, 1e6 / at_50));
            report(goal, &rates, at_50 / ours, at_50 / ours <= 1.15);
        }
        if size == 5_000 {
            let (goal, rates) = (
                "cart: 5,000 promotions at most 2.5 x the CPU of 50",
                format!("{:.1} against {:.1} us", 1e6 / ours, 1e6 / at_50),
            );
            report(goal, &rates, at_50 / ours, at_50 / ours <= 2.5);
        }
    }
}

/// Every promotion wants to take the same off every cart in both.
fn compare(promotions: &[Promotion], rules: &RuleSet, floor: &Floor, carts: &[Cart], baskets: &[(Basket, Context)]) {
    let mut scratch = Scratch::default();
    for (number, (cart, (basket, context))) in carts.iter().zip(baskets).enumerate() {
        let (_, theirs) = floor.price(cart, &mut scratch);
        let quote = rules.quote(basket, context).expect("the sample is legal");
        for (promotion, theirs) in theirs {
            let id = &promotions[promotion as usize].id;
            let ours = wanted(&quote, id);
            assert_eq!(ours, theirs, "cart {number}, promotion {id}: {:?}", promotions[promotion as usize].kind);
        }
    }
}

/// What a promotion takes off, and what it would have taken off if prices had not been at zero already.
fn wanted(quote: &Quote, promotion: &str) -> i64 {
    let decision = quote.decisions.iter().find(|decision| *decision.promotion == *promotion);
    match decision.map(|decision| &decision.outcome) {
        Some(Outcome::Applied { off, unfit, .. }) => off + unfit,
        Some(Outcome::Declined(Reason::Floor { unfit })) => *unfit,
        Some(Outcome::Declined(_)) | None => 0,
    }
}

fn seconds(mut work: impl FnMut()) -> f64 {
    let began = cpu_seconds();
    for _ in 0..TURNS {
        work();
    }
    cpu_seconds() - began
}

/// A line of the table that `make bench` ends with.
fn report(goal: &str, measured: &str, ratio: f64, met: bool) {
    println!("BENCH\t{goal}\t{measured}\t{ratio:.2}\t{}", if met { "met" } else { "MISSED" });
}
