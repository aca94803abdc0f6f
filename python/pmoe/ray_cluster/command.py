"""`pmoe ray`: its flags, and a run on a Ray cluster from its start to the exit code."""

from __future__ import annotations

import argparse
import os
import socket
import sys
import typing

from pmoe.errors import CommandError, Error
from pmoe.interrupts import Interrupts
from pmoe.ray_cluster import place, plan
from pmoe.ray_cluster.supervisor import Ended, Supervisor

CONNECT_S = 5.0
USAGE = "pmoe ray [FLAGS] [TRAINING FLAGS]"
ABOUT = "Train on a Ray cluster: learner, replay shards, actors and evaluator as Ray actors."
MORE = """\
Flags of training (--env, --algo, --steps, --seed, --actors, --shards, --device, --set, …) are those
of `pmoe up`; `pmoe config print --help` lists them. --device cuda gives the learner one GPU.

Each member is a Ray actor with resources of its own, in one placement group. Ray starts again what
dies, on another node if it must; the learner then resumes from its newest checkpoint. One Ctrl-C
ends all of them with a checkpoint. Exit codes are those of `pmoe up`.

The run's directory is on the node where this is typed, and so are the learner and the shards, which
write to it. Where all nodes share it, --files-node any lets Ray choose their node. Every node needs
the same programs: the wheel in Ray's Python, or the same path.

Examples:
  pmoe ray --env HalfCheetah-v5 --actors 8
  pmoe ray --address 10.0.0.5:6379 --env Hopper-v5 --actors 16 --shards 2 --out /shared/hopper
  pmoe ray --resume /shared/hopper --steps 2e6
  pmoe ray --address local --env InvertedPendulum-v5        a Ray of its own, on this machine
  ray job submit -- pmoe ray --env Hopper-v5 --out /shared/hopper        outlives the terminal
Beside it: `pmoe status --run DIR`, and Ray's dashboard, whose actors have the members' names,
addresses and logs."""


def say(text: str) -> None:
    print(text, flush=True)


def say_interrupt(count: int) -> None:
    if count == 1:
        say("pmoe: ending the cluster with a checkpoint; once more ends it now")


def positive(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1e6:
        raise ValueError
    return value


def parser() -> argparse.ArgumentParser:
    flags = argparse.ArgumentParser(
        prog="pmoe ray", usage=USAGE, description=ABOUT, epilog=MORE, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add = flags.add_argument
    add("--address", metavar="ADDR", default=os.environ.get("RAY_ADDRESS") or "auto",
        help="the Ray cluster: HOST:6379; auto: the one that this machine is a node of; local: a "
             "new one, on this machine (default: RAY_ADDRESS, else auto)")
    add("--out", metavar="DIR", default="", help="run directory; default "
        "runs/<env>-<algo>-s<seed>-<time>")
    add("--resume", metavar="DIR", default="",
        help="continue the run in this directory from its newest checkpoint")
    add("--allow-other-env", action="store_true",
        help="with --resume: go on although the task is not the one the run was made with")
    add("--files-node", metavar="IP", default="",
        help="the node that has the run's directory, for the learner and the shards; any: all "
             "nodes share it (default: this one)")
    add("--actor-cpus", metavar="X", type=positive, default=1.0,
        help="CPUs of each actor and of the evaluator (default: 1)")
    add("--learner-cpus", metavar="N", type=int, default=0,
        help="CPUs and threads of the learner (default: learner.threads, else "
             f"{plan.LEARNER_CPUS})")
    add("--replay-cpus", metavar="X", type=positive, default=1.0,
        help="CPUs of each replay shard (default: 1)")
    add("--ports", metavar="N", type=int, default=0,
        help="the learner listens on port N, shards on N+1 and so on (default: any free ones)")
    add("--programs", metavar="DIR", default="",
        help="folder of pmoe's programs on the nodes (default: this one's, else PMOE_BIN_DIR of "
             "the node, the wheel in its Python, its PATH)")
    add("--wait", metavar="S", type=positive, default=20.0,
        help="how long to wait for a place in the cluster (default: 20)")
    add("--dashboard", metavar="[HOST:]PORT", default="",
        help="where the learner serves pmoe's own dashboard; none: nowhere")
    add("--dashboard-token", metavar="FILE", default="",
        help="only for whoever knows the token in this file")
    return flags


def read_flags(words: list[str]) -> tuple[argparse.Namespace, plan.Flags]:
    given, training = parser().parse_known_args(words)
    for name in ("learner_cpus", "ports"):
        value = getattr(given, name)
        if not 0 <= value <= 65000:
            flag = "--" + name.replace("_", "-")
            raise Error(f"{flag} must be from 0 to 65000, got {value}; leave it away for the "
                        "default")
    learner = [word for flag, value in (("--dashboard", given.dashboard),
                                        ("--dashboard-token", given.dashboard_token)) if value
               for word in (flag, value)]
    return given, plan.Flags(
        out=given.out, resume=given.resume, allow_other_env=given.allow_other_env,
        learner_words=tuple(learner), training=tuple(training), actor_cpus=given.actor_cpus,
        learner_cpus=given.learner_cpus, replay_cpus=given.replay_cpus, ports=given.ports,
        programs=given.programs)


def connect(address: str) -> None:
    """Joins the Ray cluster as a driver."""
    try:
        import ray
    except ImportError as error:
        raise Error(f"`pmoe ray` needs Ray, and {sys.executable} has none ({error}): "
                    f"{sys.executable} -m pip install ray, or name the Python that has it: "
                    "PMOE_PYTHON=/path/to/python3") from None
    if address.startswith("ray://"):
        raise Error(f"--address {address} is Ray's client, which is on no node, and `pmoe ray` has "
                    "files on one: ray job submit -- pmoe ray …, or HOST:6379 on a node")
    _check_answers(address)
    try:
        ray.init(address=address, namespace="pmoe", log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        raise _no_cluster(address, " ".join(str(error).split())) from None
    ray.cloudpickle.register_pickle_by_value(sys.modules["pmoe.ray_cluster"])


def _check_answers(address: str) -> None:
    """Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        return  # auto, local, or what Ray refuses itself
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise _no_cluster(address, str(error)) from None


def _no_cluster(address: str, why: str) -> Error:
    return Error(f"no Ray cluster for --address {address}: {why}; start one with `ray start "
                 "--head`, join it with `ray start --address HOST:6379`, or give --address local")


def train(given: argparse.Namespace, run: plan.Run, interrupts: Interrupts) -> None:
    import ray
    from ray.util.placement_group import remove_placement_group
    prefix = f"pmoe {run.directory.name} {ray.get_runtime_context().get_job_id()} "
    files_node = given.files_node or ray.util.get_node_ip_address()
    group = place.reserve(run.roles(prefix), files_node, given.wait, prefix.strip(), say,
                          lambda: interrupts.count > 0)
    if group is None:
        return
    say(f"cluster: {run.settings['env']['id']}, {run.actors} actors, {run.shards} replay shard"
        f"{'' if run.shards == 1 else 's'}, {run.settings['schedule']['mode']}; run directory: "
        f"{run.directory}")
    say(f"Ray has {place.needs(run.roles(prefix))}; its actors are named {prefix}…; look at the "
        f"run with: pmoe status --run {run.directory}")
    try:
        Supervisor(run, group, prefix, lambda: interrupts.count, say).run()
    finally:
        remove_placement_group(group)


def main(words: list[str]) -> int:
    try:
        given, flags = read_flags(words)
        connect(given.address)
        import ray
        try:
            interrupts = Interrupts(say_interrupt)  # behind Ray's own
            run = plan.Run(flags)
            try:
                train(given, run, interrupts)
            finally:
                run.close()
        finally:
            ray.shutdown()
    except (Error, Ended) as error:
        print(f"pmoe: {error}", file=sys.stderr, flush=True)
        return _code(error)
    return 0


def _code(error: typing.Union[Error, Ended]) -> int:
    if isinstance(error, CommandError):
        return error.code if error.code > 0 else 1
    return 2 if isinstance(error, Error) else 1
