#!/usr/bin/env python3
"""Writes dashboards/*.json from dashboards.py. JSON is what Grafana reads; nobody edits it.

    deploy/grafana/make_dashboards.py            writes the files
    deploy/grafana/make_dashboards.py --check    exit status 1 if they are out of date
"""
import json
import pathlib
import sys

from dashboards import DASHBOARDS
from panels import DATASOURCE, KINDS, panel_json

FOLDER = pathlib.Path(__file__).resolve().parent / "dashboards"
COLUMNS = 24  # of Grafana's grid


def places(panels):
    """Left to right, then the next row; a panel that is higher or lower begins a row."""
    x = y = row_height = 0
    for panel in panels:
        width, height = KINDS[panel.kind].size
        if x + width > COLUMNS or (x > 0 and height != row_height):
            x, y = 0, y + row_height
        row_height = height
        yield {"x": x, "y": y, "w": width, "h": height}
        x += width


def variable(name, label, query):
    """One to choose at the top: several values, or all."""
    everything = {"selected": True, "text": ["All"], "value": ["$__all"]}
    return {"type": "query", "name": name, "label": label, "datasource": DATASOURCE,
            "query": query, "refresh": 2, "sort": 3, "multi": True, "includeAll": True,
            "allValue": ".*", "current": everything}


VARIABLES = (
    variable("cluster", "cluster", "label_values(pmoe_learner_env_steps, cluster)"),
    variable("run", "run", 'label_values(pmoe_learner_env_steps{cluster=~"$cluster"}, run)'),
    variable("actor", "actor",
             'label_values(pmoe_actor_env_steps_total{cluster=~"$cluster",run=~"$run"}, index)'),
)


def dashboard_json(name, title, panels):
    made = [panel_json(number, panel, place)
            for number, (panel, place) in enumerate(zip(panels, places(panels)), 1)]
    used = [variable for variable in VARIABLES if f"${variable['name']}" in json.dumps(made)]
    return {"uid": f"pmoe-{name}", "title": title, "tags": ["pmoe"], "editable": False,
            "schemaVersion": 39, "version": 1, "refresh": "5s", "timezone": "browser",
            "time": {"from": "now-30m", "to": "now"}, "graphTooltip": 1,
            "templating": {"list": used},
            "links": [{"type": "dashboards", "title": "pmoe", "tags": ["pmoe"], "icon": "",
                       "tooltip": "", "asDropdown": False, "targetBlank": False,
                       "includeVars": True, "keepTime": True}],
            "panels": made}


def files():
    for name, title, panels in DASHBOARDS:
        text = json.dumps(dashboard_json(name, title, panels), indent=1)
        yield FOLDER / f"{name}.json", text + "\n"


def main():
    new = dict(files())
    old = [path.name for path, text in new.items()
           if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv:
        sys.exit(f"out of date: {', '.join(old)}; run deploy/grafana/make_dashboards.py"
                 if old else 0)
    FOLDER.mkdir(exist_ok=True)
    for path, text in new.items():
        path.write_text(text)


if __name__ == "__main__":
    main()
