//! The committed schema is the one that the code gives.

use std::path::Path;

#[test]
fn the_committed_schema_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/rule_set.v1.json");
    let generated = serde_json::to_string_pretty(&pricestream_promotion_engine::document_schema()).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "{} is not what the code gives: run the tests with UPDATE_SCHEMAS=1 and look at the change",
        path.display()
    );
}
