"""Holds the three editions of exported policies against what PolicyNetwork said.

The oracle of editions_test.cc: editions_oracle.py DIR…, each with policy.onnx, policy.h,
policy.npz and, raw, obs and option of some rows with PolicyNetwork's action, primitive, router,
mean and std.

onnxruntime takes the rows as one batch and one by one; the C edition is compiled as C99 and as
C++17 with all warnings as errors; NumPy's is the one of python/pmoe/check.py. Numbers are compared
relative to the largest number that went into them: 1, or the row's largest observation.
"""

import json
import os
import subprocess
import sys

import numpy as np
import onnxruntime

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "python"))
from pmoe import check  # noqa: E402

TOLERANCE = 2e-6  # of half an action's range, of a weight, of a mean or std where it is above 1
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wdouble-promotion", "-pedantic", "-Werror"]
COMPILERS = {"C99": ["cc", "-std=c99", "-O2"], "C++17": ["g++", "-std=c++17", "-O2", "-x", "c++"]}


class Case:
    def __init__(self, folder):
        self.folder = folder
        with np.load(os.path.join(folder, "policy.npz")) as archive:
            self.arrays = dict(archive)
        self.spec = spec = json.loads(self.arrays["spec"].tobytes())
        self.K, self.A, self.O = spec["primitives"], spec["action_dim"], spec["obs_dim"]
        self.C = 1 if spec["head"] in ("gating", "mcp") else self.K
        self.is_option = spec["head"] == "option"
        half = (np.array(spec["action_high"]) - np.array(spec["action_low"])) / 2
        # Clipped actions are the means themselves, however narrow the bounds.
        self.unit = np.maximum(1, half) if spec["action_map"] == "clip" else half
        self.obs = self.read("obs", np.float32, self.O)
        self.option = self.read("option", np.int64)
        self.wanted = {"action": self.read("action", np.float64, self.A),
                       "primitive": self.read("primitive", np.int64),
                       "router": self.read("router", np.float32, self.K),
                       "mean": self.read("mean", np.float32, self.C, self.A),
                       "std": self.read("std", np.float32, self.C, self.A)}
        # What a rounding of the input may do to the output.
        seen = self.obs
        if spec["normalizes_obs"]:
            seen = np.clip((seen - self.arrays["obs_mean"]) / self.arrays["obs_std"], -10, 10)
        self.size = np.maximum(1, np.abs(seen).max(-1))

    def read(self, name, dtype, *shape):
        return np.fromfile(os.path.join(self.folder, name), dtype).reshape(-1, *shape)

    def onnx(self, obs, option):
        session = onnxruntime.InferenceSession(os.path.join(self.folder, "policy.onnx"),
                                               providers=["CPUExecutionProvider"])
        def run(obs, option):
            inputs = {"observation": obs, **({"option": option} if self.is_option else {})}
            names = [output.name for output in session.get_outputs()]
            assert names == ["action", "primitive", "router", "mean", "std"], names
            return dict(zip(names, session.run(None, inputs)))
        whole = run(obs, option)
        alone = [run(obs[i:i + 1], option[i:i + 1]) for i in range(len(obs))]
        bad = obs.copy()
        bad[1, -1], bad[3, 0] = np.nan, np.inf
        told = run(bad, option)["action"]
        assert np.isnan(told[[1, 3]]).all(), "NaN is not told"
        assert np.array_equal(np.delete(told, [1, 3], 0), np.delete(whole["action"], [1, 3], 0))
        empty = run(obs[:0], option[:0])
        assert empty["action"].shape == (0, self.A), empty["action"].shape
        return whole, {key: np.concatenate([row[key] for row in alone]) for key in whole}

    def c(self, compiler):
        program = os.path.join(self.folder, "driver")
        subprocess.run([*COMPILERS[compiler], *WARNINGS, "-I", self.folder,
                        os.path.join(HERE, "c_driver.c"), "-o", program, "-lm"], check=True)
        for fast in ([], ["-O3", "-ffast-math"]) if compiler != "C99" else ():
            main_c, selftest = program + "_selftest.c", program + "_selftest"
            with open(main_c, "w", encoding="ascii") as file:
                file.write('#define POLICY_SELFTEST\n#include "policy.h"\n'
                           "int main(void) { return policy_selftest(); }\n")
            subprocess.run([*COMPILERS[compiler], *WARNINGS, *fast, "-I", self.folder, main_c, "-o",
                            selftest, "-lm"], check=True)
            subprocess.run([selftest], check=True)
        rows = np.concatenate([self.obs, self.option[:, None].astype(np.float32)], -1)
        out = subprocess.run([program], input=rows.astype(np.float32).tobytes(),
                             capture_output=True, check=True).stdout
        parts = np.split(np.frombuffer(out, np.float32).reshape(len(rows), -1),
                         np.cumsum([self.A, 1, self.A, self.A]), -1)
        action, primitive, mean, std, router = parts
        return {"action": action, "primitive": primitive[:, 0].astype(np.int64), "mean": mean,
                "std": std, "router": router}

    def numpy(self):
        action, primitive = check.act_numpy(self.spec, self.arrays, self.obs, self.option)
        return {"action": action, "primitive": primitive}

    def errors(self, got):
        """Largest differences, of rows with ordinary observations and of the others."""
        row = np.arange(len(self.obs))
        wanted = dict(self.wanted)
        at = wanted["primitive"] if self.C > 1 else 0 * row
        if got.get("mean", wanted["mean"]).ndim == 2:  # of the acting one
            wanted["mean"], wanted["std"] = wanted["mean"][row, at], wanted["std"][row, at]
        if "primitive" in got:
            assert (got["primitive"] == wanted["primitive"]).all(), "another primitive acts"
        largest = {}
        for key in ("action", "router", "mean", "std"):
            if key not in got:
                continue
            assert got[key].shape == wanted[key].shape, (key, got[key].shape)
            unit = {"action": self.unit, "router": 1}.get(key, np.maximum(1, np.abs(wanted[key])))
            error = np.abs(got[key].astype(np.float64) - wanted[key]) / unit
            error = error.reshape(len(row), -1).max(-1) / self.size
            assert np.isfinite(error).all(), key
            largest[key] = error.max()
        return largest


def main(folders):
    worst, wrong = {}, []
    for number, folder in enumerate(folders):
        case = Case(folder)
        low, high = case.spec["action_low"], case.spec["action_high"]
        editions = dict(zip(("onnx", "onnx, row by row"), case.onnx(case.obs, case.option)))
        editions["numpy"] = case.numpy()
        for compiler in COMPILERS if number % 7 == 0 else ("C99",):
            editions[compiler] = case.c(compiler)
        for edition, got in editions.items():
            action = got["action"].astype(np.float64)
            if edition != "numpy":  # which adds and multiplies as ScaleAction does
                assert (action >= low).all() and (action <= high).all(), f"{edition}: out of bounds"
            for key, error in case.errors(got).items():
                if not error <= TOLERANCE:
                    wrong.append(f"{folder}: {edition} {key} differs by {error:.1e}, {case.spec}")
                at = edition, key
                worst[at] = max(worst.get(at, 0), error)
    for (edition, key), error in sorted(worst.items()):
        print(f"{edition}: {key} within {error:.1e}")
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(folders)} policies agree")


if __name__ == "__main__":
    main(sys.argv[1:])
