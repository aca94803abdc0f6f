"""Reads protobuf's text format into nested dictionaries, without protobuf."""

from __future__ import annotations

import codecs
import re
import typing

from pmoe.errors import Error

TOKEN = re.compile(r"""\s*(?:\#[^\n]*\s*)*(?:
    (?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
  | (?P<word>[-+]?[A-Za-z0-9_.][A-Za-z0-9_.+-]*)
  | (?P<mark>[{}<>:\[\],;])
  | (?P<end>$))""", re.VERBOSE)


class Tokens:
    """The tokens of a text, one ahead."""

    def __init__(self, text: str, where: str) -> None:
        self._text, self._where, self._at = text, where, 0
        self.kind, self.value = "", ""
        self.advance()

    def advance(self) -> str:
        """Returns the token and goes on to the next one."""
        before = self.value
        match = TOKEN.match(self._text, self._at)
        if match is None:
            raise self.bad(f"{self._text[self._at:self._at + 20].strip()!r} cannot be read")
        self._at = match.end()
        self.kind = match.lastgroup or "end"
        self.value = match[self.kind]
        return before

    def bad(self, what: str) -> Error:
        line = self._text.count("\n", 0, self._at) + 1
        return Error(f"{self._where}, line {line}: {what}; put the file back as it was")

    def take(self, mark: str) -> bool:
        if self.kind == "mark" and self.value == mark:
            self.advance()
            return True
        return False


def parse(text: str, where: str, repeated: frozenset[str]) -> dict[str, typing.Any]:
    """The fields of a message.

    Args:
        where: the file's name, for errors.
        repeated: names of fields that become lists even if they occur once.
    """
    tokens = Tokens(text, where)
    fields = _message(tokens, repeated)
    if tokens.kind != "end":
        raise tokens.bad(f"{tokens.value!r} stands where a field must")
    return fields


def _message(tokens: Tokens, repeated: frozenset[str]) -> dict[str, typing.Any]:
    fields: dict[str, typing.Any] = {}
    while tokens.kind == "word":
        name = tokens.advance()
        colon = tokens.take(":")
        if tokens.kind == "mark" and tokens.value in "{<":
            value: typing.Any = _block(tokens, repeated)
        elif not colon:
            raise tokens.bad(f"a colon or a brace must follow {name}")
        elif tokens.take("["):
            value = _list(tokens)
        else:
            value = _scalar(tokens)
        _add(fields, name, value, name in repeated, tokens)
        while tokens.take(",") or tokens.take(";"):
            pass
    return fields


def _add(fields: dict[str, typing.Any], name: str, value: typing.Any, many: bool,
         tokens: Tokens) -> None:
    if many:
        fields.setdefault(name, []).extend(value if isinstance(value, list) else [value])
    elif name in fields:
        raise tokens.bad(f"{name} is there twice")
    else:
        fields[name] = value


def _block(tokens: Tokens, repeated: frozenset[str]) -> dict[str, typing.Any]:
    closing = {"{": "}", "<": ">"}[tokens.advance()]
    fields = _message(tokens, repeated)
    if not tokens.take(closing):
        raise tokens.bad(f"a {closing} is missing")
    return fields


def _list(tokens: Tokens) -> list[typing.Any]:
    values: list[typing.Any] = []
    while not tokens.take("]"):
        values.append(_scalar(tokens))
        tokens.take(",")
    return values


def _unescaped(tokens: Tokens) -> bytes:
    """The text's bytes: an escape is one of them, as in the two of \\303\\274."""
    try:
        return codecs.escape_decode(tokens.value[1:-1].encode())[0]
    except ValueError as error:
        raise tokens.bad(f"{tokens.value} cannot be read: {error}") from None
    finally:
        tokens.advance()


def _scalar(tokens: Tokens) -> typing.Any:
    if tokens.kind == "text":
        parts = []
        while tokens.kind == "text":  # texts side by side are one
            parts.append(_unescaped(tokens))
        return b"".join(parts).decode(errors="replace")
    if tokens.kind != "word":
        raise tokens.bad(f"{tokens.value!r} stands where a value must")
    word = tokens.advance()
    if word in ("true", "false"):
        return word == "true"
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            pass
    return word  # an enum's name
