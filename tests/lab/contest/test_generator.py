"""Tasks keep to their ranges, follow the published distributions and never share an id."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from heterosched.algorithms.fractions import estimated_seconds
from heterosched_lab.contest.generator import generate, stream
from heterosched_lab.contest.settings import Settings

PLAIN = Settings()
WIDE = replace(Settings(), mode="realistic", size_range=(100, 100_000), intensity_range=(0.05, 1.0))
COUNT = 6000


@pytest.mark.parametrize("mode", ["plain", "realistic"])
def test_ranges_are_respected_and_changed_by_their_keys(mode: str) -> None:
    settings = replace(PLAIN, mode=mode, size_range=(10, 20), intensity_range=(0.4, 0.5), memory_range=(7, 9))
    tasks = [task.split for task in generate(settings, 1, 2000)]
    assert {task.size for task in tasks} == set(range(10, 21))
    assert all(0.4 <= task.intensity <= 0.5 for task in tasks)
    assert {task.memory_mb for task in tasks} == {7.0, 8.0, 9.0}
    assert all(task.seconds == estimated_seconds(task.size, task.intensity) for task in tasks)


def test_plain_figures_are_uniform() -> None:
    tasks = [task.split for task in generate(PLAIN, 2, COUNT)]
    for values, least, most in (
        ([task.size for task in tasks], 500, 1500),
        ([task.intensity for task in tasks], 0.1, 0.9),
        ([task.memory_mb for task in tasks], 50, 150),
    ):
        quarters = np.quantile((np.array(values) - least) / (most - least), (0.25, 0.5, 0.75))
        assert quarters == pytest.approx([0.25, 0.5, 0.75], abs=0.025)
    assert not any(task.parents for task in generate(PLAIN, 2, 500))


def test_gaps_are_exponential_at_the_rate() -> None:
    arrivals = np.array([task.arrival for task in generate(replace(PLAIN, arrival_rate=50.0), 3, COUNT)])
    gaps = np.diff(arrivals, prepend=0.0)
    assert gaps.min() > 0
    assert gaps.mean() == pytest.approx(1 / 50, rel=0.05)
    assert gaps.std() == pytest.approx(1 / 50, rel=0.08)
    assert np.median(gaps) == pytest.approx(np.log(2) / 50, rel=0.08)


def test_realistic_sizes_are_pareto_from_the_least_on() -> None:
    sizes = np.array([task.split.size for task in generate(WIDE, 4, COUNT)])
    assert sizes.min() >= 100
    for factor in (2.0, 5.0, 20.0):
        assert (sizes >= 100 * factor).mean() == pytest.approx(factor**-1.5, rel=0.15)


def test_realistic_intensity_has_two_humps() -> None:
    values = np.array([task.split.intensity for task in generate(WIDE, 5, COUNT)])
    low, high = values[values < 0.5], values[values >= 0.5]
    assert len(low) / COUNT == pytest.approx(0.3, abs=0.03)
    assert [low.mean(), high.mean()] == pytest.approx([0.2, 0.8], abs=0.02)
    assert [low.std(), high.std()] == pytest.approx([0.1, 0.1], abs=0.02)


def test_realistic_memory_follows_the_size() -> None:
    settings = replace(WIDE, size_range=(500, 1500), memory_range=(0, 1000))
    tasks = [task.split for task in generate(settings, 6, COUNT)]
    sizes, memory = np.array([(task.size, task.memory_mb) for task in tasks]).T
    inside = (memory > 0) & (memory < 1000) & (sizes < 1400)
    assert np.corrcoef(sizes[inside], memory[inside])[0, 1] > 0.7
    assert (memory - sizes / 1500 * 1000)[sizes < 1000].std() == pytest.approx(100, rel=0.1)


def test_every_fifth_realistic_task_waits_for_one_to_three_of_the_last_fifty() -> None:
    tasks = generate(WIDE, 7, COUNT, first=100)
    waiting = [task for task in tasks if task.parents]
    assert len(waiting) / COUNT == pytest.approx(0.2, abs=0.02)
    assert {len(task.parents) for task in waiting} == {1, 2, 3}
    for task in waiting:
        assert len(set(task.parents)) == len(task.parents)
        assert all(max(100, task.number - 50) <= parent < task.number for parent in task.parents)
    assert not any(task.parents for task in generate(replace(WIDE, ordered=False), 7, 500))


def test_ids_never_repeat_and_go_on_where_they_are_told() -> None:
    first = generate(PLAIN, 8, 300)
    second = generate(PLAIN, 8, 300, first=300)
    assert [task.number for task in first + second] == list(range(600))
    assert not {task.split.intensity for task in first} & {task.split.intensity for task in second}


def test_the_same_seed_makes_the_same_tasks_and_another_does_not() -> None:
    assert generate(WIDE, 9, 200) == generate(WIDE, 9, 200)
    assert generate(WIDE, 9, 200) != generate(WIDE, 10, 200)
    assert list(islice(stream(WIDE, np.random.default_rng([9, 0])), 200)) == generate(WIDE, 9, 200)
