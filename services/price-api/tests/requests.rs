//! What each route answers, and what each bad request is told.

mod support;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use pricestream_price_api::{Token, Tokens};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use support::{ADMIN, Server, bare, change, line, server};

fn code(answer: &Value) -> &str {
    answer["type"].as_str().unwrap_or("-").trim_start_matches("urn:pricestream:problem:")
}

/// A problem as RFC 9457 has it, of this kind, for this path.
async fn assert_problem(server: &Server, request: Request<Body>, status: u16, kind: &str) -> Value {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = server.send(request).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json", "{method} {path}");
    let got = response.status().as_u16();
    let body: Value = serde_json::from_slice(&axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap();
    assert_eq!((got, code(&body)), (status, kind), "{method} {path}: {body}");
    assert_eq!((&body["status"], &body["instance"]), (&json!(status), &json!(path)), "{body}");
    assert!(!body["title"].as_str().unwrap().is_empty() && body["detail"].as_str().unwrap().len() > 10, "{body}");
    body
}

fn request(method: &str, path: &str, content_type: &str, body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if !content_type.is_empty() {
        request = request.header(header::CONTENT_TYPE, content_type);
    }
    request.body(body.into()).unwrap()
}

/// Method, path, type and bytes of the body; then the status and the kind of problem.
type BadRequest<'a> = (&'a str, &'a str, &'a str, Vec<u8>, u16, &'a str);

#[tokio::test]
async fn every_bad_request_is_told_what_is_wrong_by_a_stable_type() {
    let server = server().await;
    assert_eq!(server.post("/v1/stock-changes", change("A", 5, 10).to_string()).await.0, StatusCode::OK);
    let with = |field: &str, value: Value| {
        let mut change = change("A", 6, 10);
        change[field] = value;
        change.to_string()
    };
    let (stock, many) = ("/v1/stock-changes", json!({ "skus": vec!["A"; 1_001] }).to_string());
    let json = "application/json";
    let table: Vec<BadRequest<'_>> = vec![
        ("POST", stock, json, b"\xff\xfe{}".to_vec(), 400, "bad-stock-change"),
        ("POST", stock, json, br#"{"sku":"A","on_ha"#.to_vec(), 400, "bad-stock-change"),
        ("POST", stock, json, b"".to_vec(), 400, "bad-body"),
        ("POST", stock, json, b" \r\n ".to_vec(), 400, "bad-body"),
        ("POST", stock, json, b"null".to_vec(), 400, "bad-stock-change"),
        ("POST", stock, json, with("on_hand", json!("12")).into(), 400, "bad-stock-change"),
        ("POST", stock, json, with("on_hand", json!(-1)).into(), 400, "bad-stock-change"),
        ("POST", stock, json, with("on_hand", json!(1_000_000_001_u64)).into(), 400, "bad-stock-change"),
        ("POST", stock, json, with("on_hand", json!(1e300)).into(), 400, "bad-stock-change"),
        ("POST", stock, json, with("source_seq", json!(0)).into(), 400, "bad-stock-change"),
        ("POST", stock, json, with("occurred_at", json!("yesterday")).into(), 400, "bad-stock-change"),
        ("POST", stock, json, with("sku", json!("px:{A}")).into(), 400, "bad-stock-change"),
        ("POST", stock, json, with("sku", json!("ZZZ")).into(), 404, "unknown-sku"),
        ("POST", stock, json, with("origin", json!("other")).into(), 409, "other-origin"),
        ("POST", stock, json, change("A", 5, 11).to_string().into(), 409, "contradiction"),
        ("POST", stock, json, with("occurred_at", json!("2020-01-01T00:00:00Z")).into(), 422, "other-time"),
        ("POST", stock, json, vec![b' '; 10 * 1_024 * 1_024], 413, "too-large"),
        ("POST", stock, "text/plain", change("A", 6, 10).to_string().into(), 415, "bad-media-type"),
        ("POST", stock, "", change("A", 6, 10).to_string().into(), 415, "bad-media-type"),
        ("PUT", stock, json, b"{}".to_vec(), 405, "bad-method"),
        ("DELETE", "/v1/prices/A", "", vec![], 405, "bad-method"),
        ("GET", "/v1/nothing", "", vec![], 404, "unknown-route"),
        ("GET", "/", "", vec![], 404, "unknown-route"),
        ("GET", "/v1/prices/ZZZ", "", vec![], 404, "unknown-sku"),
        ("GET", "/v1/prices/ZZZ/history", "", vec![], 404, "unknown-sku"),
        ("GET", "/v1/prices/ZZZ/explanation", "", vec![], 404, "unknown-sku"),
        ("GET", "/v1/prices/ZZZ/lowest", "", vec![], 404, "unknown-sku"),
        ("GET", "/v1/prices/a%20b", "", vec![], 400, "bad-sku"),
        ("GET", "/v1/prices/a%FFb", "", vec![], 400, "bad-sku"),
        ("GET", "/v1/prices/%7BA%7D/history", "", vec![], 400, "bad-sku"),
        ("GET", "/v1/prices/N", "", vec![], 409, "no-price"),
        ("GET", "/v1/prices/N/lowest", "", vec![], 409, "no-price"),
        ("GET", "/v1/prices/A/history?limit=x", "", vec![], 400, "bad-query"),
        ("GET", "/v1/prices/A/history?limit=0", "", vec![], 400, "bad-query"),
        ("GET", "/v1/prices/A/history?limit=501", "", vec![], 400, "bad-query"),
        ("GET", "/v1/prices/A/timeline?most=0", "", vec![], 400, "bad-query"),
        ("GET", "/v1/prices/A/timeline?most=10001", "", vec![], 400, "bad-query"),
        ("POST", "/v1/quotes:timeline?most=0", json, br#"{"lines":[{"sku":"A"}]}"#.to_vec(), 400, "bad-query"),
        ("POST", "/v1/quotes?sign=true&hold_seconds=0", json, br#"{"lines":[{"sku":"A"}]}"#.to_vec(), 400, "bad-query"),
        ("POST", "/v1/quotes?sign=true&hold_seconds=86401", json, br#"{"lines":[{"sku":"A"}]}"#.to_vec(), 400, "bad-query"),
        ("GET", "/v1/prices/A/history?before=-1", "", vec![], 400, "bad-query"),
        ("GET", "/v1/prices/A/history?page=2", "", vec![], 400, "bad-query"),
        ("GET", "/v1/prices/A/lowest?window_days=0", "", vec![], 400, "bad-query"),
        ("GET", "/v1/prices/A/lowest?window_days=366", "", vec![], 400, "bad-query"),
        ("GET", "/v1/prices/A/lowest?progressive=maybe", "", vec![], 400, "bad-query"),
        ("POST", "/v1/prices:batch", json, b"[]".to_vec(), 400, "bad-body"),
        ("POST", "/v1/prices:batch", json, br#"{"skus":["A"]"#.to_vec(), 400, "bad-body"),
        ("POST", "/v1/prices:batch", json, br#"{"skus":["A"],"x":1}"#.to_vec(), 400, "bad-body"),
        ("POST", "/v1/prices:batch", json, br#"{"skus":["a b"]}"#.to_vec(), 400, "bad-body"),
        ("POST", "/v1/prices:batch", json, many.clone().into(), 422, "too-many-skus"),
        ("GET", "/v1/stream?skus=A,,B", "", vec![], 400, "bad-sku"),
        ("GET", "/v1/stream?sku=A", "", vec![], 400, "bad-query"),
        ("POST", "/v1/stream", json, many.into(), 422, "too-many-skus"),
        ("GET", "/readyz", "", vec![], 503, "not-ready"),
        ("GET", "/v1/admin/status", "", vec![], 401, "unauthorized"),
    ];
    for (method, path, content_type, body, status, kind) in table {
        assert_problem(&server, request(method, path, content_type, body), status, kind).await;
    }
}

#[tokio::test]
async fn a_stock_change_is_answered_by_what_became_of_it() {
    let server = server().await;
    for (seq, on_hand, result, version) in
        [(5, 10, "applied", 1), (5, 10, "repeated", 1), (9, 9, "applied", 2), (6, 1, "stale", 2)]
    {
        let (status, answer) = server.post("/v1/stock-changes", change("A", seq, on_hand).to_string()).await;
        assert_eq!((status, &answer), (StatusCode::OK, &json!({ "result": result, "sku": "A", "stock_version": version })));
    }
}

#[tokio::test]
async fn one_bad_line_of_ten_thousand_costs_only_itself_and_is_kept_aside() {
    let server = server().await;
    for as_array in [false, true] {
        let seq = if as_array { 20_000 } else { 0 };
        let mut lines: Vec<String> = (1..=10_000).map(|at| change("A", seq + at, 5).to_string()).collect();
        lines[6_999] = r#"{"sku":"A","on_hand":-3}"#.into();
        let body = if as_array { format!("[{}]", lines.join(",")) } else { lines.join("\r\n") };
        let (status, answer) = server.post("/v1/stock-changes", body).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!((&answer["received"], &answer["applied"], &answer["refused"]), (&json!(10_000), &json!(9_999), &json!(1)));
        assert_eq!((&answer["problems"][0]["line"], code(&answer["problems"][0])), (&json!(7_000), "bad-stock-change"));
        let (bytes, reason) = server.desk.aside.lock().unwrap().pop().unwrap();
        assert_eq!(bytes, br#"{"sku":"A","on_hand":-3}"#);
        assert!(reason.starts_with("line 7000: "), "{reason}");
    }
}

#[tokio::test]
async fn a_batch_tells_each_refusal_with_its_line_and_counts_every_line_once() {
    let server = server().await;
    let body = [
        change("A", 1, 5).to_string(),
        String::new(),
        change("ZZZ", 1, 5).to_string(),
        change("A", 1, 5).to_string(),
        change("A", 1, 6).to_string(),
        "nonsense".to_owned(),
        change("A", 3, 5).to_string(),
        change("A", 2, 5).to_string(),
    ];
    let (_, answer) = server.post("/v1/stock-changes", body.join("\n")).await;
    let counts: Vec<u64> =
        ["received", "applied", "repeated", "stale", "refused"].iter().map(|name| answer[*name].as_u64().unwrap()).collect();
    assert_eq!(counts, [7, 2, 1, 1, 3], "{answer}");
    let problems: Vec<(u64, &str)> =
        answer["problems"].as_array().unwrap().iter().map(|it| (it["line"].as_u64().unwrap(), code(it))).collect();
    assert_eq!(problems, [(3, "unknown-sku"), (5, "contradiction"), (6, "bad-stock-change")]);
    assert_eq!(server.post("/v1/stock-changes", "[]").await.1["received"], 0);
}

#[tokio::test]
async fn a_body_of_bad_lines_alone_is_told_up_to_a_thousand_of_them() {
    let server = server().await;
    let (status, answer) = server.post("/v1/stock-changes", "x\n".repeat(50_000)).await;
    assert_eq!((status, &answer["refused"]), (StatusCode::OK, &json!(50_000)));
    assert_eq!((answer["problems"].as_array().unwrap().len(), server.desk.aside.lock().unwrap().len()), (1_000, 1_000));
}

#[tokio::test]
async fn what_was_not_kept_is_to_be_sent_again() {
    let server = server().await;
    let post = || request("POST", "/v1/stock-changes", "application/json", change("A", 1, 5).to_string());
    server.desk.busy.store(true, Ordering::Relaxed);
    let response = server.send(post()).await;
    assert_eq!(
        (response.status(), &response.headers()[header::RETRY_AFTER]),
        (StatusCode::SERVICE_UNAVAILABLE, &"1".parse().unwrap())
    );
    server.desk.busy.store(false, Ordering::Relaxed);
    server.desk.full.store(true, Ordering::Relaxed);
    let problem = assert_problem(&server, post(), 507, "not-stored").await;
    assert!(problem["detail"].as_str().unwrap().contains("disk is full"), "{problem}");
    assert!(server.memory.tables().inventory.is_empty());
}

#[tokio::test]
async fn the_callers_trace_is_carried_on() {
    let server = server().await;
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (header_value, expected) in [(parent, Some(parent)), ("00-nonsense", None), ("", None)] {
        let mut request = request("POST", "/v1/stock-changes", "application/json", change("B", 1, 5).to_string());
        request.headers_mut().insert("traceparent", header_value.parse().unwrap());
        assert_eq!(server.send(request).await.status(), StatusCode::OK);
        let trace = server.desk.traces.lock().unwrap().pop().unwrap();
        assert_eq!(trace.map(|trace| trace.to_string()).as_deref(), expected);
    }
}

#[tokio::test]
async fn a_price_is_read_with_its_version_as_the_tag_and_not_sent_twice() {
    let server = server().await;
    let expected = json!({
        "sku": "A",
        "price": { "minor": 1_000, "currency": "USD" },
        "list_price": { "minor": 1_000, "currency": "USD" },
        "price_version": 1,
        "since": "2026-11-22T08:00:00Z",
        "payable": { "minor": 1_000, "currency": "USD" },
    });
    assert_eq!(server.get("/v1/prices/A").await, (StatusCode::OK, expected.clone()));
    assert_eq!(server.get("/v1/prices/%41").await, (StatusCode::OK, expected.clone()));
    let mut request = request("GET", "/v1/prices/A", "", "");
    request.headers_mut().insert(header::IF_NONE_MATCH, "\"1\"".parse().unwrap());
    let response = server.send(request).await;
    assert_eq!((response.status(), &response.headers()[header::ETAG]), (StatusCode::NOT_MODIFIED, &"\"1\"".parse().unwrap()));
    server.set_price("A", 2_000).await;
    let mut request = Request::get("/v1/prices/A").body(Body::empty()).unwrap();
    request.headers_mut().insert(header::IF_NONE_MATCH, "\"1\"".parse().unwrap());
    let response = server.send(request).await;
    assert_eq!((response.status(), &response.headers()[header::ETAG]), (StatusCode::OK, &"\"2\"".parse().unwrap()));
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
    server.memory.tables().cache.clear();
    assert_eq!(server.get("/v1/prices/A").await.1["price"]["minor"], 2_000, "a lost cache is read through");
}

#[tokio::test]
async fn a_refused_sku_says_why_and_a_retired_one_is_gone() {
    let server = server().await;
    let (_, answer) = server.get("/v1/prices/N").await;
    assert!(answer["detail"].as_str().unwrap().contains("no floor"), "{answer}");
    assert_eq!(server.admin(Method::DELETE, "/v1/admin/catalogue/A", "").await.0, StatusCode::OK);
    assert_problem(&server, request("GET", "/v1/prices/A", "", ""), 410, "withdrawn").await;
    assert_problem(&server, request("GET", "/v1/prices/A/lowest", "", ""), 410, "withdrawn").await;
    let (_, answer) = server.post("/v1/prices:batch", r#"{"skus":["B","A","N","ZZZ","C"]}"#).await;
    let skus = |list: &str| answer[list].as_array().unwrap().iter().map(|it| it["sku"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!((skus("prices"), skus("missing")), (vec!["B", "C"], vec!["A", "N", "ZZZ"]));
    let kinds: Vec<&str> = answer["missing"].as_array().unwrap().iter().map(code).collect();
    assert_eq!(kinds, ["withdrawn", "no-price", "unknown-sku"]);
}

#[tokio::test]
async fn history_pages_from_the_newest_and_shows_who_set_and_lifted_an_override() {
    let server = server().await;
    for minor in [900, 800, 700] {
        server.memory.pass(std::time::Duration::from_hours(1));
        server.set_price("A", minor).await;
    }
    let body = json!({ "price": { "minor": 650, "currency": "USD" }, "expires_at": "2027-01-01T00:00:00Z", "by": "ann", "note": "sale" });
    assert_eq!(server.admin(Method::PUT, "/v1/admin/overrides/A", &body.to_string()).await.0, StatusCode::OK);
    assert_eq!(server.get("/v1/prices/A").await.1["price"]["minor"], 650);
    server.memory.pass(std::time::Duration::from_hours(1));
    assert_eq!(server.admin(Method::DELETE, "/v1/admin/overrides/A?by=bob&note=over", "").await.0, StatusCode::OK);
    assert_eq!(server.get("/v1/prices/A").await.1["price"]["minor"], 700);
    let (status, answer) = server.admin(Method::DELETE, "/v1/admin/overrides/A?by=bob", "").await;
    assert_eq!((status, code(&answer)), (StatusCode::NOT_FOUND, "no-override"));

    let (mut prices, mut by, mut next) = (Vec::new(), Vec::new(), Some(json!(1_000)));
    while let Some(before) = next {
        let (_, page) = server.get(&format!("/v1/prices/A/history?limit=2&before={before}")).await;
        for entry in page["decisions"].as_array().unwrap() {
            prices.push(entry["price"]["minor"].as_i64().unwrap());
            by.push(entry["override"]["by"].as_str().unwrap_or("-").to_owned());
            assert!(!entry["reason"].as_str().unwrap().is_empty(), "{entry}");
        }
        next = page.get("next").cloned();
    }
    assert_eq!(prices, [700, 650, 700, 800, 900, 1_000]);
    assert_eq!(by[..3], ["bob", "ann", "-"]);
    let (_, explanation) = server.get("/v1/prices/A/explanation").await;
    assert_eq!((&explanation["outcome"], explanation.get("disagreement")), (&json!("changed"), None), "{explanation}");
    assert_eq!(explanation["decision"]["cause"], "override");
    assert!(explanation["reason"]["basis"].is_object(), "{explanation}");
}

#[tokio::test]
async fn the_lowest_price_is_read_from_history() {
    let server = server().await;
    let days = |days: u64| std::time::Duration::from_hours(24 * days);
    for (wait, minor) in [(5, 700), (3, 1_000), (40, 800)] {
        server.memory.pass(days(wait));
        server.set_price("A", minor).await;
        let change = json!({ "sku": "A", "on_hand": minor, "source_seq": minor, "occurred_at": server.memory.tables().now });
        server.post("/v1/stock-changes", change.to_string()).await; // decided anew, and kept
    }
    let (_, answer) = server.get("/v1/prices/A/lowest").await;
    assert_eq!((&answer["lowest"]["minor"], &answer["covers_window"]), (&json!(1_000), &json!(true)), "{answer}");
    assert_eq!(answer["reduction"]["from_price"]["minor"], 1_000, "{answer}");
    let (_, answer) = server.get("/v1/prices/A/lowest?window_days=45&progressive=false").await;
    assert_eq!(answer["lowest"]["minor"], 700, "{answer}");
}

#[tokio::test]
async fn administration_needs_the_token_on_every_route() {
    let server = server().await;
    let (_, document) = server.get("/openapi.json").await;
    let mut routes = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys().filter(|_| path.starts_with("/v1/admin/")) {
            routes += 1;
            let path = path.replace("{sku}", "A").replace("{id}", "1").replace("{rev}", "1");
            for authorization in ["", "Bearer", "Bearer wrong", &format!("Basic {ADMIN}"), &format!("Bearer {ADMIN}x")] {
                let mut request = request(&method.to_uppercase(), &path, "application/json", "{}");
                if !authorization.is_empty() {
                    request.headers_mut().insert(header::AUTHORIZATION, authorization.parse().unwrap());
                }
                assert_problem(&server, request, 401, "unauthorized").await;
            }
        }
    }
    assert_eq!(routes, 25);
    let open = bare(Tokens::default());
    let problem = assert_problem(&open, request("GET", "/v1/admin/status", "", ""), 403, "no-token").await;
    assert!(problem["detail"].as_str().unwrap().contains("PRICESTREAM_ADMIN_TOKEN"), "{problem}");
}

#[tokio::test]
async fn the_intake_asks_for_its_token_when_it_has_one() {
    let server = bare(Tokens { admin: Some(Token::new(ADMIN)), ingest: Some(Token::new("ingest")) });
    for (authorization, status) in [("", 401), ("Bearer wrong", 401), ("Bearer ingest", 404), (&format!("Bearer {ADMIN}"), 404)] {
        let mut request = request("POST", "/v1/stock-changes", "application/json", change("A", 1, 1).to_string());
        request.headers_mut().insert(header::AUTHORIZATION, authorization.parse().unwrap());
        assert_eq!(server.send(request).await.status().as_u16(), status, "{authorization}");
    }
}

#[tokio::test]
async fn a_catalogue_is_imported_line_by_line_with_every_problem_told() {
    let server = server().await;
    let lines = [
        line("E", 500).to_string(),
        r#"{"sku":"F","list_price":{"minor":0,"currency":"USD"},"low_stock":{"at":5,"rearm":5}}"#.to_owned(),
        "{".to_owned(),
        r#"{"sku":"G","list_price":{"minor":1,"currency":"USD"},"colour":"red"}"#.to_owned(),
        line("A", 1_000).to_string(),
    ];
    let (status, answer) = server.admin(Method::POST, "/v1/admin/catalogue", &lines.join("\n")).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!((&answer["received"], &answer["changed"], &answer["unchanged"]), (&json!(5), &json!(1), &json!(1)));
    let problems: Vec<(u64, usize)> = answer["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| (problem["line"].as_u64().unwrap(), problem["errors"].as_array().unwrap().len()))
        .collect();
    assert_eq!(problems, [(2, 2), (3, 1), (4, 1)], "{answer}");
    assert_eq!(server.get("/v1/prices/E").await.1["price"]["minor"], 500);
    assert_eq!(server.admin(Method::GET, "/v1/admin/catalogue/A", "").await.1["rev"], 1, "an equal line is left alone");
    for bad in ["", "[", "nonsense", r#"[{"sku":"A"}]"#] {
        let (status, answer) = server.admin(Method::POST, "/v1/admin/catalogue", bad).await;
        assert_eq!((status.as_u16(), code(&answer)), (422, "bad-product"), "{bad}: {answer}");
        assert!(!answer["errors"].as_array().unwrap().is_empty(), "{bad}: {answer}");
    }
    let prior = |field: &str, value: Value| {
        let mut prior = json!({ "per_hour": 4, "certainty": 3, "sensitivity": 2, "sensitivity_sd": 1, "model": "m" });
        prior[field] = value;
        let mut line = line("P", 1_000);
        line["prior"] = prior;
        line
    };
    for (bad, field) in [
        (prior("per_hour", json!(-4)), "prior.per_hour"),
        (prior("per_hour", json!(1e12)), "prior.per_hour"),
        (prior("sensitivity", json!(0)), "prior.sensitivity"),
        (prior("sensitivity_sd", json!(9)), "prior.sensitivity_sd"),
        (prior("certainty", json!("sure")), "prior.certainty"),
    ] {
        let (status, answer) = server.admin(Method::POST, "/v1/admin/catalogue", &bad.to_string()).await;
        let told = answer["errors"][0]["errors"][0].as_str().unwrap_or_default();
        assert!(status == StatusCode::UNPROCESSABLE_ENTITY && told.contains(field), "{bad}: {answer}");
    }
    let (status, answer) = server.admin(Method::POST, "/v1/admin/catalogue", &prior("per_hour", json!(5)).to_string()).await;
    assert_eq!((status, &answer["changed"]), (StatusCode::OK, &json!(1)), "{answer}");
}

#[tokio::test]
async fn a_bad_strategies_document_is_refused_whole_and_the_old_one_stays() {
    let server = server().await;
    let bad =
        r#"{"version":1,"strategies":{"a":{"kind":"nonsense"},"b":{"kind":"fixed_list","x":1}},"default":{"strategy":"c"}}"#;
    let (status, answer) = server.admin(Method::PUT, "/v1/admin/strategies?by=ann", bad).await;
    assert_eq!((status.as_u16(), code(&answer)), (422, "bad-strategies"), "{answer}");
    let errors = answer["errors"].as_array().unwrap();
    assert!(
        errors.len() >= 2 && errors.iter().all(|error| error["message"].is_string() && error["path"].is_string()),
        "{answer}"
    );
    let (_, document) = server.admin(Method::GET, "/v1/admin/strategies", "").await;
    assert_eq!(document, serde_json::from_str::<Value>(support::STRATEGIES).unwrap());
    assert_eq!(server.admin(Method::PUT, "/v1/admin/strategies", support::STRATEGIES).await.0, StatusCode::BAD_REQUEST);
    let (_, again) = server.admin(Method::PUT, "/v1/admin/strategies?by=test", support::STRATEGIES).await;
    assert_eq!(again, json!({ "done": "settings", "rev": 1, "changed": false }), "the same again changes nothing");
}

#[tokio::test]
async fn the_kill_switch_keeps_the_document_and_reprices_what_it_touches() {
    let server = server().await;
    let (status, answer) =
        server.admin(Method::PUT, "/v1/admin/mode", r#"{"mode":"freeze","by":"ann","note":"odd prices"}"#).await;
    assert_eq!((status, &answer["rev"]), (StatusCode::OK, &json!(2)), "{answer}");
    server.set_price("A", 5_000).await;
    assert_eq!(server.get("/v1/prices/A").await.1["price"]["minor"], 1_000, "frozen");
    let (_, mode) = server.admin(Method::GET, "/v1/admin/mode", "").await;
    assert_eq!((&mode["mode"], &mode["by"], &mode["note"]), (&json!("freeze"), &json!("ann"), &json!("odd prices")));
    server.admin(Method::PUT, "/v1/admin/mode", r#"{"mode":"run","by":"ann"}"#).await;
    assert_eq!(server.get("/v1/prices/A").await.1["price"]["minor"], 5_000, "the reconciler had it priced anew");
    for (body, kind) in [(r#"{"mode":"off","by":"ann"}"#, "bad-body"), (r#"{"mode":"run","by":" "}"#, "unsigned")] {
        let (_, answer) = server.admin(Method::PUT, "/v1/admin/mode", body).await;
        assert_eq!(code(&answer), kind, "{answer}");
    }
    let empty = bare(Tokens { admin: Some(Token::new(ADMIN)), ingest: None });
    assert_eq!(code(&empty.admin(Method::GET, "/v1/admin/mode", "").await.1), "no-settings");
    assert_eq!(code(&empty.admin(Method::PUT, "/v1/admin/mode", r#"{"mode":"run","by":"ann"}"#).await.1), "no-settings");
}

#[tokio::test]
async fn an_override_that_makes_no_sense_is_refused() {
    let server = server().await;
    for (sku, minor, currency, expires_at, by, kind) in [
        ("ZZZ", 1, "USD", "2027-01-01T00:00:00Z", "ann", "unknown-sku"),
        ("A", 0, "USD", "2027-01-01T00:00:00Z", "ann", "bad-override"),
        ("A", 1, "EUR", "2027-01-01T00:00:00Z", "ann", "bad-override"),
        ("A", 1, "USD", "2026-11-22T08:00:00Z", "ann", "bad-override"),
        ("A", 1, "USD", "2027-01-01T00:00:00Z", "", "unsigned"),
        ("A", 1, "USD", "tomorrow", "ann", "bad-body"),
    ] {
        let body = json!({ "price": { "minor": minor, "currency": currency }, "expires_at": expires_at, "by": by });
        let (_, answer) = server.admin(Method::PUT, &format!("/v1/admin/overrides/{sku}"), &body.to_string()).await;
        assert_eq!(code(&answer), kind, "{body}: {answer}");
    }
    assert!(server.memory.tables().overrides.is_empty());
}

#[tokio::test]
async fn what_was_set_aside_is_listed_and_redriven() {
    let server = server().await;
    server.post("/v1/stock-changes", "nonsense\nmore").await;
    let (_, answer) = server.admin(Method::GET, "/v1/admin/dead-letters?limit=1", "").await;
    assert_eq!((&answer["dead_letters"][0]["body"], &answer["next"]), (&json!("nonsense"), &json!(1)), "{answer}");
    assert_eq!(server.admin(Method::POST, "/v1/admin/dead-letters/7/redrive", "").await.1["queue"], "stock-changes");
    for id in ["8", "x", "99999999999999999999"] {
        let (status, answer) = server.admin(Method::POST, &format!("/v1/admin/dead-letters/{id}/redrive"), "").await;
        assert_eq!((status.as_u16(), code(&answer)), (404, "unknown-dead-letter"), "{answer}");
    }
    server.memory.tables().cache.clear();
    let (_, answer) = server.admin(Method::POST, "/v1/admin/reconcile", "").await;
    assert_eq!((&answer["looked_at"], &answer["cache_behind"]), (&json!(5), &json!(4)), "{answer}");
    let (_, status) = server.admin(Method::GET, "/v1/admin/status", "").await;
    assert_eq!(
        (&status["products"], &status["mode"], &status["settings_rev"]),
        (&json!(5), &json!("run"), &json!(1)),
        "{status}"
    );
    assert_eq!(server.admin(Method::GET, "/v1/admin/alerts", "").await.1, json!({ "alerts": [] }));
}

#[tokio::test]
async fn health_readiness_and_metrics_answer_and_requests_are_counted_by_route_and_class() {
    let server = server().await;
    assert_eq!(server.get("/healthz").await.0, StatusCode::OK);
    server.ready.store(true, Ordering::Release);
    assert_eq!(server.get("/readyz").await.0, StatusCode::OK);
    server.get("/v1/prices/A").await;
    server.get("/v1/prices/ZZZ").await;
    let response = server.send(request("GET", "/metrics", "", "")).await;
    assert!(response.headers()[header::CONTENT_TYPE].to_str().unwrap().starts_with("application/openmetrics-text"));
    let (_, text) = server.get("/metrics").await;
    for (route, class) in
        [("/v1/prices/{sku}", "2xx"), ("/v1/prices/{sku}", "4xx"), ("/healthz", "2xx"), ("/v1/admin/catalogue", "2xx")]
    {
        let counted = format!("pricestream_http_requests_total{{route=\"{route}\",status=\"{class}\"}}");
        assert!(text.as_str().unwrap().contains(&counted), "{counted} is not in {text}");
    }
}
