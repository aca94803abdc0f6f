"""Real programs, real short trainings: what the tests of the package share."""

import csv
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))

import pmoe  # noqa: E402
from pmoe.binaries import binary  # noqa: E402

CLUSTER_STARTS_S = 60
ALGORITHMS = ("sac", "pmoe_sac", "gating_sac", "mcp_sac", "pmoe_gumbel_sac", "pmoe_reinforce_sac",
              "mrp_sac", "ppo", "pmoe_ppo", "gating_ppo", "mcp_ppo", "pmoe_gumbel_ppo",
              "pmoe_reinforce_ppo", "dac")
ON_POLICY = {"schedule.steps_per_round": 128, "learner.epochs": 2, "learner.batch_size": 64}
OFF_POLICY = {"schedule.steps_per_round": 64, "schedule.start_steps": 64,
              "schedule.update_after": 64, "learner.batch_size": 32}


def short_settings(algorithm):
    """Settings of a training of some hundred steps that holds updates and an evaluation."""
    own = ON_POLICY if algorithm == "dac" or algorithm.endswith("ppo") else OFF_POLICY
    if algorithm.startswith("mcp"):  # its networks are large
        own = {**own, "policy.hidden": [64, 32], "policy.primitive_hidden": [32],
               "policy.router_hidden": [64, 32]}
    return {"observe.video": False, "observe.eval_episodes": 2, "observe.log_every_steps": 64,
            "observe.eval_every_steps": 128, "learner.threads": 1, **own}


class ShortRuns:
    """A run of each algorithm, trained when it is first asked for."""

    def __init__(self, folder):
        self.folder = folder
        self._runs = {}

    def of(self, algorithm, env="Hopper-v5"):
        key = (algorithm, env)
        if key not in self._runs:
            self._runs[key] = pmoe.train(
                env, algo=algorithm, steps=256, seed=3, progress=False,
                out=self.folder / f"{env}-{algorithm}", set=short_settings(algorithm))
        return self._runs[key]


@pytest.fixture(scope="session")
def short_runs(tmp_path_factory):
    return ShortRuns(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def damaged(short_runs, tmp_path):
    """A copy of a run to break: copy(name) is its folder."""
    def copy(name="run"):
        import shutil
        return pathlib.Path(shutil.copytree(short_runs.of("pmoe_sac").path, tmp_path / name))
    return copy


class UpCluster:
    """`pmoe up` until the test's end."""

    def __init__(self, folder, *words):
        self.directory = folder / "run"
        self.said = open(folder / "up.log", "w+")
        settings = {**short_settings("sac"), "schedule.mode": "async", "replay.capacity": 5000}
        sets = [word for path, value in settings.items()
                for word in ("--set", f"{path}={str(value).lower()}")]
        self.process = subprocess.Popen(
            [binary("pmoe"), "up", "--env", "InvertedPendulum-v5", "--algo", "sac", "--steps",
             "1e9", "--out", str(self.directory), "--dashboard", "none", *sets, *words],
            stdin=subprocess.DEVNULL, stdout=self.said, stderr=subprocess.STDOUT)

    def wait_for(self, ready, what):
        """Until ready(), asked again and again; fails with what the cluster said."""
        deadline = time.monotonic() + CLUSTER_STARTS_S
        while time.monotonic() < deadline and self.process.poll() is None:
            if ready():
                return
            try:
                self.process.wait(0.1)
            except subprocess.TimeoutExpired:
                pass
        self.said.seek(0)
        pytest.fail(f"{what} did not come: {self.said.read()}")

    def started(self):
        """The cluster once a replay shard holds rows."""
        cluster = pmoe.Cluster(self.directory)
        address = self.directory / "learner.address"

        def has_rows():
            if not address.exists() or not cluster.answers():
                return False
            return any(int(member["table"]["size"]) > 64 for member in cluster.status()["members"]
                       if member.get("table"))
        self.wait_for(has_rows, "a shard with rows")
        return cluster

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.said.close()


def make_cluster(tmp_path_factory, *words):
    up = UpCluster(tmp_path_factory.mktemp("up"), *words)
    try:
        yield up, up.started()
    finally:
        up.stop()


@pytest.fixture(scope="module")
def unix_cluster(tmp_path_factory):
    yield from make_cluster(tmp_path_factory)


@pytest.fixture(scope="module")
def tls_cluster(tmp_path_factory):
    yield from make_cluster(tmp_path_factory, "--tcp")


def read_trace(file):
    """{column or group of columns: array} of `pmoe eval --trace`."""
    with open(file, newline="") as opened:
        rows = list(csv.DictReader(opened))

    def group(prefix):
        names = [name for name in rows[0] if name.startswith(prefix)]
        return np.array([[float(row[name]) for name in names] for row in rows])

    return {"obs": group("obs_").astype(np.float32), "w": group("w_"), "mean": group("mean_"),
            "action": group("action_"), "episode": group("episode")[:, 0].astype(int),
            "step": group("step")[:, 0].astype(int),
            "primitive": group("primitive")[:, 0].astype(int)}


def environment(**changes):
    return {**os.environ, "PYTHONPATH": str(ROOT / "python"), **changes}
