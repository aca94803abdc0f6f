"""Runs one Gymnasium environment and writes what it did.

The oracle of gymnasium_conformance_test.cc:

    gymnasium_trace.py OUT ID SEED STEPS [NAME=VALUE ...]

Actions are uniform in 1.2 times the bounds, as float64, or as arrays of float32 with
action_dtype=float32, which is no argument of the environment. STEPS "300@50": 300 steps, of which
the fiftieth has an action that is not a number.
After the end of an episode the next reset gets no seed. OUT holds float64 numbers:
obs size O, action size A, row count, then rows of [kind, action (A), obs (O), reward, terminated,
truncated], where kind is 0 for a reset with SEED, 1 for a reset without a seed and 2 for a step.
"""

import ast
import sys

import gymnasium
import mujoco
import numpy as np

# Some actions are NaN on purpose: no MUJOCO_LOG.TXT of complaints about them.
mujoco.set_mju_user_warning(lambda message: None)

RESET_WITH_SEED, RESET, STEP = 0, 1, 2


def parse(text):
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def row(kind, action, obs, reward=0.0, terminated=False, truncated=False):
    return np.concatenate([[kind], action, obs, [reward, terminated, truncated]]).astype(np.float64)


def trace(env, seed, steps, nan_at, dtype):
    actions = np.random.default_rng([seed, 1])
    low = 1.2 * env.action_space.low.astype(np.float64)
    high = 1.2 * env.action_space.high.astype(np.float64)
    idle = np.zeros(low.shape)
    obs, _ = env.reset(seed=seed)
    yield row(RESET_WITH_SEED, idle, obs)
    for step in range(steps):
        action = actions.uniform(low, high)
        if step == nan_at:
            action[0] = np.nan
        obs, reward, terminated, truncated, _ = env.step(action.astype(dtype))
        yield row(STEP, action, obs, reward, terminated, truncated)
        if terminated or truncated:
            obs, _ = env.reset()
            yield row(RESET, idle, obs)


def main():
    gymnasium.logger.min_level = gymnasium.logger.ERROR  # v4 is old: that is known
    out, env_id, seed, steps, *args = sys.argv[1:]
    kwargs = {name: parse(value) for name, value in (arg.split("=", 1) for arg in args)}
    dtype = kwargs.pop("action_dtype", "float64")
    env = gymnasium.make(env_id, disable_env_checker=True, **kwargs)
    steps, _, nan_at = steps.partition("@")
    rows = list(trace(env, int(seed), int(steps), int(nan_at or -1), dtype))
    header = [env.observation_space.shape[0], env.action_space.shape[0], len(rows)]
    np.concatenate([np.array(header, dtype=np.float64), *rows]).tofile(out)


if __name__ == "__main__":
    main()
