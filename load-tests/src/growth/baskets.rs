//! Baskets that grow, under 50 promotions.

use anyhow::{Result, anyhow};
use pricestream_promotion_engine::RuleSet;

use super::quoted::Quoted;
use super::{Column, count, workload};

pub(super) const COLUMNS: [Column; 4] = [
    Column { name: "quote us", grows: true },
    Column { name: "answer as JSON us", grows: true },
    Column { name: "answer KB", grows: true },
    Column { name: "shares", grows: true },
];

pub(super) fn measure(size: usize) -> Result<Vec<f64>> {
    let (promotions, mut carts) = workload::invent(50);
    let rules = RuleSet::from_json(&workload::rule_set(&promotions)).map_err(|problems| anyhow!("{}", problems[0]))?;
    let mut lines = carts.iter_mut().flat_map(|cart| cart.lines.drain(..)).collect::<Vec<_>>().into_iter();
    let mut baskets = Vec::new();
    for mut cart in carts {
        cart.lines = lines.by_ref().take(size).collect();
        if cart.lines.len() < size {
            break;
        }
        baskets.push(workload::basket(&cart));
    }
    let Quoted { quotes, quote, answer } = Quoted::of(&rules, &baskets)?;
    let bytes: usize = quotes.iter().map(|quote| quote.answer_json().len()).sum();
    let shares: usize = quotes.iter().map(|quote| quote.shares.len()).sum();
    let quotes = count(quotes.len());
    Ok(vec![quote, answer, count(bytes) / quotes / 1e3, count(shares) / quotes])
}
