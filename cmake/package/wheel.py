#!/usr/bin/env python3
"""Makes a wheel of a build: ./pmoe wheel [--out DIR].

Beside it comes pmoe-VERSION-cpu.txt: all wheels that a machine without a GPU needs, for
`pip install --no-deps`; pip alone would take LibTorch's CUDA libraries too. Equal builds give equal
bytes.
"""
import argparse
import base64
import hashlib
import pathlib
import re
import shutil
import sys
import tempfile
import zipfile

import elf
import tree

# PEP 600: Ubuntu 22.04's glibc or a newer one. No part of it depends on Python's version.
TAG = "py3-none-manylinux_2_35_x86_64"
PYTHON_MIN = "3.10"  # of the pinned wheels
# pip install 'pmoe-….whl[replay]': what a part of the Python package alone needs.
EXTRAS = {"replay": ("grpcio", "protobuf"), "metrics": ("pandas",)}

TEST_ONLY = "onnxruntime"  # of requirements.txt

METADATA = """Metadata-Version: 2.1
Name: pmoe
Version: {version}
Summary: Actor-learner reinforcement learning on MuJoCo: SAC, PPO and mixtures of experts
License: MIT
Requires-Python: >={python}
{requires}
"""


def metadata(version):
    pinned = tree.pinned_versions()
    requires = [f"Requires-Dist: {name}=={pinned[name]}" for name in tree.WHEELS]
    requires.append("Requires-Dist: numpy")
    for extra, names in EXTRAS.items():
        requires.append(f"Provides-Extra: {extra}")
        requires += [f'Requires-Dist: {name}; extra == "{extra}"' for name in names]
    return METADATA.format(version=version, python=PYTHON_MIN, requires="\n".join(requires))


def cpu_list():
    """requirements.txt without what tests alone need, and the comment above that."""
    return re.sub(rf"(^#.*\n)?^{TEST_ONLY}==.*\n", "",
                  (tree.ROOT / "requirements.txt").read_text(), flags=re.MULTILINE)


def entry_points():
    """Each program as a command, by way of python/pmoe/_launch.py."""
    return "[console_scripts]\n" + "".join(
        f"{program} = pmoe._launch:main\n" for program in tree.PROGRAMS)


def copy_python(build, folder):
    """The sources, and what a build has made for them."""
    for part in (tree.ROOT / "python/pmoe", build / "python"):
        if part.is_dir():
            shutil.copytree(part, folder, dirs_exist_ok=True,
                            ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))


def record_line(name, data):
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(data)}\n"


def write_wheel(site, path, info):
    """Zips what lies in `site`; the last entry is RECORD, of all others."""
    record = ""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for file in sorted(site.rglob("*")):
            if file.is_file():
                name, data = str(file.relative_to(site)), file.read_bytes()
                archive.writestr(entry(name, file.stat().st_mode), data)
                record += record_line(name, data)
        name = f"{info}/RECORD"
        archive.writestr(entry(name, 0o644), record + f"{name},,\n")


def entry(name, mode):
    info = zipfile.ZipInfo(name)  # of 1980: the time of a build is not part of it
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = (0o100755 if mode & 0o100 else 0o100644) << 16
    return info


def make_wheel(build, out):
    version = tree.project_version()
    info = f"pmoe-{version}.dist-info"
    wheel = out / f"pmoe-{version}-{TAG}.whl"
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as folder:
        site = pathlib.Path(folder, "site")
        tree.make_tree(build, site / "pmoe")
        copy_python(build, site / "pmoe")
        tree.write_package_file(site / "pmoe")
        (site / info).mkdir()
        (site / info / "METADATA").write_text(metadata(version))
        (site / info / "entry_points.txt").write_text(entry_points())
        (site / info / "WHEEL").write_text(
            f"Wheel-Version: 1.0\nGenerator: pmoe\nRoot-Is-Purelib: false\nTag: {TAG}\n")
        half = pathlib.Path(folder, wheel.name)
        write_wheel(site, half, info)
        half.rename(wheel)
    (out / f"pmoe-{version}-cpu.txt").write_text(cpu_list())
    return wheel


def main():
    parser = argparse.ArgumentParser(prog="./pmoe wheel", description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=pathlib.Path, default=tree.ROOT / "build/dist", metavar="DIR")
    options = parser.parse_args()
    try:
        wheel = make_wheel(options.build, options.out)
    except (elf.PackageError, OSError) as error:
        print(f"pmoe: {error}", file=sys.stderr)
        return 2
    print(f"{wheel}: {wheel.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
