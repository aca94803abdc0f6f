"""Env steps per CPU-second, ours over EnvPool's, on one core, alternating.

EnvPool steps 8 environments synchronously on one thread; ours is `pmoe bench env`, one at a time.
Random actions, resets included on both sides. `./pmoe build pmoe-bench` makes ours.

    python3 -m venv /tmp/envpool && /tmp/envpool/bin/pip install envpool==1.2.5 gymnasium==1.4.0
    /tmp/envpool/bin/python experiments/peers/envpool_speed.py [--rounds 5] [--seconds 1]
"""

import argparse
import json
import os
import statistics
import subprocess
import time

import envpool
import numpy as np

TASKS = ["HalfCheetah", "Hopper", "Walker2d", "Ant", "Humanoid", "HumanoidStandup"]
ENVS = 8
BENCH = os.path.join(os.path.dirname(__file__), "..", "..", "build", "release", "bin", "pmoe-bench")


class Peer:
    def __init__(self, task):
        self.env = envpool.make_gymnasium(f"{task}-v5", num_envs=ENVS, num_threads=1, seed=1)
        space = self.env.action_space
        rng = np.random.default_rng(1)
        self.actions = rng.uniform(space.low, space.high, (64, ENVS, space.shape[0]))
        self.env.reset()

    def steps_per_s(self, seconds):
        steps, begin = 0, time.process_time()
        while time.process_time() - begin < seconds:
            for action in self.actions:
                self.env.step(action)
            steps += ENVS * len(self.actions)
        return steps / (time.process_time() - begin)


def ours(task, seconds):
    command = [BENCH, "env", "--only", f"{task}-v5", "--rounds", "1", "--seconds", str(2 * seconds)]
    numbers = json.loads(subprocess.check_output(command + ["--json"]))
    return numbers[f"{task}-v5.steps_per_cpu_s"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    args = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(f"EnvPool {envpool.__version__}, {ENVS} environments, one core")
    print(f"{'task':18}{'ours':>10}{'EnvPool':>10}{'ratio':>8}")
    for task in TASKS:
        peer = Peer(task)
        rows = []
        for _ in range(args.rounds):
            rows.append((ours(task, args.seconds), peer.steps_per_s(args.seconds)))
        mine, theirs = (statistics.median(column) for column in zip(*rows))
        ratio = statistics.median(a / b for a, b in rows)
        print(f"{task + '-v5':18}{mine:10.0f}{theirs:10.0f}{ratio:8.2f}", flush=True)


if __name__ == "__main__":
    main()
