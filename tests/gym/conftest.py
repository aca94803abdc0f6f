"""Real programs on Gymnasium environments of real packages: what the tests of this folder share."""
import csv
import functools
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARIES = pathlib.Path(os.environ.get("PMOE_BIN_DIR") or ROOT / "build" / "release" / "bin")
# The interpreter whose packages are tested: that of pytest, unless another is named.
PYTHON = os.environ.get("PMOE_GYM_PYTHON") or sys.executable
SETTINGS = {"observe.video": "false", "observe.eval_episodes": 2, "observe.log_every_steps": 100,
            "observe.eval_every_steps": 0, "learner.threads": 1, "learner.batch_size": 32,
            "learner.critic_hidden": "16,16", "policy.hidden": "16,16",
            "schedule.start_steps": 100, "schedule.update_after": 100}
SMALL = ("--algo", "sac", "--dashboard", "none",
         *(word for path, value in SETTINGS.items() for word in ("--set", f"{path}={value}")))


@functools.cache
def has(package):
    return subprocess.run([PYTHON, "-c", f"import importlib.util as u, sys; "
                           f"sys.exit(u.find_spec('{package}') is None)"]).returncode == 0


def needs(package):
    return pytest.mark.skipif(
        not has(package), reason=f"{PYTHON} has no {package}; ./pmoe test installs it")


def environment():
    folder = str(ROOT / "tests" / "actor" / "env" / "gym")
    return {**os.environ, "PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1",
            "PMOE_BIN_DIR": str(BINARIES)}


def start(*words, cwd):
    return subprocess.Popen([BINARIES / "pmoe", *map(str, words)], cwd=cwd, env=environment(),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)


def pmoe(*words, cwd, code=0):
    """What the command says, once it has ended with `code`."""
    process = start(*words, cwd=cwd)
    said = process.communicate(timeout=300)[0]
    assert process.returncode == code, said
    return said


def train(env, *words, cwd, out="run", code=0):
    return pmoe("train", "--env", env, "--python", PYTHON, "--out", out, *SMALL, *words, cwd=cwd,
                code=code)


def metrics(run):
    """{column: its numbers}, empty cells left out."""
    with open(run / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows if row[name]] for name in rows[0]}


def weights(run):
    return (run / "snapshots" / "latest.pmoe").read_bytes()
