//! What is wrong with a rule set of promotions, and what is suspicious in it.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};
use jiff::Timestamp;
use pricestream_domain::Product;
use pricestream_embedded::{Access, Store, ready};
use pricestream_ports::RecordReads;
use pricestream_promotion_engine::{Document, Finding, Findings, RuleSet, Severity, Witness, findings};
use serde_json::json;

use super::{Found, Usage, quote, read_text, report_problems};
use crate::cli::{Check, Global};

pub(crate) fn run(global: &Global, options: &Check) -> Result<Found> {
    if global.target.is_some() {
        return Err(
            Usage("a rule set is checked with a catalogue (--catalogue, --data) or alone, not at a --target".to_owned()).into()
        );
    }
    let document = match Document::from_json(&read_text(&options.file)?) {
        Ok(document) => document,
        Err(problems) => return Ok(report_problems(global, &options.file, &problems)),
    };
    let products = match (&options.catalogue, &global.data) {
        (Some(catalogue), _) => Some(quote::products(catalogue)?),
        (None, Some(directory)) => Some(of_store(&Store::open(directory, Access::Read)?)?),
        (None, None) => None,
    };
    let found =
        findings(&document, &RuleSet::compile(&document), products.as_deref()).with_windows_over(&document, Timestamp::now());
    if global.json {
        println!("{}", json!({ "problems": [], "findings": found.findings, "cut": found.cut }));
    } else {
        print!("{}", told(&found, &options.file, &how_to_quote(global, options)));
    }
    Ok(if found.gravest() > Some(Severity::Note) { Found::Something } else { Found::Nothing })
}

/// All products of a store.
fn of_store(store: &Store) -> Result<Vec<Product>> {
    const PAGE: usize = 1_000;
    let mut products = Vec::new();
    let mut after = None;
    loop {
        let page = ready(store.page(after.as_ref(), PAGE)).context("reading the catalogue")?;
        let Some(last) = page.last() else { return Ok(products) };
        after = Some(last.sku.clone());
        products.extend(page.into_iter().filter_map(|state| Some(state.inputs.product?.product.clone())));
    }
}

/// The command that prices a basket from standard input as it was priced here.
fn how_to_quote(global: &Global, options: &Check) -> String {
    let named = |path: &Path| quoted(&path.display().to_string());
    let rules = named(&options.file);
    match (&options.catalogue, &global.data) {
        (None, Some(directory)) => format!("pricestream quote - --rules {rules} --data {}", named(directory)),
        (catalogue, _) => {
            let catalogue =
                catalogue.as_deref().map_or_else(String::new, |catalogue| format!(" --catalogue {}", named(catalogue)));
            format!("pricestream quote - --rules {rules}{catalogue}")
        }
    }
}

/// As a shell reads it, whatever is in it.
fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "./_-".contains(letter);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// Findings by how grave they are, each with what shows it.
fn told(found: &Findings, file: &Path, how_to_quote: &str) -> String {
    let of = |severity: Severity| found.findings.iter().filter(move |finding| finding.severity == severity);
    let kinds = [(Severity::Danger, "danger"), (Severity::Warning, "warning"), (Severity::Note, "note")];
    let counted = kinds.iter().map(|(severity, name)| (of(*severity).count(), name)).filter(|(count, _)| *count > 0);
    let counts: Vec<String> =
        counted.map(|(count, name)| format!("{count} {name}{}", if count == 1 { "" } else { "s" })).collect();
    let mut text = format!("{}: no problems", file.display());
    for count in &counts {
        text += ", ";
        text += count;
    }
    text.push('\n');
    let width = found.findings.iter().map(|finding| finding.code.name().len()).max().unwrap_or(0);
    for (severity, name) in kinds {
        for (position, finding) in of(severity).enumerate() {
            if position == 0 {
                let _ = writeln!(text, "\n{name}s");
            }
            tell(finding, width, how_to_quote, &mut text);
        }
    }
    for cut in &found.cut {
        let _ = writeln!(text, "\nnot looked at: {cut}");
    }
    text
}

fn tell(finding: &Finding, width: usize, how_to_quote: &str, text: &mut String) {
    let Finding { code, paths, message, witness, .. } = finding;
    let indent = " ".repeat(width + 4);
    let _ = writeln!(text, "  {:<width$}  {}", code.name(), paths.join(", "));
    let _ = writeln!(text, "{indent}{message}");
    let _ = match witness {
        Some(Witness::Basket(request)) => {
            let basket = serde_json::to_string(request).unwrap_or_default();
            writeln!(text, "{indent}see: {how_to_quote} <<< {}", quoted(&basket))
        }
        Some(Witness::Time { from, until }) => {
            let until = until.map_or_else(String::new, |until| format!(" until {until}"));
            writeln!(text, "{indent}see: from {from}{until}")
        }
        None => Ok(()),
    };
}
