#!/usr/bin/env python3
"""Optuna asks for settings, a training tells what they reached: a study of step sizes.

    pip install optuna numpy
    PYTHONPATH=python python3 python/examples/optuna_study.py --trials 10 --steps 5000

The study lies in a file, so that several of these may work on it, and a stopped one goes on. A
trial that fails is told as one; Ctrl-C ends the training in order and leaves its trial as failed.
"""
import argparse
import pathlib

import optuna
import pmoe


def suggest(trial):
    """The search space: settings by path, as `pmoe train --set` takes them."""
    rate = trial.suggest_float("actor_lr", 1e-4, 3e-3, log=True)
    return {"learner.actor_lr": rate, "learner.critic_lr": rate,
            "learner.batch_size": trial.suggest_categorical("batch_size", [32, 64, 128]),
            "policy.primitives": trial.suggest_int("primitives", 1, 4),
            "policy.hidden": [64, 64], "learner.critic_hidden": [64, 64],
            "observe.video": False}


def train(trial, arguments):
    """The best evaluation of one training."""
    run = pmoe.train(arguments.env, algo=arguments.algo, steps=arguments.steps,
                     seed=trial.number + 1, progress=False, set=suggest(trial),
                     out=pathlib.Path(arguments.out, f"trial-{trial.number}"),
                     observe={"eval_every_steps": max(arguments.steps // 5, 1)})
    return max(run.evaluations[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--env", default="InvertedPendulum-v5")
    parser.add_argument("--algo", default="pmoe_sac")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--out", default="runs/study")
    arguments = parser.parse_args()

    pathlib.Path(arguments.out).mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(study_name="pmoe", direction="maximize", load_if_exists=True,
                                storage=f"sqlite:///{arguments.out}/study.db",
                                sampler=optuna.samplers.TPESampler())  # unseeded: workers differ
    for _ in range(arguments.trials):
        trial = study.ask()
        try:
            study.tell(trial, train(trial, arguments))
        except (pmoe.Error, KeyboardInterrupt) as error:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            print(f"trial {trial.number} failed: {error}")
            if isinstance(error, KeyboardInterrupt):
                break
    if any(trial.state.name == "COMPLETE" for trial in study.trials):
        print(f"best: trial {study.best_trial.number}, return {study.best_value:.1f}, "
              f"{study.best_params}")


if __name__ == "__main__":
    main()
