"""Video encoding: real blocks of 8 by 8 pixels are transformed, quantised and counted, frame by frame.

The transform is that of JPEG and of the older video codecs (N. Ahmed, T. Natarajan, K. R. Rao: Discrete cosine
transform. IEEE Trans. Computers C-23(1), 1974). Every 30th frame is coded whole (I-frame), the others by what changed
since the frame before (P-frame): only blocks that changed are transformed. There is no motion search and no entropy
coder: the size of the stream is a count of coefficients, not of bytes, and nothing is claimed of a real codec's speed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from heterosched.errors import InvalidInput
from heterosched_lab.workloads.types import Answer, at_least, spans

Picture = NDArray[np.float32]
BLOCK = 8
GROUP = 30
"""Frames from one I-frame to the next: they depend on each other, groups do not, so a group is a chunk."""
STEPS = {"high": 4.0, "medium": 8.0, "low": 16.0}
"""Width of the quantiser's steps: the finer, the more coefficients are left."""
CHANGED = 2.0
"""Mean difference of a block's pixels, in grey levels, from which on it is coded again."""


def cosines() -> Picture:
    """The orthonormal DCT-II matrix: its product with its own transpose is the identity."""
    k, n = np.mgrid[0:BLOCK, 0:BLOCK]
    matrix = np.sqrt(2 / BLOCK) * np.cos(np.pi * (2 * n + 1) * k / (2 * BLOCK))
    matrix[0] /= np.sqrt(2)
    return np.asarray(matrix, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Coded:
    """What coding a group of frames made."""

    frames: int
    whole: int
    blocks: int
    coefficients: int


@dataclass(frozen=True)
class Video:
    """A made-up film in grey: chequers with grain, of which the upper third drifts, and a bright box that moves."""

    name: ClassVar[str] = "video"
    title: ClassVar[str] = "Video encoding"
    unit: ClassVar[str] = "frames"

    width: int = field(default=1920, metadata={"help": "pixels per line"})
    height: int = field(default=1080, metadata={"help": "lines"})
    rate: int = field(default=30, metadata={"help": "frames per second of film"})
    duration: int = field(default=10, metadata={"help": "seconds of film"})
    quality: str = field(default="medium", metadata={"help": "high, medium or low"})

    def __post_init__(self) -> None:
        least = {"width": (self.width, BLOCK), "height": (self.height, BLOCK)}
        at_least(self.name, **least, rate=(self.rate, 1), duration=(self.duration, 1))
        if self.quality not in STEPS:
            remedy = f"use one of {', '.join(STEPS)}"
            raise InvalidInput(f"workload {self.name}", "quality", f"unknown: {self.quality!r}", remedy)

    @property
    def frames(self) -> int:
        """Frames of the film."""
        return self.rate * self.duration

    @property
    def chunks(self) -> int:
        """Groups of frames."""
        return spans(self.frames, GROUP)

    @property
    def units(self) -> float:
        """Frames."""
        return float(self.frames)

    def pattern(self, seed: int) -> Picture:
        """What drifts in the background: wider than the picture, so that a frame is a window of it."""
        generator = np.random.default_rng((seed, 0))
        coarse = generator.random((self.height // BLOCK + 2, (self.width + self.frames) // BLOCK + 2), dtype=np.float32)
        found: Picture = np.repeat(np.repeat(180 * coarse, BLOCK, axis=0), BLOCK, axis=1)
        found += 40 * generator.random(found.shape, dtype=np.float32)
        return found

    def frame(self, pattern: Picture, number: int) -> Picture:
        """One frame, cut to whole blocks."""
        height, width = self.height // BLOCK * BLOCK, self.width // BLOCK * BLOCK
        found = pattern[:height, :width].copy()
        moving = height // 3
        found[:moving] = pattern[:moving, number : number + width]
        size = max(BLOCK, height // 8)
        left = number * 3 % max(1, width - size)
        found[-size:, left : left + size] = 255.0
        return found

    def part(self, chunk: int, seed: int) -> Coded:
        """Code one group of frames."""
        pattern, matrix, step = self.pattern(seed), cosines(), np.float32(STEPS[self.quality])
        first = chunk * GROUP
        count = min(GROUP, self.frames - first)
        before: Picture | None = None
        blocks = coefficients = 0
        for number in range(first, first + count):
            now = self.frame(pattern, number)
            cut = in_blocks(now if before is None else now - before)
            if before is not None:
                cut = cut[np.abs(cut).mean(axis=(1, 2)) > CHANGED]
            blocks += len(cut)
            coefficients += int(np.count_nonzero(np.rint(transformed(cut, matrix) / step)))
            before = now
        return Coded(count, 1, blocks, coefficients)

    def joined(self, parts: Sequence[Coded], seed: int) -> Answer:
        """Frames, those coded whole, blocks and coefficients that were left."""
        return {
            "frames": sum(part.frames for part in parts),
            "whole_frames": sum(part.whole for part in parts),
            "blocks": sum(part.blocks for part in parts),
            "coefficients": sum(part.coefficients for part in parts),
        }


def in_blocks(picture: Picture) -> Picture:
    """The blocks of a picture, line by line."""
    high, wide = picture.shape[0] // BLOCK, picture.shape[1] // BLOCK
    return picture.reshape(high, BLOCK, wide, BLOCK).swapaxes(1, 2).reshape(-1, BLOCK, BLOCK)


def transformed(blocks: Picture, matrix: Picture) -> Picture:
    """The two-dimensional DCT of each block: rows by one product of two matrices, then columns by another."""
    rows = (blocks.reshape(-1, BLOCK) @ matrix.T).reshape(-1, BLOCK, BLOCK)
    columns = (rows.swapaxes(1, 2).reshape(-1, BLOCK) @ matrix.T).reshape(-1, BLOCK, BLOCK)
    return np.asarray(columns.swapaxes(1, 2), dtype=np.float32)
