#!/usr/bin/env python3
"""Prices the same carts with other engines and with this one, in one run, and prints the ratios.

    python3 libs/promotion-engine/benches/peers.py PEERS [--sizes 50,5000] [--work .local/peers] [--with-crate]

PEERS is a folder with `cart/` (workload.mjs writes the carts and the promotions; medusa.mjs, vendure.mjs, zen.mjs,
json-rules.mjs price them and print one line of JSON each) and `infra-rust/` (the zen-engine crate, with --with-crate: it takes
many minutes to build). Needs Node.js 20 with npm, and Rust. What is installed goes under --work, at pinned versions, and is
installed once. Every figure is carts per second of CPU time; an engine that cannot be installed or run is left out aloud.
"""
import argparse, json, os, shutil, subprocess, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
NPM = ["npm", "i", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
# Which engine, where its packages are installed, what prices the carts, and at least how many times faster this one is to be.
PEERS = [
    ("Medusa", "medusa", "medusa.mjs", ["--legacy-peer-deps", "@medusajs/promotion@2.21.2", "@medusajs/framework@2.21.2"], 100),
    ("Vendure", "vendure", "vendure.mjs", ["@vendure/core@3.7.3"], 100),
    ("zen-engine (npm)", "zen", "zen.mjs", ["@gorules/zen-engine@0.54.0"], 15),
    ("json-rules-engine", "json-rules", "json-rules.mjs", ["json-rules-engine@7.3.1"], 10),
]
CRATE = ("zen-engine (crate)", 5)

arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("peers", type=Path)
arguments.add_argument("--sizes", default="50")
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
    return {line["promos"]: line for line in told if "promos" in line}


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

say("building and running pricestream")
bench = ["cargo", "bench", "--quiet", "--package", "pricestream-promotion-engine", "--bench", "cart"]
ours = lines(bench, ROOT, 3600, env={**os.environ, "CART_DATA": str(cart / "data")})

rows, missed = [], False
measured = []
for name, folder, script, packages, least in PEERS:
    try:
        place = install(folder, packages)
        say(f"running {name}")
        measured.append((name, least, lines(["node", script, ",".join(map(str, sizes))], place, 1800)))
    except (subprocess.SubprocessError, OSError) as error:
        say(f"SKIPPED: {name}: {error}")
if options.with_crate:
    try:
        source, built = work / "infra-rust", work / "infra-rust" / "target" / "release" / "cart-zen"
        if not built.is_file():
            say("building the zen-engine crate")
            shutil.copytree(options.peers / "infra-rust", source, dirs_exist_ok=True)
            run(["cargo", "build", "--quiet", "--release", "--features", "zen", "--bin", "cart-zen"], source, 3600)
        say(f"running {CRATE[0]}")
        measured.append((*CRATE, lines([built, cart / "data", ",".join(map(str, sizes))], source, 1800)))
    except (subprocess.SubprocessError, OSError) as error:
        say(f"SKIPPED: {CRATE[0]}: {error}")

for size in sizes:
    rate = ours[size]["carts_per_cpu_s"]
    rows.append([str(size), "pricestream", f"{rate:,.0f}", "", "", f"{ours[size]['mean_discount']:,.0f}"])
    for name, least, told in measured:
        if size not in told:
            continue
        theirs = told[size]["carts_per_cpu_s"]
        ratio = rate / theirs
        goal = f">= {least} x" if size == 50 else ""
        verdict = "" if size != 50 else ("met" if ratio >= least else "MISSED")
        missed |= verdict == "MISSED"
        rows.append([str(size), name, f"{theirs:,.1f}", f"{ratio:,.1f} x", f"{goal} {verdict}".strip(), f"{told[size]['mean_discount']:,.0f}"])
titles = ["promotions", "engine", "carts per CPU second", "ours is", "goal", "mean discount"]
widths = [max(len(row[at]) for row in [titles, *rows]) for at in range(len(titles))]
for row in [titles, *rows]:
    print("  ".join(cell.rjust(width) if at in (0, 2, 3, 5) else cell.ljust(width) for at, (cell, width) in enumerate(zip(row, widths))).rstrip())
sys.exit(1 if missed else 0)
