"""What a policy is made of: dense layers in order and a head, as common/policy/policy_spec.h says.

O obs_dim, A action_dim, K primitives.
"""

from __future__ import annotations

import dataclasses
import json
import math
import typing

from pmoe.container import Reader
from pmoe.errors import Error

ACTIVATIONS = ("identity", "relu", "tanh", "sigmoid", "log_softplus")
HEADS = ("gaussian", "mixture", "gating", "mcp", "option")
ACTION_MAPS = ("squash", "clip", "rescale_clip")
PRIMITIVES_MAX = 256
DIMENSION_MAX = 1 << 20
LAYERS_MAX = 64
NPZ_FORMAT = 2


@dataclasses.dataclass(frozen=True)
class Layer:
    """y = activation(x W + b); with several blocks each maps its own part of x to its part of y."""

    name: str
    input: str  # "obs", an earlier layer, or "": y is the bias alone
    inputs: int
    outputs: int
    activation: str
    blocks: int

    @property
    def weight_rows(self) -> int:
        return self.inputs // self.blocks


@dataclasses.dataclass(frozen=True)
class PolicySpec:
    """The architecture; every snapshot carries it."""

    head: str
    action_map: str
    gating_squared: bool
    normalizes_obs: bool
    obs_dim: int
    action_dim: int
    primitives: int
    action_low: tuple[float, ...]
    action_high: tuple[float, ...]
    layers: tuple[Layer, ...]

    @property
    def components(self) -> int:
        """Gaussians to choose from when acting: K, but 1 where all K make one."""
        return 1 if self.head in ("gating", "mcp") else self.primitives

    def layer(self, name: str) -> Layer | None:
        return next((layer for layer in self.layers if layer.name == name), None)

    def validate(self) -> PolicySpec:
        """Itself.

        Raises:
            Error: dimensions, bounds or layers that cannot be.
        """
        for name in ("obs_dim", "action_dim"):
            _check(1 <= getattr(self, name) <= DIMENSION_MAX, f"{name} is {getattr(self, name)}")
        _check(1 <= self.primitives <= PRIMITIVES_MAX, f"primitives is {self.primitives}")
        _check(len(self.action_low) == len(self.action_high) == self.action_dim,
               "action bounds and action_dim differ")
        _check(all(math.isfinite(low) and math.isfinite(high) and low < high
                   for low, high in zip(self.action_low, self.action_high)),
               "action bounds must be finite, low < high")
        _check(self.head in HEADS, f"head is {self.head!r}")
        _check(self.action_map in ACTION_MAPS, f"action_map is {self.action_map!r}")
        _check(self.head != "gaussian" or self.primitives == 1, "a gaussian head has one primitive")
        _check(1 <= len(self.layers) <= LAYERS_MAX, f"it has {len(self.layers)} layers")
        self._check_layers()
        outputs = {"mean": self.primitives * self.action_dim,
                   "log_std": self.primitives * self.action_dim}
        if self.head != "gaussian":
            outputs["router"] = self.primitives
        if self.head == "option":
            outputs["beta"] = self.primitives
        for name, count in outputs.items():
            layer = self.layer(name)
            _check(layer is not None and layer.outputs == count,
                   f"layer {name!r} with {count} outputs is missing")
        return self

    def _check_layers(self) -> None:
        widths = {"obs": self.obs_dim, "": 0}
        for layer in self.layers:
            where = f"layer {layer.name!r}"
            _check(layer.name not in widths, f"{where} is there twice")
            _check(layer.activation in ACTIVATIONS, f"{where}: activation {layer.activation!r}")
            _check(layer.blocks >= 1 and layer.inputs % layer.blocks == 0 and
                   layer.outputs % layer.blocks == 0 and 1 <= layer.outputs <= DIMENSION_MAX,
                   f"{where} cannot be cut into {layer.blocks} blocks")
            _check(widths.get(layer.input) == layer.inputs,
                   f"{where} reads {layer.input!r}, which has not its {layer.inputs} inputs")
            widths[layer.name] = layer.outputs

    @staticmethod
    def from_bytes(data: bytes) -> PolicySpec:
        """The section "spec" of a snapshot."""
        reader = Reader(data, "the policy's spec")
        head, action_map, gating_squared, normalizes_obs = reader.values("BBBB")
        obs_dim, action_dim, primitives = reader.values("iii")
        low, high = reader.vector("<f8"), reader.vector("<f8")
        count = reader.value("I")
        _check(count <= LAYERS_MAX, f"it has {count} layers")
        layers = []
        for _ in range(count):
            name, source = reader.text(), reader.text()
            inputs, outputs, activation, blocks = reader.values("iiBi")
            layers.append(Layer(name, source, inputs, outputs, _name(ACTIVATIONS, activation),
                                blocks))
        columns = reader.value("I")
        _check(columns <= LAYERS_MAX, f"it has {columns} columns")
        for _ in range(columns):  # what actors write beside rows: not for acting
            reader.text()
        reader.finish()
        return PolicySpec(_name(HEADS, head), _name(ACTION_MAPS, action_map), gating_squared != 0,
                          normalizes_obs != 0, obs_dim, action_dim, primitives, tuple(low.tolist()),
                          tuple(high.tolist()), tuple(layers)).validate()

    @staticmethod
    def from_json(text: str, outputs: dict[str, int]) -> tuple[PolicySpec, dict[str, typing.Any]]:
        """The spec in an archive of `pmoe export`, and all that it says.

        Args:
            outputs: of each layer, as its bias has them.
        """
        try:
            said = json.loads(text)
            if said.get("format") != NPZ_FORMAT:
                raise Error(f"it has format {said.get('format')!r}, this version of pmoe reads "
                            f"{NPZ_FORMAT}; export the policy anew")
            widths = {"obs": said["obs_dim"], "": 0, **outputs}
            layers = tuple(Layer(part["name"], part["input"], widths[part["input"]],
                                 widths[part["name"]], part["activation"], part["blocks"])
                           for part in said["layers"])
            spec = PolicySpec(said["head"], said["action_map"], said["gating_squared"],
                              said["normalizes_obs"], said["obs_dim"], said["action_dim"],
                              said["primitives"], tuple(said["action_low"]),
                              tuple(said["action_high"]), layers)
            return spec.validate(), said
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Error(f"its spec is damaged: {type(error).__name__} {error}") from None


def _name(names: tuple[str, ...], number: int) -> str:
    return names[number] if number < len(names) else f"unknown {number}"


def _check(good: bool, what: str) -> None:
    if not good:
        raise Error(f"its spec cannot be: {what}")
