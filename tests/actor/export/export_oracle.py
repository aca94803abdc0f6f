"""Holds an exported policy against what `pmoe eval --trace` wrote.

The oracle of policy_export_test.cc:

    export_oracle.py POLICY.npz TRACE.csv ID

1. On every traced observation, router weights, means and the argmax action agree to 5e-6 relative.
2. Gymnasium's ID, reset with the traced seeds and stepped by the policy in Python, pays the traced
   returns.
"""

import csv
import os
import sys
from collections import defaultdict

import gymnasium
import numpy as np

ROOT = os.path.join(os.path.dirname(__file__), "..", "..", "..")
sys.path.insert(0, os.path.join(ROOT, "python"))
from pmoe import Policy  # noqa: E402

TOLERANCE = 5e-6


def columns(rows, prefix):
    names = [name for name in rows[0] if name.startswith(prefix)]
    return np.array([[float(row[name]) for name in names] for row in rows])


def close(got, wanted, what):
    # The actor's float32 sums leave an absolute error where their parts cancel.
    error = np.abs(got - wanted) / np.maximum(np.abs(wanted), 0.1)
    assert error.max() <= TOLERANCE, f"{what}: relative error {error.max()}"
    print(f"{what}: largest relative error {error.max():.1e} of {wanted.size} numbers")


def main():
    policy, env_id = Policy(sys.argv[1]), sys.argv[3]
    with open(sys.argv[2]) as file:
        rows = list(csv.DictReader(file))
    obs = columns(rows, "obs_").astype(np.float32)
    primitives = policy.primitives(obs)
    means = policy.squashed(primitives.means)
    close(primitives.weights, columns(rows, "w_"), "router weights")
    close(means.reshape(len(rows), -1), columns(rows, "mean_"), "means")
    close(np.array([policy.act(o) for o in obs]), columns(rows, "action_"), "argmax actions")

    traced = defaultdict(float)
    for row in rows:
        traced[int(row["reset_seed"])] += float(row["reward"])
    env = gymnasium.make(env_id, disable_env_checker=True)
    for seed, wanted in traced.items():
        observation, _ = env.reset(seed=seed)
        total, done = 0.0, False
        while not done:
            observation, reward, terminated, truncated, _ = env.step(policy.act(observation))
            total += reward
            done = terminated or truncated
        assert abs(total - wanted) <= 1e-3 * abs(wanted), f"seed {seed}: {total} against {wanted}"
    print(f"returns: {len(traced)} episodes agree, mean {np.mean(list(traced.values())):.2f}")


if __name__ == "__main__":
    main()
