"""Acts with a policy that `pmoe export` wrote. Needs NumPy only.

    policy = Policy("policy.npz")
    action = policy.act(obs)                   # the most likely primitive's mean
    action = policy.act(obs, primitive=1)      # always that primitive's

Gating and MCP act with the one Gaussian that they make of all primitives. An option policy acts
with the most likely option of the master, as at an episode's start.
"""

import json

import numpy as np

OBS_CLIP = 10.0
ACTIVATIONS = {
    "identity": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "log_softplus": lambda x: np.log(np.logaddexp(0, x)),
}


class Policy:
    def __init__(self, path):
        with np.load(path) as archive:
            self.arrays = dict(archive)
        self.spec = json.loads(self.arrays.pop("spec").tobytes())

    def layer(self, layer, x):
        """One dense layer; with several blocks each maps its own part of x."""
        weight, blocks = self.arrays[layer["name"] + ".weight"], layer["blocks"]
        if not layer["input"]:
            linear = np.zeros(x.shape[:-1] + (weight.shape[1],), np.float32)
        elif blocks == 1:
            linear = x @ weight
        else:
            parts = np.split(x, blocks, -1), np.split(weight, blocks, -1)
            linear = np.concatenate([p @ w for p, w in zip(*parts)], -1)
        return ACTIVATIONS[layer["activation"]](linear + self.arrays[layer["name"] + ".bias"])

    def heads(self, obs):
        """obs [..., O] -> weights [..., K], means before any tanh and log-stds [..., K, A]."""
        obs = np.asarray(obs, np.float32)
        if self.spec["normalizes_obs"]:
            obs = (obs - self.arrays["obs_mean"]) / self.arrays["obs_std"]
            obs = np.clip(obs, -OBS_CLIP, OBS_CLIP)
        values = {"obs": obs}
        for layer in self.spec["layers"]:
            values[layer["name"]] = self.layer(layer, values[layer["input"] or "obs"])
        shape = obs.shape[:-1] + (self.spec["primitives"], self.spec["action_dim"])
        means, log_stds = values["mean"].reshape(shape), values["log_std"].reshape(shape)
        log_stds = np.clip(log_stds, -20, 2)
        weights = values.get("router", np.zeros(shape[:-1], np.float32))
        if self.spec["head"] != "mcp":
            weights = np.exp(weights - weights.max(-1, keepdims=True))
            weights = weights / weights.sum(-1, keepdims=True)
        return weights, means, log_stds

    def forward(self, obs):
        """obs [..., O] -> weights [..., K], actions of the primitives' means [..., K, A]."""
        weights, means, _ = self.heads(obs)
        return weights, self.squash(means)

    def squash(self, mean):
        return np.tanh(mean) if self.spec["action_map"] == "squash" else mean

    def composed(self, weights, means, log_stds):
        """The mean of the one Gaussian that acts, [..., A]."""
        part = weights[..., None]
        if self.spec["head"] == "mcp":
            part = part * np.exp(-2 * log_stds)
            part = part / part.sum(-2, keepdims=True)
        return (part * means).sum(-2)

    def act(self, obs, primitive="argmax"):
        """obs [O] -> action [A] in the environment's units, float64 as the project steps with."""
        weights, means, log_stds = self.heads(obs)
        if self.spec["head"] in ("gating", "mcp"):
            mean = self.composed(weights, means, log_stds)
        else:
            mean = means[weights.argmax() if primitive == "argmax" else primitive]
        mean = self.squash(mean).astype(np.float64)
        low, high = np.array(self.spec["action_low"]), np.array(self.spec["action_high"])
        if self.spec["action_map"] == "clip":
            return np.clip(mean, low, high)
        if self.spec["action_map"] == "rescale_clip":
            mean = np.clip(mean, -1, 1)
        return low + (mean + 1.0) / 2.0 * (high - low)
