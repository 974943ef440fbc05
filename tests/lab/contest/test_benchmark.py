"""The benchmark's short form has every figure, table and plot, and the same seeds give the same ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from heterosched.errors import InvalidInput
from heterosched_lab import registry
from heterosched_lab.contest.benchmark import Contest
from heterosched_lab.contest.rounds import Round
from heterosched_lab.progress import Quiet
from heterosched_lab.runs.types import Context, Outcome

pytestmark = pytest.mark.slow


def context(folder: Path, **options: str) -> Context:
    return Context(folder, folder / "none", (7,), True, Quiet(), options)


@pytest.fixture(autouse=True, scope="module")
def one_process() -> Iterator[None]:
    """New processes would take longer than the rounds do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("heterosched_lab.spread.cores", lambda: 1)
        yield


def run(folder: Path) -> Outcome:
    return Contest().run(context(folder, tasks="40"))


@pytest.fixture(scope="module")
def first(one_process: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    folder = tmp_path_factory.mktemp("contest")
    return folder, run(folder)


def test_it_is_registered_and_needs_no_data() -> None:
    found = registry.load("contest")
    assert isinstance(found, Contest)
    assert not found.needs


def test_figures_tables_and_plots(first: tuple[Path, Outcome]) -> None:
    folder, found = first
    figures = {figure.name: figure for figure in found.figures}
    assert len(figures) == len(found.figures)
    assert figures["rows of the report"].value == 8 * 40
    for case in ("parallel", "legacy_linear", "parallel, realistic tasks"):
        assert figures[f"{case}: tasks that any strategy runs faster than the oracle"].met
        assert figures[f"{case}: largest deviation from the formulas"].met
        assert figures[f"{case}: mean time of even_finish, each task alone"].met
        for rate in ("2", "6", "100"):
            own = figures[f"{case}, {rate} arrivals/s: mean latency of even_finish"]
            assert own.goal == own.peer
            assert own.peer_name not in ("", "even_finish")
    assert {table.name for table in found.tables} == {"standings", "alone"}
    assert all(len(row) == len(table.columns) for table in found.tables for row in table.rows)
    for name, caption in found.plots:
        assert (folder / name).stat().st_size > 5000
        assert caption
    assert (folder / "heavy_simulation_report.csv").is_file()


def test_the_same_seeds_give_the_same(first: tuple[Path, Outcome], tmp_path: Path) -> None:
    folder, found = first
    assert run(tmp_path) == found
    files = sorted(path.relative_to(folder) for path in folder.rglob("*.*"))
    assert len(files) >= 14
    assert all((folder / path).read_bytes() == (tmp_path / path).read_bytes() for path in files)


def test_a_configuration_is_taken_and_bad_options_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds: list[Round] = []

    class Seen(Exception):
        pass

    def see(function: object, items: list[Round], **more: object) -> None:
        rounds.extend(items)
        raise Seen

    monkeypatch.setattr("heterosched_lab.contest.benchmark.spread", see)
    file = tmp_path / "config.yaml"
    file.write_text("simulation: {num_gpus: 1}\n", encoding="utf-8")
    with pytest.raises(Seen):
        Contest().run(context(tmp_path, config=str(file)))
    assert {(own.settings.num_gpus, own.settings.num_tasks, own.seed) for own in rounds} == {(1, 1000, 7)}
    assert {(own.settings.model, own.settings.mode) for own in rounds} == {
        ("parallel", "plain"),
        ("legacy_linear", "plain"),
        ("parallel", "realistic"),
    }
    for bad in ({"tasks": "few"}, {"tasks": "0"}, {"config": str(tmp_path / "none.yaml")}):
        with pytest.raises(InvalidInput):
            Contest().run(context(tmp_path, **bad))
