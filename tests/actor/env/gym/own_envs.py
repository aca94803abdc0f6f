"""Environments of tests: `gym:own_envs:ID` with this folder in PYTHONPATH. Each misbehaves in the
one way that its keyword says, or not at all.
"""
import os
import signal
import sys

import gymnasium as gym
import numpy as np


class Point(gym.Env):
    """A point on a line is pushed to a goal; docs/python_envs.md has the same class, shorter."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}

    def __init__(self, push=1.0, fault="", at=3, savable=False, render_mode=None):
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, (2,))
        self.action_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.push, self.fault, self.at, self.render_mode = push, fault, at, render_mode
        self.steps = self.resets = 0
        if fault == "import":
            import no_such_package  # noqa: F401
        if fault == "mujoco":
            sys.path.insert(0, os.path.join(os.path.dirname(__file__), "other_mujoco"))
            import mujoco
            assert mujoco.__version__ == "2.0.0"
        if fault == "print":
            print("a word on standard output")
        if fault == "die early":
            os._exit(7)

    def observe(self):
        return np.array([self.goal - self.x, self.v], np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        if self.fault == "reset":
            raise RuntimeError("the reset has had enough")
        if self.fault == "late reset" and self.resets == self.at:
            raise RuntimeError("no further reset")
        self.resets += 1
        if self.fault == "odd reset" and seed is not None and seed % 2:
            raise RuntimeError("odd seeds are not for me")
        if self.fault == "spaces" and seed != 0 and self.steps:
            self.action_space = gym.spaces.Box(-2.0, 2.0, (1,))
        self.x, self.v, self.steps, self.odd = 0.0, 0.0, 0, (seed or 0) % 2 == 1
        self.goal = float(self.np_random.uniform(-1, 1))
        return self.observe(), {}

    def step(self, action):
        assert self.action_space.contains(action)
        self.steps += 1
        if self.fault == "odd step" and self.odd:
            raise ValueError("odd episodes are not for me")
        self.v += self.push * float(action[0]) * 0.05
        self.x += self.v * 0.05
        obs = self.observe()
        if self.steps == self.at and self.fault:  # "late reset": an ordinary step
            obs = self.misbehave(obs)
        near = abs(self.goal - self.x) < 0.05
        return obs, -abs(self.goal - self.x), near, False, {"is_success": near, "speed": self.v}

    def misbehave(self, obs):
        if self.fault == "step":
            raise ValueError("this step has had enough")
        if self.fault == "exit":
            sys.exit(3)
        if self.fault == "nan":
            obs[0] = np.nan
        if self.fault == "shape":
            return np.zeros(3)
        if self.fault == "dtype":
            return np.array(["a", "b"])
        if self.fault == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if self.fault == "quit":
            os._exit(9)
        return obs

    def render(self):
        picture = np.zeros((40, 60, 3), np.uint8)
        picture[20, int(30 + 10 * np.clip(self.x, -2.9, 2.9))] = 255
        return picture


class SavedPoint(Point):
    """The same, which a run can resume bit for bit."""

    def pmoe_save(self):
        return np.array([self.x, self.v, self.goal, self.steps]).tobytes()

    def pmoe_load(self, data):
        self.x, self.v, self.goal, steps = np.frombuffer(data)
        self.steps = int(steps)


class Named(gym.Env):
    """Parts in an order that is not the alphabet's, one of them nested."""

    def __init__(self, discrete=False, whole=False, unbounded=False, words=False):
        box = gym.spaces.Box
        self.observation_space = gym.spaces.Dict(
            [("z", box(-1, 1, (2, 2))), ("a", gym.spaces.Dict({"far": box(-1, 1, ())}))])
        if words:
            self.observation_space = gym.spaces.Dict({"w": gym.spaces.Text(3)})
        self.action_space = box(-1, 1, (2, 1))
        if discrete:
            self.action_space = gym.spaces.MultiDiscrete([2, 3])
        if whole:
            self.action_space = box(0, 5, (1,), np.int64)
        if unbounded:
            self.action_space = box(-np.inf, np.inf, (1,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return {"a": {"far": np.float64(5.0)}, "z": np.array([[1, 2], [3, 4]])}, {}

    def step(self, action):
        far = {"far": np.float64(action[1, 0])}
        return {"z": np.arange(4).reshape(2, 2), "a": far}, 1.0, False, False, {}


class Recorder(Point):
    """Writes on close, as recorders and simulators with servers do."""

    def __init__(self, file="", **keywords):
        super().__init__(**keywords)
        self.file = file

    def close(self):
        with open(self.file, "a") as file:
            file.write(f"closed after {self.steps > 0}\n")


for name, kind in {"Point": Point, "SavedPoint": SavedPoint, "Recorder": Recorder}.items():
    gym.register(f"{name}-v0", kind, max_episode_steps=50)
gym.register("Named-v0", Named)
