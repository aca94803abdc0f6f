#!/usr/bin/env python3
"""A cluster of 32 actors, three of which are slowed down: they are stopped for most of every
second, as by another program on their machines. `pmoe status` and the verdict name these three
alone, and nobody once they are left in peace; one that stands still is told apart from them.

    PMOE_BIN_DIR=build/release/bin tests/deploy/stragglers_test.py
"""
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("PMOE_BIN_DIR") or ROOT / "build/release/bin").resolve()
ACTORS = 32
SLOW = (3, 7, 12)
LIMIT_S = 180  # of what takes some seconds where nothing else runs
# Steps that sleep, so that 32 actors fit two cores; hardly an update, so that nobody is held up.
SETTINGS = {"env.arg.step_ms": 10, "policy.hidden": "16,16", "learner.critic_hidden": "16,16",
            "learner.batch_size": 16, "schedule.updates_per_step": 0.00001,
            "schedule.steps_per_round": 100000, "schedule.start_steps": 1000,
            "schedule.update_after": 1000, "observe.eval_every_steps": 0,
            "observe.eval_episodes": 1, "observe.log_every_steps": 5000, "observe.video": "false",
            "checkpoint.every_steps": 0}
SETS = tuple(word for path, value in SETTINGS.items() for word in ("--set", f"{path}={value}"))


class Slowed:
    """Within it these processes run a fifth of the time."""

    def __init__(self, pids):
        self.pids, self.over = pids, threading.Event()
        self.thread = threading.Thread(target=self._toggle)

    def _signal(self, number):
        for pid in self.pids:
            os.kill(pid, number)

    def _toggle(self):
        while not self.over.is_set():
            self._signal(signal.SIGSTOP)
            self.over.wait(0.8)
            self._signal(signal.SIGCONT)
            self.over.wait(0.2)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self._signal(signal.SIGCONT)


def actors_of(status):
    return {member["index"]: member for member in status["members"]
            if member["role"] == "RUN_ROLE_ACTOR"}


def far_below(status):
    """Actors whose steps/s are below half of the median's."""
    steps = {index: actor["rates"]["env_steps_per_s"]
             for index, actor in actors_of(status).items() if actor["connected"]}
    median = statistics.median(steps.values())
    return {index for index, rate in steps.items() if rate < 0.5 * median}


def named(status, which):
    """What pmoe status --watch and the dashboard go by."""
    return set(status.get("verdict", {}).get(which, []))


def named_in(text):
    """Numbers of actors that a verdict tells to be slow: "Actors 3, 7 and 12 take …"."""
    match = re.search(r"[Aa]ctors? ((?:\d+(?:, | and )?)+) (?:make|take)s?", text)
    return {int(number) for number in re.findall(r"\d+", match[1])} if match else set()


@unittest.skipUnless((BIN / "sleep_env.so").exists(), f"no sleep_env.so in {BIN}: ./pmoe build")
class StragglersTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="pmoe-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.log = open(cls.folder / "up.log", "w", encoding="utf-8")
        cls.addClassCleanup(cls.log.close)
        cls.up = subprocess.Popen(
            [BIN / "pmoe", "up", "--env", f"plugin:{BIN / 'sleep_env.so'}", "--algo", "sac",
             "--preset", "official", "--actors", str(ACTORS), "--steps", "1e9", "--dashboard",
             "none", "--out", cls.folder / "run", *SETS],
            stdout=cls.log, stderr=subprocess.STDOUT)
        cls.addClassCleanup(cls.stop)
        cls.await_status("32 actors at full speed", cls.at_full_speed)

    @classmethod
    def stop(cls):
        cls.up.send_signal(signal.SIGINT)
        cls.up.wait(LIMIT_S)

    @classmethod
    def status(cls):
        done = subprocess.run([BIN / "pmoe", "status", "--run", cls.folder / "run", "--json"],
                              capture_output=True, text=True)
        return json.loads(done.stdout) if done.returncode == 0 else None

    @staticmethod
    def at_full_speed(status):
        rates = [actor["rates"]["env_steps_per_s"] for actor in actors_of(status).values()
                 if actor["connected"]]
        return len(rates) == ACTORS and not far_below(status) and min(rates) > 20

    @classmethod
    def await_status(cls, what, holds):
        """The first status for which it does."""
        deadline, last = time.monotonic() + LIMIT_S, None
        while time.monotonic() < deadline:
            last = cls.status() or last
            if last is not None and "members" in last and actors_of(last) and holds(last):
                return last
            threading.Event().wait(0.5)
        raise AssertionError(f"not within {LIMIT_S} s: {what}; last status:\n"
                             f"{json.dumps(last, indent=1)[-6000:]}")

    def screen(self):
        """What --watch shows where there is no terminal, once."""
        watch = subprocess.Popen([BIN / "pmoe", "status", "--run", self.folder / "run", "--watch"],
                                 stdout=subprocess.PIPE, text=True)
        lines = []
        for line in watch.stdout:
            lines.append(line)
            if line.startswith("actor ") and len(lines) > ACTORS:
                break
        watch.send_signal(signal.SIGINT)
        watch.communicate()
        return "".join(lines)

    def pids(self):
        return {index: actor["process"]["pid"] for index, actor in actors_of(self.status()).items()}

    def test_three_slow_actors_are_named_and_nobody_else(self):
        pids = self.pids()
        with Slowed([pids[index] for index in SLOW]):
            status = self.await_status("three are slow", lambda now: far_below(now) == set(SLOW)
                                       and named(now, "slow_actors") == set(SLOW))
            self.assertEqual({index for index, actor in actors_of(status).items()
                              if not actor["connected"]}, set())
            self.assertRegex(self.screen(), r"\n +3 slow +actors 3, 7, 12: steps/s ")
            self.await_status("the verdict names them", lambda now: named_in(
                now["verdict"]["text"] if "verdict" in now else "") == set(SLOW))
        self.await_status("in peace they are as fast as the others", self.at_full_speed)
        self.await_status("the verdict names nobody", lambda now: not named_in(
            now["verdict"]["text"]))

    def test_one_that_stands_still_is_silent_then_gone_then_back(self):
        pid = self.pids()[20]
        os.kill(pid, signal.SIGSTOP)
        try:
            self.await_status("it is silent",
                              lambda now: named(now, "silent_actors") == {20})
            self.assertRegex(self.screen(), r"\n +1 (silent|GONE) +actor 20:")
            self.await_status("it is gone", lambda now: not actors_of(now)[20]["connected"])
        finally:
            os.kill(pid, signal.SIGCONT)
        self.await_status("it is back", self.at_full_speed)


if __name__ == "__main__":
    unittest.main()
