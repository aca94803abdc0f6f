"""metrics.csv: one row per log interval or evaluation; docs/metrics.md says what columns mean."""

from __future__ import annotations

import csv
import math
import pathlib

from pmoe.errors import Error

STEPS = "env_steps"
RETURN = "eval_return_mean"


def read_metrics(file: pathlib.Path) -> tuple[list[str], list[list[float]]]:
    """(columns, rows); an empty cell is NaN.

    A last line without an end is left out: it is being written, or a crash tore it.

    Raises:
        Error: no such file, no header, or a whole line that is no row; names the line.
    """
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise Error(f"cannot read {file}: {error.strerror}; is its folder a run directory?"
                    ) from None
    lines = text.split("\n")[:-1]
    columns = next(csv.reader(lines[:1]), [])
    if not columns or STEPS not in columns:
        got = f"begins with {lines[0][:60]!r}" if lines else "has no whole line"
        raise Error(f"{file} {got} where the header with {STEPS} must be: it was cut or is no "
                    "metrics.csv; take a copy of it, or resume the run, which writes on")
    rows = [_row(file, columns, number, line) for number, line in enumerate(lines[1:], start=2)]
    return columns, rows


def _row(file: pathlib.Path, columns: list[str], number: int, line: str) -> list[float]:
    cells = line.split(",")
    if len(cells) != len(columns):
        raise Error(f"{file}, line {number}: {len(cells)} cells where the header has "
                    f"{len(columns)}; the line is damaged: remove it, or resume the run")
    try:
        return [float(cell) if cell else math.nan for cell in cells]
    except ValueError:
        column, cell = next((c, v) for c, v in zip(columns, cells) if not _is_number(v))
        raise Error(f"{file}, line {number}: {column} is {cell[:40]!r}, which is no number; the "
                    "line is damaged: remove it, or resume the run") from None


def _is_number(cell: str) -> bool:
    try:
        float(cell or 0)
    except ValueError:
        return False
    return True


def training_seconds(columns: list[str], rows: list[list[float]]) -> float:
    """Seconds that a run trained, in all its lives: wall_s begins anew where it was resumed."""
    seconds = before = 0.0
    at = columns.index("wall_s")
    for row in rows:
        seconds += row[at] - before if row[at] >= before else row[at]
        before = row[at]
    return seconds


def evaluations(columns: list[str], rows: list[list[float]]) -> tuple[list[int], list[float]]:
    """(env steps, mean returns) of the rows that have an evaluation."""
    steps, returns = columns.index(STEPS), columns.index(RETURN)
    pairs = [(int(row[steps]), row[returns]) for row in rows if not math.isnan(row[returns])]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]
