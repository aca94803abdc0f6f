"""What the pages write in backticks exists: paths in the repository, names in its sources. So do
the files that they link to."""
import fnmatch
import re

from source_text import Violation

PAGES = re.compile(r"(?:README|ARCHITECTURE|CONTRIBUTING|SECURITY|docs/.+)\.md")
# Not sources: prose, numbers, and the tests that spell wrong names.
NO_SOURCE = re.compile(r".*\.(?:md|csv|svg)|tests/tidy/.*")

# Beginnings of paths that a build, a run or a reader makes, of pictures (read_tree leaves them
# out), of what kubectl names, and of other people's repositories.
ELSEWHERE = ("build/", "runs/", "DIR/", "certs/", "PMOE_RUN/", "REGISTRY/", "env.1/",
             "docs/images/", "job/", "deployment/", "JieRen98/", "quantumiracle/", "xbpeng/",
             "docs/algorithms/pmoe_softmax_sac.md")
FOREIGN = {
    "KillWait",                              # Slurm
    "pmoe_pmoe",                             # Docker's name of the stack's network
    "Private_Dirty", "smaps_rollup",         # Linux, /proc
    "sbx_train_freq1", "sbx_train_freq50",   # rows of `pmoe bench e2e`, put together from parts
    "pmoe_softmax_sac",                      # what add_an_algorithm.md adds
}

FILE = re.compile(r"[\w.*-]+\.(?:h|cc|cu|c|py|sh|proto|cmake|md|xml|yml|yaml|sbatch|textproto)")
PATH = re.compile(r"[\w.*{},-]+(?:/[\w.*{},-]*)+")
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
MEMBER = re.compile(r"([A-Z]\w*)::(?:\w+::)*(\w+\**)")
FIELD = re.compile(r"([a-z]+)\.([a-z_0-9]+\**)")
NAME = re.compile(r"(?:[A-Z]\w*[a-z]\w*|k[A-Z]\w*|PMOE_\w+|[a-z][a-z0-9]*(?:_[a-z0-9]+)+_?)\**")
QUOTED = re.compile(r"`([^`]+)`|\(([\w./-]+\.(?:cc|h|md|proto|py|sh))(?:#[\w-]*)?\)")
SCOPE = re.compile(r"\b(?:enum class|enum|class|struct|service|message) (\w+)")
COMMAND = re.compile(r"(?:\./)?pmoe(?:-\w+)*(?: |$)|deploy/|experiments/")


def spans(text):
    """(line, what is in backticks or linked to); of a fenced block the calls of our programs."""
    fenced, number = False, 0
    for block in re.split(r"(^ *```.*$)", text, flags=re.MULTILINE):
        if block.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced:
            yield from ((number + i, line) for i, line in enumerate(block.split("\n"), start=1)
                        if COMMAND.match(line))
        else:
            yield from ((number + 1 + block.count("\n", 0, match.start()), match[1] or match[2])
                        for match in QUOTED.finditer(block))
        number += block.count("\n")


class Repository:
    def __init__(self, tree):
        self.paths = {"/" + path for path in tree}
        self.paths |= {path[:i] for path in self.paths for i, c in enumerate(path) if c == "/"}
        sources = {path: text for path, text in tree.items() if not NO_SOURCE.fullmatch(path)}
        self.words, self.flags, self.homes = set(), set(), {}  # homes: words beside a class
        for text in sources.values():
            words = set(re.findall(r"\w+", text))
            self.words |= words
            self.flags |= set(FLAG.findall(text))
            for name in SCOPE.findall(text):
                self.homes.setdefault(name, set()).update(words)
        # What tests hold against the code may be wrong on purpose.
        self.text = "\n".join(text for path, text in sources.items()
                              if not path.startswith("tests/"))
        self.fields = {}  # of a section of RunConfig
        schema = tree.get("proto/config.proto", "")
        for name, body in re.findall(r"^message (\w+)Config \{(.*?)^\}", schema, re.M | re.S):
            self.fields[name.lower()] = set(re.findall(r"(\w+) = \d+", body))

    def has_path(self, path):
        """Also a part of one, as pages shorten it: `sac/policy_loss.cc`; {a,b} and * are globs."""
        choice = re.search(r"\{([^{}]*)\}", path)
        if choice:
            return all(self.has_path(path[:choice.start()] + part + path[choice.end():])
                       for part in choice.group(1).split(","))
        bare = re.sub(r"^(?:\.\.?/)+", "", path).rstrip("/")
        return bool(fnmatch.filter(self.paths, "*/" + bare))

    def has_word(self, word):
        return word in self.words or "*" in word and bool(fnmatch.filter(self.words, word))

    def wrong(self, word):
        """What is wrong with one word of a span, or None."""
        if PATH.fullmatch(word) or FILE.fullmatch(word):
            known = word.startswith(ELSEWHERE) or self.has_path(word) or word in self.text
            return None if known else "is no path of this repository"
        for scope, member in MEMBER.findall(word):
            if not fnmatch.filter(self.homes.get(scope, ()), member):
                return "is in no source"
        field = FIELD.match(word)
        if field and field[1] in self.fields and word not in self.text:
            wanted = fnmatch.filter(self.fields[field[1]], field[2])
            return None if wanted else "is no setting in proto/config.proto"
        name = NAME.match(word)
        if name and name.group() not in FOREIGN and not self.has_word(name.group()):
            return "is in no source"
        return None


def check_docs(tree):
    repository = Repository(tree)
    for path, text in tree.items():
        for line, span in spans(text) if PAGES.fullmatch(path) else ():
            for flag in FLAG.findall(span) if span.startswith("--") or COMMAND.match(span) else ():
                if flag not in repository.flags:
                    yield Violation(path, line, "docs", f"`{flag}` is no flag of ours")
            for word in re.sub(r"…|<\w+>|NAME", "*", span).split():
                wrong = repository.wrong(word.rstrip(",.;:"))
                if wrong:
                    yield Violation(path, line, "docs", f"`{word}` {wrong}: mend the page")
