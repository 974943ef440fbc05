"""The profile is what was timed: ratio and share of both devices, and nothing about a GPU where there is none."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import pytest

from heterosched_lab.contest.profiler import cpu_product, gpu_product, profile


class Clock:
    """Stands still but for what is computed."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def device(self, seconds: list[float]) -> Callable[[int], Callable[[], None]]:
        """A device whose products take these seconds times the size, one after the other."""

        def product(size: int) -> Callable[[], None]:
            left = [99.0, *seconds]

            def compute() -> None:
                self.now += left.pop(0) * size

            return compute

        return product


def test_ratio_and_share_of_medians_without_the_first_run() -> None:
    clock = Clock()
    gpu = ("toy", clock.device([2.0, 1.0, 50.0]))
    found = profile((10, 40), 3, gpu, clock.device([8.0, 3.0, 7.0]), clock)
    assert [row["cpu_seconds"] for row in found["sizes"]] == [70.0, 280.0]
    assert [row["gpu_seconds"] for row in found["sizes"]] == [20.0, 80.0]
    assert [row["ratio"] for row in found["sizes"]] == [3.5, 3.5]
    assert found["ratio"] == pytest.approx(3.5)
    assert found["gpu_share"] == pytest.approx(3.5 / 4.5)
    assert (found["mode"], found["gpu"], found["origin"]) == ("cpu_and_gpu", "toy", "measured")


def test_without_a_gpu_nothing_is_said_of_one() -> None:
    found = profile((8, 16), 2, None)
    assert (found["mode"], found["gpu"], found["ratio"], found["gpu_share"]) == ("cpu_only", None, None, None)
    assert [row["size"] for row in found["sizes"]] == [8, 16]
    assert all(set(row) == {"size", "cpu_seconds"} and row["cpu_seconds"] > 0 for row in found["sizes"])
    assert json.loads(json.dumps(found)) == found


def test_a_product_can_be_repeated() -> None:
    compute = cpu_product(4)
    compute()
    compute()
    assert callable(compute)


def toy_library(devices: int) -> ModuleType:
    """Looks like torch, with so many GPUs."""
    module = ModuleType("torch")
    cuda = SimpleNamespace(
        is_available=lambda: devices > 0, get_device_name=lambda index: "Toy GPU", synchronize=lambda: None
    )
    vars(module).update(cuda=cuda, float32="float32", randn=lambda *size, **kind: size, matmul=lambda one, other: one)
    return module


def test_a_gpu_of_an_installed_library_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", toy_library(1))
    found = gpu_product()
    assert found is not None
    assert found[0] == "Toy GPU"
    assert profile((4,), 2, found)["mode"] == "cpu_and_gpu"


@pytest.mark.parametrize("torch", [None, toy_library(0), ModuleType("torch")])
def test_libraries_that_are_absent_without_a_gpu_or_broken_mean_none(
    monkeypatch: pytest.MonkeyPatch, torch: ModuleType | None
) -> None:
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert gpu_product() is None
