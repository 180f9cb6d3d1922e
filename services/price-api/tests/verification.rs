//! A verification over the ports: answers that go on where the one before ended, and what it finds.

mod support;

use axum::http::{Method, StatusCode};
use pricestream_domain::{PriceVersion, Sku};
use pricestream_price_api::{Token, Tokens};
use serde_json::{Value, json};
use std::sync::Arc;
use support::{ADMIN, STRATEGIES, Server, bare, change, line};

const SKUS: usize = 120;

async fn verify(server: &Server) -> Vec<Value> {
    let mut answers = Vec::new();
    loop {
        let after = answers.last().and_then(|answer: &Value| answer["next"].as_str()).map(|next| format!("?after={next}"));
        let path = format!("/v1/admin/verify{}", after.unwrap_or_default());
        let (status, answer) = server.admin(Method::POST, &path, "{}").await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answers.push(answer);
        if answers.last().unwrap()["next"].is_null() {
            return answers;
        }
    }
}

async fn priced() -> Server {
    let server = bare(Tokens { admin: Some(Token::new(ADMIN)), ingest: None });
    let lines: Vec<String> = (0..SKUS).map(|place| line(&format!("S-{place:03}"), 1_000).to_string()).collect();
    let (status, answer) = server.admin(Method::POST, "/v1/admin/catalogue", &lines.join("\n")).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let (status, answer) = server.admin(Method::PUT, "/v1/admin/strategies?by=test", STRATEGIES).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(server.post("/v1/stock-changes", change("S-007", 1, 5).to_string()).await.0, StatusCode::OK);
    server.set_price("S-007", 900).await;
    server
}

#[tokio::test]
async fn each_answer_goes_on_after_the_one_before_until_all_was_looked_at() {
    let server = priced().await;
    let answers = verify(&server).await;
    let skus: Vec<u64> = answers.iter().map(|answer| answer["skus"].as_u64().unwrap()).collect();
    assert_eq!(skus, [16, 16, 16, 16, 16, 16, 16, 8]);
    assert_eq!(answers[0]["next"], "S-015");
    let decisions: u64 = answers.iter().map(|answer| answer["decisions"].as_u64().unwrap()).sum();
    let kept: usize = server.memory.tables().history.values().map(Vec::len).sum();
    assert_eq!(decisions, kept as u64);
    assert!(kept > SKUS, "{kept}");
    for answer in &answers {
        assert_eq!((&answer["findings"], &answer["cached"]), (&json!(0), &answer["skus"]), "{answer}");
    }
}

#[tokio::test]
async fn what_was_changed_by_hand_is_found_where_it_is() {
    let server = priced().await;
    let sku = |name: &str| Sku::new(name).unwrap();
    {
        let mut tables = server.memory.tables();
        tables.history.get_mut(&sku("S-007")).unwrap()[0].price_version = PriceVersion(7);
        tables.cache.remove(&sku("S-008"));
        tables.history.get_mut(&sku("S-009")).unwrap().clear();
        let stale = tables.cache[&sku("S-007")].as_ref().clone();
        tables.cache.insert(sku("S-007"), Arc::new(pricestream_ports::CacheEntry { price_version: PriceVersion(1), ..stale }));
        tables.prices.remove(&sku("S-110"));
        let inventory = tables.inventory[&sku("S-007")].clone();
        let stock_version = inventory.stock_version.next();
        tables.inventory.insert(sku("S-007"), pricestream_ports::Inventory { stock_version, ..inventory });
    }
    let answers = verify(&server).await;
    let found: Vec<(String, String)> = answers
        .iter()
        .flat_map(|answer| answer["first"].as_array().unwrap())
        .map(|finding| (finding["sku"].as_str().unwrap().to_owned(), finding["what"].as_str().unwrap().to_owned()))
        .collect();
    for (sku, what) in [
        ("S-007", "history"),
        ("S-007", "inputs"),
        ("S-007", "cache"),
        ("S-008", "cache"),
        ("S-009", "record"),
        ("S-110", "record"),
    ] {
        assert!(found.contains(&(sku.to_owned(), what.to_owned())), "{sku} {what}: {found:?}");
    }
    assert!(found.iter().all(|(sku, _)| ["S-007", "S-008", "S-009", "S-110"].contains(&&**sku)), "{found:?}");
}
