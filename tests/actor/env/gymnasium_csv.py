"""Prints random actions as CSV, a line "--", and what Gymnasium did with them.

The oracle of env_trace_test.cc:

    gymnasium_csv.py ID SEED STEPS

Columns: step,reset,reward,terminated,truncated,obs_0..., as `pmoe env trace` has them. Every other
row of actions is hexadecimal.
"""

import sys

import gymnasium
import numpy as np


def row(step, reset, reward, terminated, truncated, obs):
    flags = [str(int(terminated)), str(int(truncated))]
    return ",".join([str(step), str(reset), reward, *flags] + [repr(float(x)) for x in obs])


def trace(env, seed, actions):
    obs, _ = env.reset(seed=seed)
    yield row(0, 1, "", False, False, obs)
    for step, action in enumerate(actions, 1):
        obs, reward, terminated, truncated, _ = env.step(action)
        yield row(step, 0, repr(float(reward)), terminated, truncated, obs)
        if terminated or truncated:
            obs, _ = env.reset()
            yield row(step, 1, "", False, False, obs)


def main():
    gymnasium.logger.min_level = gymnasium.logger.ERROR  # v4 is old: that is known
    env = gymnasium.make(sys.argv[1], disable_env_checker=True)
    seed, steps = int(sys.argv[2]), int(sys.argv[3])
    low, high = (x.astype(np.float64) for x in (env.action_space.low, env.action_space.high))
    actions = np.random.default_rng(seed).uniform(1.2 * low, 1.2 * high, (steps, low.size))
    for i, action in enumerate(actions):
        print(",".join(x.hex() if i % 2 else repr(x) for x in action.tolist()))
    print("--")
    size = env.observation_space.shape[0]
    print(",".join(["step,reset,reward,terminated,truncated"] + [f"obs_{i}" for i in range(size)]))
    for line in trace(env, seed, actions):
        print(line)


if __name__ == "__main__":
    main()
