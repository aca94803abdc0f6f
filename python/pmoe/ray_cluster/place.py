"""The placement group of a run, and in words what the Ray cluster lacks for it."""

from __future__ import annotations

import typing

from pmoe.errors import Error
from pmoe.ray_cluster.plan import Role

ANY_NODE = "any"
PIN = 0.001  # of the resource that Ray gives each node for its address


class Node(typing.NamedTuple):
    """A node of the Ray cluster, with all that it has, in use or not."""

    address: str
    resources: dict[str, float]


def bundles(roles: list[Role], files_node: str) -> list[dict[str, float]]:
    """A bundle for each role. files_node: the address of the node that has the run's directory,
    where those who write to it are to stay."""
    pin = {} if files_node == ANY_NODE else {f"node:{files_node}": PIN}
    return [{**{name: amount for name, amount in role.resources.items() if amount > 0},
             **(pin if role.beside_files else {})} or {"CPU": 0.001} for role in roles]


def reserve(roles: list[Role], files_node: str, wait_s: float, name: str,
            tell: typing.Callable[[str], None],
            interrupted: typing.Callable[[], bool]) -> typing.Any:
    """The placement group, once Ray has given all of it; None: interrupted.

    Raises:
        Error: within wait_s it did not; the text says what is missing.
    """
    import ray
    from ray.util.placement_group import placement_group, remove_placement_group
    wanted = bundles(roles, files_node)
    group = placement_group(wanted, strategy="PACK", name=name)
    ready, waited = group.ready(), 0.0
    try:
        while not ray.wait([ready], timeout=0.5)[0]:
            if interrupted():
                remove_placement_group(group)
                return None
            lack = missing(roles, wanted, nodes())
            if waited >= wait_s:
                raise Error(f"{lack or busy(roles)}; it did not change within --wait "
                            f"{wait_s:g} s: add nodes, or take less with --actors, --shards, "
                            "--actor-cpus, --learner-cpus, --replay-cpus")
            if waited == 0.0:
                tell(f"waiting for the cluster, at most {wait_s:g} s: {lack or busy(roles)}")
            waited += 0.5
    except BaseException:
        remove_placement_group(group)
        raise
    return group


def nodes() -> list[Node]:
    import ray
    return [Node(node["NodeManagerAddress"], node["Resources"]) for node in ray.nodes()
            if node["Alive"]]


def needs(roles: list[Role]) -> str:
    """"CPU 6 (learner 2, replay 0 1, …)"."""
    parts = []
    for kind in ("CPU", "GPU"):
        each: dict[str, tuple[int, float]] = {}
        for role in roles:
            amount = role.resources.get(kind, 0.0)
            count, _ = each.get(role.spec.role, (0, 0.0))
            if amount > 0:
                each[role.spec.role] = (count + 1, amount)
        if each:
            total = sum(count * amount for count, amount in each.values())
            parts.append(f"{total:g} {kind} (" + ", ".join(
                f"{name} {amount:g}" if count == 1 else f"{count} × {name} {amount:g}"
                for name, (count, amount) in each.items()) + ")")
    return " and ".join(parts)


def missing(roles: list[Role], wanted: list[dict[str, float]], found: list[Node]) -> str:
    """Who finds no place even if nobody else used the cluster; "" if all do."""
    left = [dict(node.resources) for node in found]
    order = sorted(range(len(roles)), key=lambda i: (-len(wanted[i]), -sum(wanted[i].values())))
    for index in order:  # the pickiest first
        for node in left:
            if all(node.get(kind, 0.0) >= amount for kind, amount in wanted[index].items()):
                for kind, amount in wanted[index].items():
                    node[kind] -= amount
                break
        else:
            return _no_place(roles, roles[index], wanted[index], found)
    return ""


def busy(roles: list[Role]) -> str:
    """The cluster is large enough, and in use."""
    import ray
    free = ray.available_resources()
    return (f"the run needs {needs(roles)}, and of the cluster only {free.get('CPU', 0):g} CPU and "
            f"{free.get('GPU', 0):g} GPU are free, on {len(nodes())} nodes")


def _no_place(roles: list[Role], role: Role, wanted: dict[str, float], found: list[Node]) -> str:
    pinned = [kind[len("node:"):] for kind in wanted if kind.startswith("node:")]
    there = "; ".join(f"{node.address} {_amount(node)}" for node in found)
    if pinned and pinned[0] not in [node.address for node in found]:
        return (f"{role.spec.name} is to be on node {pinned[0]}, and the cluster has none of that "
                f"address (it has {there}): give another --files-node, or `any` where all nodes "
                "share the run's directory")
    where = f" on node {pinned[0]}, which has the run's directory" if pinned else ""
    return (f"there is no place for {role.spec.name}{where}: the run needs {needs(roles)}, the "
            f"cluster has {there}")


def _amount(node: Node) -> str:
    has = [f"{node.resources.get(kind, 0):g} {kind}" for kind in ("CPU", "GPU")
           if kind == "CPU" or kind in node.resources]
    return ", ".join(has)
