"""Emulator and Valkey in containers, for those who have Docker and like that better."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from processes import Problem

ENDPOINT = "http://127.0.0.1:4566"
CACHE = "redis://127.0.0.1:6379"
# Functions run in the emulator's container, or beside it in the same network.
CACHE_OF_FUNCTIONS = "redis://valkey:6379"
SERVICES = {"docker": "ministack", "localstack": "localstack"}


def compose(folder: Path, *arguments: str) -> int:
    command = ["docker", "compose", "--file", str(folder / "compose.yaml"), "--profile", "*", *arguments]
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False).returncode


def check(folder: Path, emulator: str) -> None:
    """Whether there is what it takes."""
    if shutil.which("docker") is None:
        raise Problem(f"PRICESTREAM_EMULATOR is {emulator}, and there is no docker here: install it, or leave the variable away")
    if compose(folder, "version"):
        raise Problem("docker has no compose, or its engine does not answer: see above")
    if emulator == "localstack" and not os.environ.get("LOCALSTACK_AUTH_TOKEN"):
        raise Problem("LocalStack wants a token: set LOCALSTACK_AUTH_TOKEN, or PRICESTREAM_EMULATOR=docker, which wants none")


def up(folder: Path, emulator: str, say) -> None:
    say(f"starts {SERVICES[emulator]} and Valkey in containers")
    if compose(folder, "up", "--detach", "--wait", SERVICES[emulator], "valkey"):
        raise Problem("docker compose did not start them: see above; is the engine running, are ports 4566 and 6379 free?")


def down(folder: Path) -> None:
    if compose(folder, "down", "--volumes", "--remove-orphans"):
        raise Problem("docker compose did not end the containers: see above")
