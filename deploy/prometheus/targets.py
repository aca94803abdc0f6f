#!/usr/bin/env python3
"""The processes of a run as Prometheus targets (file_sd), from `pmoe status --json` on stdin.

    pmoe status --run runs/my-run --json | deploy/prometheus/targets.py >targets.json

A process that was restarted has another port: run it again, or every minute.
"""
import json
import sys

ROLES = {"RUN_ROLE_ACTOR": "actor", "RUN_ROLE_EVALUATOR": "evaluator", "RUN_ROLE_REPLAY": "replay"}


def target(role, process):
    return {"targets": [process["metrics_address"]], "labels": {"job": f"pmoe-{role}"}}


def targets(status):
    members = [(ROLES[member["role"]], member["process"]) for member in status["members"]
               if member["connected"]]
    return [target(role, process) for role, process in [("learner", status["process"]), *members]
            if process["metrics_address"]]


if __name__ == "__main__":
    json.dump(targets(json.load(sys.stdin)), sys.stdout, indent=2)
    print()
