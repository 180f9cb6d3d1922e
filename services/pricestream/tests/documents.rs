//! README.md, ARCHITECTURE.md and docs/ say what is there: paths, crates, tests, the dependency rule, documents.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every page, by its path from the root.
fn pages() -> Vec<(String, String)> {
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| format!("docs/{}", entry.unwrap().file_name().display()));
    let all = ["README.md", "ARCHITECTURE.md"].map(str::to_owned).into_iter().chain(docs);
    all.filter(|page| Path::new(page).extension().is_some_and(|ending| ending == "md"))
        .map(|page| (page.clone(), read(&root().join(page))))
        .collect()
}

/// What stands in backticks outside of code blocks.
fn in_backticks(page: &str) -> Vec<&str> {
    let mut in_block = false;
    let mut found = Vec::new();
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            found.extend(line.split('`').skip(1).step_by(2));
        }
    }
    found
}

/// Whether it names a file or directory of this repository: not a route, a command, a pattern or somebody's own store.
fn is_path(text: &str) -> bool {
    const ENDINGS: [&str; 7] = ["rs", "json", "ndjson", "md", "toml", "sql", "txt"];
    let plain = text.chars().all(|letter| letter.is_ascii_alphanumeric() || "./_-".contains(letter));
    let ending = Path::new(text).extension().and_then(|ending| ending.to_str());
    let named = text.contains('/') || ending.is_some_and(|ending| ENDINGS.contains(&ending));
    plain && named && !text.starts_with('/') && !text.starts_with("target/")
}

#[test]
fn every_path_that_is_named_exists() {
    let mut count = 0;
    for (page, text) in pages() {
        for path in in_backticks(&text).into_iter().filter(|text| is_path(text)) {
            assert!(root().join(path).exists(), "{page} names {path}, which is not there");
            count += 1;
        }
        let folder = root().join(&page).parent().unwrap().to_owned();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split('#').next().unwrap_or_default();
            assert!(target.starts_with("https://") || folder.join(target).exists(), "{page} links {target}, which is not there");
        }
    }
    assert!(count > 40, "{count} paths found: are they still in backticks?");
}

/// A test's name: a sentence in snake case.
fn is_test_name(text: &str) -> bool {
    text.matches('_').count() >= 4
        && text.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
}

fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            sources(&entry, text);
        } else if entry.extension().is_some_and(|ending| ending == "rs") {
            *text += &read(&entry);
        }
    }
}

#[test]
fn every_test_that_is_named_exists() {
    let mut code = String::new();
    for folder in ["libs", "services", "simulation", "e2e"] {
        sources(&root().join(folder), &mut code);
    }
    let architecture = read(&root().join("ARCHITECTURE.md"));
    let named: BTreeSet<&str> = in_backticks(&architecture).into_iter().filter(|text| is_test_name(text)).collect();
    assert!(named.len() > 20, "{named:?}");
    for name in named {
        assert!(code.contains(&format!("fn {name}(")), "ARCHITECTURE.md names the test {name}, which is not there");
    }
}

/// What a crate depends on within the workspace, by their directories; dependencies of tests do not count.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let arguments = ["metadata", "--no-deps", "--offline", "--format-version", "1"];
    let output = Command::new(cargo).args(arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let of_workspace = |path: &str| Path::new(path).strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
    let folder = |package: &Value| of_workspace(text(&package["manifest_path"]).strip_suffix("/Cargo.toml").unwrap());
    let packages = metadata["packages"].as_array().unwrap();
    let needed = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        let shipped = all.filter(|dependency| dependency["kind"] != "dev");
        shipped.filter_map(|dependency| dependency["path"].as_str()).map(of_workspace).collect()
    };
    packages.iter().map(|package| (folder(package), needed(package))).collect()
}

#[test]
fn every_crate_has_its_line_on_the_map() {
    let architecture = read(&root().join("ARCHITECTURE.md"));
    for path in dependencies().keys() {
        assert!(architecture.contains(&format!("| `{path}` |")), "ARCHITECTURE.md has no line for {path}");
    }
}

/// What a crate of the libraries may depend on. A new one takes its place here.
const LIBRARIES: [(&str, &[&str]); 11] = [
    ("libs/domain", &[]),
    ("libs/documents", &[]),
    ("libs/event-schema", &["libs/domain"]),
    ("libs/repricing-engine", &["libs/documents", "libs/domain"]),
    ("libs/promotion-engine", &["libs/documents", "libs/domain"]),
    ("libs/pricing-lab", &["libs/documents", "libs/domain", "libs/repricing-engine"]),
    ("libs/telemetry", &["libs/domain", "libs/event-schema"]),
    ("libs/ports", &["libs/documents", "libs/domain", "libs/event-schema", "libs/promotion-engine", "libs/repricing-engine"]),
    (
        "libs/aws",
        &[
            "libs/documents",
            "libs/domain",
            "libs/event-schema",
            "libs/ports",
            "libs/promotion-engine",
            "libs/repricing-engine",
            "libs/telemetry",
        ],
    ),
    ("libs/http", &["libs/domain", "libs/event-schema", "libs/ports", "libs/telemetry"]),
    (
        "libs/embedded",
        &["libs/documents", "libs/domain", "libs/event-schema", "libs/promotion-engine", "libs/repricing-engine", "libs/ports"],
    ),
];

#[test]
fn dependencies_point_one_way() {
    for (path, needed) in dependencies() {
        let may_need = |other: &str| {
            if path.starts_with("libs/") {
                let (_, allowed) = LIBRARIES.iter().find(|(library, _)| *library == path).unwrap_or_else(|| {
                    panic!("{path} is new: give it its place in LIBRARIES and in ARCHITECTURE.md");
                });
                return allowed.contains(&other);
            }
            match path.as_str() {
                "services/pricestream" => other.starts_with("libs/") || other.starts_with("services/"),
                // They run the handlers on the ports in memory, and count what they cost.
                "simulation" | "hot-paths" => other != "libs/embedded" && other != "services/pricestream",
                // Its function takes refused input up again.
                "services/price-api" if other == "services/inventory-publisher" => true,
                _ => other.starts_with("libs/") && other != "libs/embedded",
            }
        };
        for other in &needed {
            assert!(may_need(other), "{path} depends on {other}: see the dependency rule in ARCHITECTURE.md");
        }
    }
}

#[test]
fn every_strategies_document_of_the_pages_is_one() {
    const MARK: &str = "<!-- test: strategies -->\n```json\n";
    let mut count = 0;
    for (page, text) in pages() {
        for block in text.split(MARK).skip(1) {
            let document = block.split("```").next().unwrap_or_default();
            let problems = pricestream_repricing_engine::Strategies::from_json(document).err().unwrap_or_default();
            assert!(problems.is_empty(), "{page}: {problems:?}");
            count += 1;
        }
    }
    assert!(count > 0, "no page shows a strategies document");
}

#[test]
fn every_rule_set_of_the_pages_is_one_and_every_kind_has_its_row() {
    const MARK: &str = "<!-- test: promotions -->\n```json\n";
    let blocks =
        |text: &str| text.split(MARK).skip(1).map(|block| block.split("```").next().unwrap().to_owned()).collect::<Vec<_>>();
    let documents: Vec<(String, String)> = pages()
        .into_iter()
        .flat_map(|(page, text)| blocks(&text).into_iter().map(move |document| (page.clone(), document)))
        .collect();
    assert!(!documents.is_empty(), "no page shows a rule set");
    for (page, document) in documents {
        let problems = pricestream_promotion_engine::RuleSet::from_json(&document).err().unwrap_or_default();
        assert!(problems.is_empty(), "{page}: {problems:?}");
    }
    let kinds = read(&root().join("docs/promotions.md"));
    for name in pricestream_promotion_engine::Effect::NAMES {
        assert!(kinds.contains(&format!("| `{name}` |")), "docs/promotions.md has no row for {name}");
    }
    let number = format!("{} kinds of promotions", pricestream_promotion_engine::Effect::NAMES.len());
    assert!(read(&root().join("README.md")).contains(&number), "README.md does not say that there are {number}");
    for name in pricestream_promotion_engine::Code::NAMES {
        assert!(kinds.contains(&format!("| `{name}` |")), "docs/promotions.md has no row for {name}");
    }
}

#[test]
fn the_example_shop_is_priced_whole() {
    let examples = root().join("examples");
    let strategies = pricestream_repricing_engine::Strategies::from_json(&read(&examples.join("strategies.json")));
    let strategies = strategies.expect("the example strategies are without problems");
    for line in read(&examples.join("catalogue.ndjson")).lines() {
        let product: pricestream_domain::Product = serde_json::from_str(line).expect(line);
        assert_eq!(product.problems(), Vec::new(), "{line}");
        assert!(product.low_stock.is_some() && strategies.policy_for(&product).is_ok(), "{line}");
    }
}
