//! Bytes as a rule set: refused with a word, or compiled, and then the example shop's baskets are priced under it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pricestream_fuzz::{BASKETS, price};
use pricestream_promotion_engine::{Document, RuleSet};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Document::from_json(text) {
        Ok(document) => {
            let rules = RuleSet::compile(&document);
            for (basket, context) in &*BASKETS {
                price(&rules, basket, context);
            }
        }
        Err(problems) => assert!(problems.iter().all(|problem| !problem.message.is_empty()) && !problems.is_empty()),
    }
});
