"""Runs a pmoe command and makes an exception of its error. Nothing here knows what commands do."""

from __future__ import annotations

import collections
import collections.abc
import contextlib
import os
import signal
import subprocess
import threading

from pmoe.binaries import binary, environment
from pmoe.errors import CommandError, Error

KEPT_LINES = 50  # of what a command says, for its error


def value_text(value: object) -> str:
    """A setting's value as `--set` takes it: true, 3e-4, 256,256."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(value_text(part) for part in value)
    if value is None or isinstance(value, (dict, set, bytes)):
        raise Error(f"{value!r} is no value of a setting; give a number, a text, or a list of them")
    return str(value)


def run(words: list[str]) -> str:
    """The standard output of `pmoe WORDS`.

    Raises:
        CommandError: it failed, with its own text.
    """
    command = [binary(words[0]), *words[1:]]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          encoding="utf-8", errors="replace", check=False, env=environment())
    if done.returncode != 0:
        error = failed(command, done.returncode, done.stderr or done.stdout)
        error.stdout = done.stdout
        raise error
    return done.stdout


def failed(command: list[str], code: int, output: str) -> CommandError:
    """The exception for a command that ended with `code` after it said `output`."""
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    said = [line for line in lines if line.startswith("pmoe: ")]
    text = (said or lines or [""])[-1].removeprefix("pmoe: ")
    if code < 0:
        name = signal.Signals(-code).name
        text = f"{os.path.basename(command[0])} was ended by {name}" + (f": {text}" if text else "")
    if not text:
        text = f"{' '.join(command)} ended with code {code} and said nothing"
    return CommandError(command, code, "\n".join(lines[-KEPT_LINES:]), text)


class Watched:
    """A command that runs for long: `heard` gets each line it says; Ctrl-C ends it in order."""

    def __init__(self, words: list[str],
                 heard: collections.abc.Callable[[str], None]) -> None:
        self.command = [binary(words[0]), *words[1:]]
        self.lines: collections.deque[str] = collections.deque(maxlen=KEPT_LINES)
        self.interrupted = False
        self._heard = heard
        # In a session of its own: a terminal's Ctrl-C reaches Python alone, which passes it on.
        self._process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace",
            start_new_session=True, env=environment())

    def run(self) -> list[str]:
        """What it said, to its end; the last lines at most.

        Raises:
            CommandError: it failed.
            KeyboardInterrupt: it did so after interrupt().
        """
        with _ctrl_c_calls(self.interrupt):
            try:
                for line in self._process.stdout or ():
                    self.lines.append(line.rstrip("\r\n"))
                    self._heard(self.lines[-1])
            except BaseException:  # of the caller's function: the command does not go on alone
                self.interrupt()
                raise
            finally:
                self._drain()
        if self._process.returncode != 0:
            error = failed(self.command, self._process.returncode, "\n".join(self.lines))
            if self.interrupted:
                raise KeyboardInterrupt from error
            raise error
        return list(self.lines)

    def interrupt(self) -> None:
        """As Ctrl-C in a terminal: once, it ends in order; twice, now."""
        self.interrupted = True
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def _drain(self) -> None:
        """Waits for its end; reads on, so that it never waits for us."""
        for line in self._process.stdout or ():
            self.lines.append(line.rstrip("\r\n"))
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


@contextlib.contextmanager
def _ctrl_c_calls(function: collections.abc.Callable[[], None]) -> collections.abc.Iterator[None]:
    """SIGINT calls it, and raises nothing meanwhile. In other threads than the main one, and where
    the program ignores the signal, all stays as it is."""
    before = signal.getsignal(signal.SIGINT)
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or before in (signal.SIG_IGN, None):
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: function())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
