#!/usr/bin/env python3
"""SBX's update of SAC without an environment, as in `pmoe bench learner`; prints one JSON object.

SBX's own train step: 50 updates per jit call on random rows of HalfCheetah's sizes, two critics and
a policy of 256-256, tuned alpha. The clock starts after two calls. Threads are as many as the
process may use cores. Run it in the environment of setup_peers.sh.
"""
import argparse
import json
import os
import time

import gymnasium
import jax
import numpy as np
import sbx
from sbx.common.type_aliases import ReplayBufferSamplesNp

OBS, ACTIONS, UPDATES_PER_CALL, WARM_CALLS = 17, 6, 50, 2


class Spaces(gymnasium.Env):
    """What SBX asks of an environment before it trains: its spaces."""
    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (OBS,), np.float32)
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (ACTIONS,), np.float32)


def random_rows(rows):
    rng = np.random.default_rng(1)

    def normal(*shape):
        return rng.standard_normal(shape, dtype=np.float32)

    return ReplayBufferSamplesNp(
        normal(rows, OBS), 2.0 * rng.random((rows, ACTIONS), dtype=np.float32) - 1.0,
        normal(rows, OBS), np.zeros(rows, np.float32), normal(rows),
        np.full(rows, 0.99, np.float32))


class Update:
    def __init__(self, batch):
        self.model = sbx.SAC("MlpPolicy", Spaces(), seed=1, batch_size=batch, learning_rate=3e-4,
                             buffer_size=1000, tau=0.005, gamma=0.99, ent_coef="auto")
        self.rows = random_rows(UPDATES_PER_CALL * batch)

    def __call__(self):
        model = self.model
        (model.policy.qf_state, model.policy.actor_state, model.ent_coef_state, model.key,
         losses) = model._train(model.tau, model.target_entropy, UPDATES_PER_CALL, self.rows,
                                model.policy_delay, 0, model.policy.qf_state,
                                model.policy.actor_state, model.ent_coef_state, model.key)
        jax.block_until_ready((losses, model.policy.actor_state, model.policy.qf_state))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=2.0, help="on the clock")
    arguments = parser.parse_args()
    update, updates = Update(arguments.batch), 0
    for _ in range(WARM_CALLS):
        update()
    wall, cpu = time.perf_counter(), time.process_time()
    while time.perf_counter() - wall < arguments.seconds:
        update()
        updates += UPDATES_PER_CALL
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({"updates": updates, "wall_s": wall, "cpu_s": cpu,
                      "cores": len(os.sched_getaffinity(0))}))


if __name__ == "__main__":
    main()
