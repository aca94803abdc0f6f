"""The commands of an installed wheel: looks at what lies in the package and beside it, then becomes
the program of that name in bin/. What is missing is said in a line with its fix; exit code 2.
"""
import os
import pathlib
import sys

PACKAGE = pathlib.Path(__file__).resolve().parent
SITE = PACKAGE.parent
CPU_FLAGS = ("avx2", "bmi1", "bmi2", "fma", "f16c", "movbe", "abm")  # what x86-64-v3 adds
MODELS, TRAINING = ("mujoco", "gymnasium"), ("torch", "mujoco", "gymnasium")
# The wheels that a program needs, and those of the commands of `pmoe`; the others need none.
NEEDS = {"pmoe-actor": MODELS, "pmoe-learner": ("torch",), "pmoe-train": TRAINING,
         "train": TRAINING, "up": TRAINING, "ray": TRAINING, "sweep": TRAINING,
         "eval": MODELS, "play": MODELS, "export": MODELS, "envs": MODELS, "env": MODELS,
         "config check": MODELS}


class Missing(Exception):
    """Something that the user can mend."""


def binary_path(name):
    """A program of this package: "pmoe", "pmoe-train", …"""
    return PACKAGE / "bin" / name


def check_cpu():
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as lines:
            line = next((line for line in lines if line.startswith("flags")), None)
    except OSError:
        return  # the loader looks too
    if line is None:
        return
    flags = line.split()
    for flag in CPU_FLAGS:
        if flag not in flags:
            raise Missing("this program needs a CPU with x86-64-v3 (Intel since 2013, AMD since "
                          f"2015); this one lacks {flag}: use another machine")


def read_package():
    """(versions of the wheels, sizes of the files) that package.txt lists."""
    wheels, sizes = {}, {}
    try:
        text = (PACKAGE / "package.txt").read_text(encoding="utf8")
    except OSError as error:
        raise damaged(f"{error.filename}: {error.strerror}") from error
    for line in text.splitlines():
        kind, first, *rest = line.split(" ", 2)
        if kind == "wheel":
            wheels[first] = rest[0]
        elif kind == "file":
            sizes[rest[0]] = int(first)
    return wheels, sizes


def damaged(what):
    return Missing(f"the installation is not whole: {what}; install it again: pip install "
                   "--force-reinstall --no-deps pmoe-*.whl")


def check_files(sizes):
    for name, size in sizes.items():
        if name.startswith(("bin/", "lib/")):
            try:
                found = (PACKAGE / name).stat().st_size
            except OSError as error:
                raise damaged(f"{error.filename}: {error.strerror}") from error
            if found != size:
                raise damaged(f"{PACKAGE / name} has {found} bytes, not {size}")


def check_wheels(names, versions):
    """"2.11.0+cpu" is a flavour of 2.11.0."""
    for name in names:
        found = [folder.name[len(name) + 1:-len(".dist-info")]
                 for folder in SITE.glob(f"{name}-[0-9]*.dist-info")]
        wanted = versions[name]
        if not found or not (SITE / name).is_dir():
            raise Missing(f"this command needs {name} {wanted}, and there is none in {SITE}: "
                          f"pip install {name}=={wanted}")
        if found[0].split("+")[0] != wanted:
            raise Missing(f"this command needs {name} {wanted}, and {SITE} has {found[0]}: "
                          f"pip install {name}=={wanted}")


def run(program, arguments):
    """Becomes the program; returns only an exit code, after a message."""
    try:
        check_cpu()
        versions, sizes = read_package()
        check_files(sizes)
        word = arguments[0] if program == "pmoe" and arguments else program
        needs = NEEDS.get(word) or NEEDS.get(" ".join(arguments[:2]), ())
        check_wheels(needs, versions)
    except Missing as missing:
        print(f"{program}: {missing}", file=sys.stderr)
        return 2
    os.environ.setdefault("PMOE_PYTHON", sys.executable)  # `pmoe play` draws with it
    path = str(binary_path(program))
    os.execv(path, [path, *arguments])


def main():
    return run(pathlib.Path(sys.argv[0]).name, sys.argv[1:])
