"""A run's configuration as flat names and values, and what of it makes two runs comparable."""

from __future__ import annotations

import math
import typing

Settings = typing.Dict[str, typing.Any]

# What moves no curve, or only where its points lie.
WITHOUT_EFFECT = ("seed", "preset", "checkpoint.", "env.assets", "env.python", "env.on_error",
                  "learner.threads", "learner.device", "replay.shards", "replay.durability",
                  "replay.bytes_max", "schedule.total_steps", "observe.")
WITH_EFFECT = ("observe.eval_action", "observe.eval_episodes")
TOTAL = "schedule.total_steps"
LONGER = 1.05  # a run may be so much longer where its step size falls to 0 at its end


def flatten(config: dict[str, typing.Any], prefix: str = "") -> Settings:
    """{"learner.alpha": 0.2, "policy.hidden": [256, 256], "env.arg.variant": "fixed", …}."""
    flat: Settings = {}
    for key, value in config.items():
        path = prefix + key
        if path == "env.arg":
            flat.update({f"env.arg.{arg['name']}": arg["value"] for arg in value})
        elif isinstance(value, dict):
            flat.update(flatten(value, path + "."))
        else:
            flat[path] = value
    return flat


def text(value: typing.Any) -> str:
    """As --set takes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(map(text, value))
    return str(value)


def same(one: typing.Any, other: typing.Any) -> bool:
    """Whether both are one value, however it is spelled: 1e-3 and 0.001."""
    first, second = text(one), text(other)
    if first == second:
        return True
    try:
        return math.isclose(float(first), float(second), rel_tol=1e-9)
    except ValueError:
        return False


def satisfies(settings: Settings, wanted: Settings) -> bool:
    return all(path in settings and same(settings[path], value) for path, value in wanted.items())


def counts(path: str) -> bool:
    return path in WITH_EFFECT or not path.startswith(WITHOUT_EFFECT)


def falls(settings: Settings) -> bool:
    """Whether the step size depends on where the training ends."""
    return settings.get("learner.lr_schedule", "constant") != "constant"


def differences(run: Settings, plan: Settings, defaults: Settings) -> list[str]:
    """What keeps a run from being one of the plan's: "learner.alpha is 0.1 and not 0.2". A setting
    that one of them lacks, as it was written by another version, is the schema's default."""
    found = []
    for path in sorted(set(run) | set(plan)):
        if not counts(path):
            continue
        ours = run.get(path, defaults.get(path))
        theirs = plan.get(path, defaults.get(path))
        if not same(ours, theirs):
            found.append(f"{path} is {_shown(ours)} and not {_shown(theirs)}")
    total, wanted = float(run.get(TOTAL, 0)), float(plan.get(TOTAL, 0))
    if falls(plan) and total > LONGER * wanted:
        found.append(f"{TOTAL} is {total:,.0f} and not {wanted:,.0f}, to which the step size falls")
    return found


def _shown(value: typing.Any) -> str:
    return "unset" if value is None else text(value)
