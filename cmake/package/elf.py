"""What programs and libraries ask of a machine, as binutils and the loader read it."""
import pathlib
import re
import subprocess

# What PEP 600 lets a manylinux wheel take from the system, as far as we need it.
OF_THE_SYSTEM = ("ld-linux-x86-64", "libc", "libdl", "libgcc_s", "libm", "libpthread", "librt",
                 "libstdc++", "libutil")


class PackageError(Exception):
    """Something that keeps a package from being made."""


def output_of(*words):
    try:
        done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise PackageError(f"{words[0]} is not installed: apt-get install binutils patchelf"
                           ) from error
    if done.returncode != 0:
        raise PackageError(f"{words[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def libraries_of(programs):
    """{name: path} of all libraries that the loader maps for them."""
    found = {}
    for name, path in re.findall(r"^\t(\S+) => (\S+)", output_of("ldd", *programs), re.MULTILINE):
        if path == "not":
            raise PackageError(f"the loader does not find {name}: ./pmoe build first")
        found[name] = pathlib.Path(path)
    return found


def is_of_the_system(name):
    return name.split(".so")[0] in OF_THE_SYSTEM


def newest_symbols(files, library):
    """{file: the newest version of the library's symbols that it needs}, as (2, 35)."""
    newest, file = {}, None
    for line in output_of("objdump", "-T", *files).splitlines():
        if ": " in line and "file format" in line:
            file = line.split(":")[0]
        elif "*UND*" in line:
            version = re.search(rf"\b{library}_([0-9.]+)", line)
            if version:
                numbers = tuple(map(int, version[1].split(".")))
                newest[file] = max(newest.get(file, ()), numbers)
    return newest


def cpu_level(program):
    """'x86-64-v3': the highest that the loader demands; '' where the file does not say."""
    needed = re.search(r"x86 ISA needed: (.*)", output_of("readelf", "-nW", program))
    return needed[1].split(",")[-1].strip() if needed else ""


def strip_and_point(source, target, rpath):
    """A copy without debug symbols that looks for its libraries in `rpath`, before
    LD_LIBRARY_PATH."""
    output_of("strip", "-o", target, source)
    output_of("patchelf", "--force-rpath", "--set-rpath", rpath, target)
