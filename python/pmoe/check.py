"""Checks a policy that `pmoe export` wrote: is the file whole, and does it act as it did here?

    python -m pmoe.check policy.onnx policy.h policy.npz               (with the wheel)
    python3 python/pmoe/check.py policy.onnx policy.h policy.npz       (in a checkout)

Each file holds the first steps of an episode, which is replayed: .onnx by onnxruntime, .h by the
C compiler (`cc`, or $CC), .npz by NumPy. Stands alone: it needs NumPy, and onnxruntime for .onnx.
Exit code 0: all act as they did; 1: one does not; 2: a file cannot be read, or what replays it is
not here.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
import zlib

import numpy as np

TOLERANCE = 1e-5  # of half an action's range
OBS_CLIP = 10.0
LOG_STD_MIN, LOG_STD_MAX = -20.0, 2.0
NO_OPTION = -1

ACTIVATIONS = {
    "identity": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sigmoid": lambda x: np.exp(-np.logaddexp(0, -x)),
    "log_softplus": lambda x: np.log(np.logaddexp(0, x)),
}


class Damaged(Exception):
    """The file is not what was exported, or does not act as it did."""


class CannotCheck(Exception):
    """Nothing is known about the file: it cannot be read, or what replays it is missing."""


def main(paths):
    if not paths or any(path.startswith("-") for path in paths):
        print(__doc__.strip(), file=sys.stderr)
        return 0 if paths and set(paths) <= {"-h", "--help"} else 2
    code = 0
    for path in paths:
        try:
            print(f"{path}: {check(path)}", flush=True)
        except Damaged as error:
            print(f"{path}: DAMAGED: {error}", file=sys.stderr)
            code = max(code, 1)
        except CannotCheck as error:
            print(f"{path}: {error}", file=sys.stderr)
            code = 2
    return code


def check(path):
    """One line that says what was replayed. Raises Damaged or CannotCheck."""
    checks = {".onnx": check_onnx, ".h": check_c, ".npz": check_npz}
    ending = os.path.splitext(path)[1]
    if ending not in checks:
        raise CannotCheck(f"ends in {ending or 'nothing'}, must be one of {', '.join(checks)}")
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise CannotCheck(f"cannot be read: {error.strerror}") from None
    return checks[ending](path, data)


# --- Replay, the same for .onnx and .npz.


def replay(act, facts, golden):
    """act(obs [1, O], option [1]) -> action [1, A], primitive [1]."""
    half = (np.array(facts["action_high"]) - np.array(facts["action_low"])) / 2
    option, largest = np.array([NO_OPTION], np.int64), 0.0
    for step, (obs, wanted) in enumerate(zip(golden["observation"], golden["action"])):
        if facts["golden_source"] != "episode":
            option = np.array([NO_OPTION], np.int64)
        action, option = act(obs[None], option)
        error = np.abs(action[0] - wanted) / half
        if not error.max() <= TOLERANCE:  # NaN too
            raise Damaged(f"step {step} of the golden trajectory: action {action[0].tolist()}, "
                          f"was {wanted.tolist()}")
        if option[0] != golden["primitive"][step]:
            raise Damaged(f"step {step} of the golden trajectory: primitive {option[0]} acts, "
                          f"was {golden['primitive'][step]}")
        largest = max(largest, error.max())
    for bad in (np.nan, np.inf):
        obs = golden["observation"][:1].copy()
        obs[0, -1] = bad
        if not np.isnan(act(obs, np.array([NO_OPTION], np.int64))[0]).all():
            raise Damaged(f"an observation with {bad} gives actions that are not all NaN")
    return said(len(golden["action"]), facts["env_id"], facts["golden_source"],
                facts["golden_seed"]) + f"; largest difference {largest:.1e} of half the range"


def said(steps, env_id, source, seed):
    where = f"of an episode of {env_id}" if source == "episode" else "on drawn observations"
    return f"whole; acts as it did in {steps} steps {where}, seed {seed}"


# --- .onnx


def check_onnx(path, data):
    mark = re.compile(rb"r.\n\x05crc32\x12\x08([0-9a-f]{8})$", re.DOTALL).search(data[-32:])
    if not mark:
        raise Damaged("it does not end with its checksum: cut off, or changed since")
    body = data[:len(data) - len(mark.group())]
    if zlib.crc32(body) != int(mark.group(1), 16):
        raise Damaged("its checksum differs: its bytes have changed")
    try:
        import onnxruntime
    except ImportError:
        raise CannotCheck("needs onnxruntime: pip install onnxruntime") from None
    try:
        session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    except Exception as error:  # its own have no common class
        raise CannotCheck(f"onnxruntime {onnxruntime.__version__} does not take it: {error}") \
            from None
    meta = session.get_modelmeta().custom_metadata_map
    facts = {key: json.loads(text) for key, text in meta.items() if key != "crc32"}
    golden = {"observation": np.array(facts["golden_observation"], np.float32),
              "action": np.array(facts["golden_action"], np.float32),
              "primitive": np.array(facts["golden_primitive"], np.int64)}
    has_options = facts["head"] == "option"

    def act(obs, option):
        inputs = {"observation": obs, **({"option": option} if has_options else {})}
        return session.run(["action", "primitive"], inputs)

    return replay(act, facts, golden)


# --- .npz


def check_npz(path, data):
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged:
            raise Damaged(f"the checksum of {damaged} differs")
        with np.load(path, allow_pickle=False) as loaded:
            arrays = dict(loaded)
        if "spec" in arrays and "golden_observation" not in arrays:
            raise CannotCheck("holds no golden trajectory: export it anew")
        facts = json.loads(arrays.pop("spec").tobytes())
        golden = {key: arrays.pop("golden_" + key)
                  for key in ("observation", "action", "primitive")}
    except (zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError, OSError,
            RuntimeError) as error:
        raise Damaged(f"{type(error).__name__}: {error}") from None
    return replay(lambda obs, option: act_numpy(facts, arrays, obs, option), facts, golden)


def act_numpy(facts, arrays, obs, option):
    """The deterministic action in NumPy, as actor/policy_network.cc has it; float64 inside."""
    if not np.isfinite(obs).all():
        return np.full((len(obs), facts["action_dim"]), np.nan), option
    values = layer_values(facts, arrays, obs)
    shape = (len(obs), facts["primitives"], facts["action_dim"])
    means = values["mean"].reshape(shape)
    log_stds = np.clip(values["log_std"].reshape(shape), LOG_STD_MIN, LOG_STD_MAX)
    weights = values.get("router", np.zeros(shape[:2]))
    if facts["head"] != "mcp":
        weights = np.exp(weights - weights.max(-1, keepdims=True))
        weights = weights / weights.sum(-1, keepdims=True)
    primitive = np.zeros(len(obs), np.int64)
    if facts["head"] in ("gating", "mcp"):
        part = weights[..., None]
        if facts["head"] == "mcp":
            part = part * np.exp(-2 * log_stds)
            part = part / np.maximum(part.sum(1, keepdims=True), 1e-30)
        u = (part * means).sum(1)
    else:
        if facts["head"] == "option":
            weights = acting_weights(weights, values["beta"], option)
        primitive = weights.argmax(-1)
        u = np.take_along_axis(means, primitive[:, None, None], 1)[:, 0]
    return scaled(facts, u), primitive


def layer_values(facts, arrays, obs):
    obs = obs.astype(np.float32)
    if facts["normalizes_obs"]:
        obs = np.clip((obs - arrays["obs_mean"]) / arrays["obs_std"], -OBS_CLIP, OBS_CLIP)
    values = {"obs": obs.astype(np.float64)}
    for layer in facts["layers"]:
        weight, bias = arrays[layer["name"] + ".weight"], arrays[layer["name"] + ".bias"]
        linear = np.zeros((len(obs), bias.size))
        if layer["input"]:
            parts = zip(np.split(values[layer["input"]], layer["blocks"], -1),
                        np.split(weight, layer["blocks"], -1))
            linear = np.concatenate([x @ w for x, w in parts], -1)
        with np.errstate(divide="ignore"):  # log_softplus of what is far below 0
            values[layer["name"]] = ACTIVATIONS[layer["activation"]](linear + bias)
    return values


def acting_weights(weights, betas, option):
    """An option goes on with 1 - beta of it; else the router draws anew."""
    acting = weights.copy()
    for row, before in enumerate(option):
        if before != NO_OPTION:
            acting[row] *= betas[row, before]
            acting[row, before] += 1.0 - betas[row, before]
    return acting


def scaled(facts, u):
    low, high = np.array(facts["action_low"]), np.array(facts["action_high"])
    if facts["action_map"] == "clip":
        return np.clip(u, low, high)
    a = np.tanh(u) if facts["action_map"] == "squash" else np.clip(u, -1, 1)
    return low + (a + 1.0) / 2.0 * (high - low)


# --- .h

WRONG = {1: "a constant is damaged", 2: "an action differs", 3: "another primitive acts",
         4: "an observation with NaN is taken for a good one"}


def check_c(path, data):
    body, _, last = data[:-1].rpartition(b"\n")
    if not re.fullmatch(rb"// crc32 [0-9a-f]{8}", last) or data[-1:] != b"\n":
        raise Damaged("it does not end with its checksum: cut off, or changed since")
    if zlib.crc32(body + b"\n") != int(last[-8:], 16):
        raise Damaged("its checksum differs: its text has changed")
    text = data.decode("ascii")
    name = re.search(r"^static inline int (\w+)_selftest\(void\)", text, re.MULTILINE)
    if not name:
        raise Damaged("it has no self-test")
    macros = dict(re.findall(rf"^#define {name[1].upper()}_(GOLDEN_\w+|ENV_ID) (.*)$", text,
                             re.MULTILINE))
    with tempfile.TemporaryDirectory() as folder:
        program = build_selftest(path, name[1], folder)
        code = subprocess.run([program], check=False).returncode
    if code != 0:
        raise Damaged(f"its self-test ends with {code}: {WRONG.get(code, 'it broke off')}")
    source = "episode" if macros["GOLDEN_OF_EPISODE"] == "1" else "drawn"
    return said(macros["GOLDEN_STEPS"], macros["ENV_ID"].strip('"'), source,
                macros["GOLDEN_SEED"].rstrip("u"))


def build_selftest(path, name, folder):
    main_c, program = os.path.join(folder, "selftest.c"), os.path.join(folder, "selftest")
    header = os.path.abspath(path)
    if '"' in header or "\n" in header:
        raise CannotCheck("a quote or a line's end in the path: no C compiler includes it")
    with open(main_c, "w", encoding="utf-8") as file:
        file.write(f'#define {name.upper()}_SELFTEST\n#include "{header}"\n'
                   f"int main(void) {{ return {name}_selftest(); }}\n")
    compiler = os.environ.get("CC", "cc").split()
    try:
        built = subprocess.run([*compiler, "-std=c99", "-O1", main_c, "-o", program, "-lm"],
                               capture_output=True, text=True, errors="replace", check=False)
    except FileNotFoundError:
        raise CannotCheck(f"needs a C compiler: {compiler[0]} is not here; CC names another") \
            from None
    if built.returncode != 0:
        raise Damaged(f"{compiler[0]} does not compile it: {built.stderr.strip()[:400]}")
    return program


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
