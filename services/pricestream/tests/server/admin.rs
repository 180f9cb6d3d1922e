//! Administration of a running server, by the command line and by HTTP.

use std::time::Duration;

use serde_json::{Value, json};
use ureq::http::Method;

use crate::process::{ADMIN, Files, PLUS_FIVE, Server, assert_clean, change, line, pricestream};

const SOON: Duration = Duration::from_secs(2);

/// The newest decision about A.
fn newest(server: &Server) -> Value {
    server.decisions("A").remove(0)
}

#[test]
fn a_catalogue_is_imported_into_a_running_server() {
    let files = Files::with(&["A"]);
    let server = files.start();
    let lines = [line("A").to_string(), line("NEW").to_string(), line("NEWER").to_string()].join("\n");
    let file = files.write("more.ndjson", &lines);
    let done = server.done(&["catalogue", "import", &file]);
    assert_eq!((&done["changed"], &done["unchanged"], &done["problems"]), (&json!(2), &json!(1), &json!([])));
    for sku in ["NEW", "NEWER"] {
        server.shows(sku, 1_000, SOON);
    }
    assert_eq!(server.change(&change("NEW", 1, 3)).body["result"], "applied");
    server.shows("NEW", 1_050, SOON);

    // A line that is wrong is told with its number and all that is wrong with it; the others are stored.
    let mut bad = line("BAD");
    (bad["list_price"]["minor"], bad["low_stock"]) = (json!(-1), json!({ "at": 5, "rearm": 5 }));
    let mut dearer = line("A");
    dearer["list_price"]["minor"] = json!(2_000);
    let file = files.write("bad.ndjson", &format!("{bad}\nnonsense\n\n{dearer}\n"));
    let output = server.cli(&["catalogue", "import", &file]);
    assert_eq!(output.status.code(), Some(1), "it found something");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let problems: Vec<(u64, usize)> = told["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| (problem["line"].as_u64().unwrap(), problem["problems"].as_array().unwrap().len()))
        .collect();
    assert_eq!((&told["changed"], problems), (&json!(1), vec![(1, 2), (2, 1)]), "{told}");
    server.shows("A", 2_000, SOON);
}

#[test]
fn freeze_stops_every_price_and_run_lets_them_go_on() {
    let files = Files::with(&["A", "B"]);
    let server = files.start();
    assert_eq!(server.done(&["mode", "freeze", "--by", "ann", "--note", "odd prices"])["changed"], true);
    let mode = server.done(&["mode"]);
    assert_eq!((&mode["mode"], &mode["by"], &mode["note"]), (&json!("freeze"), &json!("ann"), &json!("odd prices")));
    assert_eq!(server.change(&change("A", 1, 9)).body["result"], "applied", "stock is still taken");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!((server.price("A"), server.price("B")), (Some(1_000), Some(1_000)));
    assert_eq!(newest(&server)["mode"], "freeze");
    assert_eq!(server.done(&["mode", "freeze", "--by", "ann", "--note", "odd prices"])["changed"], false, "it is already");

    server.done(&["mode", "run", "--by", "ann"]);
    server.shows("A", 1_050, SOON);
    assert_eq!(server.price("B"), Some(1_000));
    server.done(&["mode", "list-price", "--by", "ann"]);
    server.shows("A", 1_000, SOON);
    server.done(&["mode", "shadow", "--by", "ann"]);
    crate::process::within(SOON, || newest(&server)["shadow_price"]["minor"] == 1_050, || newest(&server).to_string());
    assert_eq!(server.price("A"), Some(1_000));
    assert_eq!(server.done(&["verify"])["findings"], 0);
}

#[test]
fn a_freeze_outlives_the_process() {
    let files = Files::with(&["A"]);
    let server = files.start();
    server.done(&["mode", "freeze", "--by", "ann"]);
    server.kill();
    let server = files.start();
    server.change(&change("A", 1, 9));
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(server.price("A"), Some(1_000));
}

#[test]
fn an_override_is_set_and_lifted_and_history_says_by_whom() {
    let files = Files::with(&["A"]);
    let server = files.start();
    server.change(&change("A", 1, 9));
    server.shows("A", 1_050, SOON);
    server.done(&["override", "A", "--price", "777", "--until", "2h", "--by", "bob", "--note", "match the shop next door"]);
    server.shows("A", 777, SOON);
    let set = newest(&server);
    assert_eq!((&set["cause"], &set["override"]["by"]), (&json!("override"), &json!("bob")));
    assert_eq!(set["override"]["note"], "match the shop next door");
    server.change(&change("A", 2, 50));
    server.shows("A", 777, SOON);
    // A hard guardrail binds a person too.
    server.done(&["override", "A", "--price", "100", "--until", "2h", "--by", "bob"]);
    server.shows("A", 500, SOON);

    server.done(&["override", "A", "--lift", "--by", "carol & co", "--note", "50 % = enough"]);
    server.shows("A", 1_000, SOON);
    let lifted = newest(&server);
    assert_eq!((&lifted["override"]["by"], &lifted["override"]["note"]), (&json!("carol & co"), &json!("50 % = enough")));
    for (arguments, said) in [
        (&["override", "A", "--lift", "--by", "bob"][..], "No override is in force"),
        (&["override", "ZZZ", "--price", "1", "--until", "2h"], "Unknown SKU"),
        (&["override", "A", "--price", "0", "--until", "2h"], "above zero"),
        (&["override", "A", "--price", "5", "--until", "2020-01-01T00:00:00Z"], "not after now"),
    ] {
        let output = server.cli(arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && told.contains(said), "{arguments:?}: {told}");
    }
    assert_eq!(server.price("A"), Some(1_000));
}

#[test]
fn an_override_ends_when_it_said_it_would() {
    let files = Files::with(&["A"]);
    let server = files.start();
    let until = jiff::Timestamp::now().checked_add(jiff::SignedDuration::from_millis(1_200)).unwrap().to_string();
    server.done(&["override", "A", "--price", "777", "--until", &until, "--by", "bob"]);
    server.shows("A", 777, Duration::from_secs(1));
    server.shows("A", 1_000, Duration::from_secs(4));
    assert!(jiff::Timestamp::now() >= until.parse().unwrap(), "not before");
}

#[test]
fn a_bad_document_is_refused_whole_and_a_good_one_reprices_what_it_touches() {
    let files = Files::with(&["A", "B"]);
    let mut calm = line("CALM");
    calm["category"] = json!("CALM");
    let server = files.start();
    assert_eq!(server.admin(&Method::POST, "/v1/admin/catalogue", calm.to_string()).status, 200);
    for sku in ["A", "B", "CALM"] {
        assert_eq!(server.change(&change(sku, 1, 9)).status, 200);
    }
    server.shows("A", 1_050, SOON);
    server.shows("CALM", 1_000, SOON);
    let before = server.admin_get("/v1/admin/strategies");

    let bad = PLUS_FIVE
        .replace("\"change_bp\":500", "\"change_bp\":-10000")
        .replace("\"strategy\":\"steady\"", "\"strategy\":\"stedy\"");
    let answer = server.admin(&Method::PUT, "/v1/admin/strategies?by=ann", bad.clone());
    answer.assert_problem(422, "bad-strategies", "two mistakes");
    let errors: Vec<&str> =
        answer.body["errors"].as_array().unwrap().iter().map(|error| error["path"].as_str().unwrap()).collect();
    assert_eq!(errors, ["strategies.plus-five.change_bp", "categories.CALM.strategy"], "{}", answer.body);
    let file = files.write("bad.json", &bad);
    let output = server.cli(&["strategies", "publish", &file, "--by", "ann"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && errors.iter().all(|path| told.contains(path)), "{told}");
    for (body, kind) in [("", "bad-strategies"), ("{", "bad-strategies"), ("[]", "bad-strategies"), ("\"\"", "bad-strategies")] {
        server.admin(&Method::PUT, "/v1/admin/strategies?by=ann", body).assert_problem(422, kind, body);
    }
    server.admin(&Method::PUT, "/v1/admin/strategies?by=ann", b"\xff{}".to_vec()).assert_problem(400, "bad-body", "not UTF-8");
    server.admin(&Method::PUT, "/v1/admin/strategies?by=%20", PLUS_FIVE).assert_problem(422, "unsigned", "nobody");
    assert_eq!(server.admin_get("/v1/admin/strategies"), before);
    let versions = || ["A", "B", "CALM"].map(|sku| server.get(&format!("/v1/prices/{sku}")).body["price_version"].clone());
    let stood = versions();

    let file = files.write("good.json", &PLUS_FIVE.replace("\"change_bp\":500", "\"change_bp\":2000"));
    assert_eq!(server.done(&["strategies", "publish", &file, "--by", "ann"])["changed"], true);
    for sku in ["A", "B"] {
        server.shows(sku, 1_200, SOON);
    }
    assert_eq!(newest(&server)["cause"], "strategies");
    assert_eq!((server.price("CALM"), versions()[2].clone()), (Some(1_000), stood[2].clone()), "it was not touched");
    assert_eq!(server.decisions("CALM").len(), 2);
    assert_eq!(server.done(&["verify"])["findings"], 0);
}

#[test]
fn strategies_go_on_trial_into_force_and_back_from_the_command_line() {
    let files = Files::with(&["A", "B"]);
    let server = files.start();
    for sku in ["A", "B"] {
        assert_eq!(server.change(&change(sku, 1, 9)).status, 200);
        server.shows(sku, 1_050, SOON);
    }
    let candidate = files.write("candidate.json", &PLUS_FIVE.replace("\"change_bp\":500", "\"change_bp\":800"));
    server.done(&["strategies", "rollout", &candidate, "--stage", "shadow", "--by", "ann", "--note", "a try"]);
    let view = server.done(&["strategies", "rollout"]);
    assert_eq!((&view["stage"], &view["skus"], &view["note"]), (&json!("shadow"), &json!(2), &json!("a try")), "{view}");
    server.done(&["strategies", "rollout", "--stage", "canary=99", "--stop", r#"{"most_apart_bp":2000}"#, "--by", "ann"]);
    server.shows("A", 1_080, SOON);
    server.done(&["strategies", "rollout", "--stage", "full", "--by", "ann"]);
    for sku in ["A", "B"] {
        server.shows(sku, 1_080, SOON);
    }
    let history = server.done(&["strategies", "history"]);
    let first = history["versions"].as_array().unwrap().last().unwrap()["settings_rev"].to_string();
    server.done(&["strategies", "rollback", &first, "--by", "bob", "--note", "too dear"]);
    server.shows("A", 1_050, SOON);
    // What a person reads.
    let table = String::from_utf8(server.plain(&["strategies", "history"]).stdout).unwrap();
    assert!(table.contains("too dear") && table.contains("canary of 99 %") && table.contains("shadow"), "{table}");
    assert_eq!(server.done(&["verify"])["findings"], 0);

    // A file that did not change undoes nothing at the next start; one that did is put in force.
    server.done(&["strategies", "publish", &candidate, "--by", "ann"]);
    server.shows("A", 1_080, SOON);
    assert!(server.terminate().success());
    let server = files.start();
    server.shows("A", 1_080, SOON);
    assert!(files.log().contains("what was put in force since stays"), "{}", files.log());
    assert!(server.terminate().success());
    files.write("strategies.json", &PLUS_FIVE.replace("\"change_bp\":500", "\"change_bp\":600"));
    let server = files.start();
    server.shows("A", 1_060, SOON);
    server.done(&["strategies", "rollback", &first, "--by", "bob"]);
    server.shows("A", 1_050, SOON);
    assert!(server.terminate().success());

    // The same on the store alone.
    let store = files.text("store");
    let on_store = |arguments: &[&str]| {
        let output = pricestream().args(arguments).args(["--data", &store]).output().unwrap();
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert!(output.status.success(), "{arguments:?}: {err}");
        out
    };
    assert_eq!(on_store(&["strategies", "show", &first]).trim(), PLUS_FIVE);
    on_store(&["strategies", "rollout", &candidate, "--stage", "shadow"]);
    let view = on_store(&["strategies", "rollout"]);
    assert!(view.contains("+2.85 % from those in force") && view.contains("SKUs on trial"), "{view}");
    on_store(&["strategies", "rollout", "--stage", "stopped"]);
    let table = on_store(&["strategies", "history"]);
    assert!(table.contains("stopped: by a person"), "{table}");
    assert_clean(&files.path("store"));
}

#[test]
fn administration_needs_the_token_and_is_closed_without_one() {
    let files = Files::with(&["A"]);
    let server = files.start();
    let routes = [
        (Method::POST, "/v1/admin/catalogue"),
        (Method::DELETE, "/v1/admin/catalogue/A"),
        (Method::PUT, "/v1/admin/strategies?by=x"),
        (Method::PUT, "/v1/admin/strategies/rollout"),
        (Method::PUT, "/v1/admin/strategies/rollback"),
        (Method::PUT, "/v1/admin/mode"),
        (Method::PUT, "/v1/admin/overrides/A"),
        (Method::DELETE, "/v1/admin/overrides/A?by=x"),
        (Method::POST, "/v1/admin/dead-letters/1/redrive"),
        (Method::POST, "/v1/admin/reconcile"),
        (Method::POST, "/v1/admin/verify"),
    ];
    for token in ["", "Bearer ", "Bearer wrong", "Basic dGhlLWFkbWluLXRva2Vu", ADMIN] {
        for (method, path) in &routes {
            let mut request = server.request(method, path, line("EVIL").to_string());
            if !token.is_empty() {
                request.headers_mut().insert("authorization", token.parse().unwrap());
            }
            server.try_ask(request).unwrap().assert_problem(401, "unauthorized", &format!("{token:?} {method} {path}"));
        }
        for path in [
            "mode",
            "strategies",
            "strategies/rollout",
            "strategies/versions",
            "strategies/versions/1",
            "status",
            "alerts",
            "dead-letters",
            "catalogue/A",
        ] {
            server.get(&format!("/v1/admin/{path}")).assert_problem(401, "unauthorized", path);
        }
    }
    server.get("/v1/prices/EVIL").assert_problem(404, "unknown-sku", "nothing of it was done");
    assert!(server.terminate().success());

    let mut command = files.up();
    command.env_remove("PRICESTREAM_ADMIN_TOKEN");
    let server = Server::start(command);
    for (method, path) in &routes {
        let mut request = server.request(method, path, line("EVIL").to_string());
        request.headers_mut().insert("authorization", format!("Bearer {ADMIN}").parse().unwrap());
        server.try_ask(request).unwrap().assert_problem(403, "no-token", path);
    }
    assert_eq!(server.price("A"), Some(1_000));
    let target = server.url("");
    let output = pricestream().args(["mode", "freeze", "--target", &target, "--admin-token", "wrong"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && told.contains("No token was configured"), "{told}");
}
