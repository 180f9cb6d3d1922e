//! Strategies on their way into force, and back: over HTTP, with every service behind it.

mod support;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use support::{Server, change, kind, server};

const ROLLOUT: &str = "/v1/admin/strategies/rollout";
const VERSIONS: &str = "/v1/admin/strategies/versions";

/// Changes every price by so much.
fn document(change_bp: i64) -> Value {
    let strategy = json!({ "kind": "inventory_threshold", "below": 1_000, "change_bp": change_bp });
    json!({ "version": 1, "strategies": { "it": strategy }, "default": { "strategy": "it" } })
}

/// A shop of twelve SKUs with stock, at list price.
async fn shop() -> Server {
    let server = server().await;
    for number in 0..12 {
        let sku = format!("SKU-{number}");
        server.set_price(&sku, 1_000).await;
        let (status, answer) = server.post("/v1/stock-changes", change(&sku, 1, 50).to_string()).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    server
}

impl Server {
    async fn put(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.admin(Method::PUT, path, &body.to_string()).await
    }

    async fn stage(&self, stage: Value) {
        let (status, answer) = self.put(ROLLOUT, json!({ "stage": stage, "by": "ann" })).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }

    async fn shadow(&self, candidate: Value) {
        let (status, answer) = self.put(ROLLOUT, json!({ "candidate": candidate, "stage": "shadow", "by": "ann" })).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }

    async fn rollout(&self) -> Value {
        let (status, answer) = self.admin(Method::GET, ROLLOUT, "").await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }

    async fn prices(&self) -> Vec<i64> {
        let mut prices = Vec::new();
        for number in 0..12 {
            let (_, answer) = self.get(&format!("/v1/prices/SKU-{number}")).await;
            prices.push(answer["price"]["minor"].as_i64().unwrap());
        }
        prices
    }

    async fn verified(&self) {
        let (_, answer) = self.admin(Method::POST, "/v1/admin/verify", "").await;
        assert_eq!(answer["findings"], 0, "{answer}");
    }
}

#[tokio::test]
async fn a_change_of_strategies_goes_from_shadow_over_a_canary_into_force_and_back() {
    let server = shop().await;
    let listed = vec![1_000; 12];
    server.shadow(document(500)).await;
    assert_eq!(server.prices().await, listed, "in shadow no price moves");
    let (_, explanation) = server.get("/v1/prices/SKU-1/explanation").await;
    assert!(explanation["sentence"].as_str().unwrap().contains("the candidate would give 10.50 USD"), "{explanation}");
    assert_eq!(explanation["decision"]["shadow_price"]["minor"], 1_050, "{explanation}");
    let view = server.rollout().await;
    assert_eq!(
        (&view["stage"], &view["pending"], &view["breaches"], &view["mean_apart_bp"]),
        (&json!("shadow"), &json!(0), &json!(0), &json!(375.0)),
        "{view}"
    );
    // The twelve, and four whose stock nobody knows: a strategy by stock gives them the list price.
    assert_eq!(view["skus"], 16, "{view}");

    server.stage(json!({ "canary": 50 })).await;
    let canary = server.prices().await;
    let raised = canary.iter().filter(|price| **price == 1_050).count();
    assert!((2..=10).contains(&raised) && canary.iter().all(|price| [1_000, 1_050].contains(price)), "{canary:?}");
    for number in 0..12 {
        server.post("/v1/stock-changes", change(&format!("SKU-{number}"), 2, 40).to_string()).await;
    }
    let view = server.rollout().await;
    let takings = &view["takings"][0];
    let units = |side: &str| takings[side]["units"].as_u64().unwrap();
    assert_eq!((units("canary"), units("control")), (raised as u64 * 10, (12 - raised as u64) * 10), "{view}");
    // Ten of fifty were sold, a twentieth dearer; the four without stock are worth nothing.
    let taken = |side: &str| takings[side]["taken_percent"].as_f64().unwrap();
    assert_eq!((taken("canary"), taken("control")), (21.0, 20.0), "{view}");
    server.verified().await;

    server.stage(json!("full")).await;
    assert_eq!(server.prices().await, vec![1_050; 12]);
    assert_eq!(server.admin(Method::GET, ROLLOUT, "").await.0, StatusCode::NOT_FOUND, "it is over");
    server.verified().await;

    let (_, versions) = server.admin(Method::GET, VERSIONS, "").await;
    let versions = versions["versions"].as_array().unwrap().clone();
    let told: Vec<(u64, &Value)> = versions.iter().map(|it| (it["settings_rev"].as_u64().unwrap(), &it["stage"])).collect();
    assert_eq!(told, [(4, &Value::Null), (3, &json!({ "canary": 50 })), (2, &json!("shadow")), (1, &Value::Null)]);
    assert_eq!(versions[2]["candidate_hash"], versions[0]["strategies_hash"]);
    let (_, first) = server.admin(Method::GET, &format!("{VERSIONS}/1"), "").await;
    assert_eq!(first, serde_json::from_str::<Value>(support::STRATEGIES).unwrap());

    let (status, answer) = server.put("/v1/admin/strategies/rollback", json!({ "to": 1, "by": "bob", "note": "too dear" })).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(server.prices().await, listed);
    let (_, versions) = server.admin(Method::GET, &format!("{VERSIONS}?limit=1"), "").await;
    let newest = &versions["versions"][0];
    assert_eq!((&newest["settings_rev"], &newest["by"], &newest["note"]), (&json!(5), &json!("bob"), &json!("too dear")));
    assert_eq!(versions["next"], 5, "there are more");
    server.verified().await;
}

#[tokio::test]
async fn a_candidate_that_goes_too_far_is_stopped_without_a_person_and_moves_no_price() {
    let server = shop().await;
    server.shadow(document(9_000)).await;
    server.stage(json!({ "canary": 50 })).await;
    assert_eq!(server.prices().await, vec![1_000; 12], "a price that is too far is not used");
    let view = server.rollout().await;
    assert_eq!((&view["breaches"], &view["skus"]), (&json!(12), &json!(16)), "{view}");
    assert_eq!(view["in_breach"][0], json!({ "sku": "SKU-0", "breach": "apart", "apart_bp": 9_000 }));
    let harm = view["harm"].clone();
    assert!(harm.as_str().unwrap().contains("12 of 16 SKUs"), "{view}");

    assert_eq!(server.admin(Method::POST, "/v1/admin/reconcile", "").await.0, StatusCode::OK);
    let view = server.rollout().await;
    assert_eq!((&view["stage"]["stopped"], &view["by"]), (&harm, &json!("stop rules")), "{view}");
    assert_eq!(server.metrics.rollouts_stopped.get(), 1);
    let (_, explanation) = server.get("/v1/prices/SKU-1/explanation").await;
    assert!(!explanation["sentence"].as_str().unwrap().contains("candidate"), "{explanation}");
    // It takes its place in nobody's name who did not see that it was stopped.
    for stage in [json!("full"), json!({ "canary": 5 })] {
        let (status, problem) = server.put(ROLLOUT, json!({ "stage": stage, "by": "ann" })).await;
        assert_eq!((status.as_u16(), kind(&problem)), (422, "bad-rollout"), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("it was stopped (the candidate's price"), "{problem}");
    }
    // What was stopped can be tried again, with other rules.
    server.admin(Method::POST, "/v1/admin/reconcile", "").await;
    assert_eq!(server.metrics.rollouts_stopped.get(), 1, "once");
    let rules = json!({ "stage": "shadow", "stop": { "most_apart_bp": 10_000 }, "by": "ann" });
    assert_eq!(server.put(ROLLOUT, rules).await.0, StatusCode::OK);
    assert_eq!(server.rollout().await["breaches"], 0);
    server.verified().await;
}

#[tokio::test]
async fn a_person_stops_a_canary_at_once() {
    let server = shop().await;
    server.shadow(document(500)).await;
    server.stage(json!({ "canary": 99 })).await;
    assert!(server.prices().await.contains(&1_050));
    server.stage(json!("stopped")).await;
    assert_eq!(server.prices().await, vec![1_000; 12]);
    assert_eq!(server.rollout().await["stage"], json!({ "stopped": "by a person" }));
}

#[tokio::test]
async fn publishing_other_strategies_ends_a_rollout_and_the_same_ones_do_not() {
    let server = shop().await;
    server.shadow(document(500)).await;
    for (text, status) in [(support::STRATEGIES.to_owned(), StatusCode::OK), (document(100).to_string(), StatusCode::NOT_FOUND)] {
        assert_eq!(server.admin(Method::PUT, "/v1/admin/strategies?by=bob", &text).await.0, StatusCode::OK);
        assert_eq!(server.admin(Method::GET, ROLLOUT, "").await.0, status, "{text}");
    }
}

#[tokio::test]
async fn rolling_back_to_what_is_in_force_ends_a_canary_and_says_who_did() {
    let server = shop().await;
    server.shadow(document(500)).await;
    server.stage(json!({ "canary": 99 })).await;
    let (status, _) = server.put("/v1/admin/strategies/rollback", json!({ "to": 1, "by": "bob", "note": "no" })).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(server.prices().await, vec![1_000; 12]);
    let view = server.rollout().await;
    assert_eq!((&view["stage"]["stopped"], &view["by"]), (&json!("rolled back to settings 1"), &json!("bob")), "{view}");
}

#[tokio::test]
async fn rules_are_of_one_candidate_and_changing_them_throws_no_count_away() {
    let server = shop().await;
    let step = json!({ "candidate": document(500), "stage": { "canary": 50 }, "stop": { "tolerance_bp": 200 }, "by": "ann" });
    server.put(ROLLOUT, step).await;
    let number = server.rollout().await["settings_rev"].clone();
    server.put(ROLLOUT, json!({ "stage": { "canary": 50 }, "stop": { "tolerance_bp": 300 }, "by": "ann" })).await;
    let view = server.rollout().await;
    assert_eq!((&view["settings_rev"], &view["stop"]["tolerance_bp"]), (&number, &json!(300)), "{view}");
    server.stage(json!({ "canary": 60 })).await;
    assert_eq!(server.rollout().await["stop"]["tolerance_bp"], 300, "as before");
    server.shadow(document(600)).await;
    assert_eq!(server.rollout().await["stop"]["tolerance_bp"], 0, "of another candidate nobody said so");
}

#[tokio::test]
async fn doing_a_step_twice_changes_nothing_the_second_time() {
    let server = shop().await;
    for expected in [true, false] {
        let step = json!({ "candidate": document(500), "stage": { "canary": 10 }, "by": "ann" });
        let (_, answer) = server.put(ROLLOUT, step).await;
        assert_eq!(answer["changed"], expected, "{answer}");
    }
}

#[tokio::test]
async fn a_step_that_cannot_be_taken_says_why_and_changes_nothing() {
    let server = shop().await;
    let bad = json!({ "version": 1, "strategies": {}, "default": { "strategy": "it" } });
    let in_force: Value = serde_json::from_str(support::STRATEGIES).unwrap();
    let by = "ann";
    let cases = [
        (json!({ "stage": "shadow", "by": by }), 404, "no-rollout", "give a candidate"),
        (json!({ "stage": "stopped", "by": by }), 404, "no-rollout", "give a candidate"),
        (json!({ "candidate": document(1), "stage": "stopped", "by": by }), 422, "bad-rollout", "give no candidate"),
        (json!({ "candidate": document(1), "stage": { "canary": 0 }, "by": by }), 422, "bad-rollout", "outside 1..=99"),
        (json!({ "candidate": document(1), "stage": { "canary": 100 }, "by": by }), 422, "bad-rollout", "outside 1..=99"),
        (json!({ "candidate": in_force, "stage": "shadow", "by": by }), 422, "bad-rollout", "in force already"),
        (json!({ "candidate": bad, "stage": "shadow", "by": by }), 422, "bad-strategies", "problems"),
        (json!({ "candidate": document(1), "stage": "shadow", "by": " " }), 422, "unsigned", "who"),
        (
            json!({ "candidate": document(1), "stage": "shadow", "stop": { "least_skus": 1 }, "by": by }),
            422,
            "bad-rollout",
            "stop.least_skus",
        ),
        (json!({ "candidate": document(1), "stage": "shadow", "stop": { "leest": 1 }, "by": by }), 400, "bad-body", "leest"),
        (json!({ "candidate": document(1), "stage": "fast", "by": by }), 400, "bad-body", "stage"),
    ];
    for (step, status, of, said) in cases {
        let (answered, problem) = server.put(ROLLOUT, step.clone()).await;
        assert_eq!((answered.as_u16(), kind(&problem)), (status, of), "{step}: {problem}");
        assert!(problem.to_string().contains(said), "{step}: {problem}");
    }
    for path in ["/v1/admin/strategies/versions/9", "/v1/admin/strategies/versions/x", "/v1/admin/strategies/versions/0"] {
        let (status, problem) = server.admin(Method::GET, path, "").await;
        assert_eq!((status.as_u16(), kind(&problem)), (404, "unknown-version"), "{problem}");
    }
    let (status, problem) = server.put("/v1/admin/strategies/rollback", json!({ "to": 9, "by": by })).await;
    assert_eq!((status.as_u16(), kind(&problem)), (404, "unknown-version"), "{problem}");
    let (_, versions) = server.admin(Method::GET, VERSIONS, "").await;
    assert_eq!(versions["versions"].as_array().unwrap().len(), 1, "{versions}");
}
