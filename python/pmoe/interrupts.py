"""What asks a command for its end."""

from __future__ import annotations

import signal
import typing


class Interrupts:
    """Counts Ctrl-C, SIGTERM and SIGHUP from now on; `heard` gets each new count."""

    def __init__(self, heard: typing.Callable[[int], None]) -> None:
        self.count = 0
        self._heard = heard
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as under nohup
            numbers.append(signal.SIGHUP)
        for number in numbers:
            signal.signal(number, self._on_signal)

    def _on_signal(self, *_: object) -> None:
        self.count += 1
        self._heard(self.count)
