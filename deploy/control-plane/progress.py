"""Says what is being done and how long it will take: one live line on a terminal, plain lines in a pipe."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from typing import TextIO

_PLAIN_INTERVAL_S = 30.0


def duration(seconds: float) -> str:
    """Return `seconds` as people say it: `45 s`, `4 min 50 s`."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"


class Progress:
    """Reports steps to a stream.

    On a terminal a running step is one line that is renewed; elsewhere it is a line at its start, one every 30 seconds
    and one at its end, so that a CI log shows life without filling up.
    """

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._clock = clock
        self._live = self._stream.isatty()

    def say(self, text: str) -> None:
        """Write one line."""
        print(text, file=self._stream, flush=True)

    def _renew(self, text: str) -> None:
        self._stream.write(f"\r\x1b[K{text}")
        self._stream.flush()

    def wait_for(self, process: subprocess.Popen[bytes], label: str, expected_s: float) -> float:
        """Wait until `process` ends, showing elapsed and expected time; return the seconds it took.

        The exit status is the caller's to judge: this only reports time.
        """
        started = self._clock()
        shown = 0.0
        if not self._live:
            self.say(f"  {label}: about {duration(expected_s)}")
        while True:
            try:
                process.wait(0.5 if self._live else 1.0)
            except subprocess.TimeoutExpired:
                elapsed = self._clock() - started
                note = f"  {label}: {duration(elapsed)} of about {duration(expected_s)}"
                if self._live:
                    self._renew(note)
                elif elapsed - shown >= _PLAIN_INTERVAL_S:
                    shown = elapsed
                    self.say(note)
                continue
            elapsed = self._clock() - started
            if self._live:
                self._renew("")
            self.say(f"  {label}: {'done' if process.returncode == 0 else 'failed'} after {duration(elapsed)}")
            return elapsed

    def fraction(self, label: str, done: float, total: float | None) -> None:
        """Show how much of a download has arrived, in bytes; silent in a pipe."""
        if self._live:
            whole = "" if total is None else f" of {total / 1e6:.0f}"
            self._renew(f"  {label}: {done / 1e6:.0f}{whole} MB")
            if total is not None and done >= total:
                self._renew("")
