"""Acts with a policy that `pmoe export` wrote. Needs NumPy only.

    policy = Policy("policy.npz")
    action = policy.act(obs)                   # the most likely primitive's mean
    action = policy.act(obs, primitive=1)      # always that primitive's
"""

import json

import numpy as np

ACTIVATIONS = {"identity": lambda x: x, "relu": lambda x: np.maximum(x, 0), "tanh": np.tanh}


class Policy:
    def __init__(self, path):
        with np.load(path) as archive:
            self.arrays = dict(archive)
        self.spec = json.loads(self.arrays.pop("spec").tobytes())

    def forward(self, obs):
        """obs [..., O] -> router weights [..., K], tanh of the means [..., K, A]."""
        values = {"obs": np.asarray(obs, np.float32)}
        for layer in self.spec["layers"]:
            name = layer["name"]
            linear = values[layer["input"]] @ self.arrays[name + ".weight"]
            values[name] = ACTIVATIONS[layer["activation"]](linear + self.arrays[name + ".bias"])
        k, a = self.spec["primitives"], self.spec["action_dim"]
        means = np.tanh(values["mean"]).reshape(*values["mean"].shape[:-1], k, a)
        logits = values.get("router", np.zeros(values["mean"].shape[:-1] + (k,), np.float32))
        weights = np.exp(logits - logits.max(-1, keepdims=True))
        return weights / weights.sum(-1, keepdims=True), means

    def act(self, obs, primitive="argmax"):
        """obs [O] -> action [A] in the environment's units, float64 as the project steps with."""
        weights, means = self.forward(obs)
        mean = means[weights.argmax() if primitive == "argmax" else primitive].astype(np.float64)
        low, high = np.array(self.spec["action_low"]), np.array(self.spec["action_high"])
        return low + (mean + 1.0) / 2.0 * (high - low)
