"""The folder `pmoe` of a wheel or a bundle, as it lies in site-packages:

    bin/          the programs, stripped, and Python beside them
    lib/          Debian's libraries that they need and no machine is sure to have
    include/      the interface of plugins
    configs/      deploy/configs: tasks, robots, sweeps
    licenses/     of each library, and our own
    package.txt   versions, and the size of every file above
    *.py          python/pmoe, in a wheel

Programs find their libraries by $ORIGIN: in lib/, and in the wheels torch and mujoco beside pmoe.
"""
import json
import pathlib
import re
import shutil
import subprocess

import elf

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = ("pmoe", "pmoe-actor", "pmoe-learner", "pmoe-replay", "pmoe-train")
SCRIPTS = ("pmoe-draw.py", "pmoe-study.py", "pmoe_gym.py", "pmoe_gym_imports.py",
           "pmoe_gym_serve.py", "pmoe_gym_state.py")
WHEELS = ("torch", "mujoco", "gymnasium")
# The last one is Debian's and Ubuntu's own, so that LD_LIBRARY_PATH puts nothing in their place.
RPATH = ":".join(("$ORIGIN/../lib", "$ORIGIN/../../torch/lib", "$ORIGIN/../../mujoco",
                  "/lib/x86_64-linux-gnu"))
GLIBC_MAX, GLIBCXX_MAX = (2, 35), (3, 4, 30)  # Ubuntu 22.04's
CPU_LEVEL = "x86-64-v3"


def project_version():
    return re.search(r"^project\(pmoe VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text(),
                     re.MULTILINE)[1]


def pinned_versions():
    return dict(re.findall(r"^([\w-]+)==(\S+)$", (ROOT / "requirements.txt").read_text(),
                           re.MULTILINE))


def make_tree(build, folder):
    """Fills `folder` from a build of the release preset."""
    programs = [build / "bin" / name for name in PROGRAMS]
    missing = [str(program) for program in programs if not program.is_file()]
    if missing:
        raise elf.PackageError(f"there is no {missing[0]}: ./pmoe build first")
    check_cpu(build, programs)
    for name in ("bin", "lib", "include", "licenses"):
        (folder / name).mkdir(parents=True)
    for program in programs:
        elf.strip_and_point(program, folder / "bin" / program.name, RPATH)
    for script in SCRIPTS:
        shutil.copy2(build / "bin" / script, folder / "bin")
    libraries = own_libraries(programs)
    for name, path in libraries.items():
        shutil.copyfile(path, folder / "lib" / name)
    check_symbols([*(folder / "bin" / name for name in PROGRAMS), *(folder / "lib").iterdir()])
    copy_licenses(libraries.values(), folder / "licenses")
    shutil.copy2(ROOT / "actor/env/pmoe_env.h", folder / "include")
    shutil.copytree(ROOT / "deploy/configs", folder / "configs")


def own_libraries(programs):
    return {name: path for name, path in elf.libraries_of(programs).items()
            if not elf.is_of_the_system(name) and "site-packages" not in path.parts}


def check_symbols(files):
    for library, most in (("GLIBC", GLIBC_MAX), ("GLIBCXX", GLIBCXX_MAX)):
        for file, newest in elf.newest_symbols(files, library).items():
            if newest > most:
                have, allowed = (".".join(map(str, version)) for version in (newest, most))
                raise elf.PackageError(
                    f"{file} needs {library}_{have}, but the package promises to run with "
                    f"{library}_{allowed}: leave the function out that needs it (objdump -T)")


def check_cpu(build, programs):
    """What the loader is told, and what the compiler was."""
    for program in programs:
        level = elf.cpu_level(program)
        if level != CPU_LEVEL:
            raise elf.PackageError(f"{program} asks for the CPU level {level or 'of no name'}, "
                                   f"the package promises {CPU_LEVEL}: ./pmoe build first")
    commands = build / "compile_commands.json"
    for command in json.loads(commands.read_text()):
        for level in re.findall(r"-march=(\S+)", command["command"]):
            if level != CPU_LEVEL:
                raise elf.PackageError(f"{command['file']} was compiled with -march={level}, the "
                                       f"package promises {CPU_LEVEL}: remove the flag")


def packages_of(libraries):
    """dpkg knows each under one of two names of one folder; a pattern would take it seconds."""
    paths = [f"{root}/lib/x86_64-linux-gnu/{name}" for root in ("", "/usr") for name in libraries]
    said = subprocess.run(["dpkg-query", "-S", *paths], capture_output=True, text=True,
                          check=False).stdout
    found = {name: package for package, name in
             re.findall(r"^([^:\s]+):.*/(\S+)$", said, re.MULTILINE)}
    for name in libraries:
        if name not in found:
            raise elf.PackageError(f"no Debian package holds {name}: its licence is unknown")
    return sorted(set(found.values()))


def copy_licenses(libraries, folder):
    """Debian's copyright file of each package that a library is from."""
    for package in packages_of([path.name for path in libraries]):
        notice = pathlib.Path("/usr/share/doc", package, "copyright")
        if notice.is_file():
            shutil.copyfile(notice, folder / package)
    shutil.copyfile(ROOT / "LICENSE", folder / "pmoe")


def write_package_file(folder):
    """Last: it lists all files. The launchers and the programs read it."""
    versions = pinned_versions()
    lines = [f"pmoe {project_version()}", *(f"wheel {name} {versions[name]}" for name in WHEELS)]
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        lines.append(f"file {file.stat().st_size} {file.relative_to(folder)}")
    (folder / "package.txt").write_text("\n".join(lines) + "\n")
