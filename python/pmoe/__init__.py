"""pmoe from Python: trainings, runs, policies and clusters. docs/python.md.

    import pmoe
    run = pmoe.train("InvertedPendulum-v5", algo="pmoe_sac", steps=5000)
    run.metrics[["env_steps", "eval_return_mean"]]
    policy = run.policy("best")
    action = policy.act(obs)

Policies need NumPy, run.metrics and pmoe.runs pandas, ReplayClient grpcio and protobuf. Each is
imported when it is needed, so that the rest works without.
"""

import importlib as _importlib
import typing as _typing

if _typing.TYPE_CHECKING:
    from pmoe.cluster import Cluster
    from pmoe.cost import Cost
    from pmoe.errors import CommandError, Error, RpcError
    from pmoe.evaluation import Evaluation
    from pmoe.policy import Acted, Policy, Primitives
    from pmoe.replay import Batch, Learner, Loaded, ReplayClient
    from pmoe.run import Run, runs
    from pmoe.table import Table, read_table
    from pmoe.training import TrainingInterrupted, train

_HOMES = {
    "cluster": ("Cluster",),
    "cost": ("Cost",),
    "errors": ("CommandError", "Error", "RpcError"),
    "evaluation": ("Evaluation",),
    "policy": ("Acted", "Policy", "Primitives"),
    "replay": ("Batch", "Learner", "Loaded", "ReplayClient"),
    "run": ("Run", "runs"),
    "table": ("Table", "read_table"),
    "training": ("TrainingInterrupted", "train"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = ["Acted", "Batch", "Cluster", "CommandError", "Cost", "Error", "Evaluation", "Learner",
           "Loaded", "Policy", "Primitives", "ReplayClient", "RpcError", "Run", "Table",
           "TrainingInterrupted", "read_table", "runs", "train"]


def __getattr__(name: str) -> _typing.Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'pmoe' has no attribute {name!r}")
    home = _HOME_OF[name]
    try:
        module = _importlib.import_module(f"pmoe.{home}")
    except ImportError as error:
        if error.name != "numpy":
            raise
        raise ImportError(f"pmoe.{name} needs NumPy: pip install numpy", name="numpy") from None
    value = globals()[name] = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
