#!/usr/bin/env python3
"""PPO on HalfCheetah-v5 by Stable-Baselines3 or CleanRL, as in `pmoe bench ppo`; prints JSON.

Both on the CPU: rollouts of 2048 steps of one environment, minibatches of 64, 10 epochs, networks
64-64 with tanh, no evaluation. The clock starts after the first rollout and its updates. Threads
are PyTorch's default without --threads. Run it in the environment of setup_peers.sh.

SB3 is the library with its defaults, which are these settings; it normalises neither observations
nor rewards. CleanRL is ppo_continuous_action.py of its wheel, unmodified, with its defaults:
observations and rewards normalised and clipped, values clipped, learning rate annealed. It was
written for Gymnasium 0.28, so two names that it imports are replaced: TransformObservation, which
Gymnasium 1 wants to be told the space, and TensorBoard's writer, whose stand-in reads the clock and
writes nothing (in CleanRL's favour).
"""
import argparse
import contextlib
import importlib.metadata
import io
import json
import runpy
import sys
import time
import types

import gymnasium
import torch

ENV = "HalfCheetah-v5"
ROLLOUT, MINIBATCH, EPOCHS = 2048, 64, 10
UPDATES_PER_EPOCH = ROLLOUT // MINIBATCH


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--peer", choices=["sb3", "cleanrl"], required=True)
    parser.add_argument("--steps", type=int, default=10 * ROLLOUT,
                        help="env steps on the clock, rounded up to whole rollouts")
    parser.add_argument("--threads", type=int, default=0,
                        help="threads of PyTorch (default: its own choice)")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def read_clocks():
    return time.perf_counter(), time.process_time()


def run_sb3(rollouts, seed):
    import stable_baselines3

    model = stable_baselines3.PPO(
        "MlpPolicy", gymnasium.make(ENV), seed=seed, device="cpu", n_steps=ROLLOUT,
        batch_size=MINIBATCH, n_epochs=EPOCHS, learning_rate=3e-4, gamma=0.99, gae_lambda=0.95,
        clip_range=0.2, ent_coef=0.0, vf_coef=0.5, max_grad_norm=0.5,
        policy_kwargs={"net_arch": [64, 64], "activation_fn": torch.nn.Tanh})
    model.learn(ROLLOUT)
    steps, epochs, begin = model.num_timesteps, model._n_updates, read_clocks()
    model.learn(rollouts * ROLLOUT, reset_num_timesteps=False)
    return (model.num_timesteps - steps, (model._n_updates - epochs) * UPDATES_PER_EPOCH,
            begin, read_clocks())


def run_cleanrl(rollouts, seed):
    readings = []  # one at the end of each rollout's updates

    class ClockedWriter:
        def __init__(self, *_):
            pass

        def add_text(self, *_):
            pass

        def add_scalar(self, tag, _value, step):
            if tag == "charts/SPS":  # the last thing it logs
                readings.append((step, read_clocks()))

        def close(self):
            pass

    sys.modules["torch.utils.tensorboard"] = types.ModuleType("torch.utils.tensorboard")
    sys.modules["torch.utils.tensorboard"].SummaryWriter = ClockedWriter
    transform = gymnasium.wrappers.TransformObservation
    gymnasium.wrappers.TransformObservation = (
        lambda env, func: transform(env, func, env.observation_space))
    sys.argv[1:] = ["--env-id", ENV, "--seed", str(seed), "--cuda", "False",
                    "--total-timesteps", str((1 + rollouts) * ROLLOUT),
                    "--num-envs", "1", "--num-steps", str(ROLLOUT),
                    "--num-minibatches", str(UPDATES_PER_EPOCH), "--update-epochs", str(EPOCHS)]
    with contextlib.redirect_stdout(io.StringIO()):
        runpy.run_module("cleanrl.ppo_continuous_action", run_name="__main__", alter_sys=True)
    (first_step, begin), (last_step, end) = readings[0], readings[-1]
    updates = (len(readings) - 1) * EPOCHS * UPDATES_PER_EPOCH
    return last_step - first_step, updates, begin, end


def main():
    arguments = parse_arguments()
    if arguments.threads > 0:
        torch.set_num_threads(arguments.threads)
    run, package = {"sb3": (run_sb3, "stable-baselines3"),
                    "cleanrl": (run_cleanrl, "cleanrl")}[arguments.peer]
    rollouts = max(1, -(-arguments.steps // ROLLOUT))
    env_steps, updates, begin, end = run(rollouts, arguments.seed)
    print(json.dumps({"env_steps": env_steps, "updates": updates, "wall_s": end[0] - begin[0],
                      "cpu_s": end[1] - begin[1], "threads": torch.get_num_threads(),
                      "peer": f"{package} {importlib.metadata.version(package)}"}))


if __name__ == "__main__":
    main()
