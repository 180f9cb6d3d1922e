//! The OpenAPI document is made of the routes: what is served is described, and the other way round.

mod support;

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Request;
use pricestream_price_api::Code;
use serde_json::Value;
use support::server;

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "DELETE", "PATCH"];

/// The routes of DESIGN.md that this crate serves.
const ROUTES: [&str; 46] = [
    "DELETE /v1/admin/catalogue/{sku}",
    "DELETE /v1/admin/overrides/{sku}",
    "DELETE /v1/orders/{order_id}",
    "DELETE /v1/quotes/{quote_id}",
    "GET /healthz",
    "GET /metrics",
    "GET /openapi.json",
    "GET /readyz",
    "GET /v1/admin/alerts",
    "GET /v1/admin/catalogue/{sku}",
    "GET /v1/admin/dead-letters",
    "GET /v1/admin/mode",
    "GET /v1/admin/promotions",
    "GET /v1/admin/promotions/switch",
    "GET /v1/admin/status",
    "GET /v1/admin/strategies",
    "GET /v1/admin/strategies/rollout",
    "GET /v1/admin/strategies/versions",
    "GET /v1/admin/strategies/versions/{rev}",
    "GET /v1/orders/{order_id}",
    "GET /v1/prices/{sku}",
    "GET /v1/prices/{sku}/explanation",
    "GET /v1/prices/{sku}/history",
    "GET /v1/prices/{sku}/lowest",
    "GET /v1/prices/{sku}/timeline",
    "GET /v1/stream",
    "POST /v1/admin/catalogue",
    "POST /v1/admin/dead-letters/{id}/redrive",
    "POST /v1/admin/promotions:check",
    "POST /v1/admin/reconcile",
    "POST /v1/admin/verify",
    "POST /v1/orders",
    "POST /v1/orders/{order_id}/refunds",
    "POST /v1/prices:batch",
    "POST /v1/prices:browse",
    "POST /v1/quotes",
    "POST /v1/quotes:timeline",
    "POST /v1/stock-changes",
    "POST /v1/stream",
    "PUT /v1/admin/mode",
    "PUT /v1/admin/overrides/{sku}",
    "PUT /v1/admin/promotions",
    "PUT /v1/admin/promotions/switch",
    "PUT /v1/admin/strategies",
    "PUT /v1/admin/strategies/rollback",
    "PUT /v1/admin/strategies/rollout",
];

#[tokio::test]
async fn every_route_is_described_and_every_description_is_served() {
    let server = server().await;
    let (_, document) = server.get("/openapi.json").await;
    let paths = document["paths"].as_object().unwrap();
    let described: BTreeSet<String> = paths
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let expected: BTreeSet<String> = ROUTES.map(str::to_owned).into();
    assert_eq!(described, expected);
    for path in paths.keys() {
        let real = path
            .replace("{sku}", "A")
            .replace("{id}", "1")
            .replace("{rev}", "1")
            .replace("{order_id}", "o-1")
            .replace("{quote_id}", "q-1");
        for method in METHODS {
            let request = Request::builder().method(method).uri(&real).body(Body::empty()).unwrap();
            let served = server.send(request).await.status().as_u16() != 405;
            assert_eq!(served, described.contains(&format!("{method} {path}")), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn every_operation_names_its_parameters_answers_and_problems_and_every_reference_resolves() {
    let server = server().await;
    let (_, document) = server.get("/openapi.json").await;
    assert_eq!(document["openapi"], "3.1.0");
    let (mut ids, mut types) = (BTreeSet::new(), BTreeSet::new());
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let name = format!("{method} {path}");
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{name}");
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            assert_eq!(path.matches('{').count(), parameters.iter().filter(|it| it["in"] == "path").count(), "{name}");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.contains_key("200") || responses.contains_key("204"), "{name}");
            assert_eq!(path.starts_with("/v1/admin/"), operation["security"].is_array(), "{name}");
            for response in responses.values() {
                let narrowed =
                    &response["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]["type"]["enum"];
                types.extend(narrowed.as_array().into_iter().flatten().map(|kind| kind.as_str().unwrap().to_owned()));
            }
        }
    }
    // Any request may meet these; a limit is met where a quote is signed.
    let anywhere = [Code::UnknownRoute, Code::BadMethod, Code::Corrupt, Code::LimitReached];
    let undescribed: Vec<&Code> =
        Code::ALL.iter().filter(|code| !types.contains(code.uri()) && !anywhere.contains(code)).collect();
    assert!(undescribed.is_empty(), "{undescribed:?}");
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 40, "{}", references.len());
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} is elsewhere"));
        assert!(document.pointer(pointer).is_some(), "{reference} is not there");
    }
}

fn collect<'a>(value: &'a Value, references: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            references.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}
