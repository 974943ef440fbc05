"""`heterosched bench` answers on standard output, says what is wrong on standard error, and its exit code is right."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import yaml
from typer.testing import CliRunner, Result

from heterosched.errors import HeteroSchedError
from heterosched_lab.app import app
from heterosched_lab.runs import range_specs

Offer = Callable[..., None]


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The code does not change while a test runs; there is no public data, and no range spec."""
    monkeypatch.setattr("heterosched_lab.runs.execute.code_digest", lambda own, others: "code")
    monkeypatch.setenv("HETEROSCHED_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(range_specs, "FOLDER", tmp_path / "ranges")
    monkeypatch.chdir(tmp_path)


def bench(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def refused(*arguments: str | Path) -> str:
    """The message of what the command line refuses; `heterosched` prints it and exits with 1."""
    found = bench(*arguments).exception
    assert isinstance(found, HeteroSchedError)
    return str(found)


def test_list_names_title_data_and_what_is_missing(offer: Offer) -> None:
    offer(good="Good", needs="NeedsData", broken="nowhere:X")
    shown = bench("list").stdout.splitlines()
    assert [line.split()[0] for line in shown] == ["NAME", "broken", "good", "needs"]
    assert "nowhere:X cannot be loaded" in shown[1]
    assert shown[2].endswith("none needed")
    assert shown[3].endswith("missing: traces")
    rows = json.loads(bench("list", "-o", "json").stdout)
    assert [row["missing"] for row in rows] == [[], [], ["traces"]]
    assert yaml.safe_load(bench("list", "-o", "yaml").stdout) == rows


@pytest.mark.slow
def test_run_report_and_compare_go_together(offer: Offer) -> None:
    offer(good="Good")
    assert bench("run", "good", "--output", "a").exit_code == 0
    assert bench("run", "good", "--output", "b", "--set", "scale=2").exit_code == 0
    told = bench("report", "a")
    assert told.exit_code == 0
    assert "good        makespan" in told.stdout
    assert "2 of 3 goals met; report: a/report.md" in told.stderr
    assert json.loads(Path("a/summary.json").read_bytes()) == json.loads(bench("report", "a", "-o", "json").stdout)
    assert bench("compare", "a", "a").exit_code == 0
    worse = bench("compare", "a", "b", "-o", "json")
    assert worse.exit_code == 1
    verdicts = {one["figure"]: one["verdict"] for one in json.loads(worse.stdout)["figures"]}
    assert verdicts == {"makespan": "Regressed", "allocation": "Improved", "jobs": "Neutral", "planning": "Neutral"}
    table = bench("compare", "a", "b")
    assert "Regressed   worse by over 5 %; goal missed now" in table.stdout
    assert "note: good: other options" in table.stderr


def test_seeds_are_three_or_those_given_or_ten(offer: Offer) -> None:
    offer(good="Good")
    seeds = []
    for given in ([], ["--seeds", "7,9..11"], ["--full"]):
        bench("run", "good", *given)
        seeds.append(json.loads(Path("build/bench/good/config.json").read_bytes())["seeds"])
    assert seeds == [[42, 43, 44], [7, 9, 10, 11], list(range(42, 52))]


@pytest.mark.parametrize(
    ("seeds", "problem"),
    [
        ("", "nothing is no whole number"),
        ("42,x", "x is no whole number"),
        ("-1", "-1 is no whole number"),
        ("42,42", "a seed is there twice"),
        ("9..3", "9..3 is no range"),
        ("0..1000", "0..1000 is no range of at most 1000 seeds"),
        ("4294967296", "4294967296 is no whole number"),
        ("²", "² is no whole number"),
    ],
)
def test_bad_seeds_are_refused_with_their_form(offer: Offer, seeds: str, problem: str) -> None:
    offer(good="Good")
    told = refused("run", "good", "--seeds", seeds)
    assert problem in told
    assert "write them as 42,43,44 or 42..51" in told


def test_bad_options_are_refused(offer: Offer) -> None:
    offer(good="Good")
    assert "is not of the form key=value" in refused("run", "good", "--set", "scale")
    assert "is there twice" in refused("run", "good", "--set", "scale=1", "--set", "scale=2")
    assert "no benchmark that is to run knows it" in refused("run", "good", "--set", "x=1")
    assert "goes not with --full" in refused("run", "good", "--full", "--seeds", "1,2,3")
    assert "choose of: good" in refused("run", "nix")
    assert not Path("build").exists()


def test_one_that_fails_makes_the_exit_code_1_and_is_named_at_the_end(offer: Offer) -> None:
    offer(raises="Raises", good="Good")
    found = bench("run", "all")
    assert found.exit_code == 1
    assert found.stderr.splitlines()[-1].startswith("error: benchmark raises: ZeroDivisionError: division by nothing")
    assert Path("build/bench/good/report.md").exists()


@pytest.mark.parametrize("how", ["Interrupted", "Terminated"])
def test_an_interruption_is_130(offer: Offer, how: str) -> None:
    offer(cut=how, good="Good")
    before = signal.getsignal(signal.SIGTERM)
    found = bench("run", "cut", "good")
    assert (found.exit_code, Path("build/bench/good").exists()) == (130, False)
    assert "interrupted: what there is of it is marked as partial" in found.stderr
    assert signal.getsignal(signal.SIGTERM) is before


def test_missing_data_fails_what_was_named_and_not_what_was_one_of_all(offer: Offer) -> None:
    offer(needs="NeedsData", good="Good")
    assert bench("run", "needs").exit_code == 1
    found = bench("run", "all")
    assert found.exit_code == 0
    assert "needs: skipped: missing data: traces" in found.stderr


def test_ranges_are_proposed_from_a_run_and_checked_on_the_next(offer: Offer, tmp_path: Path) -> None:
    offer(good="Good")
    assert bench("run", "good", "--check-ranges").exit_code == 0
    text = bench("ranges", "build/bench/good").stdout
    (tmp_path / "ranges").mkdir()
    path = tmp_path / "ranges" / "good.yaml"
    path.write_text(text)
    assert bench("run", "good", "--check-ranges").exit_code == 0
    spec = range_specs.load(path)
    limit = msgspec.structs.replace(spec.figures["makespan"], upper=1.0)
    path.write_bytes(msgspec.yaml.encode(msgspec.structs.replace(spec, figures={"makespan": limit})))
    found = bench("run", "good", "--check-ranges")
    assert found.exit_code == 1
    assert "error: benchmark good: makespan is 10.5" in found.stderr
    assert "good: makespan is 10.5" in Path(bench("report").stderr.split("report: ")[1].strip()).read_text()


def test_what_is_no_run_is_refused_by_every_command(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    assert "there is none" in refused("report", "nowhere")
    assert "is no run" in refused("ranges", "other")
    assert "holds no run" in refused("compare", "other", "other")
    assert "is neither a folder of runs" in refused("report", "other")


def test_help_tells_the_exit_codes() -> None:
    for command in ("list", "run", "compare", "report", "ranges"):
        assert "Exit codes: 0 done; 1 the answer is no" in " ".join(bench(command, "--help").stdout.split())


@pytest.mark.parametrize(
    ("what", "arguments"),
    [
        ("heterosched_lab.workloads.session.carried_out", ("workload", "montecarlo")),
        ("heterosched_lab.contest.batch.contest", ("contest", "heavy")),
        ("heterosched_lab.tuning.session.carry_out", ("tune", "jps", "--training", "2", "--unseen", "2")),
    ],
)
def test_an_interrupted_command_of_another_app_does_not_pass_for_done(
    what: str, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(what, interrupted)
    monkeypatch.setattr("heterosched_lab.tuning.works.effort_work", lambda *_: None)
    assert bench(*arguments).exit_code == 130
