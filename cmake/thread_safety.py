#!/usr/bin/env python3
"""Checks our lock annotations with clang's thread-safety analysis: thread_safety.py BUILD_DIR.

A script over the release build's compile_commands.json rather than a whole build with clang: only
files that can hold a lock matter, parsing them is enough, and the generated protobuf headers are
those of the build that is there anyway. A file can hold a lock when it includes
common/base/mutex.h, or a header that does (its own class's, as a rule). Tests are left out: they
run under ThreadSanitizer, and are a third of these files.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMPILER = "clang++-19"
LOCK_HEADER = "common/base/mutex.h"
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def includes(path):
    return INCLUDE.findall(path.read_text()) if path.is_file() else []


def sources(entry):
    """The file of an entry; of a unity build's file, those that it includes."""
    path = pathlib.Path(entry["file"])
    if path.parent.name != "Unity":
        return [entry]
    return [{**entry, "file": source} for source in includes(path)]


def can_lock(source):
    direct = includes(source)
    return LOCK_HEADER in direct or any(LOCK_HEADER in includes(ROOT / name) for name in direct)


def command_line(entry):
    """The compiler's flags without g++'s output, optimisation and warnings; clang has its own."""
    words = shlex.split(entry["command"])
    flags = [word for word in words if word.startswith(("-I", "-D", "-std=", "-m"))]
    for word, following in zip(words, words[1:]):
        if word == "-isystem":
            flags += [word, following]
    return [COMPILER, "-fsyntax-only", "-Wno-everything", "-Wthread-safety",
            "-Werror=thread-safety", *flags, entry["file"]]


def check(entry):
    return subprocess.run(command_line(entry), cwd=entry["directory"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)


def main():
    entries = json.loads((pathlib.Path(sys.argv[1]) / "compile_commands.json").read_text())
    entries = [source for entry in entries for source in sources(entry)]
    entries = [entry for entry in entries
               if not pathlib.Path(entry["file"]).is_relative_to(ROOT / "tests")
               and can_lock(pathlib.Path(entry["file"]))]
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        results = list(pool.map(check, entries))
    failed = 0
    for entry, result in zip(entries, results):
        if result.returncode != 0:
            failed += 1
            print(f"{entry['file']}:\n{result.stderr}", file=sys.stderr)
    print(f"thread safety: {len(entries)} files that can hold a lock, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
