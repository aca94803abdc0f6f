#!/usr/bin/env python3
"""deploy/grafana: the dashboards hold nothing that Grafana's own schemas do not know. Its package
of types for Python (PyPI's grafana-foundation-sdk, of the release that deploy/docker-compose.yml
runs) is made from them; deploy/check.sh installs it."""
import enum
import json
import pathlib
import re
import typing
import unittest

try:
    from grafana_foundation_sdk.cog import encoder, plugins
    from grafana_foundation_sdk.models import dashboard
except ImportError:
    dashboard = None

ROOT = pathlib.Path(__file__).resolve().parents[2]
DASHBOARDS = sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))


def lost(ours, read, where):
    """Keys and values of ours that are not in what was read from it."""
    if isinstance(ours, dict) and isinstance(read, dict):
        for key, value in ours.items():
            if key in read:
                yield from lost(value, read[key], f"{where}.{key}")
            else:
                yield f"{where}.{key}: unknown to Grafana"
    elif isinstance(ours, list) and isinstance(read, list) and len(ours) == len(read):
        for number, pair in enumerate(zip(ours, read)):
            yield from lost(*pair, f"{where}[{number}]")
    elif ours != read:
        yield f"{where}: {ours!r} was read as {read!r}"


def is_a(value, kind):
    """Whether the value is one of that type; of a union, of any of its types."""
    origin = typing.get_origin(kind)
    if kind is typing.Any:
        return True
    if origin is typing.Union:
        return any(is_a(value, one) for one in typing.get_args(kind))
    if origin is typing.Literal:
        return value in typing.get_args(kind)
    if origin in (list, dict):
        return isinstance(value, origin)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return value in [one.value for one in kind] or isinstance(value, kind)
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return not isinstance(kind, type) or isinstance(value, kind)


def mistyped(thing, where):
    """Members of the package's objects whose values are not of their types."""
    if isinstance(thing, list):
        for number, one in enumerate(thing):
            yield from mistyped(one, f"{where}[{number}]")
    elif isinstance(thing, dict):
        for key, one in thing.items():
            yield from mistyped(one, f"{where}.{key}")
    elif type(thing).__module__.startswith("grafana_foundation_sdk") and not isinstance(
            thing, enum.Enum):
        for name, kind in typing.get_type_hints(type(thing)).items():
            value = getattr(thing, name, None)
            if not is_a(value, kind):
                yield f"{where}.{name}: {value!r} is no {kind}"
            yield from mistyped(value, f"{where}.{name}")


def faults(board):
    read = dashboard.Dashboard.from_json(board)
    again = json.loads(json.dumps(read, cls=encoder.JSONEncoder))
    return [*lost(board, again, "dashboard"), *mistyped(read, "dashboard")]


@unittest.skipUnless(dashboard, "no grafana-foundation-sdk: deploy/check.sh installs it")
class SchemaTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        plugins.register_default_plugins()

    def test_every_dashboard_is_one_to_grafana(self):
        self.assertTrue(DASHBOARDS)
        for path in DASHBOARDS:
            self.assertEqual(faults(json.loads(path.read_text())), [], path.name)

    def test_a_mistake_of_each_kind_is_found(self):
        mistakes = {"options.legend.displayMode": "lst", "options.legnd": {}, "title": 3,
                    "fieldConfig.defaults.custom.lineWidth": "thick",
                    "fieldConfig.defaults.custom.stacking.mode": "upwards",
                    "targets.0.expression": "up", "gridPos.w": "wide"}
        text = (ROOT / "deploy/grafana/dashboards/throughput.json").read_text()
        for place, value in mistakes.items():
            board = json.loads(text)
            at = next(panel for panel in board["panels"]
                      if "stacking" in panel["fieldConfig"]["defaults"]["custom"])
            *way, last = place.split(".")
            for step in way:
                at = at[int(step) if step.isdigit() else step]
            at[last] = value
            self.assertTrue(faults(board), place)

    def test_the_schemas_are_of_the_release_that_compose_runs(self):
        wanted = (ROOT / "tests/deploy/requirements.txt").read_text()
        compose = (ROOT / "deploy/docker-compose.yml").read_text()
        release = re.search(r"PMOE_GRAFANA_TAG:-(\d+\.\d+)\.", compose)[1]
        self.assertRegex(wanted, rf"(?m)^grafana-foundation-sdk==\d+!{re.escape(release)}\.\d+$")


if __name__ == "__main__":
    unittest.main()
