#!/usr/bin/env python3
"""`pmoe ray` on a Ray cluster of three nodes, which are this machine: a training to its end; what
is killed, or loses its node, comes back; what cannot run is told. deploy/check.sh has the Python.

    PMOE_BIN_DIR=build/release/bin build/ray/bin/python tests/deploy/ray_test.py
"""
import csv
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("PMOE_BIN_DIR") or ROOT / "build/release/bin").resolve()
NODES = ("127.0.0.2", "127.0.0.3")  # beside the head, which has the run's directory
LIMIT_S = 240  # of what takes some seconds where nothing else runs
SMALL = ("--env", "InvertedPendulum-v5", "--algo", "sac", "--dashboard", "none",
         "--learner-cpus", "1", "--actor-cpus", "0.5")
SETTINGS = {"policy.hidden": "32,32", "learner.critic_hidden": "32,32", "learner.batch_size": 32,
            "schedule.start_steps": 500, "schedule.update_after": 500, "replay.capacity": 20000,
            "checkpoint.every_steps": 1000, "observe.log_every_steps": 500,
            "observe.eval_episodes": 1, "observe.video": "false"}
SETS = tuple(word for path, value in SETTINGS.items() for word in ("--set", f"{path}={value}"))


class PmoeRay:
    """`pmoe ray` and what it says, until the test's end; or another command on that cluster."""

    def __init__(self, address, *words, variables=None, command=("ray",)):
        self.lines, self._more = [], threading.Condition()
        environment = {**os.environ, "PMOE_PYTHON": sys.executable, **(variables or {})}
        self.process = subprocess.Popen(
            [BIN / "pmoe", *command, "--address", address, *words], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, env=environment)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self._more:
                self.lines.append(line.rstrip())
                self._more.notify_all()

    def text(self):
        return "\n".join(self.lines)

    def says(self, pattern, limit_s=LIMIT_S):
        """The first match, once it is said; the line counts from where the last one ended."""
        begin = getattr(self, "_begin", 0)
        def found():
            for number, line in enumerate(self.lines[begin:], begin):
                match = re.search(pattern, line)
                if match:
                    self._begin = number + 1
                    return match
            return None
        with self._more:
            self._more.wait_for(lambda: found() or self.process.poll() is not None, limit_s)
            match = found()
        if match is None:
            raise AssertionError(f"{pattern!r} was not said within {limit_s} s; said:\n"
                                 f"{self.text()}")
        return match

    def end(self, limit_s=LIMIT_S):
        """The exit code."""
        code = self.process.wait(limit_s)
        self._reader.join()
        self.process.stdout.close()
        return code

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.end()


def processes_of(directory):
    """(id, words) of pmoe's programs that work for a run there."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_text().split("\0")
        except OSError:
            continue
        program = os.path.basename(words[0])
        if program.startswith("pmoe-") and any(str(directory) in word for word in words):
            found.append((int(folder.name), words))
    return found


@unittest.skipUnless((BIN / "pmoe-learner").exists(), f"no programs in {BIN}: ./pmoe build")
class RayTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        import ray
        from ray.cluster_utils import Cluster
        cls.ray = ray
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="pmoe-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        os.environ["TMPDIR"] = str(cls.folder)
        os.environ["RAY_worker_niceness"] = "0"
        cls.cluster = Cluster(initialize_head=True, head_node_args={
            "num_cpus": 2, "include_dashboard": False, "object_store_memory": 100_000_000})
        cls.addClassCleanup(cls.cluster.shutdown)
        cls.nodes = {address: cls.cluster.add_node(
            wait=False, num_cpus=2, node_ip_address=address, object_store_memory=100_000_000)
            for address in NODES}
        cls.cluster.wait_for_nodes(LIMIT_S)
        ray.init(address=cls.cluster.address, namespace="pmoe", log_to_driver=False,
                 logging_level="ERROR")
        cls.addClassCleanup(ray.shutdown)

    def start(self, *words, **more):
        run = PmoeRay(self.cluster.address, *words, **more)
        self.addCleanup(run.close)
        return run

    def named(self, ending):
        """The Ray actor of that name, of the one run that there is."""
        names = [actor["name"] for actor in self.ray.util.list_named_actors(all_namespaces=True)]
        name, = [name for name in names if name.endswith(ending)]
        return self.ray.get_actor(name)

    def status(self, directory):
        done = subprocess.run([BIN / "pmoe", "status", "--run", directory, "--json"],
                              capture_output=True, text=True)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def kill_process(self, ending):
        pid = self.ray.get(self.named(ending).news.remote(0), timeout=LIMIT_S)["pid"]
        os.kill(pid, signal.SIGKILL)

    def assert_nothing_is_left(self, directory):
        deadline = time.monotonic() + 20
        while processes_of(directory) and time.monotonic() < deadline:
            threading.Event().wait(0.1)
        self.assertEqual(processes_of(directory), [])
        self.assertEqual(list(self.folder.glob("pmoe-ray-*")), [])
        self.assertFalse((directory / "up.security").exists())
        self.assertEqual(self.ray.util.list_named_actors(all_namespaces=True), [])

    def test_a_training_reaches_its_end_and_leaves_nothing(self):
        directory = self.folder / "whole"
        run = self.start(*SMALL, *SETS, "--actors", "2", "--steps", "3000", "--out", directory)
        run.says(r"learner: node (\S+), at \1:\d+")
        run.says(r"actor 0: node 127\.0\.0\.[23]")
        self.assertEqual(run.end(), 0, run.text())
        self.assertIn("finished; look at it with", run.text())
        log, = [text for text in self.logs() if "finished; look at it with" in text]
        self.assertRegex(log, r":actor_name:pmoe learner \S+:\d+ InvertedPendulum-v5 whole\n")
        self.assert_nothing_is_left(directory)

    def logs(self):
        """What Ray has of its actors; its dashboard shows these."""
        return [file.read_text(errors="replace") for file in
                pathlib.Path(self.cluster.head_node.get_logs_dir_path()).glob("worker-*.out")]

    def test_what_is_killed_comes_back_and_ctrl_c_ends_all_in_order(self):
        directory = self.folder / "killed"
        run = self.start(*SMALL, *SETS, "--actors", "2", "--steps", "1e9", "--out", directory)
        run.says("updates/s")
        self.ray.kill(self.named("actor-0"), no_restart=False)
        run.says(r"actor 0 is back, on node 127.* \(restart 1\)")
        self.kill_process("actor-1")
        run.says("WARNING: actor 1, on node .*, was killed by signal 9; starts again")
        run.says(r"actor 1 is back")
        self.kill_process("learner")
        run.says("WARNING: learner, on node .*, was killed by signal 9; starts again")
        run.says("learner is back")
        run.says("updates/s")
        self.assertEqual(self.status(directory)["learner_epoch"], "2")
        lost = run_node = self.ray.get(self.named("actor-0").news.remote(0))["node"]
        self.cluster.remove_node(self.nodes[lost], allow_graceful=False)
        other, = set(NODES) - {run_node}
        run.says(f"actor 0 is back, on node {other}")
        run.says("updates/s")
        run.process.send_signal(signal.SIGINT)
        self.assertEqual(run.end(), 0, run.text())
        said = run.says(r"stopped at (\d+) of 1000000000 env steps; go on with: pmoe ray --resume")
        self.assert_nothing_is_left(directory)

        more = int(said[1]) + 1000
        run = self.start("--resume", directory, "--steps", str(more), "--dashboard", "none",
                         "--actor-cpus", "0.5")
        self.assertEqual(run.end(), 0, run.text())
        self.assertIn("finished; look at it with", run.text())

    def test_scale_measures_each_size_on_the_cluster(self):
        directory = self.folder / "scale"
        run = self.start(*SMALL, *SETS, command=("scale", "--with", "ray", "--actors", "1,2",
                                                 "--seconds", "5", "--out", directory))
        self.assertEqual(run.end(), 0, run.text())
        with open(directory / "scale.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([row["actors"] for row in rows], ["1", "2"])
        self.assertTrue(all(float(row["updates_per_s"]) > 0 for row in rows), rows)
        self.assertTrue((directory / "scale.html").is_file())
        self.assertIn("node 127.", (directory / "logs/actors-2-run-1.log").read_text())
        self.assert_nothing_is_left(directory / "actors-2-run-1")

    def assert_refused(self, run, *words):
        self.assertEqual(run.end(), 2, run.text())
        for word in words:
            self.assertIn(word, run.text())

    def test_what_cannot_run_is_told_with_what_is_missing(self):
        directory = self.folder / "large"
        run = self.start(*SMALL, "--actors", "40", "--out", directory, "--wait", "1")
        self.assert_refused(run, "there is no place for", "40 × actor 0.5", "within --wait 1 s")
        run = self.start(*SMALL, "--files-node", "10.9.9.9", "--wait", "1", "--out",
                         self.folder / "nowhere")
        self.assert_refused(run, "learner is to be on node 10.9.9.9", "--files-node")
        run = self.start(*SMALL, "--set", "learner.batch=32", "--out", self.folder / "mistake")
        self.assert_refused(run, "learner.batch")
        self.assertFalse((self.folder / "mistake").exists())

    def test_a_cluster_that_is_not_there_is_told(self):
        run = PmoeRay("127.0.0.1:1", *SMALL)
        self.addCleanup(run.close)
        self.assert_refused(run, "no Ray cluster for --address 127.0.0.1:1", "ray start")

    def test_a_python_without_ray_is_told(self):
        run = self.start(*SMALL, variables={"PMOE_PYTHON": "/usr/bin/python3"})
        self.assert_refused(run, "/usr/bin/python3 has none", "pip install ray", "PMOE_PYTHON")


if __name__ == "__main__":
    unittest.main()
