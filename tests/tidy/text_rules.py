"""Lengths, names that we do not use, and the shape of files."""
import re

from source_text import CPP, Violation, code_only, functions, is_code, line_of

FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 400
HEADER_LINES_MAX = 150
COLUMNS_MAX = 100
OPENING_LINES = 20  # where a file says why it is long

LONG_BECAUSE = re.compile(r"(?://|#) tidy: long because \S+")
ALLOWED_BECAUSE = re.compile(r"(?://|#) tidy: allowed because \S+")

# (pattern on the bare code, which paths, what to do instead). `// tidy: allowed because …` on the
# line or the one above lets one use pass.
BANNED = (
    (r"\brandom_device\b", CPP, "randomness comes from Rng(seed, role, index, epoch, env)"),
    (r"(?<![\w.>])s?rand\s*\(", CPP, "randomness comes from Rng(seed, role, index, epoch, env)"),
    (r"(?<![\w.>])time\s*\(\s*(?:0|NULL|nullptr)?\s*\)", CPP,
     "seeds come from the configuration and times from a Clock"),
    (r"\bthrow\b", CPP, "errors are absl::Status, our own bugs CHECK"),
    (r"\bstd::(?:(?:\w+_)?mutex|lock_guard|unique_lock|scoped_lock|condition_variable)\b", CPP,
     "locks are pmoe::Mutex of common/base/mutex.h, which clang can check"),
    (r"\babsl::Mutex\b", CPP, "ThreadSanitizer reports it falsely: use common/base/mutex.h"),
    (r"\b(?:steady_clock|sleep_for|sleep_until)\b", CPP,
     "times, waits and sleeps come from a Clock (common/base/clock.h)"),
    (r"\busing\s+namespace\b", (".h",), "a header must not open a namespace for its includers"),
)
# What we ship says what it has to say in one way; tests and their tools may print.
BANNED_IN_PROGRAMS = (
    (r"(?i:\bf?printf)\s*\(\s*stderr|\bfput[sc]\s*\([^;]*\bstderr|\bfwrite\s*\([^;]*\bstderr"
     r"|\bcerr\b|\bperror\s*\(", CPP, "messages go through Log (common/base/log.h)"),
)
BANNED_IN_TESTS = (
    (r"\b(?:sleep_for|sleep_until|SleepFor|usleep|nanosleep|sleep)\s*\(", CPP + (".py",),
     "tests do not sleep: use FakeClock, or wait on what is to happen with a deadline"),
)
# The one place of std::mutex, of the machine's time, and of a process's last words.
EXEMPT = {"common/base/mutex.h", "common/base/clock.h", "common/base/clock.cc",
          "common/base/check.h", "tests/testing/fake_clock.h"}

# Written in pieces: this file is checked too.
HOST_NAMES = re.compile(r"\b(?:[\w-]+\.)*(?:pypi|pythonhosted|debian|pytorch|docker|npmjs)" +
                        r"\.(?:org|io|net)\b")
# A comparison with an algorithm's name, or with a part of it.
ALGORITHMS = "common/config/algorithms.cc"
ALGORITHM_TEST = re.compile(
    r'[=!]=\s*"(?:\w*(?:sac|ppo)|dac)"|"(?:\w*(?:sac|ppo)|dac)"\s*[=!]=|'
    r'\balgorithm\w*(?:\(\))?(?:\.name)?\s*[=!]=\s*"|'
    r'\b(?:StartsWith|EndsWith|StrContains)\(\s*[^,;]*\balgorithm[^,;]*,\s*"')
TASK_MARK = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX)\b(?!\(\w+\))")


def check_functions(path, text):
    lines = text.split("\n")
    for first, last in functions(path, text):
        length = last - first + 1
        above = max(0, first - 4)
        if length > FUNCTION_LINES_MAX and not LONG_BECAUSE.search("\n".join(lines[above:last])):
            yield Violation(path, first, "function length",
                            f"{length} lines, at most {FUNCTION_LINES_MAX}: split it, or say why "
                            "not in a comment `tidy: long because …`")


def check_file_length(path, text):
    length = text.count("\n")
    limit = HEADER_LINES_MAX if path.endswith(".h") else FILE_LINES_MAX
    opening = "\n".join(text.split("\n")[:OPENING_LINES])
    if is_code(path) and length > limit and not LONG_BECAUSE.search(opening):
        yield Violation(path, 1, "file length",
                        f"{length} lines, at most {limit}: split it by concept, or say why not in "
                        "its opening comment `tidy: long because …`")


def check_banned(path, text):
    rules = BANNED + (BANNED_IN_TESTS if path.startswith("tests/") else BANNED_IN_PROGRAMS)
    code = code_only(text) if path.endswith(CPP) else text
    lines = text.split("\n")
    for pattern, endings, instead in rules:
        if not path.endswith(endings) or path in EXEMPT:
            continue
        for match in re.finditer(pattern, code):
            line = line_of(code, match.start())
            if not ALLOWED_BECAUSE.search("\n".join(lines[max(0, line - 2):line])):
                yield Violation(path, line, "banned", f"`{match.group().strip()}`: {instead}")


def check_algorithm_names(path, text):
    """The row of an algorithm says what its name means; who asks the name grows a second table."""
    if not path.endswith(CPP) or path.startswith("tests/") or path == ALGORITHMS:
        return
    for match in ALGORITHM_TEST.finditer(text):
        yield Violation(path, line_of(text, match.start()), "algorithm name",
                        f"`{match.group()}`: ask the algorithm's row (AlgorithmOf), and give "
                        f"the row in {ALGORITHMS} what it lacks")


def check_lines(path, text):
    # A .proto is a table: one field with its help and range per line.
    has_columns = is_code(path) and not path.endswith(".proto")
    for number, line in enumerate(text.split("\n"), start=1):
        if has_columns and len(line) > COLUMNS_MAX and "://" not in line:
            yield Violation(path, number, "columns", f"{len(line)} columns, at most {COLUMNS_MAX}")
        host = HOST_NAMES.search(line)
        if host:
            yield Violation(path, number, "host name", f"{host.group()}: which registry serves a "
                            "package is the machine's own configuration")
        if TASK_MARK.search(line):
            yield Violation(path, number, "task without owner", "write the mark as MARK(name): …")


def check_shape(path, text):
    if "\r" in text:
        yield Violation(path, line_of(text, text.index("\r")), "line ending", "lines end with LF")
    if text and not text.endswith("\n"):
        yield Violation(path, line_of(text, len(text)), "line ending", "the last line ends too")
    if path.endswith(".h"):
        if not re.search(r"^#pragma once$", text, re.MULTILINE):
            yield Violation(path, 1, "header", "a header has #pragma once")
        if not text.startswith("//"):
            yield Violation(path, 1, "header", "a header opens with a comment: what it is, who "
                            "calls it from which thread, who owns what")


def check_text(tree):
    for path, text in tree.items():
        for check in (check_functions, check_file_length, check_banned, check_algorithm_names,
                      check_lines, check_shape):
            yield from check(path, text)
