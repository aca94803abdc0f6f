"""Keeps packages whose libraries would be mixed with the program's out of its process."""
import importlib.machinery
import os

# Another copy of what the program may have loaded already; None: always another one.
SHARED = {"mujoco": "libmujoco.so.", "mujoco_py": None, "torch": "libtorch_cpu.so"}


class Mixed(ImportError):
    """Two copies of one library would be in this process."""


class SharedLibraries(importlib.machinery.PathFinder):
    """Refuses a package whose library would be mixed with another copy in this process: the
    program's calls and the package's would go to whichever was loaded first, and crash."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name not in SHARED or path is not None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name)
        if spec is not None:
            cls.check(name, os.path.dirname(spec.origin or ""))
        return None  # the usual finders go on

    @staticmethod
    def check(name, folder):
        library = SHARED[name]
        if library is None:
            raise Mixed(f"{name} brings a MuJoCo of its own, which cannot be in one process with "
                        "pmoe's; give the environment a process: gym-process:")
        with open("/proc/self/maps", encoding="utf8", errors="replace") as maps:
            loaded = {line.split(None, 5)[-1].strip() for line in maps if library in line}
        for path in loaded:
            here = os.path.basename(path)
            if name == "mujoco" and os.path.exists(os.path.join(folder, here)):
                continue
            if name == "torch" and os.path.exists(os.path.join(folder, "lib", here)) and \
                    os.path.samefile(os.path.join(folder, "lib", here), path):
                continue
            raise Mixed(f"{name} in {folder} is not the {here} that pmoe has loaded from "
                        f"{os.path.dirname(path)}; both in one process would crash: give the "
                        "environment a process of its own, gym-process:, or install the same "
                        "version")
