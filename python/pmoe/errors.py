"""What this package raises."""

from __future__ import annotations


class Error(Exception):
    """What the caller can mend: the text names the file or argument, its value, and the fix."""


class CommandError(Error):
    """A pmoe command failed; the text is its own.

    Attributes:
        command: the words that were run.
        code: its exit code; negative where a signal ended it.
        output: the last lines that it said to people.
        stdout: all that it printed as its result, before it failed.
    """

    def __init__(self, command: list[str], code: int, output: str, text: str,
                 stdout: str = "") -> None:
        super().__init__(text)
        self.command = command
        self.code = code
        self.output = output
        self.stdout = stdout


class RpcError(Error):
    """A server refused a call, or nobody answers.

    Attributes:
        code: gRPC's name of it: "UNAVAILABLE", "PERMISSION_DENIED", …
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
