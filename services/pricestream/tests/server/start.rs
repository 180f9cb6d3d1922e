//! What cannot start says why, in one line, and leaves everything as it was.

use std::path::Path;
use std::process::{Command, Output};

use crate::process::{Files, change, pricestream};

/// It failed, and said so in one line that names `named`.
fn assert_one_line(output: &Output, named: &str, advice: &str) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.starts_with("pricestream: ") && told.contains(named) && told.contains(advice), "{told}");
}

fn up_on(store: &Path) -> Command {
    let mut command = pricestream();
    command.args(["up", "--listen", "127.0.0.1:0", "--data"]).arg(store);
    command
}

#[test]
fn a_second_process_on_one_store_is_refused_and_the_first_is_not_disturbed() {
    let files = Files::with(&["A"]);
    let server = files.start();
    let (store, named) = (files.path("store"), files.text("store"));
    let catalogue = files.text("catalogue.ndjson");
    assert_one_line(&up_on(&store).output().unwrap(), &named, "in use by another process");
    for arguments in [
        &["catalogue", "import", &catalogue][..],
        &["mode", "freeze"],
        &["override", "A", "--price", "1", "--until", "2h"],
        &["replay", &catalogue],
        &["strategies", "publish", &files.text("strategies.json")],
    ] {
        let output = pricestream().args(arguments).arg("--data").arg(&store).output().unwrap();
        assert_one_line(&output, &named, "in use by another process");
    }
    assert_eq!(server.change(&change("A", 1, 9)).status, 200);
    server.shows("A", 1_050, crate::process::PATIENCE);
    // Reading beside it is allowed.
    let output = pricestream().args(["verify", "--data"]).arg(&store).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_is_no_store_of_ours_is_left_alone() {
    let files = Files::with(&["A"]);
    for (name, content) in
        [("text", &b"somebody's notes, of more than a hundred bytes: "[..]), ("short", b"x"), ("binary", &[0xfe; 8_192])]
    {
        let directory = files.path(name);
        std::fs::create_dir(&directory).unwrap();
        let file = directory.join("pricestream.db");
        std::fs::write(&file, content).unwrap();
        let named = file.to_str().unwrap();
        assert_one_line(&up_on(&directory).output().unwrap(), named, "is not a pricestream store");
        for command in [&["verify"][..], &["explain", "A"]] {
            let output = pricestream().args(command).arg("--data").arg(&directory).output().unwrap();
            assert_one_line(&output, named, "is not a pricestream store");
        }
        assert_eq!(std::fs::read(&file).unwrap(), content, "{name} is as it was");
    }
    // Somebody else's SQLite file.
    let directory = files.path("other");
    std::fs::create_dir(&directory).unwrap();
    rusqlite::Connection::open(directory.join("pricestream.db"))
        .unwrap()
        .execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        .unwrap();
    assert_one_line(&up_on(&directory).output().unwrap(), directory.to_str().unwrap(), "is not a pricestream store");

    let file = files.write("a-file", "not a directory");
    assert_one_line(&up_on(Path::new(&file)).output().unwrap(), &file, "cannot be used");
}

#[test]
fn a_port_in_use_is_named() {
    let files = Files::with(&["A"]);
    let server = files.start();
    let store = files.path("another");
    let output = pricestream().args(["up", "--listen", &server.address, "--data"]).arg(&store).output().unwrap();
    assert_one_line(&output, &server.address, "another program listens there");
    assert!(!store.exists(), "the store is not made for nothing");
    let output = pricestream().args(["up", "--listen", "nowhere", "--data"]).arg(&store).output().unwrap();
    assert_one_line(&output, "nowhere", "give a --listen address");
}

#[test]
fn what_needs_a_store_says_that_there_is_none() {
    let files = Files::with(&["A"]);
    let store = files.path("nothing-here");
    for arguments in
        [&["verify"][..], &["explain", "A"], &["mode"], &["mode", "freeze"], &["override", "A", "--price", "1", "--until", "2h"]]
    {
        let output = pricestream().args(arguments).arg("--data").arg(&store).output().unwrap();
        assert_one_line(&output, store.to_str().unwrap(), "there is no store");
        assert!(!store.exists(), "{arguments:?} makes none");
    }
    let output = pricestream().args(["verify", "--target", "http://127.0.0.1:1", "--admin-token", "x"]).output().unwrap();
    assert_one_line(&output, "http://127.0.0.1:1", "does not answer");
}

#[test]
fn files_that_cannot_be_used_are_named_and_nothing_starts() {
    let files = Files::with(&["A"]);
    let missing = files.text("missing.json");
    let bad = files.write("bad.json", r#"{"version":1,"strategies":{},"default":{"strategy":"none"}}"#);
    for (option, file, named, advice) in [
        ("--strategies", &missing, "missing.json", "cannot be read"),
        ("--catalogue", &missing, "missing.json", "cannot be read"),
        ("--strategies", &bad, "none", "problems"),
    ] {
        let output = up_on(&files.path("store")).args([option, file]).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(named) && told.contains(advice), "{told}");
    }
}

#[test]
fn wrong_usage_is_told_apart_from_failure() {
    for arguments in [
        &[][..],
        &["fly"],
        &["up", "--fast"],
        &["up", "--durability", "luck"],
        &["up", "--target", "http://127.0.0.1:1"],
        &["verify", "--data", "x", "--target", "http://127.0.0.1:1"],
        &["replay"],
        &["mode", "off"],
        &["override", "A"],
        &["override", "A", "--price", "1"],
        &["override", "A", "--price", "1", "--until", "2h", "--lift"],
        &["override", "A", "--price", "1.5", "--until", "2h"],
        &["override", "A", "--price", "1", "--until", "soon"],
        &["explain", "a b"],
        &["demo", "--skus", "0"],
    ] {
        let output = pricestream().args(arguments).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.len() > 20, "{arguments:?} says nothing");
    }
}
