"""A table or figure as its file in experiments/paper says it. docs/paper.md explains the fields."""

from __future__ import annotations

import dataclasses
import math
import pathlib
import typing

from pmoe import textproto
from pmoe.binaries import checkout
from pmoe.errors import Error
from pmoe.metrics import RETURN
from pmoe.paper.settings import Settings

REPEATED = frozenset({"set", "row", "column", "edition", "sweep", "paper", "spread"})
EDITIONS = ("reduced", "full", "smoke")  # the last one is for tests of pmoe itself


@dataclasses.dataclass(frozen=True)
class Line:
    """A row or a column: runs whose settings are these."""

    name: str
    sets: Settings
    paper: tuple[float, ...] = ()   # a row's: the paper's number in each column
    spread: tuple[float, ...] = ()  # and what stands behind ± there
    noise: float = 0.0              # a column's: of the observations
    low: float = math.nan           # a column's: the public band
    high: float = math.nan
    primitives: str = "router"      # who acts
    action: str = "mean"            # a column's: of the primitive's Gaussian, or a sample
    metric: str = RETURN            # a column's: what its curves are of


@dataclasses.dataclass(frozen=True)
class Edition:
    name: str
    sweeps: tuple[str, ...]
    base: str    # the row of 100 %
    episodes: int
    states: int  # that are clustered


@dataclasses.dataclass(frozen=True)
class Item:
    name: str
    kind: str
    title: str
    paper_text: str  # what the paper shows there
    unit: str        # of its numbers
    rows: tuple[Line, ...]
    columns: tuple[Line, ...]
    editions: dict[str, Edition]

    def wanted(self, row: Line, column: Line) -> Settings:
        return {**row.sets, **column.sets}

    def paper(self, row: Line, column: Line, base: str = "") -> float:
        """The paper's number, over that of another row than its own 100 %; NaN: none."""
        at = self.columns.index(column)
        if at >= len(row.paper):
            return math.nan
        if not base:
            return row.paper[at]
        below = next(other for other in self.rows if other.name == base)
        return 100 * row.paper[at] / below.paper[at] if at < len(below.paper) else math.nan


def folder() -> pathlib.Path:
    root = checkout()
    if root is None or not (root / "experiments/paper").is_dir():
        raise Error("pmoe paper reads experiments/paper of a checkout, and this pmoe was installed "
                    "without: call ./pmoe paper in a clone")
    return root / "experiments/paper"


def names() -> list[str]:
    """table1 … fig11, then what the paper has not."""
    files = [file.stem for file in folder().glob("*.textproto")]

    def order(name: str) -> tuple[int, int, str]:
        for rank, kind in enumerate(("table", "fig")):
            if name.startswith(kind) and name[len(kind):].isdecimal():
                return rank, int(name[len(kind):]), ""
        return 2, 0, name
    return sorted(files, key=order)


def read(name: str) -> Item:
    file = folder() / f"{name}.textproto"
    known = names()
    if name not in known:
        raise Error(f"{name} is no table or figure; there are {', '.join(known)} and all")
    fields = textproto.parse(file.read_text(encoding="utf-8"), str(file), REPEATED)
    try:
        return _item(name, fields)
    except KeyError as error:
        raise Error(f"{file} lacks {error}: a file there has kind, title, row, column and edition, "
                    "and each of the last three a name") from None


def _item(name: str, fields: dict[str, typing.Any]) -> Item:
    shared = _sets(fields.get("set", []), name)
    rows = tuple(_line(row, name, shared) for row in fields["row"])
    columns = tuple(_line(column, name, {}) for column in fields["column"])
    for row in rows:
        if row.paper and len(row.paper) != len(columns):
            raise Error(f"{name}: row {row.name} has {len(row.paper)} numbers of the paper, and "
                        f"there are {len(columns)} columns: one for each, or none")
    base = fields.get("base", "")
    editions = {}
    for each in fields["edition"]:
        chosen = each.get("base", base)
        if chosen and chosen not in [row.name for row in rows]:
            raise Error(f"{name}: base {chosen} is no row; the rows are "
                        f"{', '.join(row.name for row in rows)}")
        editions[each["name"]] = Edition(each["name"], tuple(each["sweep"]), chosen,
                                         each.get("episodes", 10), each.get("states", 10000))
    return Item(name, fields["kind"], fields["title"], fields.get("paper_text", ""),
                fields.get("unit", ""), rows, columns, editions)


def _sets(words: list[str], name: str) -> Settings:
    for word in words:
        if "=" not in word:
            raise Error(f"{name}: set: \"{word}\" must be PATH=VALUE")
    return dict(word.split("=", 1) for word in words)


def _line(fields: dict[str, typing.Any], name: str, shared: Settings) -> Line:
    return Line(name=fields["name"], sets={**shared, **_sets(fields.get("set", []), name)},
                paper=tuple(map(float, fields.get("paper", []))),
                spread=tuple(map(float, fields.get("spread", []))),
                noise=float(fields.get("noise", 0.0)), low=float(fields.get("low", math.nan)),
                high=float(fields.get("high", math.nan)),
                primitives=str(fields.get("primitives", "router")),
                action=str(fields.get("action", "mean")), metric=fields.get("metric", RETURN))
