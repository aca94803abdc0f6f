#!/usr/bin/env python3
"""Makes a wheel of the programs of a build, installs it into a fresh virtual environment and runs
it from another folder, with nothing of the checkout in its environment. No network: the pinned
wheels lie in the environment as links to those of the checkout.

    wheel_test.py BUILD DEPS
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "cmake/package"))
import elf  # noqa: E402
import tree  # noqa: E402

BUILD, DEPS = (pathlib.Path(word) for word in (sys.argv.pop(1), sys.argv.pop(1)))
SMALL_RUN = ("--env", "InvertedPendulum-v5", "--algo", "sac", "--steps", "2000", "--set",
             "schedule.start_steps=500", "--set", "observe.video=false", "--dashboard", "none")


def run(*words, cwd, env=None, timeout_s=120):
    return subprocess.run([str(word) for word in words], cwd=cwd, env=env, capture_output=True,
                          text=True, timeout=timeout_s, check=False)


class InstalledTest(unittest.TestCase):
    """One installation; a test that harms it mends it again."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="pmoe-wheel-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        packed = run(sys.executable, ROOT / "cmake/package/wheel.py", "--build", BUILD, "--out",
                     cls.folder / "dist", cwd="/")
        if packed.returncode != 0:
            raise AssertionError(packed.stdout + packed.stderr)
        (cls.wheel,) = (cls.folder / "dist").glob("*.whl")
        cls.venv = cls.folder / "venv"
        made = run(sys.executable, "-m", "venv", cls.venv, cwd="/")
        if made.returncode != 0:
            raise AssertionError(made.stderr)
        (cls.site,) = cls.venv.glob("lib/python3*/site-packages")
        cls.before = cls.files()
        cls.link_wheels()
        cls.pip("install", "--no-deps", "--no-index", cls.wheel)
        cls.package = cls.site / "pmoe"

    @classmethod
    def pip(cls, *words):
        done = run(cls.venv / "bin/python", "-m", "pip", *words, cwd="/", env={"PATH": ""})
        if done.returncode != 0:
            raise AssertionError(done.stdout + done.stderr)

    @classmethod
    def link_wheels(cls):
        (wheels,) = (DEPS / "venv/lib").glob("python3*/site-packages")
        for entry in wheels.iterdir():
            if not (cls.site / entry.name).exists():
                (cls.site / entry.name).symlink_to(entry)

    @classmethod
    def files(cls):
        return {path for path in cls.venv.rglob("*") if "__pycache__" not in path.parts}

    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=self.folder)
        self.addCleanup(folder.cleanup)
        self.here = pathlib.Path(folder.name)

    def pmoe(self, *words, program="pmoe", **variables):
        """Neither a PATH nor a variable of ours."""
        return run(self.venv / "bin" / program, *words, cwd=self.here,
                   env={"PATH": "/nonexistent", "TMPDIR": str(self.here), **variables})

    def assert_refuses(self, result, *parts):
        self.assertEqual(result.returncode, 2, result.stdout + result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        for part in parts:
            self.assertIn(part, result.stderr)

    def move_away(self, path):
        away = path.with_name(path.name + ".away")
        path.rename(away)
        self.addCleanup(away.rename, path)

    def test_says_its_version(self):
        result = self.pmoe("--version")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(result.stdout, f"pmoe {tree.project_version()}\n")

    def test_trains_and_acts_with_the_bits_of_the_build(self):
        trained = self.pmoe("train", *SMALL_RUN, "--out", "run")
        self.assertEqual(trained.returncode, 0, trained.stdout + trained.stderr)
        self.assertIn("finished; look at it with: pmoe eval --run run", trained.stdout)
        run(BUILD / "bin/pmoe", "train", *SMALL_RUN, "--out", "built", cwd=self.here)
        policies = [(self.here / folder / "snapshots/latest.pmoe").read_bytes()
                    for folder in ("run", "built")]
        self.assertEqual(*policies)
        played = self.pmoe("eval", "--run", "run", "--episodes", "2")
        self.assertEqual(played.returncode, 0, played.stdout + played.stderr)

    def test_the_doctor_names_what_is_missing(self):
        result = self.pmoe("doctor", "--json", "--for", "play")
        self.assertEqual(result.returncode, 2, result.stderr)
        report = json.loads(result.stdout)
        self.assertEqual(report["installed"], str(self.package))
        parts = {part["name"]: part for part in report["parts"]}
        self.assertTrue(parts["train"]["works"], parts["train"])
        lacking = {need["name"] for need in parts["play"]["needs"] if not need["ok"]}
        self.assertIn("ffmpeg", lacking)

    def test_every_program_starts(self):
        for program in tree.PROGRAMS:
            result = self.pmoe("--help", program=program)
            self.assertEqual(result.returncode, 0, f"{program}: {result.stderr}")

    def test_no_library_comes_from_the_checkout(self):
        wheels = (DEPS / "venv").resolve()
        for program in tree.PROGRAMS:
            for name, path in elf.libraries_of([self.package / "bin" / program]).items():
                own = path.resolve().is_relative_to(self.package.resolve())
                wheel = path.resolve().is_relative_to(wheels)
                self.assertTrue(own or wheel or elf.is_of_the_system(name), f"{name}: {path}")

    def test_a_missing_or_cut_library_is_named(self):
        library = self.package / "lib/libprotobuf.so.32"
        self.move_away(library)
        self.assert_refuses(self.pmoe("--version"), str(library), "pip install --force-reinstall")
        library.write_bytes(b"half")
        self.addCleanup(library.unlink)
        self.assert_refuses(self.pmoe("--version"), "has 4 bytes, not")

    def test_a_missing_wheel_is_named_where_it_is_needed(self):
        self.move_away(self.site / "torch")
        wanted = f"pip install torch=={tree.pinned_versions()['torch']}"
        self.assert_refuses(self.pmoe("train", *SMALL_RUN), wanted)
        self.assert_refuses(self.pmoe("--listen", "unix:x", program="pmoe-learner"), wanted)
        self.assertEqual(self.pmoe("envs").returncode, 0, "what acts needs no LibTorch")
        report = json.loads(self.pmoe("doctor", "--json").stdout)
        self.assertIn("pip install torch", json.dumps(report["parts"][0]["needs"]))

    def test_checking_a_configuration_needs_the_tasks(self):
        self.move_away(self.site / "gymnasium")
        self.assert_refuses(self.pmoe("config", "check", "--set", "env.id=Hopper-v5"),
                            "pip install gymnasium==")
        self.assertEqual(self.pmoe("config", "print").returncode, 0)

    def test_the_list_for_cpus_is_what_programs_need(self):
        (file,) = self.wheel.parent.glob("pmoe-*-cpu.txt")
        pinned = (ROOT / "requirements.txt").read_text().splitlines()
        lines = file.read_text().splitlines()
        self.assertNotIn("onnxruntime", file.read_text())
        self.assertEqual([line for line in pinned if "==" in line and line not in lines],
                         [line for line in pinned if line.startswith("onnxruntime==")])

    def test_a_wheel_of_another_version_is_refused(self):
        (info,) = self.site.glob("torch-*.dist-info")
        other = info.with_name("torch-2.10.0+cu130.dist-info")
        info.rename(other)
        self.addCleanup(other.rename, info)
        self.assert_refuses(self.pmoe("train", *SMALL_RUN), "has 2.10.0+cu130",
                            "pip install torch==")
        report = json.loads(self.pmoe("doctor", "--json", "--no-trial").stdout)
        self.assertIn("2.10.0+cu130, not", json.dumps(report["parts"][0]["needs"]))

    def test_a_flavour_of_the_version_is_fine(self):
        (info,) = self.site.glob("torch-*.dist-info")
        flavour = info.with_name(info.name.replace(".dist-info", "+cpu.dist-info"))
        info.rename(flavour)
        self.addCleanup(flavour.rename, info)
        self.assertEqual(self.pmoe("train", "--help").returncode, 0)

    def test_equal_builds_give_equal_wheels(self):
        run(sys.executable, ROOT / "cmake/package/wheel.py", "--build", BUILD, "--out", self.here,
            cwd="/")
        self.assertEqual((self.here / self.wheel.name).read_bytes(), self.wheel.read_bytes())

    def test_carries_what_users_need_beside_the_programs(self):
        with zipfile.ZipFile(self.wheel) as archive:
            names = set(archive.namelist())
        for name in ("include/pmoe_env.h", "configs/sweeps/pendulum.textproto",
                     *(f"bin/{name}" for name in tree.SCRIPTS), "licenses/libgrpc29",
                     "licenses/pmoe"):
            self.assertIn(f"pmoe/{name}", names)
        self.assertNotIn("pmoe/bin/pmoe-bench", names)

    def test_z_uninstalling_leaves_nothing(self):
        self.pip("uninstall", "-y", "pmoe")
        after = {path for path in self.files() if not (path.is_symlink() and path.parent ==
                                                       self.site)}
        self.assertEqual(after - self.before, set())
        self.assertFalse(self.package.exists())


class CheckTest(unittest.TestCase):
    """What must keep a package from being made."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="pmoe-wheel-")
        self.addCleanup(folder.cleanup)
        self.build = pathlib.Path(folder.name, "build")
        self.tree = pathlib.Path(folder.name, "pmoe")
        (self.build / "bin").mkdir(parents=True)
        for name in (*tree.PROGRAMS, *tree.SCRIPTS):
            (self.build / "bin" / name).symlink_to(BUILD / "bin" / name)
        self.commands([{"file": "a.cc", "command": "g++ -march=x86-64-v3 a.cc"}])

    def commands(self, commands):
        (self.build / "compile_commands.json").write_text(json.dumps(commands))

    def assert_refused(self, part):
        with self.assertRaisesRegex(elf.PackageError, part):
            tree.make_tree(self.build, self.tree)

    def compile(self, program, source, *flags):
        file = self.build / "x.cc"
        file.write_text(source)
        target = self.build / "bin" / program
        target.unlink()
        elf.output_of("g++", file, "-o", target, *flags)

    def test_a_program_that_was_not_built(self):
        (self.build / "bin/pmoe-actor").unlink()
        self.assert_refused("no .*pmoe-actor: ./pmoe build")

    def test_another_cpu_level(self):
        self.compile("pmoe-replay", "int main() {}\n", "-Wl,-z,x86-64-v4")
        self.assert_refused("pmoe-replay asks for the CPU level x86-64-v4")

    def test_a_file_compiled_for_another_cpu(self):
        self.commands([{"file": "a.cc", "command": "g++ -march=native a.cc"}])
        self.assert_refused("a.cc was compiled with -march=native")

    def test_a_function_of_a_newer_glibc(self):
        source = "#include <stdlib.h>\nint main() { return arc4random() == 7; }\n"
        self.compile("pmoe-replay", source, "-Wl,-z,x86-64-v3")
        self.assert_refused("pmoe-replay needs GLIBC_2.36, .* GLIBC_2.35")


if __name__ == "__main__":
    unittest.main()
