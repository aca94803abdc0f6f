#!/usr/bin/env python3
"""What experiments/ computes, against closed forms. Intervals need SciPy and are skipped without.

    python3 tests/experiments/experiments_test.py
    .deps/experiments/bin/python tests/experiments/experiments_test.py
"""
import importlib.util
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "experiments"))

import curves  # noqa: E402
import relative_auc  # noqa: E402
from run_files import Run, grouped, mean_curve, mean_interval, read_runs  # noqa: E402

from pmoe.paper.statistics import area  # noqa: E402

HAS_SCIPY = importlib.util.find_spec("scipy") is not None
HAS_NUMPY = importlib.util.find_spec("numpy") is not None


def run_of(function, steps, algorithm="sac", seed="1", env="Hopper-v5"):
    return Run(env, algorithm, seed, list(steps), [function(x) for x in steps], 1.0)


def configured(seed, settings):
    run = run_of(lambda x: x, [1, 2], seed=seed)
    run.settings = settings
    return run


@unittest.skipUnless(HAS_NUMPY, "needs NumPy")
class DemosTest(unittest.TestCase):
    def test_a_trace_becomes_the_arrays_of_its_columns_in_c_order(self):
        import demos
        import numpy as np
        header = ("episode,reset_seed,step,reward,terminated,truncated,primitive,w_0,mean_0_0,"
                  "mean_0_1,action_0,action_1,obs_0,obs_1,obs_2")
        rows = ["0,7,1,1.5,0,0,0,1,0.1,0.2,-3,2,0.5,1,2", "0,7,2,2.5,1,0,0,1,0.1,0.2,1,0,3,4,5",
                "1,8,1,0.5,0,1,0,1,0.1,0.2,0,0,6,7,8"]
        with tempfile.TemporaryDirectory() as folder:
            trace = pathlib.Path(folder) / "steps.csv"
            archive = pathlib.Path(folder) / "demos.npz"
            trace.write_text("\n".join([header, *rows]) + "\n")
            demos.save(demos.read_trace(trace), archive)
            with np.load(archive) as arrays:
                self.assertEqual(arrays["observations"].tolist(),
                                 [[0.5, 1, 2], [3, 4, 5], [6, 7, 8]])
                self.assertEqual(arrays["actions"].tolist(), [[-3, 2], [1, 0], [0, 0]])
                self.assertEqual(arrays["rewards"].tolist(), [1.5, 2.5, 0.5])
                self.assertEqual(arrays["terminals"].tolist(), [False, True, False])
                self.assertEqual(arrays["timeouts"].tolist(), [False, False, True])
                for name in arrays.files:
                    self.assertTrue(arrays[name].flags.c_contiguous, name)
                self.assertEqual(arrays["observations"].dtype, np.float32)


class AreaTest(unittest.TestCase):
    def test_a_line_has_the_area_of_its_trapezoid(self):
        # Integral of 2x + 3 from 10 to 50: x² + 3x.
        run = run_of(lambda x: 2 * x + 3, [10, 20, 50])
        self.assertAlmostEqual(area(run.steps, run.returns, 10, 50), 2500 + 150 - 100 - 30)

    def test_ends_between_evaluations_are_interpolated(self):
        run = run_of(lambda x: 2 * x + 3, [10, 20, 50])
        self.assertAlmostEqual(area(run.steps, run.returns, 15, 30), 900 + 90 - 225 - 45)

    def test_a_ratio_is_taken_over_the_common_steps(self):
        base = run_of(lambda x: 4.0, [0, 10, 20])
        longer = run_of(lambda x: 6.0, [10, 20, 30, 40])
        self.assertAlmostEqual(relative_auc.ratio(longer, base), 1.5)

    def test_a_ratio_that_says_nothing_is_none(self):
        base = run_of(lambda x: 4.0, [0, 10])
        self.assertIsNone(relative_auc.ratio(run_of(lambda x: 1.0, [20, 30]), base))
        self.assertIsNone(relative_auc.ratio(base, run_of(lambda x: -1.0, [0, 10])))

    def test_seeds_are_paired_and_others_left_out(self):
        steps = [0, 10]
        runs = [run_of(lambda x: 2.0, steps, seed="1"), run_of(lambda x: 4.0, steps, seed="2"),
                run_of(lambda x: 3.0, steps, "ppo", "1"), run_of(lambda x: 5.0, steps, "ppo", "2"),
                run_of(lambda x: 9.0, steps, "ppo", "3")]
        table = relative_auc.relative_areas(grouped(runs), "sac")
        self.assertEqual(table["Hopper-v5"]["ppo"], {"1": 1.5, "2": 1.25})
        self.assertEqual(table["Hopper-v5"]["sac"], {"1": 1.0, "2": 1.0})


class CurveTest(unittest.TestCase):
    def test_the_mean_is_over_steps_that_all_runs_have(self):
        runs = [run_of(lambda x: x, [1, 2, 3]), run_of(lambda x: 3 * x, [2, 3, 4], seed="2")]
        self.assertEqual(mean_curve(runs), ([2, 3], [4, 6]))


class FilesTest(unittest.TestCase):
    def test_runs_that_differ_in_a_setting_are_groups_of_their_own(self):
        runs = [configured("1", {"policy.primitives": 2, "observe.video": True}),
                configured("2", {"policy.primitives": 2}),
                configured("1", {"policy.primitives": 4})]
        groups = grouped(runs)["Hopper-v5"]
        self.assertEqual({name: [run.seed for run in mine] for name, mine in groups.items()},
                         {"sac, policy.primitives=2": ["1", "2"],
                          "sac, policy.primitives=4": ["1"]})

    def test_a_mix_is_refused(self):
        two = [configured("1", {"learner.alpha": 0.2}), configured("2", {"learner.alpha": 1})]
        unknown = run_of(lambda x: x, [1, 2], seed="3")
        with self.assertRaisesRegex(SystemExit, "differ in learner.alpha"):
            grouped([*two, unknown])
        with self.assertRaisesRegex(SystemExit, "both seed 1"):
            grouped([two[0], configured("1", {"learner.alpha": 0.2})])

    def test_a_folder_of_runs_stands_for_all_of_them(self):
        with tempfile.TemporaryDirectory() as folder:
            for seed, value in ((1, 10), (2, 30)):
                run = pathlib.Path(folder) / f"Hopper-v5-sac-s{seed}"
                run.mkdir()
                (run / "metrics.csv").write_text("env_steps,wall_s,eval_return_mean\n"
                                                 f"100,1,\n200,2,{value}\n300,1.5,{value}\n")
            runs = read_runs([pathlib.Path(folder)])
        self.assertEqual([(run.seed, run.returns, run.seconds) for run in runs],
                         [("1", [10, 10], 3.5), ("2", [30, 30], 3.5)])


class DifferenceTest(unittest.TestCase):
    def test_equal_seeds_leave_no_doubt(self):
        self.assertEqual(curves.difference([5.0] * 3, [2.0] * 4), (3.0, 3.0, 3.0))

    def test_it_is_the_normal_distributions(self):
        ours, theirs = [float(x) for x in range(40)], [float(x) for x in range(10, 50)]
        mean, low, high = curves.difference(ours, theirs)
        wide = 1.96 * (2 * (40 ** 2 - 1) / 12 / 40) ** 0.5
        self.assertEqual(mean, -10.0)
        self.assertAlmostEqual(low, -10 - wide, delta=0.1 * wide)
        self.assertAlmostEqual(high, -10 + wide, delta=0.1 * wide)


class PeerThresholdTest(unittest.TestCase):
    def test_bad_input_is_refused_before_any_library_is_needed(self):
        for words, message in [
                (["--library", "sb3", "--algo", "crossq", "--threshold", "1"],
                 "--algo crossq needs --library sbx"),
                (["--library", "sbx", "--threshold", "nan"], "must be a finite return, got nan"),
                (["--library", "sbx", "--threshold=-1e3", "--steps", "4999"],
                 "--steps must be at least 5000")]:
            result = subprocess.run(
                [sys.executable, str(ROOT / "experiments/peers/threshold.py"), *words],
                capture_output=True, text=True, check=False)
            self.assertEqual(result.returncode, 2)
            self.assertIn(message, result.stderr)


@unittest.skipUnless(HAS_SCIPY, "SciPy is not installed")
class IntervalTest(unittest.TestCase):
    def test_equal_seeds_leave_no_doubt(self):
        low, high = mean_interval([[5.0], [5.0], [5.0]])
        self.assertEqual((low[0], high[0]), (5.0, 5.0))

    def test_it_is_the_means_quantiles(self):
        # The mean of n draws from {0, 1} has standard deviation 0.5 / sqrt(n).
        low, high = mean_interval([[0.0], [1.0]] * 200)
        self.assertAlmostEqual(high[0] - low[0], 2 * 1.96 * 0.5 / 20, delta=0.01)
        self.assertAlmostEqual((high[0] + low[0]) / 2, 0.5, delta=0.01)

    def test_the_same_runs_give_the_same_interval(self):
        rows = [[1.0], [2.0], [4.0]]
        self.assertEqual(mean_interval(rows)[0][0], mean_interval(rows)[0][0])

    def test_all_environments_weigh_the_same(self):
        table = {"a": {"x": {"1": 1.0, "2": 1.0, "3": 1.0}}, "b": {"x": {"1": 2.0}}}
        env, algorithm, seeds, mean, low, high = relative_auc.rows_of(table)[-1]
        self.assertEqual((env, algorithm, seeds), ("all", "x", 4))
        self.assertEqual((mean, low, high), (1.5, 1.5, 1.5))


if __name__ == "__main__":
    unittest.main()
