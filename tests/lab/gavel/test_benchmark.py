"""The benchmarks B2 and B3: goals and peers as figures, plots that exist, and a reason where the data are absent."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from heterosched.errors import InvalidInput
from heterosched_lab.gavel import benchmark, entrants, traces
from heterosched_lab.gavel.benchmark import Makespan, MeanJct
from heterosched_lab.gavel.traces import CONTINUOUS, STATIC, TABLE
from heterosched_lab.progress import Quiet
from heterosched_lab.runs.types import Context

SPEEDS = {"v100": 10.0, "p100": 6.0, "k80": 2.0}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small folder of public data: one model, six jobs a trace."""
    folder = tmp_path / "data" / "gavel"
    folder.mkdir(parents=True)
    table = {
        device: {str(("net", gang)): {"null": speed * gang} for gang in (1, 2, 4)} for device, speed in SPEEDS.items()
    }
    (folder / TABLE).write_text(json.dumps(table), encoding="utf-8")
    for name, gap in ((STATIC, 0), (CONTINUOUS, 600)):
        rows = [f"net\tx\ty\t-n\t1\t{20000 + 3000 * n}\t{2 ** (n % 3)}\t1\t-1.0\t{gap * n}" for n in range(6)]
        (folder / name).write_text("\n".join(rows) + "\n", encoding="utf-8")
    monkeypatch.setattr(traces, "STATIC_JOBS", 5)
    monkeypatch.setattr(traces, "CONTINUOUS_JOBS", 5)
    return folder.parent


def context(data: Path, folder: Path, short: bool = True) -> Context:
    folder.mkdir(exist_ok=True)
    return Context(folder, data, (42, 43), short, Quiet())


@pytest.mark.parametrize("kind", [Makespan, MeanJct])
def test_the_short_form_has_goals_a_table_and_plots(
    kind: type[Makespan] | type[MeanJct], data: Path, tmp_path: Path
) -> None:
    outcome = kind().run(context(data, tmp_path / "run"))
    assert sum(figure.goal is not None for figure in outcome.figures) >= 3
    assert all((tmp_path / "run" / name).stat().st_size > 0 for name, _ in outcome.plots)
    assert {"held-out"} < {row[0] for row in outcome.tables[0].rows}
    measured = [figure.name for figure in outcome.figures if figure.origin == "measured"]
    assert len(measured) == 1 and "planning" in measured[0]


@pytest.mark.parametrize("kind", [Makespan, MeanJct])
def test_without_seeds_there_is_nothing_to_play(
    kind: type[Makespan] | type[MeanJct], data: Path, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match="seeds"):
        kind().run(replace(context(data, tmp_path / "run"), seeds=()))


def test_the_full_form_has_its_entrants_and_fifo_for_every_seed(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark, "spread", lambda function, items, **_: [function(item) for item in items])
    names = ("fifo", "max_min_fairness", "index", "index_blind")
    monkeypatch.setattr(entrants, "CONTINUOUS_ENTRANTS", names)
    outcome = MeanJct().run(context(data, tmp_path / "run", short=False))
    rows = [row for row in outcome.tables[0].rows if row[0] == CONTINUOUS and row[1] == 20.0]
    assert [row[3] for row in rows if row[2] == "fifo"] == [42, 43]
    assert {row[2] for row in rows} == set(names)
    held_out = next(figure for figure in outcome.figures if "held-out" in figure.name)
    assert len(held_out.values) == 2 and held_out.lower is not None


def test_the_same_seeds_give_the_same_table(data: Path, tmp_path: Path) -> None:
    first, again = (Makespan().run(context(data, tmp_path / name)) for name in ("one", "two"))
    assert first.tables == again.tables
    assert (tmp_path / "one" / "utilisation.png").read_bytes() == (tmp_path / "two" / "utilisation.png").read_bytes()


def test_absent_data_are_a_reason_and_no_failure(tmp_path: Path) -> None:
    for kind in (Makespan, MeanJct):
        outcome = kind().run(context(tmp_path, tmp_path / "run"))
        assert outcome.figures == () and TABLE in outcome.skipped["everything"]
