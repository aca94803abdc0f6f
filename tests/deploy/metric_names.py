"""The metrics that the code serves, and those that files under deploy/ and docs/ speak of."""
import json
import pathlib
import re
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[2]
DASHBOARDS = sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))
RULES = ROOT / "deploy/prometheus/rules.yml"
# Prometheus adds them, as the learner's /sd has them.
COMMON_LABELS = {"job", "instance", "cluster", "run", "role", "index"}
# Of a machine with a GPU, a peer that speaks nonsense, a shard with a second table.
SELDOM = re.compile(r"pmoe_learner_gpu_|pmoe_rejected_total|pmoe_replay_table_rows")
HISTOGRAM_PARTS = ("_bucket", "_sum", "_count")


class Metric(NamedTuple):
    kind: str
    role: str
    label: str  # "door, reason": several


def served():
    """MetricList() of common/metrics/metric_list.cc, by name."""
    text = (ROOT / "common/metrics/metric_list.cc").read_text()
    entry = r'\{"(pmoe_\w+)",\s*k(\w+),\s*"([^"]+)",\s*"([\w, ]*)",'
    return {name: Metric(kind.lower(), *rest) for name, kind, *rest in re.findall(entry, text)}


def documented():
    """The rows of docs/metrics.md's table of /metrics, by name."""
    text = (ROOT / "docs/metrics.md").read_text()
    rows = [[cell.strip().replace("`", "") for cell in line.split("|")[1:-1]]
            for line in text.splitlines() if line.startswith("| `pmoe_")]
    return {name: Metric(kind, role, label.strip("–")) for name, kind, role, label, _ in rows}


def columns():
    """Columns of metrics.csv, which pmoe_learner_stat serves by their names."""
    text = (ROOT / "docs/metrics.md").read_text().split("\n# /metrics")[0]
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def recorded():
    return set(re.findall(r"record: (\S+)", RULES.read_text()))


def made_of():
    """(recorded metric, names in its expression) of every recording rule."""
    for block in re.split(r"- (?=record: |alert: )", RULES.read_text()):
        if block.startswith("record: "):
            expression = re.sub(r"#.*", "", block.split("expr:")[1])
            yield block.split()[1], names_in(expression)


def alerts():
    return set(re.findall(r"alert: (\S+)", RULES.read_text()))


def panels():
    """(dashboard, panel title, PromQL) of every query of every panel, with all that the variables
    of its dashboard can choose."""
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                yield path.stem, panel["title"], of_all(target["expr"])


def of_all(promql):
    return re.sub(r"\$\w+", ".*", promql)


def without_strings(promql):
    return re.sub(r'"[^"]*"', '""', promql)


def names_in(text):
    """Metrics, and recorded ones with their colons, that a text speaks of."""
    roles = "actor|evaluator|replay|learner|process|rpc|rejected|connections"
    name = rf"\bpmoe(?:_(?:{roles})_\w+|:\w+:\w+)"
    return {metric_of(found) for found in re.findall(name, without_strings(text))}


def metric_of(series):
    """Of a histogram's parts the histogram."""
    for part in HISTOGRAM_PARTS:
        if series.endswith(part) and series.removesuffix(part) in HISTOGRAMS:
            return series.removesuffix(part)
    return series


def selections_in(promql):
    """(metric, label) of every selector {label…}."""
    for name, selector in re.findall(r"\b(pmoe_\w+)\{([^}]*)\}", without_strings(promql)):
        for label in re.findall(r"(\w+)\s*[=!]", selector):
            yield metric_of(name), label


def stats_in(promql):
    """The columns that a query picks from pmoe_learner_stat, regular expressions as K = 0."""
    for names in re.findall(r'pmoe_learner_stat\{[^}]*\bname=~?"([^"]*)"', promql):
        for name in names.split("|"):
            yield name.replace("[0-9]+", "k")


HISTOGRAMS = {name for name, metric in served().items() if metric.kind == "histogram"}
