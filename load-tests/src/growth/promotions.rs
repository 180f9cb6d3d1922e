//! A rule set that grows, and baskets of 20 lines under it. The first 50 promotions are drawn half from what the baskets hold; of the
//! others about one in a hundred concerns one.

use anyhow::{Result, anyhow};
use pricestream_promotion_engine::{Outcome, RuleSet};

use super::measured::cpu_seconds;
use super::quoted::Quoted;
use super::{Column, count, workload};
use crate::machine;

pub(super) const COLUMNS: [Column; 6] = [
    Column { name: "document KB", grows: true },
    Column { name: "compiled in ms", grows: true },
    Column { name: "memory KB", grows: true },
    Column { name: "of them apply", grows: true },
    Column { name: "quote us", grows: true },
    Column { name: "answer as JSON us", grows: true },
];

pub(super) fn measure(size: usize) -> Result<Vec<f64>> {
    let (promotions, carts) = workload::invent(u32::try_from(size)?);
    let document = workload::rule_set(&promotions);
    let compile = || RuleSet::from_json(&document).map_err(|problems| anyhow!("{}", problems[0]));
    // The first one also takes what only compiling needs, and the others need again.
    let rules = compile()?;
    let copies = (2_000_000 / document.len()).clamp(2, 200);
    let (before, began) = (machine::usage(None).unwrap_or_default(), cpu_seconds());
    let others = (0..copies).map(|_| compile()).collect::<Result<Vec<_>>>()?;
    let compiled = (cpu_seconds() - began) / count(copies);
    let after = machine::usage(None).unwrap_or_default();
    let baskets: Vec<_> = carts.iter().map(workload::basket).collect();
    let Quoted { quotes, quote, answer } = Quoted::of(&rules, &baskets)?;
    let applied = quotes.iter().flat_map(|quote| &quote.decisions);
    let applied = applied.filter(|decision| matches!(decision.outcome, Outcome::Applied { .. })).count();
    let memory = (after.memory_mib - before.memory_mib).max(0.0) * 1_048.576 / count(others.len());
    Ok(vec![count(document.len()) / 1e3, compiled * 1e3, memory, count(applied) / count(quotes.len()), quote, answer])
}
