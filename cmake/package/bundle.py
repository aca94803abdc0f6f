#!/usr/bin/env python3
"""Makes a relocatable archive of a build: ./pmoe bundle [--with-torch] [--out DIR].

    pmoe-VERSION/bin/                 the commands: links to launch.sh, which looks at the machine
    pmoe-VERSION/site-packages/pmoe   what a wheel has (tree.py)
    pmoe-VERSION/site-packages/       MuJoCo's library, Gymnasium's models; --with-torch: LibTorch

For machines without Python; `pmoe play` alone needs one. Without LibTorch a bundle acts, evaluates,
keeps replay and shows runs, but does not learn.
"""
import argparse
import os
import pathlib
import shutil
import sys
import tarfile
import tempfile

import elf
import tree

# What the CPU's half of LibTorch loads besides its own files comes with the two NVIDIA wheels.
TORCH_LIBRARIES = ("libtorch_cpu.so", "libc10.so", "libgomp.so.1")
ASSETS = "gymnasium/envs/mujoco/assets"


def site_packages(deps):
    found = sorted((deps / "venv/lib").glob("python3*/site-packages"))
    if not found:
        raise elf.PackageError(f"no wheels under {deps}/venv: ./pmoe build installs them")
    return found[0]


def copy_mujoco(wheels, site):
    folder = site / "mujoco"
    folder.mkdir()
    for library in (wheels / "mujoco").glob("libmujoco.so*"):
        shutil.copy2(library, folder)
    shutil.copytree(wheels / "mujoco/plugin", folder / "plugin")
    shutil.copytree(wheels / ASSETS, site / ASSETS)


def copy_torch(wheels, site):
    """LibTorch looks for NVIDIA's libraries from its own place, so that theirs is kept too."""
    programs = [wheels / "torch/lib" / name for name in TORCH_LIBRARIES]
    nvidia = [path.resolve() for path in elf.libraries_of(programs).values()
              if "nvidia" in path.resolve().parts]
    for file in [*programs, *nvidia]:
        target = site / file.relative_to(wheels.resolve() if file in nvidia else wheels)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target)


def copy_notes(wheels, site, names):
    """Versions, as pip keeps them, and the licences of what is copied."""
    for name in names:
        for info in wheels.glob(f"{name}-[0-9]*.dist-info"):
            shutil.copytree(info, site / info.name,
                            ignore=shutil.ignore_patterns("RECORD", "direct_url.json"))


def write_archive(folder, path):
    def plain(member):
        member.uid = member.gid = member.mtime = 0
        member.uname = member.gname = ""
        return member

    with tarfile.open(path, "w:gz", compresslevel=6) as archive:
        archive.add(folder, folder.name, filter=plain)


def make_bundle(build, deps, out, with_torch):
    version = tree.project_version()
    bundle = out / f"pmoe-{version}-{'torch-' if with_torch else ''}linux-x86_64.tar.gz"
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as scratch:
        folder = pathlib.Path(scratch, f"pmoe-{version}")
        site, wheels = folder / "site-packages", site_packages(deps)
        tree.make_tree(build, site / "pmoe")
        tree.write_package_file(site / "pmoe")
        copy_mujoco(wheels, site)
        copy_notes(wheels, site, ("mujoco", "gymnasium"))
        if with_torch:
            copy_torch(wheels, site)
            copy_notes(wheels, site, ("torch", "nvidia_cuda_runtime", "nvidia_cuda_cupti"))
        shutil.copy2(pathlib.Path(__file__).with_name("bundle.sh"), folder / "launch.sh")
        (folder / "bin").mkdir()
        for program in tree.PROGRAMS:
            os.symlink("../launch.sh", folder / "bin" / program)
        half = pathlib.Path(scratch, bundle.name)
        write_archive(folder, half)
        half.rename(bundle)
    return bundle


def main():
    parser = argparse.ArgumentParser(prog="./pmoe bundle", description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--deps", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--with-torch", action="store_true", help="LibTorch for the CPU too")
    parser.add_argument("--out", type=pathlib.Path, default=tree.ROOT / "build/dist", metavar="DIR")
    options = parser.parse_args()
    try:
        bundle = make_bundle(options.build, options.deps, options.out, options.with_torch)
    except (elf.PackageError, OSError) as error:
        print(f"pmoe: {error}", file=sys.stderr)
        return 2
    print(f"{bundle}: {bundle.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
