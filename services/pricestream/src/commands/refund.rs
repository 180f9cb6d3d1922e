//! What is paid back for units that come back.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::quote::{list, read, text};
use super::{Found, Usage};
use crate::cli::{Global, Refund, UnitsOf};
use crate::report::{Lines, table};

pub(crate) fn run(global: &Global, options: &Refund) -> Result<Found> {
    if global.target.is_some() {
        let text = "a server refunds orders (POST /v1/orders/{order_id}/refunds): leave --target out to refund a basket";
        return Err(Usage(text.to_owned()).into());
    }
    let (returned, lines) = (by_line(&options.returned)?, by_line(&options.lines)?);
    let (rules, basket, asked) = read(global, &options.priced.basket, &options.priced.with)?;
    let quote = rules.quote(&basket, &asked).context("pricing the basket")?;
    let answer = serde_json::to_value(quote.paid().refund(&returned, &lines)?)?;
    if global.json {
        println!("{answer}");
        return Ok(Found::Nothing);
    }
    let rows = list(&answer, "lines").map(|line| ["id", "quantity", "payable", "tax"].map(|field| text(line, field)).into());
    print!("{}", table(&["line", "units", "payable", "tax"], &rows.collect::<Vec<_>>()));
    let mut sums = Lines::default();
    if let Some(postage) = answer.get("postage") {
        sums.add("postage", format!("{} (tax {})", text(postage, "payable"), text(postage, "tax")));
    }
    sums.add("tax", text(&answer, "tax")).add("refund", text(&answer, "total"));
    print!("\n{sums}");
    Ok(Found::Nothing)
}

fn by_line(units: &[UnitsOf]) -> Result<BTreeMap<String, u32>> {
    let mut by_line = BTreeMap::new();
    for UnitsOf { line, units } in units {
        if by_line.insert(line.clone(), *units).is_some() {
            return Err(Usage(format!("line {line:?} is named twice: add its units up")).into());
        }
    }
    Ok(by_line)
}
