"""Each program computes what it should, out of its chunks in any size, and refuses sizes that make no sense."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest

from heterosched.errors import InvalidInput
from heterosched_lab.workloads.dna import DnaAlignment
from heterosched_lab.workloads.mapreduce import MapReduce, told
from heterosched_lab.workloads.montecarlo import MonteCarlo
from heterosched_lab.workloads.nonuniform import LOGARITHMS, ROOTS, NonUniform
from heterosched_lab.workloads.resnet import ResNet
from heterosched_lab.workloads.types import Program
from heterosched_lab.workloads.video import STEPS, Video, cosines, in_blocks, transformed

SEED = 7


def answer(program: Program) -> Any:
    return program.joined([program.part(chunk, SEED) for chunk in range(program.chunks)], SEED)


def test_defaults_are_the_sizes_of_autoscheduler() -> None:
    assert MonteCarlo().samples == 100_000_000
    assert (NonUniform().samples, NonUniform().chunk) == (3_000_000, 2_000)
    video = Video()
    assert (video.width, video.height, video.rate, video.duration, video.frames) == (1920, 1080, 30, 10, 300)
    assert (DnaAlignment().sequences, DnaAlignment().length) == (1_000, 10_000)
    assert (MapReduce().documents, MapReduce().words) == (1_000, 5_000)
    assert (ResNet().batch, ResNet().batches, ResNet().pixels) == (32, 100, 224)


def test_pi_is_found_to_a_hundredth() -> None:
    found = answer(MonteCarlo(samples=300_000, chunk=70_000))
    assert found["error"] == abs(found["pi"] - math.pi) < 1e-2


def test_the_last_chunk_is_what_is_left() -> None:
    program = MonteCarlo(samples=25, chunk=10)
    assert [program.part(chunk, SEED)[1] for chunk in range(program.chunks)] == [10, 10, 5]


def test_seeds_and_chunks_draw_different_points() -> None:
    program = NonUniform(samples=100, chunk=10)
    first = program.squares(0, SEED)
    assert not np.array_equal(first, program.squares(0, SEED + 1))
    assert not np.array_equal(np.sort(first), np.sort(program.squares(1, SEED)))
    many = MonteCarlo(samples=20_000, chunk=1_000)
    assert len({many.part(chunk, seed) for chunk in range(20) for seed in (42, 43)}) > 20


def test_a_strip_does_the_work_of_its_samples() -> None:
    program = NonUniform(samples=300, chunk=30)
    for chunk in (0, 9):
        squares, strip = program.squares(chunk, SEED), program.part(chunk, SEED)
        near, corner = squares[squares < 0.25], squares[squares >= 1]
        middle = squares[(squares >= 0.25) & (squares < 1)]
        total = near.sum()
        total += sum(math.sqrt(square * step) for square in middle for step in range(1, ROOTS + 1))
        total += sum(math.log1p(square / step) for square in corner for step in range(1, LOGARITHMS + 1))
        assert (strip.near, strip.middle, strip.corner) == (len(near), len(middle), len(corner))
        assert strip.total == pytest.approx(total, rel=1e-9)
        assert strip.operations == len(near) + ROOTS * len(middle) + LOGARITHMS * len(corner)


def test_equal_shares_of_the_strips_are_unequal_shares_of_the_work() -> None:
    program = NonUniform(samples=60_000, chunk=500)
    found = [program.counted_imbalance(workers, SEED) for workers in (1, 2, 8)]
    assert found[0] == 1.0
    assert 1.3 < found[1] < 2.0 < found[2]


def test_strips_estimate_pi_as_a_whole() -> None:
    assert answer(NonUniform(samples=3_000, chunk=100))["error"] < 0.1


def test_words_are_counted_as_a_loop_over_all_of_them_counts() -> None:
    program = MapReduce(documents=7, words=200, chunk=3)
    parts = [program.part(chunk, SEED) for chunk in range(program.chunks)]
    assert program.reduced(parts) == Counter(program.serial(SEED))
    assert answer(program) == told(program.serial(SEED))
    assert answer(program)["words"] == 1_400


def test_the_checksum_tells_counts_apart() -> None:
    assert told({"a": 2, "b": 1})["checksum"] != told({"a": 1, "b": 2})["checksum"]


def test_reads_score_near_a_perfect_copy() -> None:
    program = DnaAlignment(sequences=5, length=80, chunk=2)
    found = answer(program)
    assert 80 < found["least"] <= found["mean"] <= found["greatest"] <= 160
    assert program.units == 5 * 80 * 80


def test_global_alignment_scores_at_most_as_much_as_local() -> None:
    sizes = {"sequences": 4, "length": 60, "chunk": 2}
    local = answer(DnaAlignment(**sizes, algorithm="smith-waterman"))
    overall = answer(DnaAlignment(**sizes, algorithm="needleman-wunsch"))
    assert overall["mean"] <= local["mean"]


def test_blocks_are_transformed_without_loss() -> None:
    matrix = cosines()
    assert np.allclose(matrix @ matrix.T, np.eye(8), atol=1e-6)
    picture = np.random.default_rng(1).random((16, 24), dtype=np.float32)
    blocks = in_blocks(picture)
    assert np.array_equal(blocks[4], picture[8:16, 8:16])
    found = transformed(blocks, matrix)
    assert np.allclose(matrix.T @ found @ matrix, blocks, atol=1e-5)


def test_a_still_block_costs_nothing_and_every_thirtieth_frame_is_whole() -> None:
    found = answer(Video(width=64, height=48, rate=30, duration=2))
    assert (found["frames"], found["whole_frames"]) == (60, 2)
    assert 2 * 48 < found["blocks"] < 60 * 48


def test_finer_steps_leave_more_coefficients() -> None:
    left = [answer(Video(width=64, height=48, rate=5, duration=1, quality=name))["coefficients"] for name in STEPS]
    assert left == sorted(left, reverse=True)
    assert left[0] > left[-1]


def test_the_model_has_the_published_times() -> None:
    model = ResNet()
    assert model.seconds("cpu") == pytest.approx(393.6)
    assert model.seconds("gpu") == pytest.approx(78.72)
    assert model.joules("cpu") == pytest.approx(19_680)
    assert model.joules("gpu") == pytest.approx(11_808)
    assert ResNet(pixels=112).flop == pytest.approx(model.flop / 4)


def test_the_model_gains_nothing_by_distribution_and_says_that_it_is_simulated() -> None:
    runs = [ResNet(batches=12).run("gpu", 4, how, SEED) for how in ("static", "dynamic")]
    assert {run.energy_source for run in runs} == {"simulated"}
    assert runs[0].seconds == pytest.approx(runs[1].seconds) == pytest.approx(ResNet(batches=3).seconds("gpu"))
    assert runs[0].joules == pytest.approx(runs[1].joules) == pytest.approx(ResNet(batches=12).joules("gpu"))


def test_devices_that_wait_for_the_last_batch_draw_idle_power() -> None:
    run, each = ResNet(batches=3).run("cpu", 2, "static", SEED), ResNet(batches=1).seconds("cpu")
    assert run.seconds == pytest.approx(2 * each)
    assert run.joules == pytest.approx(3 * each * 50 + each * 10)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: MonteCarlo(samples=0), "samples"),
        (lambda: NonUniform(chunk=-1), "chunk"),
        (lambda: Video(width=7), "width"),
        (lambda: Video(quality="best"), "quality"),
        (lambda: DnaAlignment(algorithm="blast"), "algorithm"),
        (lambda: DnaAlignment(length=0), "length"),
        (lambda: MapReduce(words=0), "words"),
        (lambda: ResNet(batches=0), "batches"),
    ],
)
def test_sizes_that_make_no_sense_are_named(make: Any, field: str) -> None:
    with pytest.raises(InvalidInput, match="workload") as refusal:
        make()
    assert refusal.value.field == field
    assert refusal.value.remedy
