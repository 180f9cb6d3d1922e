//! Bytes as a request, priced under the example sale and under every kind of promotion at once.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pricestream_fuzz::{price, resolved};
use pricestream_promotion_engine::RuleSet;

static RULES: LazyLock<Vec<RuleSet>> = LazyLock::new(|| {
    let read = |text| RuleSet::from_json(text).expect("the examples are rule sets");
    vec![
        read(include_str!("../../examples/promotions/sale.json")),
        read(include_str!("../../examples/promotions/double-eleven.json")),
    ]
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some((basket, context)) = resolved(text) else { return };
    for rules in &*RULES {
        price(rules, &basket, &context);
    }
});
