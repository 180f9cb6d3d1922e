//! What a person reads: aligned lines, thousands separated.

use std::fmt::Display;

use pricestream_domain::Money;
use serde_json::Value;

/// `1234567` as `1,234,567`.
pub(crate) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Lines of a label and a value, aligned.
#[derive(Debug, Default)]
pub(crate) struct Lines(Vec<(String, String)>);

impl Lines {
    /// Adds a line.
    pub(crate) fn add(&mut self, label: impl Into<String>, value: impl Display) -> &mut Self {
        self.0.push((label.into(), value.to_string()));
        self
    }

    /// Adds a line of a count.
    pub(crate) fn count(&mut self, label: impl Into<String>, count: u64) -> &mut Self {
        self.add(label, thousands(count))
    }
}

impl Display for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let width = self.0.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
        for (label, value) in &self.0 {
            writeln!(f, "  {label:<width$}  {value}")?;
        }
        Ok(())
    }
}

/// A table with a heading; numbers to the right, text to the left.
pub(crate) fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let cells = |column: usize| rows.iter().filter_map(move |row| row.get(column));
    let numeric = |text: &String| text.chars().all(|letter| letter.is_ascii_digit() || ".,-+%".contains(letter));
    let widths: Vec<(usize, bool)> = heading
        .iter()
        .enumerate()
        .map(|(column, title)| {
            let width = cells(column).map(|cell| cell.chars().count()).max().unwrap_or(0).max(title.chars().count());
            (width, !rows.is_empty() && cells(column).all(numeric))
        })
        .collect();
    let line = |row: &[String]| {
        let cells = row.iter().zip(&widths).map(
            |(cell, (width, right))| {
                if *right { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
            },
        );
        format!("  {}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    let titles: Vec<String> = heading.iter().map(ToString::to_string).collect();
    let rule: Vec<String> = widths.iter().map(|(width, _)| "-".repeat(*width)).collect();
    std::iter::once(line(&titles)).chain(std::iter::once(line(&rule))).chain(rows.iter().map(|row| line(row))).collect()
}

/// Peak resident memory of this process in MiB, where the system tells.
pub(crate) fn peak_memory_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib / 1024)
}

/// CPU time of this process so far in seconds, where the system tells.
pub(crate) fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let after_name = stat.rsplit_once(')')?.1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some(ticks / 100.0)
}

/// A value of an answer as people read it: amounts with their currency; nothing for null.
pub(crate) fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => {
            Some(serde_json::from_value::<Money>(other.clone()).map_or_else(|_| other.to_string(), |money| money.to_string()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        for (count, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_376_583, "1,376,583")] {
            assert_eq!(thousands(count), text);
        }
    }

    #[test]
    fn columns_align_numbers_to_the_right() {
        let rows = [vec!["a".to_owned(), "1".to_owned()], vec!["bcd".to_owned(), "12,000".to_owned()]];
        assert_eq!(table(&["name", "n"], &rows), "  name       n\n  ----  ------\n  a          1\n  bcd   12,000\n");
    }
}
