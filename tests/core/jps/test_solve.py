"""JPS answers are sound plans, optimal where it is claimed, and never better than their proven bound."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heterosched.errors import InvalidInput
from heterosched.jps import Instance, Links, Parameters, TrainingJob, Worker, solve
from heterosched.jps.generate import RATES, SPREADS, prototype, random_instance
from heterosched.jps.parameters import Mode
from jps_cases import brute_force, faults, instances, jct, simple

ANY = Parameters(fairness_floor=0.0)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("seed", "optimum"), [(2, 196.17), (3, 233.04), (4, 233.55), (5, 275.07)])
def test_the_prototype_s_instances_have_their_true_optimum(seed: int, optimum: float) -> None:
    answer = solve(prototype(seed), ANY, generator())
    assert answer.mean_seconds == pytest.approx(optimum, abs=0.01)
    assert (answer.method, answer.bound, answer.gap_percent, answer.optimal) == ("typed-dp", "exact", 0.0, True)
    assert faults(prototype(seed), answer) == []


def test_the_golden_instance_has_the_golden_sizes_with_the_default_parameters() -> None:
    answer = solve(prototype(2), Parameters(), generator())
    assert answer.sizes == (2, 4, 5, 4)
    assert answer.mean_seconds == pytest.approx(196.17, abs=0.01)
    assert answer.fair


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(instances(workers=9), st.sampled_from(["auto", "guided", "uniform"]))
def test_every_answer_is_a_sound_plan(instance: Instance, mode: Mode) -> None:
    answer = solve(instance, Parameters(mode=mode, samples=12), generator())
    assert faults(instance, answer) == []


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(instances(workers=5, jobs=3))
def test_small_instances_are_solved_as_trying_everything_does(instance: Instance) -> None:
    answer = solve(instance, ANY, generator())
    if answer.queued:
        assert brute_force(instance) == np.inf or len(answer.placements) < len(instance.jobs)
    else:
        assert answer.optimal
        assert answer.mean_seconds == pytest.approx(brute_force(instance), rel=1e-9)


@pytest.mark.slow
def test_guided_sampling_is_within_two_percent_of_the_optimum_on_average_and_at_worst() -> None:
    gaps: dict[str, list[float]] = {"guided": [], "uniform": []}
    for seed in range(18):  # twice each spread with each rate; the benchmark has 200
        rng = np.random.default_rng([7, seed])
        jobs, workers = int(rng.integers(4, 6)), int(rng.integers(10, 13))
        made = random_instance(rng, jobs, workers, spread=SPREADS[seed % 3], rate=RATES[seed // 3 % 3])
        optimum = solve(made, ANY, generator()).mean_seconds
        for mode, found in gaps.items() if seed < 9 else [("guided", gaps["guided"])]:
            answer = solve(made, Parameters(mode=mode, fairness_floor=0.0), generator(seed))  # type: ignore[arg-type]
            assert answer.lower_bound_seconds <= optimum * (1 + 1e-9)
            found.append((answer.mean_seconds / optimum - 1) * 100)
    assert np.mean(gaps["guided"]) <= 0.2
    assert np.percentile(gaps["guided"], 95) <= 0.5
    assert max(gaps["guided"]) <= 2.04
    assert min(gaps["guided"]) >= -1e-7
    assert np.mean(gaps["guided"][:9]) < np.mean(gaps["uniform"])


@pytest.mark.slow
def test_more_uniform_samples_are_better_on_average() -> None:
    means = []
    for samples in (8, 24, 72):
        parameters = Parameters(mode="uniform", samples=samples, fairness_floor=0.0)
        made = (random_instance(np.random.default_rng(seed), 4, 10, rate=12.5e9) for seed in range(6))
        means.append(np.mean([solve(own, parameters, generator(1)).gap_percent for own in made]))
    assert means[0] > means[1] > means[2]


@pytest.mark.slow
@pytest.mark.parametrize("rate", RATES)
def test_twenty_jobs_on_sixty_four_gpus_of_three_types_are_solved_exactly(rate: float) -> None:
    made = random_instance(generator(3), 20, 64, rate=rate, typed=True)
    exact = solve(made, ANY, generator())
    assert (exact.method, exact.gap_percent) == ("typed-dp", 0.0)
    assert faults(made, exact) == []
    sampled = solve(made, Parameters(mode="guided", samples=24, fairness_floor=0.0), generator())
    assert sampled.lower_bound_seconds <= exact.mean_seconds <= sampled.mean_seconds * (1 + 1e-9)
    assert sampled.gap_percent < 3.0


def test_large_instances_carry_a_bound() -> None:
    made = random_instance(generator(1), 30, 200, rate=12.5e9, typed=True, most=24)
    answer = solve(made, Parameters(fairness_floor=0.0, exact_cells=0.0), generator())
    assert faults(made, answer) == []
    assert answer.bound == "configurations"
    assert 0 <= answer.gap_percent < 0.5


def test_workers_on_nodes_with_slow_links_between_them_are_taken_from_one_node() -> None:
    jobs = tuple(TrainingJob(name, 1024, 1000.0, 1e9, least=2, most=2) for name in ("a", "b"))
    workers = tuple(Worker(f"w{index}", f"node-{index % 2}") for index in range(4))
    links = Links.by_node([worker.node for worker in workers], 100e9, 1e9)
    answer = solve(Instance(jobs, workers, np.full((2, 4), 500.0), np.ones((2, 4)), links), ANY, generator())
    nodes = {worker.name: worker.node for worker in workers}
    assert [len({nodes[name] for name in placed.workers}) for placed in answer.placements] == [1, 1]
    assert answer.optimal


def test_a_job_that_communicates_much_leaves_workers_idle() -> None:
    job = TrainingJob("a", 100, 100.0, gradient_bytes=1e12)
    workers = tuple(Worker(f"w{index}") for index in range(4))
    answer = solve(Instance((job,), workers, np.full((1, 4), 50.0), np.ones((1, 4)), Links(1e9)), ANY, generator())
    assert answer.sizes == (1,)


def test_the_same_seed_gives_the_same_answer() -> None:
    made = random_instance(generator(5), 4, 12, rate=1.25e9)
    first, again = (solve(made, Parameters(mode="guided"), generator(9)) for _ in range(2))
    assert first == again


@settings(max_examples=25, deadline=None)
@given(instances(workers=8, plain=True))
def test_one_worker_more_never_hurts(instance: Instance) -> None:
    answer = solve(instance, ANY, generator())
    if answer.queued:
        return
    more = Instance(
        instance.jobs,
        (*instance.workers, Worker("one-more")),
        np.hstack([instance.speed, instance.speed[:, :1]]),
        np.hstack([instance.watts, instance.watts[:, :1]]),
        instance.links,
    )
    assert solve(more, ANY, generator()).mean_seconds <= answer.mean_seconds * (1 + 1e-9)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(instances(workers=8))
def test_the_order_of_jobs_and_workers_does_not_change_the_optimum(instance: Instance) -> None:
    jobs, workers = np.arange(len(instance.jobs))[::-1], np.arange(len(instance.workers))[::-1]
    place = np.append(np.argsort(jobs), -1)
    mirrored = Instance(
        tuple(instance.jobs[row] for row in jobs),
        tuple(instance.workers[column] for column in workers),
        instance.speed[np.ix_(jobs, workers)],
        instance.watts[np.ix_(jobs, workers)],
        instance.links.restricted(workers),
        place[instance.holders[workers]],
    )
    one, other = (solve(own, ANY, generator()) for own in (instance, mirrored))
    assert {queued.job for queued in one.queued} == {queued.job for queued in other.queued}
    assert one.mean_seconds == pytest.approx(other.mean_seconds, rel=1e-9)


def test_twice_the_iterations_take_twice_the_time_and_twice_the_speed_half_the_computing() -> None:
    base = simple([[10.0, 20.0, 40.0], [10.0, 15.0, 50.0]])
    mean = solve(base, ANY, generator()).mean_seconds
    longer = tuple(TrainingJob(job.name, job.batch, job.iterations * 2) for job in base.jobs)
    assert solve(Instance(longer, base.workers, base.speed, base.watts), ANY, generator()).mean_seconds == 2 * mean
    faster = Instance(base.jobs, base.workers, base.speed * 2, base.watts)
    assert solve(faster, ANY, generator()).mean_seconds == pytest.approx(mean / 2)


def test_energy_weight_trades_time_for_energy() -> None:
    made = random_instance(generator(4), 4, 12, spread="wide", typed=True)
    fast = solve(made, ANY, generator())
    frugal = solve(made, Parameters(fairness_floor=0.0, beta=1.0, energy_weight=1.0), generator())
    assert frugal.joules < fast.joules
    assert frugal.mean_seconds >= fast.mean_seconds
    assert frugal.lower_bound_seconds <= fast.mean_seconds * (1 + 1e-9)
    assert frugal.method == "typed-dp"


@pytest.mark.parametrize(("beta", "energy"), [(1.0, 0.5), (0.2, 1.0), (0.5, 0.0)])
@pytest.mark.parametrize("typed", [True, False])
def test_what_is_sought_in_all_is_never_below_its_proven_bound(beta: float, energy: float, typed: bool) -> None:
    made = random_instance(generator(6), 4, 10, rate=12.5e9, typed=typed)
    wanted = Parameters(beta=beta, energy_weight=energy, fairness_floor=0.0, samples=40)
    found, exact = (solve(made, own, generator()) for own in (wanted, replace(wanted, beta=1.0)))
    assert found.score_gap_percent is not None
    assert 0.0 <= found.score_gap_percent < 100.0
    if beta == 1.0:
        assert (exact.optimal, exact.score_gap_percent) == (True, 0.0)
        sampled = solve(made, replace(wanted, mode="guided"), generator())
        assert sampled.score_gap_percent is not None
        assert sampled.score_gap_percent < 5.0


def test_nothing_is_proven_of_fairness_alone() -> None:
    made = random_instance(generator(6), 4, 10, rate=12.5e9)
    assert solve(made, Parameters(beta=0.0, samples=20), generator()).score_gap_percent is None


def test_links_by_node_without_a_worker_are_answered() -> None:
    job = TrainingJob("a", 8, 10.0)
    made = Instance((job,), (), np.zeros((1, 0)), np.zeros((1, 0)), Links.by_node([], np.inf, 1e9))
    assert [queued.job for queued in solve(made, ANY, generator()).queued] == ["a"]


def test_no_worker_or_no_job_is_answered_and_not_raised() -> None:
    job = TrainingJob("a", 8, 10.0)
    without = solve(Instance((job,), (), np.zeros((1, 0)), np.zeros((1, 0))), ANY, generator())
    assert [queued.job for queued in without.queued] == ["a"]
    assert without.reason == "no job can be placed"
    empty = solve(Instance((), (Worker("w"),), np.zeros((0, 1)), np.zeros((0, 1))), ANY, generator())
    assert (empty.placements, empty.queued) == ((), ())


def test_parameters_out_of_range_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"fairness_floor: 1.5 is not within 0..1"):
        solve(prototype(2), Parameters(fairness_floor=1.5), generator())


def test_the_reason_tells_the_figures() -> None:
    answer = solve(prototype(2), Parameters(), generator())
    expected = "4 jobs on 15 workers by typed-dp: mean completion 196.173 s, optimal; fairness 0.996"
    assert answer.reason == expected


def test_prices_say_what_a_worker_is_worth() -> None:
    answer = solve(simple([[10.0, 20.0, 40.0], [10.0, 20.0, 40.0]]), ANY, generator())
    assert answer.prices["w0"] <= answer.prices["w1"] <= answer.prices["w2"]
    assert answer.prices["w2"] > 0


def test_a_placement_shows_how_its_seconds_come_about() -> None:
    instance = prototype(2)
    for placed in solve(instance, ANY, generator()).placements:
        assert placed.seconds == pytest.approx(
            placed.compute_seconds + placed.communication_seconds + placed.restart_seconds
        )
        assert placed.rounded_seconds >= placed.seconds
        row = [job.name for job in instance.jobs].index(placed.job)
        names = [worker.name for worker in instance.workers]
        assert placed.seconds == pytest.approx(jct(instance, row, [names.index(name) for name in placed.workers]))
