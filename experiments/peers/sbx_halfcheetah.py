#!/usr/bin/env python3
"""SBX's SAC on HalfCheetah-v5 with the settings of `pmoe bench e2e`; prints one JSON object.

The clock starts when the jit compiler is done: warm-up is learning_starts env steps and the first
updates. Threads are the libraries' defaults without --threads. Run it in the environment of
setup_peers.sh.
"""
import argparse
import json
import os
import time

import gymnasium

LEARNING_STARTS = 1000


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=5000, help="env steps on the clock")
    parser.add_argument("--train-freq", type=int, default=1,
                        help="env steps per call of the update, which makes as many updates at "
                             "once: 1 is SAC as published, 50 is one jit call per 50 updates")
    parser.add_argument("--threads", type=int, default=0,
                        help="cores to stay on, of which XLA makes its number of threads "
                             "(default: all)")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    if arguments.threads > 0:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-arguments.threads:])
    import sbx  # XLA counts the cores now

    model = sbx.SAC("MlpPolicy", gymnasium.make("HalfCheetah-v5"), seed=arguments.seed,
                    learning_starts=LEARNING_STARTS, batch_size=256, learning_rate=3e-4,
                    buffer_size=1_000_000, tau=0.005, gamma=0.99, ent_coef="auto",
                    train_freq=arguments.train_freq, gradient_steps=arguments.train_freq)
    model.learn(LEARNING_STARTS + 2 * arguments.train_freq)
    steps, updates = model.num_timesteps, model._n_updates
    wall, cpu = time.perf_counter(), time.process_time()
    model.learn(arguments.steps, reset_num_timesteps=False)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({"env_steps": model.num_timesteps - steps,
                      "updates": model._n_updates - updates, "wall_s": wall, "cpu_s": cpu}))


if __name__ == "__main__":
    main()
