//! Stock changes that were recorded, to be played again: when, of which SKU, and whether they brought goods in.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// A change of a recording.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recorded {
    /// Counted from the first change.
    pub second: f64,
    /// Its SKU, by number.
    pub sku: usize,
    /// It brought goods in.
    pub restock: bool,
}

#[derive(Deserialize)]
struct Line {
    sku: String,
    occurred_at: jiff::Timestamp,
    #[serde(default)]
    cause: Option<String>,
}

/// Reads a recording (NDJSON of stock changes), in order of time.
pub fn read(file: &Path) -> Result<Vec<Recorded>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    parse(&text).with_context(|| format!("{} is no recording", file.display()))
}

fn parse(text: &str) -> Result<Vec<Recorded>> {
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let mut changes = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line: Line = serde_json::from_str(line).with_context(|| format!("line {}", number + 1))?;
        let next = numbers.len();
        changes.push((line.occurred_at, *numbers.entry(line.sku).or_insert(next), line.cause.as_deref() == Some("restock")));
    }
    changes.sort_by_key(|(at, ..)| *at);
    ensure!(!changes.is_empty(), "it is empty");
    let begin = changes[0].0;
    let of = |(at, sku, restock): (jiff::Timestamp, usize, bool)| Recorded {
        second: at.duration_since(begin).as_secs_f64(),
        sku,
        restock,
    };
    Ok(changes.into_iter().map(of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_told_by_its_first_instant() {
        let text = r#"{"sku":"A","on_hand":5,"source_seq":1,"occurred_at":"2017-11-20T06:00:00Z","cause":"restock"}
            {"sku":"B","on_hand":4,"source_seq":1,"occurred_at":"2017-11-20T06:00:02Z","cause":"sale"}"#;
        let expected = [Recorded { second: 0.0, sku: 0, restock: true }, Recorded { second: 2.0, sku: 1, restock: false }];
        assert_eq!(parse(text).unwrap(), expected);
        assert!(parse("").is_err() && parse("{}").is_err());
    }
}
