"""Gymnasium's own rate, for `pmoe bench gym`: gym_rate.py ID SECONDS prints {"steps_per_s": N}.

The loop is the one that gym_bench.cc has: actions drawn before, a reset after each end.
"""
import json
import sys
import time

import gymnasium as gym
import numpy as np

CALL = 50  # steps between looks at the clock


def main():
    env = gym.make(sys.argv[1])
    seconds = float(sys.argv[2])
    low, high = env.action_space.low, env.action_space.high
    actions = np.random.default_rng(1).uniform(low, high, (4096, *low.shape))
    env.reset(seed=1)
    steps, begin = -CALL, time.perf_counter()  # the first call warms up
    while True:
        for i in range(CALL):
            _, _, terminated, truncated, _ = env.step(actions[(steps + i) % 4096])
            if terminated or truncated:
                env.reset()
        steps += CALL
        if steps == 0:
            begin = time.perf_counter()
        elif time.perf_counter() - begin >= seconds:
            break
    print(json.dumps({"steps_per_s": steps / (time.perf_counter() - begin)}))


main()
