"""A node with a failed GPU or an exporter out of reach keeps no more of its thermal headroom than its policy says."""

from __future__ import annotations

import numpy as np
import pytest

from heterosched.policy.table import BUILT_IN
from heterosched.policy.terms import after_faults

ROW = BUILT_IN["Balanced"]
NAN = float("nan")


@pytest.mark.parametrize(
    ("headroom", "unreachable", "expected"),
    [
        ([0.9, 0.9, NAN], [0.0, 1.0, 1.0], [0.9, 0.5, 0.5]),
        ([0.2, 0.2, 0.2], [1.0, 0.0, NAN], [0.2, 0.2, 0.2]),
        (None, [1.0, 0.0, NAN], [0.5, NAN, NAN]),
    ],
)
def test_a_fault_leaves_no_more_headroom_than_the_policy_says(
    headroom: list[float] | None, unreachable: list[float], expected: list[float]
) -> None:
    given = None if headroom is None else np.array(headroom)
    found = after_faults(given, None, np.array(unreachable), ROW)
    assert found is not None
    np.testing.assert_array_equal(found, expected)


def test_without_a_fault_nothing_changes() -> None:
    headroom = np.array([0.5, NAN])
    assert after_faults(headroom, np.zeros(2), np.full(2, NAN), ROW) is headroom
    assert after_faults(None, None, np.zeros(2), ROW) is None
