#!/usr/bin/env python3
"""Rules, dashboards, docs/metrics.md and the code speak of the same metrics, and Prometheus's own
tool reads all of it. Without promtool (Debian's package prometheus) its tests are skipped."""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import metric_names
from metric_names import ROOT

PROMTOOL = shutil.which("promtool")
RULES_TEST = ROOT / "tests/deploy/rules_test.yml"


class NamesTest(unittest.TestCase):
    def setUp(self):
        self.served = metric_names.served()
        self.known = set(self.served) | metric_names.recorded()
        self.queries = list(metric_names.panels())
        self.rules = metric_names.RULES.read_text()

    def test_the_list_is_read_whole(self):
        text = (ROOT / "common/metrics/metric_list.cc").read_text()
        self.assertEqual(len(self.served), text.count('{"pmoe_'))

    def test_the_document_says_what_the_code_says(self):
        documented = metric_names.documented()
        self.assertEqual(set(documented), set(self.served))
        for name, metric in self.served.items():
            self.assertEqual(documented[name], metric, name)

    def test_every_panel_draws_metrics_that_exist(self):
        for dashboard, title, promql in self.queries:
            names = metric_names.names_in(promql)
            self.assertTrue(names, f"{dashboard}, {title}: {promql}")
            self.assertLessEqual(names, self.known, f"{dashboard}, {title}")

    def test_every_metric_is_in_a_panel(self):
        shown = set().union(*(metric_names.names_in(promql) for _, _, promql in self.queries))
        # What a recorded one is made of counts as shown with it: it is a view of that.
        for _ in metric_names.recorded():
            for name, parts in metric_names.made_of():
                shown |= parts if name in shown else set()
        self.assertEqual(self.known - shown, set())

    def test_every_file_of_deploy_and_docs_speaks_of_metrics_that_exist(self):
        for folder in ("deploy", "docs"):
            for path in (ROOT / folder).rglob("*"):
                if path.suffix in (".yml", ".yaml", ".md", ".sh", ".py"):
                    names = metric_names.names_in(path.read_text())
                    self.assertLessEqual(names, self.known, path.relative_to(ROOT))

    def test_every_selector_names_a_label_of_its_metric(self):
        for promql in [self.rules, *(promql for _, _, promql in self.queries)]:
            for name, label in metric_names.selections_in(promql):
                labels = metric_names.COMMON_LABELS | set(self.served[name].label.split(", "))
                self.assertIn(label, labels, name)

    def test_every_statistic_is_a_column_of_metrics_csv(self):
        columns = metric_names.columns()
        for promql in [self.rules, *(promql for _, _, promql in self.queries)]:
            self.assertLessEqual(set(metric_names.stats_in(promql)), columns, promql)

    def test_counters_are_drawn_as_rates_or_totals(self):
        for dashboard, title, promql in self.queries:
            for name in metric_names.names_in(promql):
                if name.endswith("_total"):
                    self.assertRegex(promql, rf"(rate|increase|sum|max)\({name}",
                                     f"{dashboard}, {title}")

    def test_every_query_is_of_the_chosen_cluster_and_run(self):
        for path in metric_names.DASHBOARDS:
            board = json.loads(path.read_text())
            names = {variable["name"] for variable in board["templating"]["list"]}
            self.assertLessEqual({"cluster", "run"}, names)
            for panel in board["panels"]:
                for target in panel["targets"]:
                    where = f"{path.stem}, {panel['title']}"
                    self.assertLessEqual(set(re.findall(r"\$(\w+)", target["expr"])), names, where)
                    for selector in re.findall(r"\bpmoe[:_][\w:]+(.?[^}]*)", target["expr"]):
                        self.assertTrue(selector.startswith(
                            '{cluster=~"$cluster",run=~"$run"'), where)


class AlertsTest(unittest.TestCase):
    def test_every_alert_has_a_test_in_which_it_fires(self):
        text = RULES_TEST.read_text()
        fires = {re.search(r"alertname: (\w+)", block).group(1)
                 for block in re.findall(r"alertname: \w+\n\s+exp_alerts:", text)}
        self.assertEqual(fires, metric_names.alerts())

    def test_every_alert_says_what_to_do(self):
        for block in re.split(r"- alert: ", metric_names.RULES.read_text())[1:]:
            self.assertIn("summary:", block)
            self.assertIn("fix:", block)
            self.assertRegex(block, r"severity: (info|warning|critical)")


class DashboardsTest(unittest.TestCase):
    def test_the_json_is_what_its_source_says(self):
        generator = ROOT / "deploy/grafana/make_dashboards.py"
        words = [sys.executable, generator, "--check"]
        done = subprocess.run(words, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_all_draw_from_the_datasource_that_is_provisioned(self):
        text = (ROOT / "deploy/grafana/provisioning/datasources/prometheus.yml").read_text()
        uid = re.search(r"uid: (\w+)", text).group(1)
        for path in metric_names.DASHBOARDS:
            self.assertEqual(set(re.findall(r'"type": "prometheus",\s*"uid": "(\w+)"',
                                            path.read_text())), {uid}, path.name)


@unittest.skipUnless(PROMTOOL, "no promtool: apt-get install prometheus (./pmoe check deploy does)")
class PromtoolTest(unittest.TestCase):
    def assert_passes(self, *words):
        done = subprocess.run([PROMTOOL, *map(str, words)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_reads_the_configuration(self):
        self.assert_passes("check", "config", ROOT / "deploy/prometheus/prometheus.yml")

    def test_every_alert_fires_when_it_must(self):
        self.assert_passes("test", "rules", RULES_TEST)

    def test_reads_the_query_of_every_panel(self):
        rules = "".join(f"  - record: panel:{number}\n    expr: {promql!r}\n"
                        for number, (_, _, promql) in enumerate(metric_names.panels()))
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "panels.yml")
            path.write_text(f"groups:\n- name: panels\n  rules:\n{rules}")
            self.assert_passes("check", "rules", path)


if __name__ == "__main__":
    unittest.main()
