//! What a model expects of each SKU's demand, as data of the catalogue; and what it is trained on.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use pricestream_domain::{Product, Sku};
use pricestream_pricing_lab::features::{features, observations};
use pricestream_pricing_lab::recorded::Recorded;
use serde_json::json;

use super::backtest::recorded;
use super::{Found, quote};
use crate::cli::Known;
use crate::prior_model::PriorModel;
use crate::report::thousands;

fn features_of(known: &Known, past: &BTreeMap<Sku, Vec<Recorded>>, product: &Product) -> BTreeMap<String, f64> {
    let past: Vec<&Recorded> = past.get(&product.sku).into_iter().flatten().collect();
    features(product, &past, known.minutes)
}

pub(crate) fn features_rows(known: &Known, targets: Option<&Path>) -> Result<Found> {
    let past = by_sku(known.changes.as_deref())?;
    let later = by_sku(targets)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    for product in quote::products(&known.file)? {
        let sold = later.get(&product.sku).into_iter().flatten();
        let seen: Vec<_> = sold
            .flat_map(|sale| observations(sale, product.list_price.minor, known.minutes))
            .map(|seen| json!({ "price": seen.price, "hours": seen.hours, "units": seen.units }))
            .collect();
        let told = features_of(known, &past, &product);
        writeln!(out, "{}", json!({ "sku": product.sku, "category": product.category, "features": told, "sold": seen }))
            .context("writing the features")?;
    }
    Ok(Found::Nothing)
}

pub(crate) fn run(known: &Known, model: &Path) -> Result<Found> {
    let past = by_sku(known.changes.as_deref())?;
    let model = PriorModel::read(model);
    let (mut without, mut reasons) = (0_u64, BTreeMap::<String, u64>::new());
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut count = 0_u64;
    for product in quote::products(&known.file)? {
        count += 1;
        let asked = model.as_ref().map_err(Clone::clone);
        let product = match asked.and_then(|model| model.ask(&features_of(known, &past, &product))) {
            Ok(prior) => Product { prior: Some(prior), no_prior: None, ..product },
            Err(why) => {
                without += 1;
                let why: String = why.chars().take(250).collect();
                *reasons.entry(why.clone()).or_default() += 1;
                Product { prior: None, no_prior: Some(why), ..product }
            }
        };
        writeln!(out, "{}", serde_json::to_string(&product)?).context("writing the catalogue")?;
    }
    out.flush().context("writing the catalogue")?;
    eprintln!(
        "{} SKUs with a prior of the model, {} with that of their category",
        thousands(count - without),
        thousands(without)
    );
    for (why, of) in reasons.iter().take(10) {
        eprintln!("  {}: {why}", thousands(*of));
    }
    Ok(if without == 0 { Found::Nothing } else { Found::Something })
}

fn by_sku(changes: Option<&Path>) -> Result<BTreeMap<Sku, Vec<Recorded>>> {
    let mut by_sku: BTreeMap<Sku, Vec<Recorded>> = BTreeMap::new();
    if let Some(file) = changes {
        let (sales, unreadable) = recorded(file)?;
        if unreadable > 0 {
            eprintln!("{unreadable} lines of {} cannot be read", file.display());
        }
        for sale in sales {
            by_sku.entry(sale.sku.clone()).or_default().push(sale);
        }
    }
    Ok(by_sku)
}
