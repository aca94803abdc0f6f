"""The checked tree as {path: text}, and what the rules need to see in a C++ text."""
import ast
import dataclasses
import os
import pathlib
import re

CPP = (".h", ".cc", ".cu")
CODE = CPP + (".py", ".sh", ".cmake", ".proto")
SKIPPED_FOLDERS = {"build", "runs", "__pycache__", "corpus"}


@dataclasses.dataclass(frozen=True)
class Violation:
    path: str
    line: int
    rule: str
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: [{self.rule}] {self.message}"


def read_tree(root):
    """Every text file below root. Folders that git ignores, hidden ones (but .ci) and what fuzzers
    begin with stay out."""
    tree = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS
                      and (name == ".ci" or not name.startswith("."))]
        for name in names:
            path = pathlib.Path(folder, name)
            data = path.read_bytes()
            if b"\0" not in data:
                tree[path.relative_to(root).as_posix()] = data.decode(errors="replace")
    return tree


def is_code(path):
    return path.endswith(CODE) or path.endswith("CMakeLists.txt") or path in ("pmoe", ".ci/run")


def is_shell(path):
    return path.endswith(".sh") or path in ("pmoe", ".ci/run")


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


TOKEN = re.compile(r"""
    //[^\n]*                                         # comment
  | /\*.*?\*/
  | R"(?P<mark>[^()\s\\]{0,16})\(.*?\)(?P=mark)"     # raw string
  | "(?:[^"\\\n]|\\.)*"                              # string
  | (?<![0-9A-Za-z_])'(?:[^'\\\n]|\\.)+'             # character, not a digit separator
""", re.VERBOSE | re.DOTALL)


def blank(text):
    return re.sub(r"[^\n]", " ", text)


def code_only(text):
    """C++ with comments and literals turned to spaces: lines and columns stay where they were."""
    return TOKEN.sub(lambda match: blank(match.group()), text)


INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*["<]([^">]+)[">]', re.MULTILINE)


def includes(text):
    """[(line, header)] as written."""
    return [(line_of(text, match.start()), match.group(1)) for match in INCLUDE.finditer(text)]


PREPROCESSOR = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
TEMPLATE = re.compile(r"^\s*template\s*<(?:[^<>]|<(?:[^<>]|<[^<>]*>)*>)*>")
SCOPE = re.compile(r"^\s*(?:inline\s+)?(?:namespace\b|class\b|struct\b|union\b|extern\s*$)")


def cpp_functions(text):
    """[(first line, last line)] of every function body that stands in a file, class or namespace.

    Braces are matched on the bare code. What precedes an opening brace tells what it opens: a scope
    (looked into), a function (it has parentheses and no initialiser's =), a member's initialiser,
    or anything else.
    """
    code = PREPROCESSOR.sub(lambda match: blank(match.group()), code_only(text))
    found, braces, parentheses, start = [], [], 0, 0
    for match in re.finditer(r"[{}();]", code):
        token, end = match.group(), match.end()
        if token == "{":
            inside = parentheses or any(kind != "scope" for kind, _ in braces)
            head = code[start:end - 1]
            kind = "other" if inside else opens(head)
            braces.append((kind, start + len(head) - len(head.lstrip())))
        elif token == "}":
            kind, begin = braces.pop() if braces else ("other", 0)
            if kind == "function":
                found.append((line_of(code, begin), line_of(code, end)))
        elif any(kind != "scope" for kind, _ in braces):
            continue
        elif token in "()":
            parentheses += 1 if token == "(" else -1
        if not parentheses and token in "{};" and not (token in "{}" and kind == "initialiser"):
            start = end
    return found


def opens(head):
    head = TEMPLATE.sub("", re.sub(r"\b(?:public|private|protected)\s*:", " ", head))
    if SCOPE.match(head):
        return "scope"
    bare = re.sub(r"operator\s*\S+?\s*\(|[=!<>]=|\[[^\]]*=[^\]]*\]", " (", head)
    while re.search(r"\([^()]*\)", bare):  # an = inside parentheses is a default argument
        bare = re.sub(r"\([^()]*\)", "@ ", bare)
    if re.search(r"@\s*(?:noexcept\s*)?:(?!:).*\w$", bare, re.DOTALL):
        return "initialiser"  # `A(int b) : b_{`: a body's brace has a space before it
    return "function" if "@" in bare and "=" not in bare else "other"


def python_functions(text):
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [(node.lineno, node.end_lineno) for node in ast.walk(ast.parse(text))
            if isinstance(node, kinds)]


def shell_functions(text):
    """Functions as we write them: `name() {` up to a `}` in the first column."""
    return [(line_of(text, match.start()), line_of(text, match.end()))
            for match in re.finditer(r"^[\w-]+\(\) \{\n.*?^\}", text, re.MULTILINE | re.DOTALL)]


def functions(path, text):
    if path.endswith(CPP):
        return cpp_functions(text)
    if path.endswith(".py"):
        return python_functions(text)
    return shell_functions(text) if is_shell(path) else []
