//! `terraform/contract.json` holds the names that this code uses. `UPDATE_CONTRACT=1` writes it anew.

use std::path::Path;

use pricestream_aws::{Environment, functions, variables};
use serde_json::{Value, json};

/// The names that a function reads, those of every function included.
fn reads<T>(read: impl FnOnce(&mut Environment) -> T) -> Vec<String> {
    let mut environment = Environment::new(|_| None);
    environment.text(variables::STAGE);
    environment.maybe(variables::LOG);
    environment.maybe(variables::OTLP_ENDPOINT);
    read(&mut environment);
    environment.asked()
}

/// Metrics by their constants' names, in lower case.
fn metrics() -> Value {
    let source = include_str!("../../telemetry/src/names.rs");
    let constants = source.lines().filter_map(|line| line.strip_prefix("pub const ")?.strip_suffix("\";"));
    let pairs = constants.filter_map(|line| line.split_once(": &str = \"")).filter(|(name, _)| *name != "NAMESPACE");
    pairs.map(|(name, value)| (name.to_lowercase(), json!(value))).collect::<serde_json::Map<_, _>>().into()
}

#[test]
fn terraform_and_code_use_the_same_names() {
    let contract = json!({
        "namespace": pricestream_telemetry::names::NAMESPACE,
        "metrics": metrics(),
        "variables": {
            "inventory-publisher": reads(functions::InventoryPublisher::read),
            "pricing-calculator": reads(functions::PricingCalculator::read),
            "cache-writer": reads(functions::CacheWriter::read),
            "low-stock-alert": reads(functions::LowStockAlert::read),
            "reconciler": reads(functions::Reconciler::read),
            "price-api": reads(functions::PriceApi::read),
        },
        "actions": {
            "inventory-publisher": functions::InventoryPublisher::ACTIONS,
            "pricing-calculator": functions::PricingCalculator::ACTIONS,
            "cache-writer": functions::CacheWriter::ACTIONS,
            "low-stock-alert": functions::LowStockAlert::ACTIONS,
            "reconciler": functions::Reconciler::ACTIONS,
            "price-api": functions::PriceApi::ACTIONS,
        },
    });
    assert!(contract["metrics"].as_object().unwrap().len() > 20);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../terraform/contract.json");
    let text = format!("{contract:#}\n");
    if std::env::var_os("UPDATE_CONTRACT").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let there = std::fs::read_to_string(&path).expect("the contract is there");
    assert_eq!(there, text, "run this test with UPDATE_CONTRACT=1, and look at what Terraform makes of it");
}
