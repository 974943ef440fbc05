"""A report says what was wanted, what came out and against whom, goals first, and never less than the figures do."""

from __future__ import annotations

import pytest

from heterosched_lab.runs.identity import Config
from heterosched_lab.runs.markdown import body, figure_tables, quantity, run_report
from heterosched_lab.runs.types import Figure, Outcome, Table

MET = Figure("makespan", 17.5, "h", "simulated", 17.9, peer=17.98, peer_name="Gavel", lower=17.2, upper=17.8)
MISSED = Figure("heft", 81.0, "s", "simulated", 80.0, "==", 0.5, note="one tie broken otherwise")
PLAIN = Figure("switches", 3.25, "per job", "counted")
MEASURED = Figure("planning", 0.4, "s", "measured", 1.0)
CONFIG = Config("b", (42, 43), True, versions={"numpy": "2"}, code="c0de", data="da7a")


def test_goals_come_first_with_verdict_peer_and_interval() -> None:
    lines = figure_tables((PLAIN, MET, MISSED))
    assert lines[2] == "| makespan | 17.5 h | 17.2 .. 17.8 | <= 17.9 h | met | 17.98 h (Gavel) | simulated |"
    assert lines[3] == "| heft | 81 s |  | = 80 ± 0.5 s | **missed** |  | simulated |"
    assert "| switches | 3.25 per job |  |  | counted |  |" in lines
    assert "- heft: one tie broken otherwise" in lines


def test_the_report_of_a_run_has_no_measured_values_and_says_where_they_are() -> None:
    tables = (Table("t", ("a",), [("shown",)]), Table("measured-t", ("a",), [("hidden",)]))
    text = run_report(CONFIG, "Title", Outcome((MET, MEASURED), tables))
    assert text.startswith("# Title\n\n`heterosched bench run b --seeds 42,43 --short`\n\n| Goal |")
    assert ("0.4" in text, "hidden" in text, "shown" in text, "(measured-t.csv)" in text) == (False, False, True, True)
    assert "`measured.json`: planning." in text
    assert "Seeds 42, 43; numpy 2; code c0de, data da7a." in text
    assert "Partial" not in text
    assert "**Partial: the run was interrupted.**" in run_report(CONFIG, "Title", Outcome((), partial=True))


def test_small_tables_are_shown_large_ones_linked() -> None:
    small = Table("t", ("a", "b"), [("x|y", 0.123456789)])
    long = Table("long", ("a",), [(1,)] * 40)
    wide = Table("wide", tuple("abcdefghijkl"), [range(12)])
    lines = body(Outcome((), (small, long, wide)), "b/")
    assert "| x\\|y | 0.12346 |" in lines
    assert "[long.csv](b/long.csv): 40 rows of a" in lines
    assert any(line.startswith("[wide.csv](b/wide.csv): 1 rows of a, b") for line in lines)


def test_a_table_reads_the_same_fresh_and_from_its_file() -> None:
    rows = [(1, 2.0, 0.1 + 0.2, True, "", "nan", -0.5)]
    fresh = body(Outcome((), (Table("t", tuple("abcdefg"), rows),)), "")
    read = body(Outcome((), (Table("t", tuple("abcdefg"), [[str(cell) for cell in row] for row in rows]),)), "")
    assert fresh == read


def test_remarks_what_is_left_out_and_plots_are_shown() -> None:
    lines = body(Outcome((), plots=(("p.png", "A plot"),), remarks=("r",), skipped={"SAGA": "not installed"}), "b/")
    assert lines[:2] == ["- r", "- Left out: SAGA: not installed"]
    assert "![A plot](b/p.png)" in lines


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 s"),
        (17.98, "17.98 s"),
        (1234567.0, "1.235e+06 s"),
        (1e-12, "1e-12 s"),
        (0.00012346, "0.0001235 s"),
        (100.0, "100 s"),
    ],
)
def test_quantities_have_four_digits(value: float, text: str) -> None:
    assert quantity(value, "s") == text
