"""What a GPU is worth beside the CPU here: square matrix products, timed on both. Without one nothing is guessed.

The share of work that a GPU of ratio r = CPU seconds / GPU seconds should take, so that both end together, is
r / (r + 1).
"""

from __future__ import annotations

import importlib
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Clock = Callable[[], float]
Product = Callable[[int], Callable[[], None]]
"""Prepares a product of square matrices of this size; calling the answer computes it and waits for its end."""


def cpu_product(size: int) -> Callable[[], None]:
    """By NumPy, in single precision."""
    rng = np.random.default_rng(size)
    one, other = (rng.standard_normal((size, size), dtype=np.float32) for _ in range(2))

    def compute() -> None:
        one @ other

    return compute


def gpu_product() -> tuple[str, Product] | None:
    """The name of a GPU that an installed library can use, and its product; None where there is none."""
    for name, find in (("torch", _torch), ("cupy", _cupy)):
        try:
            library = importlib.import_module(name)
            found = find(library)
        except Exception:  # a library that is absent, or that finds no driver, means: no GPU to be measured
            continue
        if found is not None:
            return found
    return None


def _torch(torch: Any) -> tuple[str, Product] | None:
    if not torch.cuda.is_available():
        return None

    def product(size: int) -> Callable[[], None]:
        one, other = (torch.randn(size, size, device="cuda", dtype=torch.float32) for _ in range(2))

        def compute() -> None:
            torch.matmul(one, other)
            torch.cuda.synchronize()

        return compute

    return str(torch.cuda.get_device_name(0)), product


def _cupy(cupy: Any) -> tuple[str, Product] | None:
    if cupy.cuda.runtime.getDeviceCount() < 1:
        return None

    def product(size: int) -> Callable[[], None]:
        one, other = (cupy.random.standard_normal((size, size), dtype=cupy.float32) for _ in range(2))

        def compute() -> None:
            cupy.matmul(one, other)
            cupy.cuda.Device().synchronize()

        return compute

    name = cupy.cuda.runtime.getDeviceProperties(0)["name"]
    return name.decode() if isinstance(name, bytes) else str(name), product


def profile(
    sizes: Sequence[int],
    runs: int,
    gpu: tuple[str, Product] | None,
    cpu: Product = cpu_product,
    clock: Clock = time.perf_counter,
) -> dict[str, Any]:
    """Median seconds of a product by size on both devices, after one that does not count; ratio and share per size.

    `ratio` and `gpu_share` of the whole are of the geometric mean; null without a GPU, where `mode` is `cpu_only`.
    """
    rows = []
    for size in sizes:
        row: dict[str, Any] = {"size": size, "cpu_seconds": _median(cpu(size), runs, clock)}
        if gpu is not None:
            row["gpu_seconds"] = _median(gpu[1](size), runs, clock)
            row["ratio"] = row["cpu_seconds"] / row["gpu_seconds"]
            row["gpu_share"] = _share(row["ratio"])
        rows.append(row)
    ratio = statistics.geometric_mean(row["ratio"] for row in rows) if gpu is not None else None
    return {
        "mode": "cpu_and_gpu" if gpu is not None else "cpu_only",
        "gpu": gpu[0] if gpu is not None else None,
        "origin": "measured",
        "runs": runs,
        "precision": "float32",
        "sizes": rows,
        "ratio": ratio,
        "gpu_share": _share(ratio) if ratio is not None else None,
    }


def _median(compute: Callable[[], None], runs: int, clock: Clock) -> float:
    compute()
    found = []
    for _ in range(runs):
        start = clock()
        compute()
        found.append(clock() - start)
    return max(statistics.median(found), 1e-9)


def _share(ratio: float) -> float:
    return ratio / (ratio + 1.0)
