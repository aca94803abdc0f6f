"""scale.png: rates, efficiency and returns by the number of actors. Needs matplotlib; no screen."""

from __future__ import annotations

import io
import math
import typing

from pmoe.scale.report import limit_text, percent
from pmoe.scale.study import Study

CURVE = 100  # places of a law's line
WIDE = 4     # the fastest over the slowest size


def draw(study: Study, task: str) -> bytes | None:
    """The picture; None: there is no matplotlib."""
    try:
        import matplotlib
    except ImportError:
        return None
    matplotlib.use("Agg")  # before pyplot, which would look for a screen
    from matplotlib import pyplot, rc_context

    with rc_context({"axes.formatter.use_locale": False}):
        figure, panels = pyplot.subplots(2, 2, layout="constrained", figsize=(10.4, 7.2))
        try:
            _rates(panels[0][0], study)
            _updates(panels[0][1], study)
            _efficiency(panels[1][0], study)
            _returns(panels[1][1], study)
            for panel in panels.flat:
                _axis(panel, [size.actors for size in study.sizes])
            figure.suptitle(f"{task}\n{limit_text(study)}", fontsize=10, wrap=True)
            data = io.BytesIO()
            figure.savefig(data, format="png", dpi=130)
        finally:
            pyplot.close(figure)
    return data.getvalue()


def _axis(panel: typing.Any, sizes: list[int]) -> None:
    if sizes[0] != sizes[-1]:
        panel.set_xscale("log", base=2)
    panel.set_xticks(sizes, [str(size) for size in sizes])
    panel.minorticks_off()
    panel.set_xlabel("actors")
    panel.grid(alpha=0.25)
    if panel.get_legend_handles_labels()[0]:
        panel.legend(frameon=False, fontsize=9)


def _rate_axis(panel: typing.Any, values: list[float]) -> None:
    """Both axes by powers of two, so that what scales in full is a straight line; near sizes from
    0 on."""
    if min(values) <= 0 or max(values) < WIDE * min(values):
        return _from_zero(panel)
    panel.set_yscale("log", base=2)
    panel.set_ylim(min(values) / 2, max(values) * 2)
    panel.yaxis.set_major_formatter(
        lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")


def _from_zero(panel: typing.Any) -> None:
    panel.set_ylim(0, 1.1 * panel.dataLim.y1 or 1)


def _rates(panel: typing.Any, study: Study) -> None:
    sizes = study.sizes
    actors = [size.actors for size in sizes]
    rates = [size.steps_per_s for size in sizes]
    spread = [[size.steps_per_s - size.least for size in sizes],
              [size.most - size.steps_per_s for size in sizes]]
    panel.errorbar(actors, rates, spread, fmt="o", color="C0", capsize=3, label="measured")
    low, high = math.log(actors[0]), math.log(actors[-1])
    places = [math.exp(low + (high - low) * i / CURVE) for i in range(CURVE + 1)]
    for law, style in zip(study.laws, ("-", ":")):
        panel.plot(places, [law.rate(place) for place in places], style, color="C0", alpha=0.7,
                   label=f"{law.name}, error {percent(law.error, 1)}")
    limit = study.laws[0].limit if study.laws else None
    if limit is not None and limit < 3 * max(rates):  # a far one would flatten the rest
        panel.axhline(limit, color="0.5", linestyle="--", linewidth=1, label=f"limit {limit:,.0f}")
    best = study.recommended
    panel.plot([best.actors], [best.steps_per_s], "o", color="C3", markersize=11, fillstyle="none",
               markeredgewidth=2, label="recommended")
    panel.set_ylabel("env steps per second")
    _rate_axis(panel, rates)


def _updates(panel: typing.Any, study: Study) -> None:
    rates = [size.updates_per_s for size in study.sizes]
    panel.plot([size.actors for size in study.sizes], rates, "o-", color="C1")
    panel.set_ylabel("updates per second")
    _rate_axis(panel, rates)


def _efficiency(panel: typing.Any, study: Study) -> None:
    actors = [size.actors for size in study.sizes]
    panel.plot(actors, [100 * size.efficiency for size in study.sizes], "o-", color="C2",
               label=f"env steps/s per actor, {actors[0]} = 100")
    panel.set_ylabel("efficiency, %")
    _from_zero(panel)
    cores = [size.cores for size in study.sizes]
    if not all(map(math.isnan, cores)):
        other = panel.twinx()
        other.plot(actors, cores, "s--", color="0.5", label="cores")
        other.set_ylabel("cores, all processes")
        _from_zero(other)


def _returns(panel: typing.Any, study: Study) -> None:
    actors = [size.actors for size in study.sizes]
    lines = ((f"at {study.wall_budget_s:.0f} s", [size.return_by_wall for size in study.sizes]),
             (f"at {study.cpu_budget_s:.0f} CPU-s", [size.return_by_cpu for size in study.sizes]))
    known = [(name, values) for name, values in lines if not all(map(math.isnan, values))]
    for number, (name, values) in enumerate(known):
        panel.plot(actors, values, "o-", color=f"C{4 + number}", label=name)
    if not known:
        panel.text(0.5, 0.5, "no evaluation within the time\nthat all sizes have had",
                   ha="center", va="center", transform=panel.transAxes, color="0.5")
        panel.set_yticks([])
    panel.set_ylabel("return of the last evaluation")
