"""Plays a task file on Python's mujoco by NumPy and writes what it did.

    task_file_trace.py OUT TASK_FILE ASSETS SEED STEPS

What it knows of proto/task.proto is what deploy/configs/robots uses; of anything else it fails.
Actions are uniform within their bounds. After the end of an episode the next reset gets no seed.
OUT holds float64 numbers as gymnasium_trace.py's: obs size O, action size A, row count, then rows
of [kind, action (A), obs (O), reward, terminated, truncated], where kind is 0 for a reset with
SEED, 1 for a reset without a seed and 2 for a step.
"""

import fnmatch
import math
import os
import sys

import mujoco
import numpy as np
import text_message

RESET_WITH_SEED, RESET, STEP = 0, 1, 2
OBJ = mujoco.mjtObj
# Arrays with an equal part for each object: its kind and width.
EVEN = {
    "XPOS": (OBJ.mjOBJ_BODY, 3),
    "SITE_XPOS": (OBJ.mjOBJ_SITE, 3),
    "CTRL": (OBJ.mjOBJ_ACTUATOR, 1),
    "ACTUATOR_FORCE": (OBJ.mjOBJ_ACTUATOR, 1),
    "ACTUATOR_VELOCITY": (OBJ.mjOBJ_ACTUATOR, 1),
}


def one(fields, name, default=None):
    return fields.get(name, [default])[0]


def kind_of(fields, kinds):
    return next(kind for kind in kinds if kind in fields)


class Task:
    """One environment: the file's words on one model and its data."""

    def __init__(self, path, assets):
        self.config = text_message.parse(path)
        self.m = mujoco.MjModel.from_xml_path(os.path.join(assets, one(self.config, "model")))
        self.d = mujoco.MjData(self.m)
        self.skip = int(one(self.config, "frame_skip", 1))
        self.step_s = self.m.opt.timestep * self.skip
        self.limit = int(one(self.config, "max_episode_steps", 1000))
        self.key = self.find_key()
        self.rewind()
        self.maps = self.action_maps()
        self.last_action, self.commands, self.steps = np.zeros(self.m.nu), {}, 0

    def find_key(self):
        name = one(self.config, "keyframe")
        if name is None:
            return None
        key = mujoco.mj_name2id(self.m, OBJ.mjOBJ_KEY, name)
        return key if key >= 0 else int(name)

    def rewind(self):
        mujoco.mj_resetData(self.m, self.d)
        if self.key is not None:
            mujoco.mj_resetDataKeyframe(self.m, self.d, self.key)
            self.d.time = 0.0

    def ids(self, kind, count, patterns):
        names = [mujoco.mj_id2name(self.m, kind, i) or "" for i in range(count)]
        found = []
        for pattern in patterns or ["*"]:
            matches = [names.index(pattern)] if pattern in names else [
                i for i, name in enumerate(names) if fnmatch.fnmatchcase(name, pattern)]
            assert matches, f"no {pattern}"
            found += [i for i in matches if i not in found]
        return found

    def action_maps(self):
        """(low, high) of the action, and (centre, scale) of those that have a scale."""
        maps = [[tuple(r), None] for r in self.m.actuator_ctrlrange]
        for config in self.config.get("action", []):
            for i in self.ids(OBJ.mjOBJ_ACTUATOR, self.m.nu, config.get("actuator")):
                maps[i] = [(-1.0, 1.0), (self.centre(config, i), config["scale"][0])]
        return maps

    def centre(self, config, i):
        if one(config, "around_keyframe"):
            return self.m.key_ctrl[self.key][i]
        if one(config, "around_pose"):
            return self.d.qpos[self.m.jnt_qposadr[self.m.actuator_trnid[i, 0]]]
        return one(config, "offset", 0.0)

    # --- Slices.

    def part(self, array, i):
        """Index of object i's numbers in QPOS or QVEL."""
        address, end = (self.m.jnt_qposadr, self.m.nq) if array == "QPOS" else (
            self.m.jnt_dofadr, self.m.nv)
        return list(range(address[i], address[i + 1] if i + 1 < self.m.njnt else end))

    def read(self, slice_):
        array, names = slice_["array"][0], slice_.get("name")
        if array in ("BODY_LINVEL", "BODY_ANGVEL", "PROJECTED_GRAVITY"):
            whole = [self.of_body(array, self.ids(OBJ.mjOBJ_BODY, self.m.nbody, names)[0])]
        elif array == "COMMAND":
            whole = [self.commands[name] for name in names]
        elif array == "LAST_ACTION":
            whole = [self.last_action]
        elif names is None:
            whole = [getattr(self.d, array.lower()).ravel()]
        elif array in ("QPOS", "QVEL"):
            joints = self.ids(OBJ.mjOBJ_JOINT, self.m.njnt, names)
            whole = [getattr(self.d, array.lower())[self.part(array, j)] for j in joints]
        elif array == "SENSORDATA":
            whole = [self.d.sensor(name).data for name in names]
        else:
            kind, width = EVEN[array]
            numbers = getattr(self.d, array.lower()).reshape(-1, width)
            whole = [numbers[i] for i in self.ids(kind, len(numbers), names)]
        begin, count = int(one(slice_, "begin", 0)), int(one(slice_, "count", 0))
        return np.concatenate([x[begin:begin + count if count else None] for x in whole])

    def of_body(self, array, body):
        if array == "PROJECTED_GRAVITY":
            x, y, z = self.d.xmat[body].reshape(3, 3)
            return x * 0.0 + y * 0.0 + z * -1.0
        velocity = np.zeros(6)
        mujoco.mj_objectVelocity(self.m, self.d, OBJ.mjOBJ_XBODY, body, velocity, 1)
        return velocity[3:] if array == "BODY_LINVEL" else velocity[:3]

    # --- An episode.

    def reset(self):
        noise = one(one(self.config, "reset_noise", {}), "scale", 0.0)
        self.rewind()
        self.d.qpos += self.rng.uniform(-noise, noise, self.m.nq)
        self.d.qvel += self.rng.uniform(-noise, noise, self.m.nv)
        for start in self.config.get("start", []):
            names, noise = one(start, "slice").get("name"), one(start, "noise")
            assert one(start, "slice")["array"] == ["QPOS"] and noise is not None, start
            for joint in self.ids(OBJ.mjOBJ_JOINT, self.m.njnt, names):
                for i in self.part("QPOS", joint):
                    self.d.qpos[i] += self.rng.uniform(-noise, noise)
        if "start" in self.config:
            mujoco.mj_normalizeQuat(self.m, self.d.qpos)
        for command in self.config.get("command", []):
            assert set(command) == {"name", "range"}, command
            self.commands[one(command, "name")] = np.array(
                [self.rng.uniform(one(r, "min"), one(r, "max")) for r in command["range"]])
        mujoco.mj_forward(self.m, self.d)
        self.last_action, self.steps = np.zeros(self.m.nu), 0
        return self.observe()

    def observe(self):
        seen = []
        for term in self.config["observation"]:
            assert set(term) <= {"slice", "scale"}, term
            seen.append(self.read(one(term, "slice")) * one(term, "scale", 1.0))
        return np.concatenate(seen)

    def step(self, action):
        before = [self.coordinate(term) for term in self.config["reward"]]
        for i, (_, map_) in enumerate(self.maps):
            control = action[i]
            if map_ is not None:
                control = map_[0] + map_[1] * action[i]
                if self.m.actuator_ctrllimited[i]:
                    control = min(max(control, self.m.actuator_ctrlrange[i, 0]),
                                  self.m.actuator_ctrlrange[i, 1])
            self.d.ctrl[i] = control
        self.last_action = action
        mujoco.mj_step(self.m, self.d, nstep=self.skip)
        self.steps += 1
        healthy = all(
            np.all((one(c, "min", -math.inf) < x) & (x < one(c, "max", math.inf)))
            for c in self.config.get("healthy", [])
            for x in [self.read(one(c, "slice"))])
        return self.observe(), self.pay(before, healthy), not healthy, self.steps >= self.limit

    # --- What is paid.

    def coordinate(self, term):
        return self.read(one(term["rate"][0], "slice"))[0] if "rate" in term else None

    def pay(self, before, healthy):
        total = None
        for term, was in zip(self.config["reward"], before):
            value = one(term, "weight", 1.0) * self.worth(term, was, healthy)
            value = -value if one(term, "subtract") else value
            total = value if total is None else total + value
        return total

    def worth(self, term, before, healthy):
        kind = kind_of(term, ["rate", "value", "alive", "track", "distance", "success", "energy",
                              "joint_limits"])
        config = one(term, kind)
        if kind == "rate":
            return (self.coordinate(term) - before) / self.step_s
        if kind == "alive":
            return 1.0 if healthy else 0.0
        if kind == "value":
            x = self.read(one(config, "slice"))
            return {"SQUARES": lambda: np.sum(np.square(x)),
                    "ABSOLUTE": lambda: sum(abs(v) for v in x),
                    "NUMBER": lambda: x[0]}[one(config, "norm", "NUMBER")]()
        if kind == "track":
            off = squares(self.read(one(config, "slice")), np.array(config["target"]))
            sigma = one(config, "sigma", 0.5)
            return math.exp(-off / (sigma * sigma))
        if kind == "energy":
            return sum(abs(f * v) for f, v in zip(self.d.actuator_force, self.d.actuator_velocity))
        if kind == "joint_limits":
            return self.beyond(one(config, "share", 0.9))
        if kind == "distance":
            return self.distance(config)
        return 1.0 if self.distance(one(config, "distance")) < one(config, "below") else 0.0

    def distance(self, config):
        to = self.commands[one(config, "command")] if "command" in config else self.read(
            one(config, "to"))
        return math.sqrt(squares(self.read(one(config, "from")), to))

    def beyond(self, share):
        total = 0.0
        for joint in range(self.m.njnt):
            if self.m.jnt_limited[joint]:
                low, high = self.m.jnt_range[joint]
                off = abs(self.d.qpos[self.m.jnt_qposadr[joint]] - 0.5 * (low + high))
                total += max(0.0, off - 0.5 * (high - low) * share)
        return total


def squares(a, b):
    return sum((x - y) * (x - y) for x, y in zip(a, b))


def row(kind, action, obs, reward=0.0, terminated=False, truncated=False):
    return np.concatenate([[kind], action, obs, [reward, terminated, truncated]])


def trace(task, seed, steps):
    actions = np.random.default_rng([seed, 1])
    low, high = np.array([bounds for bounds, _ in task.maps]).T
    idle = np.zeros(task.m.nu)
    task.rng = np.random.default_rng(seed)
    yield row(RESET_WITH_SEED, idle, task.reset())
    for _ in range(steps):
        action = actions.uniform(low, high)
        obs, reward, terminated, truncated = task.step(action)
        yield row(STEP, action, obs, reward, terminated, truncated)
        if terminated or truncated:
            yield row(RESET, idle, task.reset())


def main():
    out, path, assets, seed, steps = sys.argv[1:]
    task = Task(path, assets)
    rows = list(trace(task, int(seed), int(steps)))
    header = [len(task.observe()), task.m.nu, len(rows)]
    np.concatenate([np.array(header, dtype=np.float64), *rows]).tofile(out)


if __name__ == "__main__":
    main()
