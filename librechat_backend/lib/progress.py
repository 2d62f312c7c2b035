"""How far a long command is: a bar on a terminal, a line for each tenth elsewhere. Pure."""

import sys
import time
from typing import TextIO

BAR_WIDTH = 30
REDRAW_SECONDS = 0.2


class Progress:
    """``total`` of 0 counts as done."""

    def __init__(self, label: str, total: int, out: TextIO | None = None) -> None:
        self._label = label
        self._total = total
        self._out = out or sys.stderr
        self._begin = time.monotonic()
        self._drawn_at = 0.0
        self._tenths = 0
        self._note = ""

    def reach(self, done: int, note: str = "") -> None:
        """Say that ``done`` of ``total`` are done; ``note`` follows, on one line."""
        self._note = f", {note}" if note else ""
        share = min(1.0, done / self._total) if self._total else 1.0
        if self._out.isatty():
            self._draw(share, done)
        elif int(share * 10) > self._tenths:
            self._tenths = int(share * 10)
            self._out.write(f"{self._label}: {self._words(share, done)}\n")
            self._out.flush()

    def _draw(self, share: float, done: int) -> None:
        now = time.monotonic()
        if share < 1 and now - self._drawn_at < REDRAW_SECONDS:
            return
        self._drawn_at = now
        bar = "█" * int(share * BAR_WIDTH)
        end = "\n" if share >= 1 else ""
        self._out.write(f"\r{self._label} {bar:·<{BAR_WIDTH}} {self._words(share, done)}  {end}")
        self._out.flush()

    def _words(self, share: float, done: int) -> str:
        seconds = time.monotonic() - self._begin
        left = f", {seconds / share - seconds:.0f} s left" if 0 < share < 1 else ""
        return (
            f"{100 * share:.0f} % ({done:,} of {self._total:,}, {seconds:.0f} s{left}{self._note})"
        )
