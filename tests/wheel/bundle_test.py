#!/usr/bin/env python3
"""Makes a bundle of the programs of a build, unpacks it somewhere and runs it without Python or a
variable of the checkout. LibTorch, which takes long to pack, is laid into it as a link.

    bundle_test.py BUILD DEPS
"""
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "cmake/package"))
import bundle  # noqa: E402
import tree  # noqa: E402

BUILD, DEPS = (pathlib.Path(word) for word in (sys.argv.pop(1), sys.argv.pop(1)))
SMALL_RUN = ("--env", "InvertedPendulum-v5", "--algo", "sac", "--steps", "2000", "--set",
             "schedule.start_steps=500", "--set", "observe.video=false", "--dashboard", "none")
# All that launch.sh calls.
TOOLS = ("sh", "readlink", "sed", "getconf")


class BundleTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="pmoe-bundle-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        archive = bundle.make_bundle(BUILD, DEPS, cls.folder / "dist", with_torch=False)
        with tarfile.open(archive) as packed:
            packed.extractall(cls.folder / "opt")
        (unpacked,) = (cls.folder / "opt").iterdir()
        cls.home = unpacked.rename(cls.folder / "moved here")  # a space, and it moved
        cls.package = cls.home / "site-packages/pmoe"
        cls.tools = cls.folder / "tools"
        cls.tools.mkdir()
        for name in TOOLS:
            (cls.tools / name).symlink_to(shutil.which(name))

    def pmoe(self, *words, program="pmoe"):
        here = tempfile.TemporaryDirectory(dir=self.folder)
        self.addCleanup(here.cleanup)
        return subprocess.run([self.home / "bin" / program, *words], cwd=here.name,
                              env={"PATH": str(self.tools), "TMPDIR": here.name}, timeout=120,
                              capture_output=True, text=True, check=False)

    def assert_refuses(self, result, part):
        self.assertEqual(result.returncode, 2, result.stdout + result.stderr)
        self.assertIn(part, result.stderr)

    def move_away(self, path):
        away = path.with_name(path.name + ".away")
        path.rename(away)
        self.addCleanup(away.rename, path)

    def lay_torch(self):
        for name in ("torch", "nvidia"):
            link = self.home / "site-packages" / name
            link.symlink_to(bundle.site_packages(DEPS) / name)
            self.addCleanup(link.unlink)

    def test_says_its_version(self):
        result = self.pmoe("--version")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(result.stdout, f"pmoe {tree.project_version()}\n")

    def test_acts_without_libtorch_and_says_that_it_cannot_learn(self):
        for program in ("pmoe-actor", "pmoe-replay"):
            self.assertEqual(self.pmoe("--help", program=program).returncode, 0)
        self.assertIn("HalfCheetah-v5", self.pmoe("envs").stdout)
        doctor = self.pmoe("doctor")
        self.assertEqual(doctor.returncode, 2)
        self.assertIn("torch: not in", doctor.stdout)
        self.assertIn("libtorch_cpu.so", doctor.stdout)

    def test_trains_with_libtorch_beside_it(self):
        self.lay_torch()
        trained = self.pmoe("train", *SMALL_RUN, "--out", "run")
        self.assertEqual(trained.returncode, 0, trained.stdout + trained.stderr)

    def test_drawing_needs_a_python_that_is_named(self):
        parts = self.pmoe("doctor", "--no-trial", "--for", "play").stdout
        self.assertIn("PMOE_PYTHON=/path/to/python3", parts)

    def test_a_missing_library_is_named(self):
        library = self.package / "lib/libprotobuf.so.32"
        self.move_away(library)
        self.assert_refuses(self.pmoe("--version"), str(library))

    def test_a_machine_that_does_not_list_its_cpu_is_let_in(self):
        sed = self.tools / "sed"
        self.move_away(sed)
        sed.write_text("#!/bin/sh\nexit 2\n")  # as without /proc
        sed.chmod(0o755)
        self.assertEqual(self.pmoe("--version").returncode, 0)

    def test_an_older_glibc_is_refused(self):
        getconf = self.tools / "getconf"
        self.move_away(getconf)
        for said, part in (("glibc 2.31", "this system has glibc 2.31"), ("", "has none")):
            getconf.write_text(f"#!/bin/sh\n[ -n '{said}' ] && echo '{said}'\n")
            getconf.chmod(0o755)
            self.assert_refuses(self.pmoe("--version"), part)
            getconf.unlink()


if __name__ == "__main__":
    unittest.main()
