use pricestream_domain::{Product, Sku};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::extract::from_json;

/// A catalogue as it was read: what may be stored, and what is wrong with the rest.
#[derive(Debug, Default)]
pub struct CatalogueLines {
    /// Lines that may be stored, in their order.
    pub products: Vec<Product>,
    /// What is wrong, a line each.
    pub problems: Vec<LineProblem>,
}

/// What is wrong with one catalogue line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "CatalogueLineProblem")]
pub struct LineProblem {
    /// Its line, or its place in the array, from 1.
    pub line: usize,
    /// Its SKU, where that could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<Sku>,
    /// Everything that is wrong with it.
    pub errors: Vec<String>,
}

/// Reads a catalogue: one object, an array, or NDJSON. A bad line does not cost the others; an array that is not JSON as
/// a whole gives one problem.
pub fn catalogue_lines(body: &[u8]) -> CatalogueLines {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_end();
    let mut lines = CatalogueLines::default();
    match body.trim_ascii_start().first() {
        None => lines.refuse(1, None, vec!["the body is empty: send catalogue lines".to_owned()]),
        Some(b'[') => match from_json::<Vec<&RawValue>>(body) {
            Ok(elements) => elements.iter().enumerate().for_each(|(at, line)| lines.read(at + 1, line.get().as_bytes())),
            Err(error) => lines.refuse(1, None, vec![format!("the array cannot be read: {error}")]),
        },
        Some(_) if from_json::<&RawValue>(body).is_ok() => lines.read(1, body),
        Some(_) => {
            let numbered = body.split(|byte| *byte == b'\n').enumerate();
            numbered.filter(|(_, line)| !line.trim_ascii().is_empty()).for_each(|(at, line)| lines.read(at + 1, line));
        }
    }
    lines
}

impl CatalogueLines {
    fn read(&mut self, line: usize, raw: &[u8]) {
        match from_json::<Product>(raw) {
            Ok(product) => {
                let errors: Vec<String> = product.problems().iter().map(ToString::to_string).collect();
                if errors.is_empty() {
                    self.products.push(product);
                } else {
                    self.refuse(line, Some(product.sku), errors);
                }
            }
            Err(error) => self.refuse(line, None, vec![error]),
        }
    }

    fn refuse(&mut self, line: usize, sku: Option<Sku>, errors: Vec<String>) {
        self.problems.push(LineProblem { line, sku, errors });
    }
}
