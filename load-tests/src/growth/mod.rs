//! How cost grows: with SKUs, promotions, lines of a basket, subscribers, and the length of a history. Each table
//! says by which power of its size each cost grows from row to row: 0 is free, 1 is linear.

mod baskets;
mod history;
mod promotions;
mod quoted;
mod served;
mod skus;
mod subscribers;

#[path = "../../../libs/promotion-engine/benches/shared/measured.rs"]
mod measured;
#[path = "../../../libs/promotion-engine/benches/cart/workload.rs"]
mod workload;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use self::measured::{cpu_seconds, median};

/// What grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Growth {
    /// SKUs of the shop: 1,000 to 1,000,000
    Skus,
    /// Promotions of the rule set: 10 to 20,000, which is about as many as a document holds
    Promotions,
    /// Lines of a basket: 1 to 1,000
    Lines,
    /// Clients of the live stream: 1 to 10,000
    Subscribers,
    /// Price changes of one SKU: 10 to 100,000
    History,
}

/// A cost that is measured at each size.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// What, with its unit.
    pub name: &'static str,
    /// Its power is told.
    pub grows: bool,
}

impl Growth {
    /// Sizes, by tens.
    const fn sizes(self) -> &'static [usize] {
        match self {
            Self::Skus => &[1_000, 10_000, 100_000, 1_000_000],
            Self::Lines => &[1, 10, 100, 1_000],
            Self::Subscribers => &[1, 10, 100, 1_000, 10_000],
            // A document may have 4 MiB, which are about 21,000 of these.
            Self::Promotions => &[10, 100, 1_000, 10_000, 20_000],
            Self::History => &[10, 100, 1_000, 10_000, 100_000],
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Skus => "SKUs",
            Self::Promotions => "promotions",
            Self::Lines => "lines of a basket",
            Self::Subscribers => "subscribers",
            Self::History => "price changes of one SKU",
        }
    }

    fn columns(self) -> &'static [Column] {
        match self {
            Self::Skus => &skus::COLUMNS,
            Self::Promotions => &promotions::COLUMNS,
            Self::Lines => &baskets::COLUMNS,
            Self::Subscribers => &subscribers::COLUMNS,
            Self::History => &history::COLUMNS,
        }
    }

    /// One row, in the order of the columns. A process of its own measures it, so that no other row's memory is in it.
    pub async fn measure(self, size: usize, program: &Path) -> Result<Vec<f64>> {
        match self {
            Self::Skus => skus::measure(size, program).await,
            Self::Promotions => promotions::measure(size),
            Self::Lines => baskets::measure(size),
            Self::Subscribers => subscribers::measure(size, program).await,
            Self::History => history::measure(size, program).await,
        }
    }

    /// The whole table, up to `most`. `heard` is told before each row.
    pub fn table(self, most: usize, program: &Path, mut heard: impl FnMut(&str)) -> Result<Table> {
        let mut rows = Vec::new();
        // The least in any case.
        for size in self.sizes().iter().copied().filter(|size| *size <= most.max(self.sizes()[0])) {
            heard(&format!("{size} {}", self.title()));
            let name = self.to_possible_value().context("it has a name")?;
            let output = Command::new(std::env::current_exe()?)
                .arg("--server")
                .arg(program)
                .args(["--row", &size.to_string(), name.get_name()])
                .output()
                .context("starting this program again")?;
            ensure!(output.status.success(), "{size} {}: {}", self.title(), String::from_utf8_lossy(&output.stderr));
            let row: Vec<f64> = serde_json::from_slice(&output.stdout).context("reading what it measured")?;
            rows.push((size, row));
        }
        Ok(Table {
            of: self.title().to_owned(),
            columns: self.columns().iter().map(|column| column.name.to_owned()).collect(),
            rows,
        })
    }
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// What grows.
    pub of: String,
    /// Names of the costs.
    pub columns: Vec<String>,
    /// Each size with its costs.
    pub rows: Vec<(usize, Vec<f64>)>,
}

impl Table {
    /// As text, aligned: each cost, and from the second row on by which power of the size it has grown.
    pub fn text(&self) -> String {
        let mut lines = vec![std::iter::once(self.of.clone()).chain(self.columns.iter().cloned()).collect::<Vec<_>>()];
        let mut before: Option<&(usize, Vec<f64>)> = None;
        for row in &self.rows {
            let cell = |(place, cost): (usize, &f64)| match before {
                Some((size, costs)) => format!("{}  {}", number(*cost), power(*size, costs[place], row.0, *cost)),
                None => format!("{}       ", number(*cost)),
            };
            lines.push(std::iter::once(thousands(row.0)).chain(row.1.iter().enumerate().map(cell)).collect());
            before = Some(row);
        }
        let widths: Vec<usize> =
            (0..=self.columns.len()).map(|at| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0)).collect();
        lines.iter().fold(String::new(), |mut text, line| {
            let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:>width$}")).collect();
            let _memory_takes_every_write = writeln!(text, "{}", cells.join("  ").trim_end());
            text
        })
    }
}

/// By which power of the size a cost has grown, as `^0.98`.
#[allow(clippy::cast_precision_loss, reason = "sizes are small")]
fn power(from: usize, cost_from: f64, to: usize, cost_to: f64) -> String {
    if cost_from <= 0.0 || cost_to <= 0.0 {
        return "     ".to_owned();
    }
    let power = (cost_to / cost_from).ln() / (to as f64 / from as f64).ln();
    format!("{:>5}", format!("^{power:.1}"))
}

/// Three digits, or all before the point.
fn number(cost: f64) -> String {
    match cost.abs() {
        0.0 => "0".to_owned(),
        100.0.. => {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cost is small and not below zero")]
            let whole = cost.round() as usize;
            thousands(whole)
        }
        10.0.. => format!("{cost:.1}"),
        1.0.. => format!("{cost:.2}"),
        _ => format!("{cost:.3}"),
    }
}

fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut parts: Vec<&str> = Vec::new();
    if first > 0 {
        parts.push(&digits[..first]);
    }
    parts.extend((first..digits.len()).step_by(3).map(|at| &digits[at..at + 3]));
    parts.join(",")
}

/// CPU microseconds of one call: the median of five rounds, each as long as takes a tenth of a second.
fn microseconds(mut call: impl FnMut(usize)) -> f64 {
    let (mut calls, mut number) = (1, 0);
    let mut round = |calls: usize| {
        let began = cpu_seconds();
        for _ in 0..calls {
            call(number);
            number += 1;
        }
        cpu_seconds() - began
    };
    while round(calls) < 0.1 {
        calls *= 2;
    }
    median((0..5).map(|_| round(calls) * 1e6 / count(calls)))
}

#[allow(clippy::cast_precision_loss, reason = "counts are small")]
fn count(of: usize) -> f64 {
    of as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_tells_each_cost_and_by_which_power_it_grows() {
        let table = Table {
            of: "things".to_owned(),
            columns: vec!["linear".to_owned(), "square".to_owned(), "flat".to_owned(), "nothing".to_owned()],
            rows: vec![(10, vec![0.5, 1.0, 7.0, 0.0]), (1_000, vec![50.0, 10_000.0, 7.0, 0.0])],
        };
        let text = table.text();
        let words: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(words[1], ["10", "0.500", "1.00", "7.00", "0"]);
        assert_eq!(words[2], ["1,000", "50.0", "^1.0", "10,000", "^2.0", "7.00", "^0.0", "0"]);
    }

    #[test]
    fn each_row_has_a_cell_for_each_column() {
        for growth in [Growth::Promotions, Growth::Lines] {
            let size = growth.sizes()[1];
            let row = match growth {
                Growth::Promotions => promotions::measure(size),
                _ => baskets::measure(size),
            };
            assert_eq!(row.unwrap().len(), growth.columns().len(), "{growth:?}");
        }
    }
}
