#!/usr/bin/env python3
"""Demonstrations from a trained policy: the steps that `pmoe eval --trace FILE.csv` wrote, as an
archive with D4RL's arrays, which `pmoe train --demos` and `pmoe-replay load` read. Needs NumPy.

    ./pmoe eval --run runs/expert --episodes 5 --trace steps.csv
    experiments/demos.py steps.csv demos.npz
    ./pmoe train --env InvertedPendulum-v5 --demos demos.npz --set replay.demo_actions=-3,3

Actions are in the environment's units, as in the trace: replay.demo_actions says their bounds.
"""

import argparse
import csv

import numpy as np


def columns(header, prefix):
    """Places of prefix_0, prefix_1, …."""
    names = [name for name in header if name.rpartition("_")[0] == prefix]
    return [header.index(f"{prefix}_{i}") for i in range(len(names))]


def read_trace(path):
    with open(path, newline="") as file:
        rows = csv.reader(file)
        header = next(rows)
        steps = np.array([[float(value or "nan") for value in row] for row in rows])
    at = {name: steps[:, header.index(name)] for name in ("reward", "terminated", "truncated")}
    return {
        "observations": steps[:, columns(header, "obs")].astype(np.float32),
        "actions": steps[:, columns(header, "action")].astype(np.float32),
        "rewards": at["reward"].astype(np.float32),
        "terminals": at["terminated"].astype(bool),
        "timeouts": at["truncated"].astype(bool),
    }


def save(arrays, path):
    # In C order, without which pmoe takes none.
    np.savez(path, **{name: np.ascontiguousarray(array) for name, array in arrays.items()})


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("trace", help="CSV of pmoe eval --trace")
    parser.add_argument("archive", help="file to write, .npz")
    args = parser.parse_args()
    arrays = read_trace(args.trace)
    save(arrays, args.archive)
    low, high = arrays["actions"].min(), arrays["actions"].max()
    print(f"{len(arrays['rewards'])} rows, return {arrays['rewards'].sum():.1f} in all, "
          f"actions from {low:.3g} to {high:.3g}")


if __name__ == "__main__":
    main()
