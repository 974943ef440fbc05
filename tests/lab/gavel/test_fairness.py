"""Finish-time fairness: the fair time of a job is that with an N-th of the cluster, N as it was."""

import numpy as np
import pytest

from heterosched_lab.gavel.fairness import fair_seconds


def test_a_job_alone_has_the_whole_cluster() -> None:
    fair = fair_seconds(np.array([0.0]), np.array([500.0]), np.array([[100.0]]), np.array([1]), np.array([1]))
    assert fair.tolist() == [100.0]


def test_two_jobs_share_until_one_has_gone() -> None:
    arrival, finish = np.array([0.0, 0.0]), np.array([100.0, 150.0])
    fair = fair_seconds(arrival, finish, np.array([[100.0], [100.0]]), np.array([1, 1]), np.array([1]))
    assert fair[0] == pytest.approx(175.0)  # 50 in the first 100 s, 25 in the next 50 s, then alone
    assert fair[1] == pytest.approx(150.0)  # 50 in the first 100 s, then alone


def test_gangs_get_less_time_and_arrivals_count_from_when_they_come() -> None:
    arrival, finish = np.array([0.0, 100.0]), np.array([400.0, 400.0])
    fair = fair_seconds(arrival, finish, np.array([[100.0], [100.0]]), np.array([2, 1]), np.array([2]))
    assert fair[0] == pytest.approx(100.0)
    assert fair[1] == pytest.approx(100.0)


def test_a_type_that_cannot_run_the_job_is_of_no_use_to_it() -> None:
    seconds = np.array([[100.0, np.inf]])
    fair = fair_seconds(np.array([0.0]), np.array([1.0]), seconds, np.array([1]), np.array([1, 1]))
    assert fair[0] == pytest.approx(200.0)
