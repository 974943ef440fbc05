"""Static shares are those of the production strategy: equal by number, in order, each chunk once."""

from __future__ import annotations

import pytest

from heterosched.algorithms.base import Problem, strategies
from heterosched.algorithms.static import Static
from heterosched.model import Schedule
from heterosched_lab.workloads.deal import shares


def test_the_production_strategy_deals(monkeypatch: pytest.MonkeyPatch) -> None:
    assert strategies()["static"] is Static
    asked: list[Problem] = []
    real = Static.schedule

    def watched(self: Static, problem: Problem) -> Schedule:
        asked.append(problem)
        return real(self, problem)

    monkeypatch.setattr(Static, "schedule", watched)
    shares.cache_clear()
    assert shares(6, 3) == ((0, 1), (2, 3), (4, 5))
    assert len(asked) == 1


@pytest.mark.parametrize(("chunks", "workers"), [(10, 3), (2, 5), (7, 1)])
def test_every_chunk_is_dealt_once_and_shares_differ_by_one_at_most(chunks: int, workers: int) -> None:
    dealt = shares(chunks, workers)
    assert len(dealt) == workers
    assert [chunk for share in dealt for chunk in share] == list(range(chunks))
    assert max(map(len, dealt)) - min(map(len, dealt)) <= 1
