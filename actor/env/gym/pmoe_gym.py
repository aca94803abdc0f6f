"""The Python side of `--env gym:ID` and `--env gym-process:ID`: a Gymnasium environment behind
buffers of doubles. The program runs this file in its own interpreter (embedded_python.h), or as a
process with `serve` as its first argument (gym_process.h). It needs NumPy and Gymnasium.

What the environment's own code raises comes back as text with its traceback; nothing raises here.
"""
import ast
import ctypes
import hashlib
import importlib.util
import inspect
import json
import os
import sys
import threading
import traceback

HERE = os.path.abspath(__file__)
if os.path.dirname(HERE) not in sys.path:
    sys.path.append(os.path.dirname(HERE))
writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # not beside the programs
import pmoe_gym_imports  # noqa: E402
import pmoe_gym_state  # noqa: E402
sys.dont_write_bytecode = writes

# Their environments are registered when they are imported, where Gymnasium does not do so itself.
REGISTER = ("gymnasium_robotics", "panda_gym", "shimmy", "metaworld", "highway_env")
SUCCESS = ("is_success", "success")
TEXT_MAX = 15000


class Refusal(Exception):
    """Something that the user can mend: told without a traceback."""


def explain(error):
    """What to tell: our own words, or the traceback from the environment's code on."""
    chain = [error]
    while len(chain) < 10 and (chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(chain[-1].__cause__ or chain[-1].__context__)
    for one in chain:
        if isinstance(one, (Refusal, pmoe_gym_imports.Mixed)):
            return str(one)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__)
              if "importlib" not in frame.filename]
    while len(frames) > 1 and frames[0].filename == HERE:
        del frames[0]
    lines = ["Traceback (most recent call last):\n", *traceback.format_list(frames),
             *traceback.format_exception_only(type(error), error)]
    for one in chain[1:]:
        lines += ["because of ", *traceback.format_exception_only(type(one), one)]
    text = "".join(lines).rstrip()
    return text if len(text) <= TEXT_MAX else text[:400] + "\n…\n" + text[400 - TEXT_MAX:]


def parse(value):
    """A value of --env-arg, as JSON gives it; a text may be a Python literal: (1, 2), None."""
    if not isinstance(value, str):
        return value
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return value


def leaves(space, name):
    """[(path of keys, Box)] of a Box or a Dict of such, in the order of the Dict's own keys."""
    kind = type(space).__name__
    if kind == "Dict":
        return [(path, box) for key, part in space.spaces.items()
                for path, box in leaves(part, (*name, key))]
    if kind != "Box":
        where = f" at {'.'.join(map(str, name))}" if name else ""
        raise Refusal(f"its observation space{where} is {space}: observations must be a Box or a "
                      "Dict of Boxes; gymnasium.wrappers.FlattenObservation or a "
                      "TransformObservation makes one")
    return [(name, space)]


def lenient_contains(space):
    """Actions are doubles, whatever float the space is of; an environment that asserts
    action_space.contains(action) must not refuse them for that."""
    import numpy as np
    original = space.contains

    def contains(x):
        return original(x.astype(space.dtype) if isinstance(x, np.ndarray) else x)
    space.contains = contains


class Host:
    """One environment. `action`, `obs` and `result` (reward, terminated, truncated) are arrays of
    doubles at fixed addresses."""

    def __init__(self, env_id, args, will_render):
        try:
            import numpy
            import gymnasium
        except ImportError as error:
            raise Refusal(f"{sys.executable} cannot import {error.name or error}: {error}; "
                          f"{sys.executable} -m pip install gymnasium, or name another interpreter "
                          "by --python") from error
        self.np, self.gym = numpy, gymnasium
        self.args = {name: parse(value) for name, value in args.items()}
        self.env = self.make(env_id, will_render)
        self.set_actions()
        self.set_observations()
        self.last_info, self.image = {}, None

    def make(self, env_id, will_render):
        keywords = dict(self.args)
        if will_render:
            if not os.environ.get("DISPLAY"):
                os.environ.setdefault("MUJOCO_GL", "egl")
            keywords.setdefault("render_mode", "rgb_array")
        try:
            return self.gym.make(env_id, disable_env_checker=True, **keywords)
        except self.gym.error.UnregisteredEnv as error:
            for package in REGISTER:
                if importlib.util.find_spec(package) is not None:
                    __import__(package)
                    try:
                        return self.gym.make(env_id, disable_env_checker=True, **keywords)
                    except self.gym.error.UnregisteredEnv:
                        continue
            told = str(error).rstrip(".")
            raise Refusal(f"{told}; an environment of a package is gym:PACKAGE:ID, and "
                          f"{sys.executable} must find that package") from error
        except ModuleNotFoundError as error:
            package = env_id.split(":")[0]
            if ":" in env_id and error.name in (None, package, package.split(".")[0]):
                raise Refusal(f"{sys.executable} finds no module {package}: install it there, "
                              "or name its folder in PYTHONPATH; "
                              f"looked in {', '.join(filter(None, sys.path))}") from error
            raise

    def set_actions(self):
        np, space = self.np, self.env.action_space
        kind = type(space).__name__
        if kind != "Box":
            raise Refusal(f"its actions are {space}: pmoe's policies act with real numbers (Box); "
                          "discrete actions are not for it")
        if not np.issubdtype(space.dtype, np.floating):
            raise Refusal(f"its actions are {space}, whole numbers: pmoe's policies act with real "
                          "ones")
        low, high = (np.asarray(x, np.float64).ravel() for x in (space.low, space.high))
        for i, (a, b) in enumerate(zip(low, high)):
            if not (np.isfinite(a) and np.isfinite(b) and a < b):
                raise Refusal(f"its action {i} lies between {a} and {b}: bounds must be finite and "
                              "apart; gymnasium.wrappers.RescaleAction or ClipAction sets others")
        self.action_space, self.low, self.high = space, low, high
        self.action = np.zeros(low.size)
        for layer in pmoe_gym_state.layers(self.env):
            inner = getattr(layer, "action_space", None)
            if type(inner).__name__ == "Box" and "contains" not in vars(inner):
                lenient_contains(inner)

    def set_observations(self):
        np, space = self.np, self.env.observation_space
        self.observation_space = space
        self.parts = leaves(space, ())
        size = sum(int(np.prod(box.shape, dtype=np.int64)) for _, box in self.parts)
        if size == 0:
            raise Refusal(f"its observation space is empty: {space}")
        self.move(self.action, np.zeros(size), np.zeros(3))

    def move(self, action, obs, result):
        """Its numbers lie there from now on."""
        self.action, self.obs, self.result = action, obs, result
        self.shaped_action = action.reshape(self.action_space.shape)
        # Views of the flat array in the shapes of its parts.
        self.views, begin = [], 0
        for path, box in self.parts:
            end = begin + int(self.np.prod(box.shape, dtype=self.np.int64))
            self.views.append((path, box.shape, obs[begin:end].reshape(box.shape)))
            begin = end
        self.single = self.views[0][2] if self.views[0][0] == () else None

    # What there is to know.

    def spec(self):
        spec = self.env.spec
        steps = getattr(spec, "max_episode_steps", None) or 0
        unwrapped = self.env.unwrapped
        dt = getattr(unwrapped, "dt", None)
        if not isinstance(dt, (int, float)) or not 0 < dt < 1e6:
            fps = (getattr(unwrapped, "metadata", None) or {}).get("render_fps")
            dt = 1.0 / fps if isinstance(fps, (int, float)) and fps > 0 else 0.0
        return {"obs_dim": self.obs.size, "action_dim": self.action.size,
                "low": self.low.tolist(), "high": self.high.tolist(),
                "max_episode_steps": int(steps), "step_s": float(dt),
                "obs_names": self.names("pmoe_observation_names", self.obs.size,
                                        self.part_names()),
                "action_names": self.names("pmoe_action_names", self.action.size, []),
                "facts": self.facts()}

    def part_names(self):
        names = []
        for path, shape, _ in self.views:
            name = ".".join(map(str, path)) or "obs"
            names += [f"{name}[{','.join(map(str, at))}]" if shape else name
                      for at in self.np.ndindex(*shape)]
        return names

    def names(self, attribute, size, otherwise):
        given = getattr(self.env.unwrapped, attribute, None)
        if given is None:
            return otherwise
        given = [str(name) for name in given]
        if len(given) != size:
            raise Refusal(f"its {attribute} has {len(given)} names for {size} numbers")
        return given

    def facts(self):
        facts = {"gym.env": str(self.env), "gym.gymnasium": self.gym.__version__}
        simulates = any(hasattr(self.env.unwrapped, name) for name in ("model", "_env"))
        if simulates and "mujoco" in sys.modules:
            facts["gym.mujoco"] = sys.modules["mujoco"].__version__
        for layer in pmoe_gym_state.layers(self.env):
            for base in type(layer).__mro__:
                if base.__module__.split(".")[0] in ("builtins", "typing", "abc"):
                    continue
                try:
                    with open(inspect.getsourcefile(base), "rb") as source:
                        digest = hashlib.sha256(source.read()).hexdigest()[:16]
                except (TypeError, OSError):
                    continue
                facts["gym.source " + base.__module__] = digest
        return facts

    # The calls: None, or what went wrong.

    def reset(self, seed):
        try:
            if seed is None:
                answer = self.env.reset()
            else:
                answer = self.env.reset(seed=seed)
            if not isinstance(answer, tuple) or len(answer) != 2:
                raise Refusal("reset must return (observation, info), as Gymnasium has it; it "
                              f"returned {type(answer).__name__}")
            self.check_spaces()
            self.last_info = answer[1]
            self.observe(answer[0])
        except BaseException as error:
            return explain(error)

    def step(self):
        try:
            obs, reward, terminated, truncated, self.last_info = \
                self.env.step(self.shaped_action.copy())
            single = self.single
            if single is not None and type(obs) is self.np.ndarray and \
                    obs.shape == single.shape and obs.dtype.kind == "f":
                single[...] = obs
            else:
                self.observe(obs)
            result = self.result
            result[0] = reward
            result[1] = bool(terminated)
            result[2] = bool(truncated)
        except BaseException as error:
            return explain(error)

    def check_spaces(self):
        for name in ("action_space", "observation_space"):
            now, before = getattr(self.env, name), getattr(self, name)
            if now is not before and now != before:
                raise Refusal(f"its {name} has changed from {before} to {now}: the policy's sizes "
                              "and bounds cannot change within a run")

    def observe(self, obs):
        for path, shape, view in self.views:
            part = obs
            for key in path:
                try:
                    part = part[key]
                except (TypeError, KeyError, IndexError) as error:
                    raise Refusal(f"the observation has no \"{'.'.join(map(str, path))}\", which "
                                  f"its space has: {type(obs).__name__}") from error
            part = self.np.asarray(part)
            name = ".".join(map(str, path)) or "the observation"
            if part.dtype.kind not in "fiub":
                raise Refusal(f"{name} is of dtype {part.dtype}: it must be numbers")
            if part.shape != shape:
                raise Refusal(f"{name} has the shape {part.shape}, its space said {shape}")
            view[...] = part

    def info(self):
        """Lines "name value" of the last info's numbers."""
        found = {}
        for key, value in dict(self.last_info or {}).items():
            if not isinstance(key, str) or not key.isprintable() or " " in key:
                continue
            if not (isinstance(value, (bool, int, float, self.np.generic)) or
                    (isinstance(value, self.np.ndarray) and value.size == 1)):
                continue
            try:
                number = float(value)
            except (TypeError, ValueError, OverflowError):
                continue  # a text, or no number of this size: what stands beside it counts
            if self.np.isfinite(number):
                found[key] = number
        for key in reversed(SUCCESS):
            if key in found:
                found["success"] = found[key]
        found.pop("is_success", None)
        return "\n".join(f"{key} {value!r}" for key, value in found.items())

    def render(self):
        """None with the picture in `image`, or what went wrong."""
        try:
            image = self.env.render()
            if isinstance(image, list):
                image = image[-1]
            image = self.np.ascontiguousarray(image)
            if image.ndim != 3 or image.shape[2] != 3 or image.dtype != self.np.uint8:
                raise Refusal(f"render gave {image.shape} of {image.dtype}, no picture of height "
                              "x width x 3 bytes: it needs render_mode=rgb_array")
            self.image = image
        except BaseException as error:
            return explain(error)

    def close(self):
        try:
            self.env.close()
        except BaseException as error:
            print(explain(error), file=sys.stderr)

    def save(self):
        """b"": it cannot be saved."""
        try:
            return pmoe_gym_state.save(self.env)
        except BaseException as error:
            print(f"pmoe: the environment cannot be saved: {explain(error)}", file=sys.stderr)
            return b""

    def load(self, data):
        try:
            pmoe_gym_state.load(self.env, data)
        except BaseException as error:
            return explain(error)


making = threading.Lock()  # descriptor 1 is the whole process's


def make(env_id, args, will_render):
    """(host, its spec as JSON, None) or (None, None, what went wrong)."""
    with making:
        return make_alone(env_id, args, will_render)


def make_alone(env_id, args, will_render):
    out = os.dup(1)
    os.dup2(2, 1)  # what packages print when they are imported is no output of the program
    try:
        host = Host(env_id, json.loads(args), will_render)
        return host, json.dumps(host.spec()), None
    except BaseException as error:
        return None, None, explain(error)
    finally:
        ctypes.CDLL(None).fflush(None)  # what C code has printed
        os.dup2(out, 1)
        os.close(out)


def embed():
    """Once, in the interpreter of the program."""
    sys.stdout = sys.stderr
    if "" not in sys.path:
        sys.path.append(os.getcwd())
    sys.meta_path.insert(0, pmoe_gym_imports.SharedLibraries)


def address(array):
    return array.ctypes.data


def size(image):
    return image.shape[1], image.shape[0]
