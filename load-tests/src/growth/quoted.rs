//! What it costs to quote baskets, and to answer the quotes as JSON.

use std::hint::black_box;

use anyhow::Result;
use pricestream_promotion_engine::{Basket, Context, Quote, RuleSet};

use super::microseconds;

pub(super) struct Quoted {
    /// Of each basket.
    pub(super) quotes: Vec<Quote>,
    /// CPU microseconds to quote one.
    pub(super) quote: f64,
    /// CPU microseconds to write the answer of one.
    pub(super) answer: f64,
}

impl Quoted {
    pub(super) fn of(rules: &RuleSet, baskets: &[(Basket, Context)]) -> Result<Self> {
        let quotes = baskets.iter().map(|(basket, context)| rules.quote(basket, context)).collect::<Result<Vec<_>, _>>()?;
        let quote = microseconds(|number| {
            let (basket, context) = &baskets[number % baskets.len()];
            black_box(rules.quote(basket, context).is_ok());
        });
        let answer = microseconds(|number| {
            black_box(quotes[number % quotes.len()].answer_json());
        });
        Ok(Self { quotes, quote, answer })
    }
}
