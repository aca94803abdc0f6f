#!/usr/bin/env python3
"""Writes the metrics, the configuration and the policy of a run into MLflow.

    pip install mlflow pandas numpy
    PYTHONPATH=python python3 python/examples/mlflow_run.py runs/my-run --store sqlite:///mlflow.db
"""
import argparse

import mlflow
import pmoe


def flat(fields, prefix=""):
    """{"learner.batch_size": 256, …} of nested settings."""
    paths = {}
    for name, value in fields.items():
        if isinstance(value, dict):
            paths.update(flat(value, f"{prefix}{name}."))
        else:
            paths[prefix + name] = value
    return paths


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("run", help="run directory")
    parser.add_argument("--store", default="sqlite:///mlflow.db", help="MLflow's tracking URI")
    parser.add_argument("--experiment", default="pmoe")
    arguments = parser.parse_args()

    run = pmoe.Run(arguments.run)
    mlflow.set_tracking_uri(arguments.store)
    mlflow.set_experiment(arguments.experiment)
    with mlflow.start_run(run_name=run.name) as sink:
        mlflow.log_params(flat(run.config))
        table = run.metrics
        for _, row in table.iterrows():
            values = row.dropna().to_dict()
            mlflow.log_metrics(values, step=int(values.pop("env_steps")))
        mlflow.log_artifact(run.path / "snapshots" / "best.pmoe")
        print(f"wrote {len(table)} rows of {run.name} as MLflow's run {sink.info.run_id}")


if __name__ == "__main__":
    main()
