"""Replays recorded episodes in one Gymnasium environment and writes what it did.

The oracle of actor_conformance_test.cc:

    gymnasium_replay.py OUT ID ROWS [NAME=VALUE ...]

ROWS holds float64 rows of [seed, action (A)]: a reset with that seed if it is not negative, else a
step with that action. OUT gets one float64 row for each: obs (O), reward, terminated, truncated.
"""

import sys

import gymnasium
import numpy as np
from gymnasium_trace import parse


def main():
    gymnasium.logger.min_level = gymnasium.logger.ERROR  # v4 is old: that is known
    out, env_id, rows, *args = sys.argv[1:]
    kwargs = {name: parse(value) for name, value in (arg.split("=", 1) for arg in args)}
    env = gymnasium.make(env_id, disable_env_checker=True, **kwargs)
    result = []
    for row in np.fromfile(rows).reshape(-1, 1 + env.action_space.shape[0]):
        if row[0] >= 0:
            obs, _ = env.reset(seed=int(row[0]))
            result.append(np.concatenate([obs, [0.0, 0.0, 0.0]]))
        else:
            obs, *rest = env.step(row[1:])
            result.append(np.concatenate([obs, rest[:3]]))
    np.concatenate(result).astype(np.float64).tofile(out)


if __name__ == "__main__":
    main()
