"""Reads protobuf's text format as far as task files use it, without protobuf.

A message becomes a dict from each field's name to the list of its values: dicts, numbers, strings,
booleans, and words of enums as strings.
"""

import re

TOKEN = re.compile(r'\s+|#[^\n]*|("(?:[^"\\]|\\.)*"|[\w.+\-]+|[{}:\[\],])')


def tokens(text):
    return [match[1] for match in TOKEN.finditer(text) if match[1] is not None]


def value(token):
    if token.startswith('"'):
        return token[1:-1]
    if token in ("true", "false"):
        return token == "true"
    try:
        return float(token)
    except ValueError:
        return token


def message(left):
    fields = {}
    while left and left[0] != "}":
        name = left.pop(0)
        if left[0] == ":":
            left.pop(0)
        if left[0] == "{":
            left.pop(0)
            fields.setdefault(name, []).append(message(left))
            left.pop(0)
        elif left[0] == "[":
            left.pop(0)
            while (token := left.pop(0)) != "]":
                if token != ",":
                    fields.setdefault(name, []).append(value(token))
        else:
            fields.setdefault(name, []).append(value(left.pop(0)))
    return fields


def parse(path):
    with open(path, encoding="utf-8") as file:
        return message(tokens(file.read()))
