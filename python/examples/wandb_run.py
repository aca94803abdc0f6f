#!/usr/bin/env python3
"""Sends the metrics and the configuration of a run to Weights & Biases.

    pip install wandb pandas numpy
    WANDB_MODE=offline PYTHONPATH=python python3 python/examples/wandb_run.py runs/my-run

A run that is being trained can be followed: --follow sends new rows until Ctrl-C.
"""
import argparse
import time

import pmoe
import wandb

EVERY_S = 5.0


def send_new_rows(run, sent):
    """Logs the rows behind the first `sent` ones; how many there are now."""
    table = run.metrics
    for _, row in table.iloc[sent:].iterrows():
        values = row.dropna().to_dict()
        wandb.log(values, step=int(values.pop("env_steps")))
    return len(table)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("run", help="run directory")
    parser.add_argument("--project", default="pmoe")
    parser.add_argument("--follow", action="store_true", help="go on until Ctrl-C")
    arguments = parser.parse_args()

    run = pmoe.Run(arguments.run)
    with wandb.init(project=arguments.project, name=run.name, config=run.config) as sink:
        sent = send_new_rows(run, 0)
        try:
            while arguments.follow:
                time.sleep(EVERY_S)
                sent = send_new_rows(run, sent)
        except KeyboardInterrupt:
            pass
        steps, returns = run.evaluations
        if returns:
            sink.summary["best_return"] = max(returns)
    print(f"sent {sent} rows of {run.name}, {len(steps)} evaluations, to {sink.dir}")


if __name__ == "__main__":
    main()
