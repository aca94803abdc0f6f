"""What an item becomes: NAME.csv with its numbers, NAME.png, and NAME.html, a page that asks for
nothing outside itself. Every file is written whole or not at all."""

from __future__ import annotations

import base64
import csv
import html
import io
import math
import os
import pathlib
import re
import typing

from pmoe.errors import Error
from pmoe.paper.cells import Gathered
from pmoe.paper.items import Line

Rows = typing.List[typing.Dict[str, typing.Any]]
LINE = 34    # letters that are not broken
LISTED = 40  # of what was left out or is missing
STYLE = """\
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 84rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums;
  font-size: 14px; }
th, td { text-align: right; padding: .35rem .45rem; border-bottom: 1px solid #8886;
  vertical-align: top; }
th:first-child, td:first-child { text-align: left; font-weight: 600; }
.paper { opacity: .65; white-space: nowrap; }
.whole { white-space: nowrap; }
.wide { overflow-x: auto; }
img { max-width: 100%; background: white; }
pre { overflow-x: auto; }"""


def number(value: float) -> str:
    if math.isnan(value):
        return "–"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if 0 < abs(value) < 1 else f"{value:.1f}"


def interval_text(low: float, high: float, form: str = "") -> str:
    if math.isnan(low):
        return ""
    return f" [{low:{form}} to {high:{form}}]" if form else f" [{number(low)} to {number(high)}]"


def ours_text(row: dict[str, typing.Any], unit: str = "") -> str:
    """"104.2 % [98.1 to 110.0], 5 seeds"."""
    seeds = f"{row['seeds']:.0f} seed" + ("" if row["seeds"] == 1 else "s")
    return f"{number(row['iqm'])}{unit}{interval_text(row['low'], row['high'])}, {seeds}"


def grid(lines: typing.Sequence[Line], names: list[str], rows: Rows,
         text: typing.Callable[[Line, int, typing.Optional[typing.Dict[str, typing.Any]]], str],
         corner: str = "") -> tuple[list[str], list[list[str]]]:
    """A table's head and lines: `text` makes a cell of its line, its column's number and its row of
    numbers, None where there is none."""
    by = {(row["row"], row["column"]): row for row in rows}
    return [corner, *names], [[line.name, *(text(line, at, by.get((line.name, name)))
                                            for at, name in enumerate(names))] for line in lines]


def write_csv(file: pathlib.Path, rows: Rows) -> None:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
    write_whole(file, text.getvalue().encode())


def _cell(value: typing.Any) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else format(value, ".6g")
    return str(value)


def read_csv(file: pathlib.Path) -> Rows:
    """As write_csv wrote it; numbers are floats, nothing is NaN.

    Raises:
        Error: it cannot be read, or is cut off.
    """
    try:
        with open(file, newline="", encoding="utf-8") as opened:
            rows = list(csv.DictReader(opened))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Error(f"cannot read {file}: {error}") from None
    if any(None in row or None in row.values() for row in rows):
        raise Error(f"{file} is damaged: a line has more or fewer cells than the first; put it "
                    "back as it was")
    return [{key: _value(value) for key, value in row.items()} for row in rows]


def _value(cell: str) -> typing.Any:
    if cell == "":
        return math.nan
    try:
        return float(cell)
    except ValueError:
        return cell


def write_whole(file: pathlib.Path, data: bytes) -> None:
    """Raises Error: the disk is full, or the folder is not ours; an older file stays as it was."""
    part = file.with_name(file.name + ".part")
    try:
        part.write_bytes(data)
        os.replace(part, file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise Error(f"cannot write {file}: {error.strerror}; make room there, or name another "
                    "folder by --out") from None


def page(gathered: Gathered, head: list[str], lines: list[list[str]], notes: list[str],
         picture: bytes, command: str, source: str) -> bytes:
    item, escape = gathered.item, html.escape
    paragraphs = [f"<p>{escape(text)}</p>" for text in (item.paper_text, *notes) if text]
    shown = base64.b64encode(picture).decode()
    text = f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(item.title)}</title>
<style>{STYLE}</style>
<h1>{escape(item.title)}</h1>
<p>arXiv 2104.09122, trained anew with pmoe. Edition: {escape(gathered.edition.name)}. Made of
{escape(source)}.</p>
<div class="wide">{_table(head, lines)}</div>
<img alt="{escape(item.title)}" src="data:image/png;base64,{shown}">
{''.join(paragraphs)}
{_list("Left out", [f"{place}: {why}" for place, why in gathered.left_out])}
{_list("Missing", missing_lines(gathered))}
<p>{escape(_versions(gathered))}</p>
<pre>{escape(command)}</pre>
</html>
"""
    return text.encode()


def missing_lines(gathered: Gathered) -> list[str]:
    return [f"{one.name} of sweep {one.sweep}, {one.steps:,.0f} env steps"
            for one in gathered.missing]


def _table(head: list[str], lines: list[list[str]]) -> str:
    if not lines:
        return ""
    rows = ["<tr>" + "".join(f"<th>{html.escape(cell)}" for cell in head) + "</tr>"]
    for line in lines:
        rows.append("<tr>" + "".join(f"<td>{_two(cell)}" for cell in line) + "</tr>")
    return "<table>" + "\n".join(rows) + "</table>"


def _two(cell: str) -> str:
    """Ours, a line for the number, its interval and each of what follows; then the paper's."""
    ours, newline, paper = cell.partition("\n")
    below = f'<br><span class="paper">{html.escape(paper)}</span>' if newline else ""
    number_of, bracket, rest = ours.partition(" [")
    parts = re.split(r", (?=\d+ seed|P |± |at )", f"[{rest}" if bracket else number_of)
    parts = [number_of, *parts] if bracket else parts
    return "<br>".join(f'<span{_whole(part)}>{html.escape(part)}</span>' for part in parts) + below


def _whole(part: str) -> str:
    return ' class="whole"' if len(part) <= LINE else ""


def _list(title: str, texts: list[str]) -> str:
    if not texts:
        return ""
    more = [f"and {len(texts) - LISTED} more"] if len(texts) > LISTED else []
    entries = "".join(f"<li>{html.escape(text)}" for text in [*texts[:LISTED], *more])
    return f"<h2>{title} ({len(texts)})</h2><ul>{entries}</ul>"


def _versions(gathered: Gathered) -> str:
    versions = sorted({run.version for run in gathered.runs})
    commits = sorted({run.made_by.get("commit", "?") for run in gathered.runs})
    return f"{len(gathered.runs)} runs of {'; '.join(versions)}; commits {', '.join(commits)}." \
        if versions else ""


def terminal_table(head: list[str], lines: list[list[str]]) -> str:
    """A line per cell, ours and the paper's beside it: twelve wide columns fit no terminal."""
    texts = []
    for line in lines:
        texts.append(line[0])
        for name, cell in zip(head[1:], line[1:]):
            ours, _, paper = cell.partition("\n")
            texts.append(f"  {name:18} {ours}{'   | ' + paper if paper else ''}")
    return "\n".join(texts)
