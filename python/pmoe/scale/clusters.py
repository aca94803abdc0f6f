"""How one training of `pmoe scale` is started, asked and ended: a cluster on this machine, on Ray,
on Slurm, or the one of Compose, which runs already. Each is a Cluster; nothing here measures."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import typing

import pmoe.cluster
from pmoe import command
from pmoe.binaries import binary, checkout, environment
from pmoe.errors import CommandError, Error
from pmoe.scale.plan import Plan, Trial

GRACE_S = 120  # for the last checkpoint
NOW_S = 15     # for the rest, once told a second time
PR_SET_PDEATHSIG = 1


class Cluster(typing.Protocol):
    """One training."""

    own_run: bool
    """Whether it begins with the training: else it is one that goes on through all sizes."""

    def start(self) -> None:
        """Raises: Error."""

    def metrics(self) -> pathlib.Path:
        """metrics.csv as it is now."""

    def actors(self) -> int:
        """How many take part now; 0 while nobody answers."""

    def exit_code(self) -> int | None:
        """None while it runs."""

    def stop(self) -> None:
        """Ends it in order and waits for that."""

    def hurry(self) -> None:
        """Once stop() shall wait no more."""

    def failure(self) -> Error:
        """Why it ended."""


class Here:
    """`pmoe up` or `pmoe ray`: one process that is the whole cluster."""

    own_run = True

    def __init__(self, plan: Plan, trial: Trial, log: pathlib.Path) -> None:
        self.folder, self._log = plan.folder(trial), log
        words = [binary("pmoe"), plan.how, *plan.words(trial), "--out", str(self.folder)]
        if not any(word.startswith("--dashboard") for word in plan.training):
            words += ["--dashboard", "none"]
        self.words = words
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with open(self._log, "wb") as log:
            # A session of its own: a terminal's Ctrl-C is for the one who counts it.
            self._process = subprocess.Popen(
                self.words, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env=environment(), start_new_session=True, preexec_fn=_end_with_parent)

    def metrics(self) -> pathlib.Path:
        return self.folder / "metrics.csv"

    def actors(self) -> int:
        return _count_actors(pmoe.cluster.Cluster(self.folder))

    def exit_code(self) -> int | None:
        return self._process.poll() if self._process else 0

    def stop(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self.hurry()
        for grace_s, then in ((GRACE_S, signal.SIGINT), (NOW_S, signal.SIGKILL), (NOW_S, 0)):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace_s)
                return
            self._process.send_signal(then)

    def hurry(self) -> None:
        """To `pmoe up` the first one means an end in order, the second one now."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def failure(self) -> Error:
        text = self._log.read_text(encoding="utf-8", errors="replace")
        return command.failed(self.words, self.exit_code() or 1, text)


class Slurm:
    """deploy/slurm/submit.sh: a job for learner, replay and evaluator, an array of actors."""

    own_run = True

    def __init__(self, plan: Plan, trial: Trial, log: pathlib.Path) -> None:
        root = checkout()
        if root is None:
            raise Error("--with slurm uses deploy/slurm of a checkout, and this pmoe was installed "
                        "without: call ./pmoe scale in a clone that the nodes share")
        if shutil.which("sbatch") is None:
            raise Error("--with slurm needs sbatch, which is not in PATH: call it on a node that "
                        "may submit jobs")
        self.folder, self._log = plan.folder(trial), log
        # The array's number goes first; the learner takes the rest.
        self.words = [str(root / "deploy/slurm/submit.sh"), str(trial.actors), *plan.words(trial)]
        self._jobs: list[str] = []

    def start(self) -> None:
        variables = {**environment(), "PMOE_RUN": str(self.folder),
                     "PMOE_BIN": str(pathlib.Path(binary("pmoe")).parent)}
        done = _ask(self.words, variables)
        self._log.write_text(done.stdout + done.stderr, encoding="utf-8")
        found = re.search(r"^jobs (\d+) .* and (\d+) ", done.stdout, re.MULTILINE)
        if done.returncode != 0 or not found:
            raise command.failed(self.words, done.returncode or 1, done.stdout + done.stderr)
        self._jobs = [found[1], found[2]]

    def metrics(self) -> pathlib.Path:
        return self.folder / "metrics.csv"

    def actors(self) -> int:
        try:
            address = (self.folder / "slurm.address").read_text(encoding="utf-8").strip()
        except OSError:
            return 0
        return _count_actors(pmoe.cluster.Cluster(address, tls=self.folder / "certs/admin"))

    def exit_code(self) -> int | None:
        """0 once no job is left: what they reached is in the run's directory. Where squeue gets no
        answer they run: a controller that is busy has lost no job."""
        if not self._jobs:
            return 0
        asked = _ask(["squeue", "--noheader", "--format=%T", f"--jobs={','.join(self._jobs)}"])
        if asked.returncode != 0:
            return 0 if "Invalid job id" in asked.stderr else None
        return None if asked.stdout.strip() else 0

    def stop(self) -> None:
        """Raises: Error: jobs may still run; names them."""
        until = time.monotonic() + GRACE_S
        cancelled = False
        while self.exit_code() is None:
            if time.monotonic() >= until:
                jobs = " ".join(self._jobs)
                raise Error(f"Slurm's jobs {jobs} have not ended within {GRACE_S} s of scancel, or "
                            f"it does not answer; look with squeue, end them: scancel {jobs}")
            cancelled = cancelled or _ask(["scancel", *self._jobs]).returncode == 0
            time.sleep(1)

    def hurry(self) -> None:
        """Slurm itself kills what has not ended after its KillWait."""

    def failure(self) -> Error:
        logs = [self.folder / f"pmoe-{self._jobs[0]}.log"] if self._jobs else []
        text = "\n".join(log.read_text(encoding="utf-8", errors="replace")
                         for log in logs if log.exists())
        return command.failed(self.words, 1, text)


class Compose:
    """The project that runs, of deploy/docker-compose.yml or of COMPOSE_FILE. Its actors are
    scaled; learner and replay go on."""

    own_run = False

    def __init__(self, plan: Plan, trial: Trial, log: pathlib.Path) -> None:
        self._compose, self._log = compose_words(), log
        self._number = trial.actors
        self._copy = plan.out / "metrics.csv"
        self._directory = ""

    def start(self) -> None:
        self._ask("up", "-d", "--no-deps", "--no-recreate", "--scale", f"actor={self._number}",
                  "actor")

    def metrics(self) -> pathlib.Path:
        learner = self._ask("ps", "-q", "learner").strip()
        if learner and self._directory:
            _ask(["docker", "cp", f"{learner}:{self._directory}/metrics.csv", str(self._copy)])
        return self._copy

    def actors(self) -> int:
        text = self._ask("run", "--rm", "-T", "pmoe", "status", "--learner", "learner:7000",
                         "--json", wrong=False)
        status = json.loads(text) if text else {}
        self._directory = status.get("directory", "")
        return _connected_actors(status)

    def exit_code(self) -> int | None:
        # docker-compose 1 lists containers that have stopped, too; one that is started again runs.
        learner = self._ask("ps", "-q", "learner").split()
        if not learner:
            return 1
        state = _ask(["docker", "inspect", "-f", "{{.State.Running}} {{.State.ExitCode}}",
                      learner[0]])
        if state.returncode != 0:
            return 1
        running, code = state.stdout.split()
        return None if running == "true" else int(code)

    def stop(self) -> None:
        """It is not ours to end."""

    def hurry(self) -> None:
        """Likewise."""

    def failure(self) -> Error:
        return Error(f"the project has no learner that runs: {' '.join(self._compose)} up -d, or "
                     f"its run has ended: {' '.join(self._compose)} logs learner")

    def _ask(self, *words: str, wrong: bool = True) -> str:
        done = _ask([*self._compose, *words])
        if done.returncode != 0 and wrong:
            raise command.failed([*self._compose, *words], done.returncode, done.stderr)
        return done.stdout if done.returncode == 0 else ""


def compose_words() -> list[str]:
    """docker-compose, or docker's own, with the file."""
    if shutil.which("docker-compose"):
        words = ["docker-compose"]
    elif shutil.which("docker"):
        words = ["docker", "compose"]
    else:
        raise Error("--with compose needs docker-compose or docker in PATH")
    if os.environ.get("COMPOSE_FILE"):
        return words
    root = checkout()
    if root is None:
        raise Error("--with compose needs a checkout, or COMPOSE_FILE=/path/to/docker-compose.yml")
    return [*words, "-f", str(root / "deploy/docker-compose.yml")]


WAYS: dict[str, typing.Callable[[Plan, Trial, pathlib.Path], Cluster]] = {
    "up": Here, "ray": Here, "slurm": Slurm, "compose": Compose}


def _count_actors(cluster: pmoe.cluster.Cluster) -> int:
    try:
        return _connected_actors(cluster.status())
    except (CommandError, Error):  # nobody answers yet
        return 0


def _connected_actors(status: dict[str, typing.Any]) -> int:
    return sum(member["role"] == "RUN_ROLE_ACTOR" and member["connected"]
               for member in status.get("members", []))


def _ask(words: list[str], variables: dict[str, str] | None = None
         ) -> subprocess.CompletedProcess[str]:
    """The command, ended. A terminal's Ctrl-C does not reach it: whoever counts it ends things."""
    return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", env=variables, check=False, start_new_session=True)


def _end_with_parent() -> None:
    """A cluster does not outlive whoever is killed while it measures it."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
