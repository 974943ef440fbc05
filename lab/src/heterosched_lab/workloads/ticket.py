"""A number that several processes count up: who gets n takes the n-th chunk of a common list."""

from __future__ import annotations

import os
import tempfile
from typing import Self

_BYTES = 8


class Ticket:
    """A counter in a file without a name. A process that is killed while it holds the file's lock loses the lock, so
    that no one waits for the dead; hence a file, and not a semaphore.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    def new(cls) -> Self:
        """A counter at 0, which `close` removes."""
        with tempfile.TemporaryFile() as file:
            found = cls(os.dup(file.fileno()))
        found.reset()
        return found

    def reset(self) -> None:
        """Back to 0, while nobody counts."""
        os.pwrite(self.descriptor, bytes(_BYTES), 0)

    def take(self) -> int:
        """The next number, which nobody else gets."""
        import fcntl  # of POSIX alone: without it a Crew says so before it makes a counter

        fcntl.lockf(self.descriptor, fcntl.LOCK_EX)
        try:
            number = int.from_bytes(os.pread(self.descriptor, _BYTES, 0), "big")
            os.pwrite(self.descriptor, (number + 1).to_bytes(_BYTES, "big"), 0)
        finally:
            fcntl.lockf(self.descriptor, fcntl.LOCK_UN)
        return number

    def close(self) -> None:
        """Give the file back."""
        os.close(self.descriptor)
