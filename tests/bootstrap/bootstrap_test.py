#!/usr/bin/env python3
"""Runs ./pmoe in a tree of its own; apt, CMake, Ninja and ctest only note how they are called."""
import fcntl
import os
import pathlib
import re
import resource
import shutil
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPIED = ("pmoe", "cmake", "CMakeLists.txt", "CMakePresets.json")
SOURCE_FOLDERS = ("proto", "common", "control", "dashboard", "actor", "replay", "run", "learner",
                  "cli")
# All that ./pmoe may need besides the stand-ins: its PATH has apt-get only where a test adds it.
TOOLS = ("bash cat chmod cut find flock grep head mkdir mv nproc readlink rm sed tail tee "
         "touch").split()

STAND_INS = {
    "cmake": """while (($#)); do
  case $1 in -S) source=$2 ;; --preset) dir=build/$2 ;; -D*) echo "${1#-D}" >cache ;; esac
  shift
done
mkdir -p "$source/$dir"
{ sed 's/=/:PATH=/' cache; echo "CMAKE_HOME_DIRECTORY:INTERNAL=$source"; } \\
  >"$source/$dir/CMakeCache.txt"
touch "$source/$dir/build.ninja"
""",
    "ninja": """mkdir -p "$2/bin"
echo '[1/2] Building x'
if [[ -f $HOOK ]]; then source "$HOOK"; fi
printf '#!/bin/bash\\necho "ran with $*"\\n' >"$2/bin/pmoe"
chmod +x "$2/bin/pmoe"
""",
    "ctest": "",
    "dpkg-query": """shift 3
[[ -f $HOOK.bare ]] || printf 'installed %s\\n' "$@"
""",
}


class BootstrapTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name, "checkout")
        self.tools = pathlib.Path(folder.name, "tools")
        self.calls = pathlib.Path(folder.name, "calls")
        self.hook = pathlib.Path(folder.name, "hook")  # sourced by the ninja stand-in
        self.deps = pathlib.Path(folder.name, "deps")
        self.make_checkout()
        self.make_tools()
        self.make_wheels()

    def make_checkout(self):
        self.root.mkdir()
        for name in COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
            copy(ROOT / name, self.root / name)
        (self.root / "requirements.txt").write_text("# no wheel: nothing to download\n")
        (self.root / "tests" / "python").mkdir(parents=True)
        (self.root / "tests" / "python" / "requirements.txt").write_text("# no package\n")
        for name in SOURCE_FOLDERS:
            (self.root / name).mkdir()

    def make_tools(self):
        self.tools.mkdir()
        for name in TOOLS:
            (self.tools / name).symlink_to(shutil.which(name))
        for name, body in STAND_INS.items():
            self.make_tool(name, body)

    def make_tool(self, name, body):
        tool = self.tools / name
        tool.write_text(f'#!/bin/bash\necho "{name} $*" >>"{self.calls}"\ncd "{self.deps}"\n{body}')
        tool.chmod(0o755)

    def make_wheels(self):
        self.deps.mkdir()
        (self.deps / "wheels.stamp").write_text("torch: cpu\n# no wheel: nothing to download\n")
        (self.deps / "python.stamp").write_text("# no package\n")

    def environment(self, **more):
        return {"PATH": str(self.tools), "PMOE_DEPS": str(self.deps), "PMOE_GPU": "0",
                "HOOK": str(self.hook), "HOME": str(self.deps), **more}

    def run_pmoe(self, *arguments, **more):
        return subprocess.run([self.root / "pmoe", *arguments], env=self.environment(**more),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60, check=False)

    def calls_since(self):
        """The stand-ins' names called since the last question."""
        text = self.calls.read_text() if self.calls.exists() else ""
        self.calls.unlink(missing_ok=True)
        return text

    def test_help_installs_and_builds_nothing(self):
        result = self.run_pmoe("--help")
        self.assertEqual(result.returncode, 0)
        self.assertIn("./pmoe train --env", result.stdout)
        self.assertEqual(self.calls_since(), "")

    def test_first_call_configures_builds_and_passes_the_arguments_on(self):
        result = self.run_pmoe("train", "--steps", "3")
        self.assertEqual(result.stdout, "ran with train --steps 3\n", result.stderr)
        calls = self.calls_since()
        self.assertIn(f"-DPMOE_DEPS_DIR={self.deps}", calls)
        self.assertRegex(calls, r"ninja -C \S+/build/release -j \d+ pmoe-binaries\n")

    def test_benchmarks_are_built_when_they_are_asked_for(self):
        self.run_pmoe("train")
        self.assertNotIn("pmoe-bench", self.calls_since())
        self.assertEqual(self.run_pmoe("bench", "replay").stdout, "ran with bench replay\n")
        calls = self.calls_since()
        self.assertRegex(calls, r"ninja -C \S+ -j \d+ pmoe-bench\n")
        self.assertNotIn("pmoe-binaries", calls)

    def test_later_calls_only_look_and_take_less_than_100_ms(self):
        self.run_pmoe("train")
        self.calls_since()
        self.assertLess(min(self.cpu_seconds_of_a_call() for _ in range(5)), 0.1)
        self.assertEqual(self.calls_since(), "")

    def cpu_seconds_of_a_call(self):
        """Of the processor, not of the clock: other tests run beside this one."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.assertEqual(self.run_pmoe("x").stdout, "ran with x\n")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def test_an_edited_or_removed_source_is_built(self):
        source = self.root / "actor" / "a.cc"
        for edit in (source.touch, source.unlink):
            self.run_pmoe("train")
            self.calls_since()
            edit()
            self.run_pmoe("train")
            calls = self.calls_since()
            self.assertIn("ninja -C", calls)
            self.assertNotIn("cmake --fresh --preset", calls)

    def test_a_source_from_the_future_is_built_once_and_again_when_edited(self):
        source = self.root / "actor" / "a.cc"
        source.touch()
        for ahead_s in (3600, 7200):
            os.utime(source, (time.time() + ahead_s,) * 2)
            self.run_pmoe("train")
            self.assertIn("ninja -C", self.calls_since())
            self.run_pmoe("train")
            self.assertEqual(self.calls_since(), "")

    def test_an_edit_during_the_build_is_built_by_the_next_call(self):
        self.hook.write_text(f"touch -d '+1 second' {self.root}/actor/a.cc\n")
        self.run_pmoe("train")
        self.hook.unlink()
        self.calls_since()
        self.run_pmoe("train")
        self.assertIn("ninja -C", self.calls_since())

    def test_another_wheels_folder_is_configured(self):
        self.run_pmoe("train")
        other = self.deps.with_name("other")
        shutil.copytree(self.deps, other)
        self.calls_since()
        self.run_pmoe("train", PMOE_DEPS=str(other))
        self.assertIn(f"-DPMOE_DEPS_DIR={other}", self.calls_since())

    def test_a_checkout_that_moved_is_configured_again(self):
        self.run_pmoe("train")
        self.calls_since()
        self.root = self.root.rename(self.root.with_name("moved"))
        self.run_pmoe("train")
        self.assertIn(f"-S {self.root} ", self.calls_since())

    def test_an_interrupted_build_says_that_it_can_go_on(self):
        self.hook.write_text("kill -INT 0\nexit 2\n")  # as Ctrl-C does: the whole process group
        with subprocess.Popen([self.root / "pmoe", "train"], env=self.environment(), text=True,
                              stderr=subprocess.PIPE, start_new_session=True) as interrupted:
            self.assertIn("interrupted; the next call goes on", interrupted.communicate()[1])
        self.assertEqual(interrupted.returncode, 130)
        self.hook.unlink()
        self.assertEqual(self.run_pmoe("train").returncode, 0)

    def test_a_failed_build_shows_the_failure_and_is_tried_again(self):
        self.hook.write_text("echo 'FAILED: a.o'; echo 'a.cc:1: error: no'; exit 1\n")
        result = self.run_pmoe("train")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertIn("a.cc:1: error: no", result.stderr)
        self.assertIn(f"{self.root}/build/release/build.log", result.stderr)
        self.hook.unlink()
        self.assertEqual(self.run_pmoe("train").returncode, 0)

    def test_missing_packages_are_one_line_to_type(self):
        pathlib.Path(f"{self.hook}.bare").touch()
        result = self.run_pmoe("train")
        self.assertEqual(result.returncode, 2)
        self.assertRegex(result.stderr, r"\n  sudo apt-get update && sudo apt-get install .*g\+\+")
        self.assertNotIn("clang", result.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "only root may install")
    def test_root_installs_missing_packages(self):
        bare = pathlib.Path(f"{self.hook}.bare")
        bare.touch()
        self.make_tool("apt-get", "")
        self.make_tool("dpkg", "")
        result = self.run_pmoe("train")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(self.calls_since(), r"apt-get .*update.*\n.*apt-get .*install .* g\+\+ ")

    def test_half_made_wheels_are_made_again(self):
        (self.deps / "wheels.stamp").unlink()
        leftover = self.deps / "venv" / "half"
        leftover.parent.mkdir()
        leftover.touch()
        result = self.run_pmoe("train")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("[2/4] installing wheels", result.stderr)
        self.assertFalse(leftover.exists())
        self.assertTrue((self.deps / "wheels.stamp").exists())
        self.assertNotIn("wheels", self.run_pmoe("train").stderr)

    def test_a_build_holds_the_lock_of_its_folder(self):
        self.hook.write_text('if flock -n "$2/lock" true; then exit 3; fi\n')
        self.assertEqual(self.run_pmoe("train").returncode, 0)

    def test_a_call_says_what_it_waits_for_and_builds_nothing_twice(self):
        self.run_pmoe("train")
        self.calls_since()
        (self.root / "actor" / "a.cc").touch()
        release = self.root / "build" / "release"
        with open(release / "lock", "r+", encoding="utf8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.write("process 1, building")
            lock.flush()
            with subprocess.Popen([self.root / "pmoe", "x"], env=self.environment(), text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE) as waiting:
                self.assertIn("waiting for another ./pmoe at work: process 1, building",
                              waiting.stderr.readline())
                (release / "pmoe.stamp").touch()  # as the one that it waits for would
                fcntl.flock(lock, fcntl.LOCK_UN)
                self.assertEqual(waiting.communicate(timeout=60)[0], "ran with x\n")
        self.assertNotIn("ninja -C", self.calls_since())

    def test_tests_leave_the_slow_ones_out_unless_some_are_asked_for(self):
        self.run_pmoe("test")
        self.assertRegex(self.calls_since(), r"ninja .* all\nctest .*-LE slow\|gpu")
        self.run_pmoe("test", "-L", "slow")
        self.assertRegex(self.calls_since(), r"ctest (?!.*-LE).* -L slow")

    def test_every_folder_that_cmake_builds_is_watched_and_goes_into_the_images(self):
        lists = (ROOT / "CMakeLists.txt").read_text()
        built = set(re.findall(r"^ *add_subdirectory\((\S+)\)", lists, re.MULTILINE)) - {"tests"}
        watched = re.search(r"^source_dirs=\((.*?)\)", (ROOT / "pmoe").read_text(),
                            re.MULTILINE | re.DOTALL)[1].split()
        copied = [line[1:] for line in (ROOT / ".dockerignore").read_text().split() if
                  line.startswith("!")]
        self.assertLessEqual(built - {"tests/benchmark"}, set(watched))
        self.assertLessEqual(built, set(copied))

    def test_packages_of_the_python_tests_are_installed_once(self):
        stamp = self.deps / "python.stamp"
        stamp.write_text("# others\n")
        result = self.run_pmoe("test")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue((self.deps / "python" / "bin" / "pip").exists())
        self.assertEqual(stamp.read_text(), "# no package\n")
        (self.deps / "python" / "mark").touch()
        self.run_pmoe("test")
        self.assertTrue((self.deps / "python" / "mark").exists())

    def test_a_package_is_made_of_what_was_just_built(self):
        for kind, lacks in (("wheel", "there is no .*/pmoe-actor"), ("bundle", "no wheels under ")):
            (self.root / "actor" / "a.cc").touch()
            result = self.run_pmoe(kind, "--out", "dist")
            self.assertRegex(self.calls_since(), r"ninja -C \S+/build/release -j \d+ pmoe-binaries")
            self.assertEqual(result.returncode, 2, "the stand-ins build and install too little")
            self.assertRegex(result.stderr, f"(?m)^pmoe: {lacks}")

    def test_an_unknown_check_is_an_error(self):
        result = self.run_pmoe("check", "nonsense")
        self.assertEqual(result.returncode, 2)
        self.assertIn("no check is called nonsense", result.stderr)

    def test_the_simulation_takes_a_number_of_seeds_and_no_nonsense(self):
        self.make_tool("ninja", """mkdir -p "$2/bin"
program=$2/bin/replay_simulation_test
echo 'echo ${PMOE_SIMULATION_SEEDS:-one},${PMOE_SIMULATION_SEED:-first}' >"$program"
chmod +x "$program"
""")
        self.assertIn("20000,first", self.run_pmoe("check", "simulation").stdout)
        self.assertIn("one,7", self.run_pmoe("check", "simulation", "--seed", "7").stdout)
        both = self.run_pmoe("check", "simulation", "--seeds", "9", "--seed", "7")
        self.assertIn("9,7", both.stdout)
        result = self.run_pmoe("check", "simulation", "--seeds", "0")
        self.assertEqual(result.returncode, 2)
        self.assertIn("--seeds needs a number from 1 on, got 0", result.stderr)

    def test_a_failed_check_does_not_keep_the_others_from_running(self):
        self.make_tool("ctest", "exit 8\n")
        result = self.run_pmoe("check", "slow", "tsan")
        self.assertEqual(result.returncode, 1)
        self.assertIn("failed checks: slow tsan", result.stderr)


if __name__ == "__main__":
    unittest.main()
