"""How much processor time each function takes from its start until it asks for its first event, beside one that does nothing."""

import http.server
import json
import os
import statistics
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

import tools
from processes import Problem

RUNS = 9
# A start that takes longer has failed.
PATIENCE = 20
# Times what the bare function takes: the goal.
GOAL = 3.0


class Waiting(http.server.BaseHTTPRequestHandler):
    """Lambda's own interface towards a function, up to the first question for an event. That is never answered."""

    def do_GET(self):  # noqa: N802
        self.server.asked.set()
        self.server.ended.wait(PATIENCE)
        self.close_connection = True

    def log_message(self, *_):
        pass


def processor_time(pid: int) -> float:
    """In milliseconds, of all threads of a process."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e6


def start_once(program: Path, environment: dict[str, str]) -> tuple[float, float]:
    """Milliseconds of processor time, and of the clock, until the first question for an event."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Waiting)
    server.daemon_threads = True
    server.asked, server.ended = threading.Event(), threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    own = {**environment, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_address[1]}"}
    began = time.perf_counter()
    process = subprocess.Popen([program], env=own, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        if not server.asked.wait(PATIENCE if process.poll() is None else 0):
            process.kill()
            raise Problem(f"{program.parent.name} asked for no event: {process.stderr.read().decode(errors='replace').strip()[-500:]}")
        return processor_time(process.pid), (time.perf_counter() - began) * 1e3
    finally:
        server.ended.set()
        process.kill()
        process.wait()
        process.stderr.close()
        server.shutdown()
        server.server_close()


def variables(endpoint: str, function: str) -> dict[str, str]:
    """What the function has in the cloud that is up."""
    with urllib.request.urlopen(f"{endpoint}/2015-03-31/functions/{function}/configuration", timeout=10) as reply:
        return json.load(reply).get("Environment", {}).get("Variables", {})


def measure(lambdas: Path, bare: Path, stage: str, endpoint: str, folder: Path) -> list[dict]:
    """One row for each function. All are started in turn, so that a machine that changes its speed does so for all alike."""
    lambda_own = {
        "PATH": os.defpath,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_LAMBDA_FUNCTION_NAME": "measured",
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_LOG_GROUP_NAME": "measured",
        "AWS_LAMBDA_LOG_STREAM_NAME": "measured",
    }
    programs = {"bare": (bare, lambda_own)}
    for name in tools.FUNCTIONS:
        program = tools.unpack(lambdas / name / "bootstrap.zip", folder / name)
        programs[name] = (program, {**lambda_own, **variables(endpoint, f"pricestream-{stage}-{name}")})
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    for run in range(RUNS + 1):
        for name, (program, environment) in programs.items():
            measured = start_once(program, environment)
            if run:  # the first is for the machine to read the files
                taken[name].append(measured)
    median = {name: [statistics.median(column) for column in zip(*runs, strict=True)] for name, runs in taken.items()}
    return [
        {"function": name, "cpu_ms": round(cpu, 2), "clock_ms": round(clock, 2), "ratio": round(cpu / median["bare"][0], 2)}
        for name, (cpu, clock) in median.items()
    ]
