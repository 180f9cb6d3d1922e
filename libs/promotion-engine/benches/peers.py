#!/usr/bin/env python3
"""Prices the same carts with other engines and with this one, in one run, and prints a line of the benchmarks' table for each.

    python3 libs/promotion-engine/benches/peers.py PEERS [--sizes 50,5000] [--rounds 5] [--work .local/peers] [--with-crate]

PEERS is a folder with `cart/` (workload.mjs writes the carts and the promotions; medusa.mjs, vendure.mjs, zen.mjs,
json-rules.mjs price them and print one line of JSON each) and `infra-rust/` (cart_floor, the least that pricing these carts can
cost, and the zen-engine crate, with --with-crate: it takes many minutes to build). Needs Node.js 20 with npm, and Rust. What is
installed goes under --work, from npm at pinned versions, and is installed once. Every figure is carts per second of CPU time, a
clock read before and after each cart included, the median of the rounds, in each of which all take their turn; an engine that
cannot be installed or run is left out aloud. Mean discounts tell whether engines did the same work. The floor is asked at all of
its sizes.
"""
import argparse, json, os, shutil, statistics, subprocess, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
NPM = ["npm", "i", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
# Which engine, where its packages are installed, what prices the carts, and at least how many times faster this one is to be, by the
# number of promotions.
PEERS = [
    ("Medusa", "medusa", "medusa.mjs", ["--legacy-peer-deps", "@medusajs/promotion@2.21.2", "@medusajs/framework@2.21.2"], {50: 100, 5000: 2000}),
    ("Vendure", "vendure", "vendure.mjs", ["@vendure/core@3.7.3"], {50: 100}),
    ("zen-engine (npm)", "zen", "zen.mjs", ["@gorules/zen-engine@0.54.0"], {50: 15, 5000: 300}),
    ("json-rules-engine", "json-rules", "json-rules.mjs", ["json-rules-engine@7.3.1"], {50: 10}),
]
CRATE = ("zen-engine (crate)", {50: 5, 5000: 100})
# Plain integers, promotions found through hash indexes, discounts shared to lines: no exclusions, no reasons.
FLOOR = ("the peers' plain indexed floor", {10: 0.25, 50: 0.25, 500: 0.25, 5000: 0.25})
# These take so long for one cart at this size that they are not asked.
TOO_SLOW = {("Vendure", 5000)}

arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("peers", type=Path)
arguments.add_argument("--sizes", default="50,5000")
arguments.add_argument("--rounds", type=int, default=5)
arguments.add_argument("--work", type=Path, default=ROOT / ".local" / "peers")
arguments.add_argument("--with-crate", action="store_true")
options = arguments.parse_args()
work = options.work.resolve()
sizes = [int(size) for size in options.sizes.split(",")]


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(command, where, seconds=1800, **more):
    return subprocess.run(command, cwd=where, check=True, timeout=seconds, stdin=subprocess.DEVNULL, **more)


def lines(command, where, seconds, **more):
    """What a harness says of itself: one line of JSON for each number of promotions."""
    output = run(command, where, seconds, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, **more).stdout
    told = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    # The floor tells of other ways to do it too.
    others = ("rust-floor-scan", "rust-floor-index+json")
    return {line["promos"]: line for line in told if "promos" in line and line["name"] not in others}


def install(folder, packages):
    place = work / folder
    if not (place / "node_modules").is_dir():
        say(f"installing {' '.join(packages)}")
        place.mkdir(parents=True, exist_ok=True)
        manifest = {"private": True, "overrides": {"@graphql-tools/batch-execute": "10.2.0"}}
        (place / "package.json").write_text(json.dumps(manifest))
        run(NPM + packages, place, stdout=subprocess.DEVNULL)
    for file in (options.peers / "cart").glob("*.mjs"):
        shutil.copy(file, place)
    link = place / "data"
    if not link.exists():
        link.symlink_to(work / "cart" / "data", target_is_directory=True)
    return place


if not (options.peers / "cart" / "workload.mjs").is_file():
    sys.exit(f"{options.peers} has no cart/workload.mjs: name the folder of the peers")
cart = work / "cart"
cart.mkdir(parents=True, exist_ok=True)
for file in (options.peers / "cart").glob("*.mjs"):
    shutil.copy(file, cart)
if not (cart / "data" / "carts.json").is_file():
    run(["node", "workload.mjs"], cart)
run(["node", "zen-decision.mjs"], cart, stdout=subprocess.DEVNULL)

bench = ["cargo", "bench", "--quiet", "--package", "pricestream-promotion-engine", "--bench", "cart"]
engines = [("pricestream", {}, bench, ROOT, {"CART_DATA": str(cart / "data")})]
for name, folder, script, packages, least in PEERS:
    try:
        place = install(folder, packages)
        asked = [size for size in sizes if (name, size) not in TOO_SLOW]
        engines.append((name, least, ["node", script, ",".join(map(str, asked))], place, {}))
    except (subprocess.SubprocessError, OSError) as error:
        say(f"SKIPPED: {name}: {error}")
programs = [(FLOOR, "cart_floor", [], [])]
if options.with_crate:
    programs.append((CRATE, "cart-zen", ["--features", "zen"], [",".join(map(str, sizes))]))
for engine, program, features, asked in programs:
    try:
        source, built = work / "infra-rust", work / "infra-rust" / "target" / "release" / program
        if not built.is_file():
            say(f"building {program}")
            shutil.copytree(options.peers / "infra-rust", source, dirs_exist_ok=True)
            run(["cargo", "build", "--quiet", "--release", *features, "--bin", program, "--target-dir", source / "target"], source, 3600)
        engines.append((*engine, [built, cart / "data", *asked], source, {}))
    except (subprocess.SubprocessError, OSError) as error:
        say(f"SKIPPED: {engine[0]}: {error}")

# Of each engine and number of promotions: the rate of each round, and the discount.
rates, discounts = {}, {}
for turn in range(options.rounds):
    for name, _, command, place, more in engines:
        say(f"round {turn + 1} of {options.rounds}: {name}")
        try:
            for size, line in lines(command, place, 3600, env={**os.environ, **more}).items():
                rates.setdefault((name, size), []).append(line["carts_per_cpu_s"])
                discounts[name, size] = line["mean_discount"]
        except (subprocess.SubprocessError, OSError) as error:
            say(f"SKIPPED: {name}: {error}")

for size in sorted({*sizes, *FLOOR[1]}):
    if ("pricestream", size) not in rates:
        say(f"SKIPPED: {size} promotions: the benchmark of pricestream gives no such row")
        continue
    rate = statistics.median(rates["pricestream", size])
    for name, least, *_ in engines[1:]:
        if (name, size) not in rates:
            continue
        theirs = statistics.median(rates[name, size])
        ratio, goal = rate / theirs, least.get(size)
        verdict = "" if goal is None else ("met" if ratio >= goal else "MISSED")
        at_least = f": at least {goal:,} x" if goal else ", for comparison"
        measured = f"{rate:,.0f} against {theirs:,.1f} carts per CPU second"
        rounds = f"{len(rates[name, size])} rounds"
        told = f"{rounds}, mean discounts {discounts['pricestream', size]:,.0f} and {discounts[name, size]:,.0f}"
        digits = 1 if ratio >= 1 else 2
        print(f"BENCH\tcart, {size:,} promotions, beside {name}{at_least}\t{measured}; {told}\t{ratio:,.{digits}f}\t{verdict}", flush=True)
