"""Processes that outlive the command that starts them: started in a group of their own, known again by more than a number."""

import os
import random
import signal
import socket
import subprocess
import time
from pathlib import Path

# Every process carries this variable, also those that MiniStack starts for functions: they inherit it.
MARK = "PRICESTREAM_CLOUD_MARK"


class Problem(Exception):
    """What went wrong and what to do about it: the whole message for the person at the terminal."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, below those that systems give to outgoing connections."""
    for _ in range(200):
        port = random.randrange(20_000, 30_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise Problem("no free port between 20000 and 30000 on 127.0.0.1: end what holds them, and try again")


def listens(port: int) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def born(pid: int) -> str | None:
    """When a process began, in the system's own words; None if there is none or only its remains."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return None if state in "ZX" else fields[18]
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
    except ProcessLookupError:
        return None
    told = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return told.strip() or None


def start(command: list[str], environment: dict[str, str], folder: Path, log: Path, mark: str) -> dict:
    """Starts a process in a group of its own, with this environment and no other, and says how to know it again."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            env={**environment, MARK: mark},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return {"pid": process.pid, "born": born(process.pid), "mark": mark, "log": str(log)}


def runs(process: dict) -> bool:
    """Whether this very process still runs, and not another that was given its number."""
    return process["born"] is not None and born(process["pid"]) == process["born"]


def left_of(process: dict) -> list[int]:
    """Who is left of a group: its leader, and those whom it started. Only where the system tells (Linux) of a dead leader's."""
    leader = process["pid"]
    if not Path("/proc/self/stat").exists():
        return [leader] if runs(process) else []
    pids = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, _, group, *_ = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            if int(group) != leader or state in "ZX":
                continue
            marked = f"{MARK}={process['mark']}".encode() in (entry / "environ").read_bytes().split(b"\0")
        except (OSError, ValueError):
            continue
        # A server that writes its state over its command line has no environment to be read any more.
        if marked or runs(process):
            pids.append(int(entry.name))
    return pids


def stop(process: dict, at_once: bool = False, patience: float = 10) -> bool:
    """Ends a process and those whom it started, asking first unless at once. False if it was gone already."""
    if not left_of(process):
        return False
    for what in (signal.SIGKILL,) if at_once else (signal.SIGTERM, signal.SIGKILL):
        for pid in left_of(process):
            try:
                os.kill(pid, what)
            except ProcessLookupError:
                pass
        until = time.monotonic() + patience
        while time.monotonic() < until:
            if not left_of(process):
                return True
            time.sleep(0.05)
    raise Problem(f"processes {left_of(process)} do not end: end them by hand, and run this again")


def wait_until(ready, process: dict, what: str, patience: float = 60) -> None:
    """Waits until `ready()` holds. If the process dies or time runs out, says so with the end of its log."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        # A child of this very command stays as remains until it is waited for.
        if not runs(process):
            break
        if ready():
            return
        time.sleep(0.1)
    tail = "".join(Path(process["log"]).read_text(errors="replace").splitlines(keepends=True)[-15:])
    how = "is not ready" if runs(process) else "ended"
    raise Problem(f"{what} {how}; the end of {process['log']}:\n{tail or '(empty)'}")
