#!/usr/bin/env python3
"""Writes dashboards/*.json from dashboards.py. JSON is what Grafana reads; nobody edits it.

    deploy/grafana/make_dashboards.py            writes the files
    deploy/grafana/make_dashboards.py --check    exit status 1 if they are out of date
"""
import json
import pathlib
import sys

from dashboards import DASHBOARDS

FOLDER = pathlib.Path(__file__).resolve().parent / "dashboards"
COLUMNS = 24  # of Grafana's grid
DATASOURCE = {"type": "prometheus", "uid": "pmoe"}  # provisioning/datasources/prometheus.yml
SIZES = {"stat": (6, 4), "timeseries": (12, 8)}  # width, height


def places(panels):
    """Left to right, then the next row; a panel that is higher or lower begins a row."""
    x = y = row_height = 0
    for panel in panels:
        width, height = SIZES[panel.kind]
        if x + width > COLUMNS or (x > 0 and height != row_height):
            x, y = 0, y + row_height
        row_height = height
        yield {"x": x, "y": y, "w": width, "h": height}
        x += width


def targets(panel):
    return [{"refId": chr(ord("A") + i), "datasource": DATASOURCE, "expr": expr,
             "legendFormat": legend} for i, (expr, legend) in enumerate(panel.queries)]


def panel_json(number, panel, place):
    return {"id": number, "type": panel.kind, "title": panel.title, "description": panel.help,
            "datasource": DATASOURCE, "gridPos": place, "targets": targets(panel),
            "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []}}


def dashboard_json(name, title, panels):
    return {"uid": f"pmoe-{name}", "title": title, "tags": ["pmoe"], "editable": False,
            "schemaVersion": 38, "version": 1, "refresh": "5s", "timezone": "browser",
            "time": {"from": "now-30m", "to": "now"},
            "links": [{"type": "dashboards", "title": "pmoe", "tags": ["pmoe"],
                       "asDropdown": False, "keepTime": True}],
            "panels": [panel_json(number, panel, place)
                       for number, (panel, place) in enumerate(zip(panels, places(panels)), 1)]}


def files():
    for name, title, panels in DASHBOARDS:
        text = json.dumps(dashboard_json(name, title, panels), indent=1)
        yield FOLDER / f"{name}.json", text + "\n"


def main():
    old = [path.name for path, text in files() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv:
        sys.exit(f"out of date: {', '.join(old)}; run deploy/grafana/make_dashboards.py"
                 if old else 0)
    FOLDER.mkdir(exist_ok=True)
    for path, text in files():
        path.write_text(text)


if __name__ == "__main__":
    main()
