#!/usr/bin/env python3
"""The half of deploy/test_prometheus.sh that asks Prometheus.

    live_prometheus.py URL PMOE RUN
"""
import json
import os
import signal
import socket
import subprocess
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

    def targets(self):
        return self.get("targets")["activeTargets"]

    def firing(self):
        """Alerts, but for those that tell of a bottleneck: there always is one."""
        return {alert["labels"]["alertname"] for alert in self.get("alerts")["alerts"]
                if alert["state"] == "firing" and alert["labels"]["severity"] != "info"}


class Run:
    def __init__(self, pmoe, folder):
        self.command = [pmoe, "status", "--run", folder, "--json"]

    def actors(self):
        """Their processes, by index."""
        done = subprocess.run(self.command, capture_output=True, text=True, check=True)
        return {member["index"]: member["process"] for member in json.loads(done.stdout)["members"]
                if member["role"] == "RUN_ROLE_ACTOR" and member["connected"]}


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
    targets = prometheus.targets()
    if len(targets) != TARGETS:
        return {f"{len(targets)} targets in place of {TARGETS}"}
    return {f"{target['scrapeUrl']}: {target['lastError'] or target['health']}"
            for target in targets if target["health"] != "up"}


def common_metrics():
    return {name: metric.kind for name, metric in metric_names.served().items()
            if not metric_names.SELDOM.match(name)}


def absent_metrics(prometheus):
    return {name for name, kind in common_metrics().items()
            if not prometheus.series(f"{name}_count" if kind == "histogram" else name)}


def common_queries():
    return [(f"{dashboard}/{title}", promql) for dashboard, title, promql in metric_names.panels()
            if not set(metric_names.stats_in(promql)) & ON_POLICY
            and not metric_names.SELDOM.search(promql)]


def empty_panels(prometheus):
    return {panel for panel, promql in common_queries() if not prometheus.series(promql)}


def sick_rules(prometheus):
    rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    wanted = metric_names.alerts() | metric_names.recorded()
    return wanted - {rule["name"] for rule in rules if rule["health"] == "ok"}


def unlabelled_processes(prometheus, cluster):
    """Those whose series do not say which process of which run they are of."""
    wanted = {("learner", "0"), ("replay", "0"), ("actor", "0"), ("actor", "1"), ("evaluator", "0")}
    seen = {(one["metric"].get("role"), one["metric"].get("index"))
            for one in prometheus.series("pmoe_process_memory_bytes")
            if one["metric"].get("run") and one["metric"].get("cluster") == cluster}
    return {" ".join(process) for process in wanted - seen}


def check_restarted_actor(prometheus, run):
    """Another process in its place has another port, which /sd tells."""
    killed = run.actors()[1]
    os.kill(killed["pid"], signal.SIGKILL)

    def missing():
        now = run.actors().get(1, killed)["metrics_address"]
        asked = {target["scrapeUrl"] for target in prometheus.targets()
                 if target["labels"]["role"] == "actor" and target["labels"]["index"] == "1"}
        if now == killed["metrics_address"] or asked != {f"http://{now}/metrics"}:
            return {f"actor 1 at {now}, Prometheus asks {sorted(asked)}"}
        return down_targets(prometheus)

    wait_for(60, "an actor that was started again is found", missing)


def main(url, pmoe, folder):
    prometheus, run = Prometheus(url), Run(pmoe, folder)
    wait_for(60, "all targets are up", lambda: down_targets(prometheus))
    wait_for(60, "every process has its labels",
             lambda: unlabelled_processes(prometheus, socket.gethostname()))
    wait_for(60, f"all {len(common_metrics())} metrics of such a run arrive",
             lambda: absent_metrics(prometheus))
    wait_for(90, f"all {len(common_queries())} queries of panels of it draw something",
             lambda: empty_panels(prometheus))
    wait_for(30, "all rules evaluate", lambda: sick_rules(prometheus))
    check_restarted_actor(prometheus, run)
    wait_for(30, "no alert fires", prometheus.firing)

    halted = [process["pid"] for process in run.actors().values()]
    for pid in halted:
        os.kill(pid, signal.SIGSTOP)
    try:
        wait_for(240, f"with halted actors {', '.join(sorted(HALT_ALERTS))} fire",
                 lambda: HALT_ALERTS - prometheus.firing())
    finally:
        for pid in halted:
            os.kill(pid, signal.SIGCONT)
    wait_for(120, "with the actors back they are silent", prometheus.firing)


if __name__ == "__main__":
    main(*sys.argv[1:])
