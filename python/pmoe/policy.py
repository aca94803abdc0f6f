"""A trained policy in NumPy: pmoe.Policy.

It interprets any snapshot as actors do (actor/policy_network.cc): dense layers, then a head. The
products are in float64, of weights that are float32. O obs_dim, A action_dim, K primitives.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import typing

import numpy as np

from pmoe.errors import Error
from pmoe.snapshot import read_snapshot
from pmoe.spec import Layer, PolicySpec

OBS_CLIP = 10.0  # of normalized observations, in standard deviations
LOG_STD_MIN, LOG_STD_MAX = -20.0, 2.0
PRECISION_MIN = 1e-30  # MCP: weights of 0 everywhere leave none
NO_OPTION = -1  # at an episode's start

Which = typing.Union[str, int]


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0, -x))


ACTIVATIONS: dict[str, typing.Callable[[np.ndarray], np.ndarray]] = {
    "identity": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "log_softplus": lambda x: np.log(np.logaddexp(0, x)),
}


@dataclasses.dataclass(frozen=True)
class Primitives:
    """What a policy says about observations [..., O], before anything is chosen.

    Attributes:
        weights: [..., K] of the router: a softmax; MCP's lie in (0, 1) each; 1 without a router.
        means: [..., K, A] of the Gaussians' numbers u, before tanh and bounds.
        stds: [..., K, A] of u.
        betas: [..., K] chance that an option ends (DAC); None for others.
    """

    weights: np.ndarray
    means: np.ndarray
    stds: np.ndarray
    betas: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Acted:
    """One choice for each observation [..., O].

    Attributes:
        action: [..., A] float64, within the environment's bounds.
        primitive: [...] index of the Gaussian that acted; 0 where all K make one.
        u: [..., A] the Gaussian's number that the action was made of.
        primitives: what it was chosen from.
    """

    action: np.ndarray
    primitive: np.ndarray
    u: np.ndarray
    primitives: Primitives


class Policy:
    """A policy from a snapshot (`.pmoe`) or an archive of `pmoe export` (`.npz`).

        policy = pmoe.Policy("runs/my-run/snapshots/best.pmoe")
        action = policy.act(obs)                  # obs [O] or [B, O]
        policy.primitives(obs).weights            # [K] or [B, K]

    Immutable; several threads may use one.

    Attributes:
        spec: its architecture, with the action's bounds.
        version, env_steps: of the run when it was made.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = pathlib.Path(path)
        snapshot = read_snapshot(self.path)
        self.spec: PolicySpec = snapshot.spec
        self.version = snapshot.version
        self.env_steps = snapshot.env_steps
        self._weights = {name: w.astype(np.float64) for name, w in snapshot.weights.items()}
        self._biases = {name: b.astype(np.float64) for name, b in snapshot.biases.items()}
        self._normalizer = snapshot.normalizer
        self._low = np.array(self.spec.action_low)
        self._high = np.array(self.spec.action_high)

    def __repr__(self) -> str:
        spec = self.spec
        return (f"Policy({str(self.path)!r}: {spec.head}, O = {spec.obs_dim}, "
                f"A = {spec.action_dim}, K = {spec.primitives}, {self.env_steps} env steps)")

    def primitives(self, obs: typing.Any) -> Primitives:
        """Router weights and Gaussians for obs [..., O].

        Raises:
            Error: obs of another shape or dtype, or not finite.
        """
        values = self._layers(self._observations(obs))
        shape = values["mean"].shape[:-1] + (self.spec.primitives, self.spec.action_dim)
        log_stds = np.broadcast_to(values["log_std"], values["mean"].shape).reshape(shape)
        stds = np.exp(np.clip(log_stds, LOG_STD_MIN, LOG_STD_MAX))
        weights = values.get("router", np.zeros(shape[:-1]))
        if self.spec.head != "mcp":
            weights = np.exp(weights - weights.max(-1, keepdims=True))
            weights = weights / weights.sum(-1, keepdims=True)
        return Primitives(weights, values["mean"].reshape(shape), stds, values.get("beta"))

    def gaussians(self, primitives: Primitives) -> tuple[np.ndarray, np.ndarray]:
        """(means, stds) [..., C, A] of the Gaussians that may act: K, or gating's or MCP's one."""
        weights = primitives.weights[..., None]
        if self.spec.head == "gating":
            mean = (weights * primitives.means).sum(-2)
            shares = weights * weights if self.spec.gating_squared else weights
            variance = (shares * np.square(primitives.stds)).sum(-2)
        elif self.spec.head == "mcp":
            parts = weights / np.square(primitives.stds)
            precision = np.maximum(parts.sum(-2), PRECISION_MIN)
            mean = (parts * primitives.means).sum(-2) / precision
            variance = 1.0 / precision
        else:
            return primitives.means, primitives.stds
        std = np.clip(np.sqrt(variance), np.exp(LOG_STD_MIN), np.exp(LOG_STD_MAX))
        return mean[..., None, :], std[..., None, :]

    def act(self, obs: typing.Any, primitive: Which | typing.Any = "argmax", sample: bool = False,
            rng: np.random.Generator | None = None, option: typing.Any = None) -> np.ndarray:
        """The action [..., A] for obs [..., O], in the environment's units, float64.

        Args:
            primitive: "argmax", the router's most likely one; "router", drawn by its weights; or
                the index of one, or of one per observation.
            sample: a draw from the Gaussian, not its mean.
            rng: of the draws; default: a new one.
            option: DAC: index of the option of the step before, -1 at an episode's start.

        By default it acts without chance. `pmoe eval` draws by the router (primitive="router").
        """
        return self.choose(obs, primitive, sample, rng, option).action

    def choose(self, obs: typing.Any, primitive: Which | typing.Any = "argmax",
               sample: bool = False, rng: np.random.Generator | None = None,
               option: typing.Any = None) -> Acted:
        """As act, with the primitive that acted and what it was chosen from."""
        primitives = self.primitives(obs)
        means, stds = self.gaussians(primitives)
        rng = np.random.default_rng() if rng is None else rng
        chosen = self._choose(self._acting_weights(primitives, option), primitive, rng)
        at = chosen[..., None, None]
        u = np.take_along_axis(means, at, -2)[..., 0, :]
        if sample:
            std = np.take_along_axis(stds, at, -2)[..., 0, :]
            u = u + std * rng.standard_normal(u.shape)
        return Acted(self._scaled(self.squashed(u)), chosen, u, primitives)

    def squashed(self, u: np.ndarray) -> np.ndarray:
        """The policy's action of a Gaussian's number: its tanh where the policy squashes."""
        return np.tanh(u) if self.spec.action_map == "squash" else u

    def _observations(self, obs: typing.Any) -> np.ndarray:
        """[..., O] float32, as the environment's, normalized where the policy does."""
        given = np.asarray(obs)
        width = self.spec.obs_dim
        if given.dtype.kind not in "fiub":
            raise Error(f"obs has dtype {given.dtype}; the policy takes numbers, such as float32")
        if given.ndim == 0 or given.shape[-1] != width:
            raise Error(f"obs has shape {given.shape}, must be ({width},) or (..., {width}); is it "
                        "of the environment that the policy was trained in?")
        with np.errstate(over="ignore"):
            seen = given.astype(np.float32)
        if not np.isfinite(seen).all():
            first = tuple(int(index) for index in np.argwhere(~np.isfinite(seen))[0])
            raise Error(f"obs[{', '.join(map(str, first))}] is {given[first]}, which is not finite "
                        "as a float32; reset the environment")
        if self._normalizer is None:
            return seen
        mean, std = self._normalizer
        return np.clip((seen - mean) / std, -OBS_CLIP, OBS_CLIP)

    def _layers(self, obs: np.ndarray) -> dict[str, np.ndarray]:
        values = {"obs": obs.astype(np.float64)}
        for layer in self.spec.layers:
            values[layer.name] = self._layer(layer, values)
        return values

    def _layer(self, layer: Layer, values: dict[str, np.ndarray]) -> np.ndarray:
        weight, bias = self._weights[layer.name], self._biases[layer.name]
        if not layer.input:
            y = np.broadcast_to(bias, values["obs"].shape[:-1] + bias.shape)
        elif layer.blocks == 1:
            y = values[layer.input] @ weight + bias
        else:
            parts = zip(np.split(values[layer.input], layer.blocks, -1),
                        np.split(weight, layer.blocks, -1))
            y = np.concatenate([x @ w for x, w in parts], -1) + bias
        return ACTIVATIONS[layer.activation](y)

    def _acting_weights(self, primitives: Primitives, option: typing.Any) -> np.ndarray:
        """[..., C] chances of the Gaussians. An option goes on with 1 - beta of it."""
        if self.spec.components == 1:
            return np.ones(primitives.weights.shape[:-1] + (1,))
        weights = primitives.weights
        if option is None:
            return weights
        if primitives.betas is None:
            raise Error(f"option is {option!r}, but a {self.spec.head} policy has no options; "
                        "leave it away")
        before = self._indices("option", option, weights.shape[:-1], NO_OPTION)
        at = np.maximum(before, 0)[..., None]
        beta = np.take_along_axis(primitives.betas, at, -1)
        stays = np.zeros_like(weights)
        np.put_along_axis(stays, at, 1.0 - beta, -1)
        return np.where(before[..., None] == NO_OPTION, weights, weights * beta + stays)

    def _choose(self, weights: np.ndarray, primitive: typing.Any,
                rng: np.random.Generator) -> np.ndarray:
        if isinstance(primitive, str):
            if primitive == "argmax":
                return weights.argmax(-1)
            if primitive != "router":
                raise Error(f"primitive is {primitive!r}, must be 'router', 'argmax' or an index")
            if self.spec.components == 1:
                return np.zeros(weights.shape[:-1], np.intp)
            drawn = rng.random(weights.shape[:-1])[..., None]
            passed = drawn >= weights.cumsum(-1)[..., :-1]
            return passed.sum(-1)
        return self._indices("primitive", primitive, weights.shape[:-1], 0)

    def _indices(self, name: str, given: typing.Any, shape: tuple[int, ...],
                 least: int) -> np.ndarray:
        """Indices of primitives, one for all observations or one for each."""
        indices = np.asarray(given)
        last = self.spec.components - 1
        if indices.dtype.kind not in "iu":
            raise Error(f"{name} is {given!r}, must be an index from {least} to {last}")
        if indices.shape not in ((), shape):
            raise Error(f"{name} has shape {indices.shape}, must be one for all or {shape}")
        if (indices < least).any() or (indices > last).any():
            raise Error(f"{name} is {given!r}, must be from {least} to {last}")
        return np.broadcast_to(indices, shape).astype(np.intp)

    def _scaled(self, action: np.ndarray) -> np.ndarray:
        if self.spec.action_map == "clip":
            return np.clip(action, self._low, self._high)
        if self.spec.action_map == "rescale_clip":
            action = np.clip(action, -1.0, 1.0)
        return self._low + (action + 1.0) / 2.0 * (self._high - self._low)
