//! The disk is full: nothing is taken that cannot be kept, reading goes on, and with room it goes on by itself.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use ureq::http::Method;

use crate::process::{Files, Server, assert_clean, change, line, pricestream, within};

const SKUS: [&str; 3] = ["A", "B", "C"];

/// Posts until one is refused; gives how many of each SKU were answered, and the change that was not.
fn post_until_refused(server: &Server) -> ([u64; 3], Value) {
    let mut answered = [0; 3];
    for round in 1..=20_000 {
        let which = round % 3;
        // Stock that moves the price each time, with a cause that takes room.
        let mut body = change(SKUS[which], answered[which] + 1, if answered[which].is_multiple_of(2) { 5 } else { 15 });
        body["cause"] = "x".repeat(60).into();
        let answer = server.change(&body);
        if answer.status == 200 {
            assert_eq!(answer.body["result"], "applied");
            answered[which] += 1;
        } else {
            answer.assert_problem(507, "not-stored", "a full disk");
            return (answered, body);
        }
    }
    panic!("the disk never fills");
}

fn price_at(answered: u64) -> i64 {
    if answered % 2 == 1 { 1_050 } else { 1_000 }
}

/// The whole story on a store that can be filled; `make_room` then gives it room.
fn fills_and_goes_on(mut server: Server, store: &Path, files: &Files, make_room: impl FnOnce(&Server)) {
    let (mut answered, refused) = post_until_refused(&server);
    assert!(answered.iter().all(|answered| *answered > 3), "{answered:?}");
    // It stays refused, also in a batch and for administrators; reading goes on.
    for _ in 0..3 {
        server.change(&refused).assert_problem(507, "not-stored", "still full");
    }
    let batch = SKUS.map(|sku| change(sku, 90_000, 1).to_string()).join("\n");
    server.post("/v1/stock-changes", batch).assert_problem(507, "not-stored", "a batch");
    let catalogue: Vec<Value> = (0..2_000).map(|number| line(&format!("N{number}"))).collect();
    let import = server.admin(&Method::POST, "/v1/admin/catalogue", Value::from(catalogue).to_string());
    import.assert_problem(507, "not-stored", "a catalogue");
    let shown = |server: &Server, answered: [u64; 3], when: &str| {
        for (sku, answered) in SKUS.iter().zip(answered) {
            server.shows(sku, price_at(answered), Duration::from_secs(2));
            let newest = server.decisions(sku).remove(0);
            assert_eq!(newest["stock_version"].as_u64(), Some(answered), "{when}: {sku}: {newest}");
        }
    };
    shown(&server, answered, "full");
    assert_eq!(server.get("/healthz").status, 200);
    assert!(server.metric(r#"pricestream_http_requests_total{route="/v1/stock-changes",status="5xx"}"#) >= 5.0);
    assert_eq!(server.get("/v1/prices/N0").status, 404, "nothing of the catalogue was kept");
    assert!(files.log().contains("a transaction came to nothing"), "{}", files.log());

    make_room(&server);
    within(
        Duration::from_secs(5),
        || server.change(&refused).status == 200,
        || format!("with room it takes no change: {}", files.log()),
    );
    let which = SKUS.iter().position(|sku| refused["sku"] == *sku).unwrap();
    answered[which] += 1;
    shown(&server, answered, "with room");
    for (sku, answered) in SKUS.iter().zip(&mut answered) {
        let answer = server.change(&change(sku, *answered + 1, if answered.is_multiple_of(2) { 5 } else { 15 }));
        *answered += 1;
        assert_eq!(
            (&answer.body["result"], &answer.body["stock_version"]),
            (&"applied".into(), &(*answered).into()),
            "{}",
            answer.body
        );
    }
    shown(&server, answered, "afterwards");
    assert_eq!(server.done(&["verify"])["findings"], 0);
    server.signal("TERM");
    assert_eq!(server.ended(Duration::from_secs(20)).code(), Some(0));
    assert_clean(store);
    let server = Server::start(files.up_on(store));
    shown(&server, answered, "started again");
}

/// A file system of a few MB; gone with the test.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where this user may not mount.
    fn mount(at: PathBuf) -> Option<Self> {
        std::fs::create_dir(&at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=3m", "pricestream-test"]).arg(&at).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(at))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _it_goes_with_the_machine = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// Catalogue and settings, before there is too little room.
fn prepared(files: &Files, store: &Path) {
    let mut command = files.up_on(store);
    command.arg("--catalogue").arg(files.path("catalogue.ndjson")).arg("--strategies").arg(files.path("strategies.json"));
    assert!(Server::start(command).terminate().success());
}

#[test]
fn on_a_full_disk_nothing_is_lost_and_with_room_it_goes_on() {
    let files = Files::with(&SKUS);
    let Some(disk) = SmallDisk::mount(files.path("disk")) else {
        eprintln!(
            "SKIPPED: a full disk needs a tmpfs, and this user may not mount one (a limit on file sizes is tested instead)"
        );
        return;
    };
    let store = disk.0.join("store");
    prepared(&files, &store);
    // Some room is kept for later.
    let ballast = disk.0.join("ballast");
    std::fs::write(&ballast, vec![7; 1 << 20]).unwrap();
    let server = Server::start(files.up_on(&store));
    fills_and_goes_on(server, &store, &files, |_| std::fs::remove_file(&ballast).unwrap());
}

#[test]
fn at_a_limit_on_file_sizes_nothing_is_lost_and_beyond_it_it_goes_on() {
    if !Command::new("prlimit").arg("--version").output().is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: prlimit (util-linux) is not installed");
        return;
    }
    let files = Files::with(&SKUS);
    let store = files.path("store");
    prepared(&files, &store);
    // The signal that comes with the limit is ignored, as a supervisor would have it; bash counts in KiB.
    let plain = files.up_on(&store);
    let mut command = Command::new("bash");
    command.args(["-c", "trap '' XFSZ; ulimit -S -f 1500; exec \"$0\" \"$@\""]).arg(plain.get_program()).args(plain.get_args());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.stderr(std::fs::File::options().append(true).open(files.path("log")).unwrap());
    let server = Server::start(command);
    fills_and_goes_on(server, &store, &files, |server| {
        let raised = Command::new("prlimit").args(["--pid", &server.id().to_string(), "--fsize=unlimited:"]).output().unwrap();
        assert!(raised.status.success(), "{}", String::from_utf8_lossy(&raised.stderr));
    });
}

#[test]
fn a_disk_without_room_for_a_store_is_named() {
    let files = Files::with(&SKUS);
    let Some(disk) = SmallDisk::mount(files.path("disk")) else {
        eprintln!("SKIPPED: a full disk needs a tmpfs, and this user may not mount one");
        return;
    };
    let filled = std::fs::write(disk.0.join("ballast"), vec![7; 4 << 20]);
    assert!(filled.is_err(), "it is full now");
    let store = disk.0.join("store");
    let output = pricestream().args(["up", "--listen", "127.0.0.1:0", "--data"]).arg(&store).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), told.lines().count()), (Some(1), 1), "{told}");
    assert!(told.contains(store.to_str().unwrap()) && told.contains("full"), "{told}");
}
