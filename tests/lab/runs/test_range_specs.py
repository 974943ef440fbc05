"""A range spec says what a figure may be; its form is strict, and what leaves the range is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from heterosched.errors import InvalidInput
from heterosched_lab import registry
from heterosched_lab.runs.folder import Run
from heterosched_lab.runs.identity import Config
from heterosched_lab.runs.range_specs import load, outside, proposed, specs
from heterosched_lab.runs.types import Figure, Outcome

SPEC = """
# Mean of five runs and 20 %.
benchmark: b
form: full
figures:
  makespan: {unit: h, upper: 21.5}
  allocation: {unit: "%", lower: 74.0, upper: 100}
"""
RUN = Run(
    Path("b"),
    Config("b", (1, 2, 3, 4, 5), False),
    "Title",
    Outcome((Figure("makespan", 18.0, "h", "simulated"), Figure("allocation", 93.0, "%", "simulated", relation=">="))),
)


def written(folder: Path, text: str) -> Path:
    path = folder / "b.yaml"
    path.write_text(text)
    return path


def changed(which: str, **other: object) -> Run:
    figures = [replace(one, **other) if one.name == which else one for one in RUN.outcome.figures]  # type: ignore[arg-type]
    return replace(RUN, outcome=Outcome(tuple(figures)))


def test_a_run_within_its_ranges_has_no_faults(tmp_path: Path) -> None:
    written(tmp_path, SPEC)
    assert outside(RUN, specs(tmp_path)) == []


@pytest.mark.parametrize(
    ("run", "fault"),
    [
        (changed("makespan", value=21.6), "makespan is 21.6 h, above 21.5"),
        (changed("allocation", value=73.9), "allocation is 73.9 %, below 74"),
        (changed("makespan", unit="s"), "makespan is in s, its range in h"),
        (changed("makespan", name="other"), "makespan is missing"),
    ],
)
def test_what_leaves_its_range_is_named(tmp_path: Path, run: Run, fault: str) -> None:
    assert outside(run, [load(written(tmp_path, SPEC))]) == [fault]


def test_a_spec_holds_for_its_form_and_default_options_alone(tmp_path: Path) -> None:
    known = [load(written(tmp_path, SPEC))]
    for config in (
        replace(RUN.config, short=True),
        replace(RUN.config, benchmark="c"),
        replace(RUN.config, options={"a": "1"}),
    ):
        assert outside(replace(RUN, config=config), known) is None


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("upper: 21.5", "uper: 21.5", "unknown field `uper`"),
        ("form: full", "form: long", "Invalid enum value 'long'"),
        ("form: full", "form: full\nmargin: 3", "unknown field `margin`"),
        ("benchmark: b", "", "missing required field `benchmark`"),
        (", upper: 21.5", "", r"figures\.makespan: has no limit"),
        ("lower: 74.0", "lower: 174.0", "lower is above upper"),
        ("21.5", "much", "Expected `float | null`, got `str`"),
        ("figures:", "figures: [", "while parsing"),
    ],
)
def test_a_spec_that_is_not_of_the_form_is_refused(tmp_path: Path, old: str, new: str, problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        load(written(tmp_path, SPEC.replace(old, new)))


def test_the_proposed_spec_leaves_20_percent_on_the_worse_side(tmp_path: Path) -> None:
    text = proposed(RUN)
    spec = load(written(tmp_path, text))
    assert "# Mean of 5 runs and 20% to the worse side, by `heterosched bench run b --seeds 1,2,3,4,5`" in text
    assert (spec.figures["makespan"].lower, spec.figures["makespan"].upper) == (None, 21.6)
    assert (spec.figures["allocation"].lower, spec.figures["allocation"].upper) == (74.4, None)
    assert outside(RUN, [spec]) == []


def test_no_range_is_proposed_for_what_would_cry_wolf(tmp_path: Path) -> None:
    unsteady = (
        Figure("measured", 1.0, "s", "measured"),
        Figure("nothing", 0.0, "", "counted"),
        Figure("noisy", 10.0, "%", "simulated", values=(5.0, 15.0)),
        Figure("steady", 10.0, "%", "simulated", values=(9.9, 10.1)),
    )
    assert set(load(written(tmp_path, proposed(replace(RUN, outcome=Outcome(unsteady))))).figures) == {"steady"}


def test_names_and_units_of_any_kind_survive(tmp_path: Path) -> None:
    odd = Figure('ours: "mean", each {alone}', 2.0, "% of 'all'", "simulated")
    run = replace(RUN, outcome=Outcome((odd,)))
    assert outside(run, [load(written(tmp_path, proposed(run)))]) == []


def test_the_specs_that_are_shipped_are_of_benchmarks_that_there_are() -> None:
    shipped = specs()
    assert {spec.benchmark for spec in shipped} <= set(registry.names())
    assert len({(spec.benchmark, spec.form) for spec in shipped}) == len(shipped)
