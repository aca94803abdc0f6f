"""What `pmoe eval` found out."""

from __future__ import annotations

import csv
import dataclasses
import os
import re

from pmoe.errors import Error

NUMBERS = re.compile(r"^(return|length) +(\S+) ± (\S+)$", re.MULTILINE)
USAGE = re.compile(r"^primitive (\d+) used in (\S+) % of the steps$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Episodes of one policy.

    Attributes:
        return_mean, return_std, length_mean, length_std: over the episodes; as printed, to two
            decimals (lengths: one).
        primitive_usage: share of the steps in which each primitive acted; [1] where all make one.
        returns, lengths: of each episode, exact; None without a trace.
        text: what the command printed.
    """

    return_mean: float
    return_std: float
    length_mean: float
    length_std: float
    primitive_usage: tuple[float, ...]
    text: str
    returns: tuple[float, ...] | None = None
    lengths: tuple[int, ...] | None = None


def parse_evaluation(text: str, trace: str | os.PathLike[str] | None) -> Evaluation:
    """The command's output, and the trace that it wrote."""
    numbers = {match[1]: (float(match[2]), float(match[3])) for match in NUMBERS.finditer(text)}
    if set(numbers) != {"return", "length"}:
        raise Error(f"`pmoe eval` printed no return and length: {text!r}; are package and program "
                    "of one version?")
    usage = tuple(float(match[2]) / 100 for match in USAGE.finditer(text))
    returns = lengths = None
    if trace is not None:
        returns, lengths = _episodes(trace)
    return Evaluation(*numbers["return"], *numbers["length"], usage, text, returns, lengths)


def _episodes(trace: str | os.PathLike[str]) -> tuple[tuple[float, ...], tuple[int, ...]]:
    returns: dict[int, float] = {}
    lengths: dict[int, int] = {}
    with open(trace, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            episode = int(row["episode"])
            returns[episode] = returns.get(episode, 0.0) + float(row["reward"])
            lengths[episode] = lengths.get(episode, 0) + 1
    order = sorted(returns)
    return tuple(returns[e] for e in order), tuple(lengths[e] for e in order)
