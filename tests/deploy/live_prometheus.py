#!/usr/bin/env python3
"""The half of deploy/test_prometheus.sh that asks Prometheus.

    live_prometheus.py URL STATUS_JSON
"""
import json
import os
import signal
import sys
import threading
import time
import urllib.parse
import urllib.request

import metric_names

# Columns of metrics.csv that PMOE-SAC, which the script trains, has no value for.
ON_POLICY = {"qnet_loss", "approx_kl", "clip_fraction", "grad_norm", "learning_rate",
             "explained_variance", "option_termination"}
TARGETS = 5
HALT_ALERTS = {"PmoeNoActor", "PmoeLimiterBlocked", "PmoeLearnerStalled"}


class Prometheus:
    def __init__(self, url):
        self.url = url

    def get(self, path, **query):
        address = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(address, timeout=10) as answer:
            return json.load(answer)["data"]

    def series(self, promql):
        return self.get("query", query=promql)["result"]

    def alerts(self, *states):
        return {alert["labels"]["alertname"] for alert in self.get("alerts")["alerts"]
                if alert["state"] in states}


def wait_for(limit_s, what, missing):
    """Until missing() is empty; an error names what still is."""
    pause = threading.Event()
    deadline = time.monotonic() + limit_s
    while True:
        try:
            left = missing()
        except OSError as error:  # it has just been started
            left = {str(error)}
        if not left:
            return print(f"{what}: yes")
        if time.monotonic() > deadline:
            sys.exit(f"{what}: not within {limit_s} s; missing: {', '.join(sorted(left))}")
        pause.wait(1)


def down_targets(prometheus):
    """Of the five of the cluster; what Prometheus does not know yet counts too."""
    targets = prometheus.get("targets")["activeTargets"]
    if len(targets) < TARGETS:
        return {f"{TARGETS - len(targets)} targets are unknown"}
    return {f"{target['scrapeUrl']}: {target['lastError'] or target['health']}"
            for target in targets if target["health"] != "up"}


def absent_metrics(prometheus):
    kinds = {name: metric.kind for name, metric in metric_names.served().items()
             if not metric_names.GPU.match(name)}
    return {name for name, kind in kinds.items()
            if not prometheus.series(f"{name}_count" if kind == "histogram" else name)}


def empty_panels(prometheus):
    return {f"{dashboard}/{title}" for dashboard, title, promql in metric_names.panels()
            if not set(metric_names.stats_in(promql)) & ON_POLICY
            and not metric_names.GPU.search(promql) and not prometheus.series(promql)}


def sick_rules(prometheus):
    rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    wanted = metric_names.alerts() | metric_names.recorded()
    return wanted - {rule["name"] for rule in rules if rule["health"] == "ok"}


def signal_actors(status, number):
    for member in status["members"]:
        if member["role"] == "RUN_ROLE_ACTOR":
            os.kill(member["process"]["pid"], number)


def main(url, status_file):
    prometheus = Prometheus(url)
    with open(status_file, encoding="utf-8") as file:
        status = json.load(file)
    wait_for(60, "all targets are up", lambda: down_targets(prometheus))
    wait_for(60, f"all {len(metric_names.served())} metrics arrive",
             lambda: absent_metrics(prometheus))
    wait_for(60, f"all {len(list(metric_names.panels()))} queries of panels draw something",
             lambda: empty_panels(prometheus))
    wait_for(30, "all rules evaluate", lambda: sick_rules(prometheus))
    wait_for(30, "no alert fires", lambda: prometheus.alerts("firing"))

    signal_actors(status, signal.SIGSTOP)
    try:
        wait_for(240, f"with halted actors {', '.join(sorted(HALT_ALERTS))} fire",
                 lambda: HALT_ALERTS - prometheus.alerts("firing"))
    finally:
        signal_actors(status, signal.SIGCONT)
    wait_for(120, "with the actors back they are silent", lambda: prometheus.alerts("firing"))


if __name__ == "__main__":
    main(*sys.argv[1:])
