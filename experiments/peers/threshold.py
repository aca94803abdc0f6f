#!/usr/bin/env python3
"""SAC of SBX or Stable-Baselines3, or SBX's CrossQ, until an evaluation reaches a return.

A side of `pmoe bench threshold`: the library's defaults (one update per env step; CrossQ's critics
1024-1024) but for learning_starts, which RL Zoo sets for MuJoCo: 10,000 for SAC, 5,000 for CrossQ.
Every 5,000 env steps 10 episodes of the deterministic policy, on an environment of their own. The
clock runs in learn(), the jit compiler included, and stands while it evaluates. Progress goes to
stderr; at the end one JSON object is printed. Threads are as many as the cores that it may use. Run
it in the environment of setup_peers.sh.
"""
import argparse
import json
import math
import os
import sys
import time

EVERY, EPISODES = 5000, 10
LEARNING_STARTS = {"sac": 10_000, "crossq": 5_000}
COMPILING = "/jax/core/compile/backend_compile_duration"


def finite(text):
    value = float(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"must be a finite return, got {text}")
    return value


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--library", choices=["sbx", "sb3"], required=True)
    parser.add_argument("--algo", choices=["sac", "crossq"], default="sac")
    parser.add_argument("--env", default="HalfCheetah-v5", help="an ID of Gymnasium")
    parser.add_argument("--threshold", type=finite, required=True,
                        help="mean return of an evaluation that ends the run")
    parser.add_argument("--steps", type=int, default=300_000,
                        help=f"env steps after which it gives up, at least {EVERY}")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.steps < EVERY:
        parser.error(f"--steps must be at least {EVERY}, where the first evaluation is, "
                     f"got {arguments.steps}")
    if arguments.library == "sb3" and arguments.algo == "crossq":
        parser.error("--algo crossq needs --library sbx: Stable-Baselines3 has none")
    return arguments


class Clock:
    """Seconds on the wall, of the CPU, and of XLA's compiler, while it runs."""

    def __init__(self):
        self.wall_s = self.cpu_s = self.compile_s = 0.0
        self.running = False

    def toggle(self):
        sign = 1.0 if self.running else -1.0
        self.wall_s += sign * time.perf_counter()
        self.cpu_s += sign * time.process_time()
        self.running = not self.running

    def on_jax_event(self, event, seconds, **_):
        if event == COMPILING and self.running:
            self.compile_s += seconds


def make_model(arguments, clock):
    import torch

    cores = len(os.sched_getaffinity(0))
    torch.set_num_threads(cores)
    settings = {"seed": arguments.seed, "learning_starts": LEARNING_STARTS[arguments.algo]}
    if arguments.library == "sb3":
        import stable_baselines3

        return stable_baselines3.SAC("MlpPolicy", arguments.env, device="cpu", **settings)
    import jax
    import sbx  # XLA counts the cores now

    jax.monitoring.register_event_duration_secs_listener(clock.on_jax_event)
    algorithm = {"sac": sbx.SAC, "crossq": sbx.CrossQ}[arguments.algo]
    return algorithm("MlpPolicy", arguments.env, **settings)


def make_watch(arguments, clock):
    import gymnasium
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.evaluation import evaluate_policy
    from stable_baselines3.common.monitor import Monitor
    from stable_baselines3.common.vec_env import DummyVecEnv

    class Watch(BaseCallback):
        def __init__(self):
            super().__init__()
            self.env = DummyVecEnv([lambda: Monitor(gymnasium.make(arguments.env))])
            self.env.seed(10_000 + arguments.seed)
            self.best = -math.inf

        def reached(self):
            return self.best >= arguments.threshold

        def _on_step(self):
            if self.num_timesteps % EVERY != 0:
                return True
            clock.toggle()
            mean, _ = evaluate_policy(self.model, self.env, EPISODES, deterministic=True)
            self.best = max(self.best, mean)
            print(f"{arguments.env}/{arguments.library}_{arguments.algo} seed {arguments.seed}: "
                  f"{self.num_timesteps:,} env steps, {clock.wall_s:.0f} s, return {mean:.1f}",
                  file=sys.stderr, flush=True)
            clock.toggle()
            return not self.reached()

    return Watch()


def main():
    arguments = parse_arguments()
    clock = Clock()
    model = make_model(arguments, clock)
    watch = make_watch(arguments, clock)
    clock.toggle()
    model.learn(arguments.steps, callback=watch)
    clock.toggle()
    print(json.dumps({"reached": int(watch.reached()), "env_steps": model.num_timesteps,
                      "wall_s": clock.wall_s, "cpu_s": clock.cpu_s, "compile_s": clock.compile_s,
                      "best_return": float(watch.best)}))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
