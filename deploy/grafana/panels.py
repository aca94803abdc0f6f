"""How a panel of dashboards.py becomes Grafana's JSON: size, options and queries by its kind."""
import re
from typing import NamedTuple

DATASOURCE = {"type": "prometheus", "uid": "pmoe"}  # provisioning/datasources/prometheus.yml
SHOWN = {"cluster": "cluster", "run": "run"}  # label: the dashboard's variable that it is one of


class Panel(NamedTuple):
    title: str
    unit: str  # Grafana's name: short, s, bytes, percentunit, ops (per second), none
    queries: tuple  # of (PromQL without the variables, legend, in which {{x}} is label x)
    kind: str = "timeseries"  # a key of KINDS
    help: str = ""


LEGEND = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}
TOOLTIP = {"mode": "multi", "sort": "desc"}
COLOR = {"mode": "scheme", "scheme": "Oranges", "fill": "dark-orange", "exponent": 0.5, "steps": 64,
         "reverse": False}
HEATMAP = {"color": COLOR, "cellGap": 1, "showValue": "never", "legend": {"show": True},
           "tooltip": {"mode": "single", "yHistogram": True}, "exemplars": {"color": "red"}}


class Kind(NamedTuple):
    size: tuple  # width, height, of a grid with 24 columns
    options: dict
    type: str = "timeseries"  # Grafana's
    custom: dict = {}  # of fieldConfig.defaults
    color: dict = {"mode": "palette-classic"}
    format: str = "time_series"


KINDS = {
    "timeseries": Kind((12, 8), {"legend": LEGEND, "tooltip": TOOLTIP},
                       custom={"lineWidth": 1, "fillOpacity": 0, "showPoints": "never"}),
    # Parts of a whole, on top of each other.
    "stack": Kind((12, 8), {"legend": LEGEND, "tooltip": TOOLTIP},
                  custom={"lineWidth": 0, "fillOpacity": 70, "showPoints": "never",
                          "stacking": {"mode": "normal", "group": "A"}}),
    # One large number.
    "stat": Kind((6, 4), {"colorMode": "value", "graphMode": "area", "justifyMode": "auto",
                          "textMode": "auto", "wideLayout": True, "orientation": "auto",
                          "reduceOptions": {"calcs": ["lastNotNull"], "fields": "",
                                            "values": False}}, "stat"),
    # A name: the label of the series whose value is 1.
    "name": Kind((6, 4), {"colorMode": "none", "graphMode": "none", "justifyMode": "auto",
                          "textMode": "name", "wideLayout": True, "orientation": "auto",
                          "reduceOptions": {"calcs": ["lastNotNull"], "fields": "",
                                            "values": False}}, "stat"),
    # A Prometheus histogram over time.
    "heatmap": Kind((12, 8), {**HEATMAP, "calculate": False,
                              "yAxis": {"axisPlacement": "left", "unit": "s"}},
                    "heatmap", format="heatmap"),
    # How many of the series have which value, over time: of a thousand actors too.
    "spread": Kind((12, 8), {**HEATMAP, "calculate": True,
                             "calculation": {"xBuckets": {"mode": "size", "value": "15s"},
                                             "yBuckets": {"mode": "count", "value": "30"}},
                             "yAxis": {"axisPlacement": "left"}}, "heatmap"),
    # A row for each series, time to the right, a colour for the value.
    "rows": Kind((24, 10), {"rowHeight": 0.9, "colWidth": 1.0, "showValue": "never", "perPage": 64,
                            "legend": {**LEGEND, "showLegend": False}, "tooltip": TOOLTIP},
                 "status-history", custom={"fillOpacity": 90, "lineWidth": 0},
                 color={"mode": "continuous-RdYlGr"}),
    "hot rows": Kind((24, 10), {"rowHeight": 0.9, "colWidth": 1.0, "showValue": "never",
                                "perPage": 64, "legend": {**LEGEND, "showLegend": False},
                                "tooltip": TOOLTIP},
                     "status-history", custom={"fillOpacity": 90, "lineWidth": 0},
                     color={"mode": "continuous-GrYlRd"}),
}


def of_shown_run(promql):
    """The query, of those clusters and runs alone that the variables name. They match .* where all
    are shown, and so also series of a Prometheus that sets no label cluster."""
    shown = ",".join(f'{label}=~"${name}"' for label, name in SHOWN.items())

    def selector(match):
        own = (match[2] or "{}")[1:-1]
        return f"{match[1]}{{{shown}{',' + own if own else ''}}}"

    # No metric's name stands within a string.
    return re.sub(r"\b(pmoe(?:_\w+|:\w+:\w+))(\{[^}]*\})?", selector, promql)


def targets(panel):
    kind = KINDS[panel.kind]
    return [{"refId": chr(ord("A") + i), "datasource": DATASOURCE, "expr": of_shown_run(promql),
             "legendFormat": legend, "range": True, "format": kind.format}
            for i, (promql, legend) in enumerate(panel.queries)]


def panel_json(number, panel, place):
    kind = KINDS[panel.kind]
    defaults = {"unit": panel.unit, "color": kind.color, "custom": kind.custom}
    if panel.unit == "percentunit":
        defaults.update({"min": 0, "max": 1} if panel.kind != "timeseries" else {"min": 0})
    return {"id": number, "type": kind.type, "title": panel.title, "description": panel.help,
            "datasource": DATASOURCE, "gridPos": place, "targets": targets(panel),
            "options": kind.options, "fieldConfig": {"defaults": defaults, "overrides": []}}
