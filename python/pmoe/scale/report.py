"""What `pmoe scale` tells of a study: a table and sentences on the terminal, and scale.html, a page
that asks for nothing outside itself."""

from __future__ import annotations

import base64
import html
import math
import pathlib
import shlex
import typing

from pmoe.errors import Error
from pmoe.run import Run
from pmoe.scale.fit import Law
from pmoe.scale.plan import Plan, write_whole
from pmoe.scale.study import DISTURBED, ENOUGH, Size, Study

PAGE, PICTURE = "scale.html", "scale.png"
UNKNOWN = "–"
STYLE = """\
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .3rem .8rem; border-bottom: 1px solid #8886; }
tr.best { font-weight: 600; }
meter { width: 9rem; }
.wide { overflow-x: auto; }
img { max-width: 100%; background: white; }
pre { overflow-x: auto; }"""


class Column(typing.NamedTuple):
    head: str
    text: typing.Callable[[Size], str]


def percent(share: float, digits: int = 0) -> str:
    return UNKNOWN if math.isnan(share) else f"{100 * share:.{digits}f} %"


def _text(value: float, form: str) -> str:
    return UNKNOWN if math.isnan(value) else format(value, form)


def columns(study: Study) -> list[Column]:
    wall, cpu = study.wall_budget_s, study.cpu_budget_s
    return [
        Column("actors", lambda size: str(size.actors)),
        Column("env steps/s", lambda size: _text(size.steps_per_s, ",.1f")),
        Column("least–most", lambda size: UNKNOWN if size.runs == 1 else
               f"{size.least:,.1f}–{size.most:,.1f}"),
        Column("updates/s", lambda size: _text(size.updates_per_s, ",.1f")),
        Column("efficiency", lambda size: percent(size.efficiency)),
        Column("cores", lambda size: _text(size.cores, ".2f")),
        Column("CPU-ms/step", lambda size: _text(size.cpu_ms_per_step, ".3f")),
        Column(f"return at {wall:.0f} s", lambda size: _text(size.return_by_wall, ".1f")),
        Column("return at equal CPU" if math.isnan(cpu) else f"return at {cpu:.0f} CPU-s",
               lambda size: _text(size.return_by_cpu, ".1f"))]


def table_text(study: Study) -> str:
    """For a terminal, a line per size."""
    shown = columns(study)
    rows = [[column.head for column in shown]] + [
        [column.text(size) for column in shown] for size in study.sizes]
    widths = [max(len(row[at]) for row in rows) for at in range(len(shown))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths)).rstrip()
                     for row in rows)


def limit_text(study: Study) -> str:
    laws = study.laws
    if not laws:
        return "Limit: one size tells nothing of it; measure a second."
    best, other = laws
    error = f"error {percent(best.error, 1)}; {_name(other)}: {percent(other.error, 1)}"
    if len(study.sizes) == 2:
        error = "two sizes fit any law; measure a third"
    if best.limit is None:
        return (f"Limit: none within these sizes; {best.one:,.1f} env steps/s per actor "
                f"({_name(best)}, {error}).")
    return f"Limit: {best.limit:,.1f} env steps/s, {_why(best, study.sizes[0].actors)} ({error})."


def _name(law: Law) -> str:
    return "Amdahl's law" if law.name == "Amdahl" else "a line with a ceiling"


def _why(law: Law, least: int) -> str:
    if law.name == "Amdahl":
        return f"by Amdahl's law: {percent(law.number, 1)} of the work is done in turn"
    if law.number <= least:
        return f"a ceiling that {_actors(least)} reach{'es' if least == 1 else ''} already"
    return (f"a ceiling that {law.number:.1f} actors reach, {law.one:,.1f} each; then learner, "
            "limiter or cores are busy all the time")


def _actors(number: int) -> str:
    return "1 actor" if number == 1 else f"{number} actors"


def advice_text(study: Study) -> str:
    sizes, size = study.sizes, study.recommended
    fastest = max(sizes, key=lambda each: each.steps_per_s)
    text = (f"Recommended: {_actors(size.actors)}: the smallest of these sizes with "
            f"{percent(ENOUGH)} of the fastest one's env steps/s ({size.steps_per_s:,.1f} of "
            f"{fastest.steps_per_s:,.1f}).")
    laws = study.laws
    if not laws or size.actors != sizes[-1].actors:
        return text
    more = 2 * size.actors
    expected = laws[0].rate(more)
    if expected < size.steps_per_s / ENOUGH:
        return text
    return (f"{text} It is the largest of them, and more may help: by this law {more} would make "
            f"{expected:,.1f}.")


def task_text(plan: Plan) -> str:
    if plan.how == "compose":
        return "the project of Compose"
    settings = plan.settings
    return f"{_env_name(plan)}, {settings['algorithm']}, {settings['schedule']['mode']}"


def _env_name(plan: Plan) -> str:
    """A plugin's or a task file's without its folder."""
    kind, _, file = plan.settings["env"]["id"].partition(":")
    return pathlib.PurePath(file).name if kind in ("plugin", "mjcf") else plan.settings["env"]["id"]


def has_env_processes(plan: Plan) -> bool:
    """Whether environments run in processes of their own, whose CPU seconds nobody counts."""
    return plan.settings.get("env", {}).get("id", "").startswith("gym-process:")


def warning_text(plan: Plan, study: Study) -> str:
    """"" where the machine was left alone, or nobody knows."""
    if not study.other_cores >= DISTURBED or has_env_processes(plan):
        return ""
    return (f"Beware: other processes had up to {study.other_cores:.1f} cores of this machine "
            "meanwhile; measure again where it is left alone.")


def write_page(plan: Plan, study: Study, picture: bytes | None) -> None:
    escape = html.escape
    task = task_text(plan)
    shown = "<p>No picture: this Python has no matplotlib.</p>"
    if picture is not None:
        shown = ('<img alt="env steps and updates per second, efficiency and returns by the number '
                 f'of actors" src="data:image/png;base64,{base64.b64encode(picture).decode()}">')
    text = f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(task)}: scaling</title>
<style>{STYLE}</style>
<h1>How {escape(task)} scales with actors</h1>
<p>{escape(limit_text(study))}</p>
<p>{escape(advice_text(study))}</p>
<p>{escape(warning_text(plan, study))}</p>
{shown}
<div class="wide">{_table(study)}</div>
<p>{escape(_method(plan, study))}</p>
<pre>{escape(command_text(plan))}</pre>
<p>{escape(_machine(plan, study))}</p>
</html>
"""
    write_whole(plan.out / PAGE, text.encode())


def _table(study: Study) -> str:
    """With a bar beside each rate, so that it tells something without a picture too."""
    shown, sizes = columns(study), study.sizes
    most = max(size.steps_per_s for size in sizes) or 1.0
    lines = ["<table><tr>" + "".join(f"<th>{html.escape(c.head)}" for c in shown) + "<th></tr>"]
    for size in sizes:
        best = ' class="best"' if size.actors == study.recommended.actors else ""
        cells = "".join(f"<td>{html.escape(column.text(size))}" for column in shown)
        share = size.steps_per_s / most
        lines.append(f'<tr{best}>{cells}<td><meter value="{share:.4f}">{percent(share)}</meter>'
                     "</tr>")
    return "\n".join([*lines, "</table>"])


def _method(plan: Plan, study: Study) -> str:
    until = f"to {plan.steps:,} env steps" if plan.steps else f"for {plan.seconds:g} s"
    text = (f"Each size was measured {until}, from where all its actors took part and the first "
            f"{plan.warm_up_steps:,} env steps, the warm-up, were over. ")
    repeats = max(size.runs for size in study.sizes)
    if repeats > 1:
        text += f"Medians of {repeats} runs with seeds of their own, of returns the mean. "
    text += ("Efficiency: env steps per second and actor, over those of the smallest size. Cores: "
             "CPU seconds of all processes per second. ")
    if has_env_processes(plan):
        text += "The environments' own processes (gym-process:) are not among these. "
    if plan.how != "compose":
        text += ("Returns: of the last evaluation that every size could have made by then, the "
                 "warm-up included.")
    return text + f" {UNKNOWN}: not measured."


def command_text(plan: Plan) -> str:
    """What was typed, for whoever measures again."""
    words = ["pmoe", "scale", "--actors", ",".join(map(str, plan.sizes))]
    words += ["--steps", str(plan.steps)] if plan.steps else ["--seconds", f"{plan.seconds:g}"]
    if plan.repeats > 1:
        words += ["--repeats", str(plan.repeats)]
    if plan.how != "up":
        words += ["--with", plan.how]
    return shlex.join([*words, *plan.training])


def _machine(plan: Plan, study: Study) -> str:
    """As a run's manifest has it."""
    try:
        manifest = Run(plan.folder(study.measured[0].trial)).manifest
    except Error:
        return ""
    pmoe, commit, host, cpu, started = (
        manifest.get(key, UNKNOWN) for key in ("pmoe", "commit", "host", "cpu", "started"))
    return f"pmoe {pmoe} ({commit}); the learner on {host}, {cpu}; measured from {started}."
