"""`heterosched plan --plot` draws every task to scale, marks the critical path, and adds power up to the energy."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
import yaml

from heterosched.api import HeteroJob
from heterosched.model import Assignment, Demand, Option, Schedule
from heterosched.planning.types import JobPlan
from heterosched_cli.gantt import COLOURS, LEFT, RIGHT, WIDTH, shortened
from heterosched_cli.gantt_data import chart_of
from heterosched_cli.plan_view import PlannedJob
from heterosched_cli.svg import document, element, number, text
from manifests import a_job

SVG = "{http://www.w3.org/2000/svg}"
CLUSTER = """
nodes:
- {name: v100, count: 2, device: nvidia-v100, gpus: 2, cpu: 16, memory: 64Gi}
- {name: cpu, count: 1, cpu: 8, memory: 64Gi}
"""
NOW = 1_700_000_000.0
SPAN = WIDTH - LEFT - RIGHT


@pytest.fixture
def cluster(tmp_path: Path) -> Path:
    path = tmp_path / "nodes.yaml"
    path.write_text(CLUSTER, encoding="utf-8")
    return path


def a_chain(name: str = "chain") -> dict[str, Any]:
    """`first` for 10 s at 100 W, then `second` for 30 s at 50 W, both on a V100; `aside` for 5 s on the CPU."""
    job = a_job(name).policy("Performance").task("first").gpus(1, "nvidia-v100")
    manifest = job.task("second").gpus(1, "nvidia-v100").after("first").task("aside").cpus(1).manifest()
    for task, (device, seconds, watts) in zip(
        manifest["spec"]["tasks"],
        [("nvidia-v100", 10, 100), ("nvidia-v100", 30, 50), ("cpu", 5, 10)],
        strict=True,
    ):
        task["work"] = {"runtimeOn": [{"device": device, "seconds": seconds, "watts": watts}]}
    return manifest


def drawn(cli: Any, cluster: Path, *manifests: dict[str, Any], options: tuple[str, ...] = ()) -> ElementTree.Element:
    path = cluster.parent / "plan.svg"
    result = cli("plan", "-f", "-", "--cluster", cluster, "--plot", path, *options, input=yaml.safe_dump_all(manifests))
    assert result.exit_code == 0, result.stderr
    assert f"drawn into {path}" in result.stderr
    return ElementTree.parse(path).getroot()


def bars(root: ElementTree.Element) -> dict[str, tuple[float, float, ElementTree.Element]]:
    """Start and length of each bar as shares of the time axis, and its rectangle, by the first word on hover."""
    found = {}
    for group in root.iter(f"{SVG}g"):
        title, rectangle = group.find(f"{SVG}title"), group.find(f"{SVG}rect")
        assert title is not None and title.text is not None and rectangle is not None
        start = (float(rectangle.attrib["x"]) - LEFT) / SPAN
        found[title.text.split(" ")[0]] = (start, float(rectangle.attrib["width"]) / SPAN, rectangle)
    return found


def words(root: ElementTree.Element) -> list[str]:
    return [each.text or "" for each in root.iter(f"{SVG}text")]


def test_bars_are_to_scale_and_carry_their_names(cli: Any, cluster: Path) -> None:
    root = drawn(cli, cluster, a_chain())
    found = bars(root)
    assert set(found) == {"first", "second", "aside"}
    for name, start, length in (("first", 0.0, 0.25), ("second", 0.25, 0.75), ("aside", 0.0, 0.125)):
        assert found[name][0] == pytest.approx(start, abs=1e-3)
        assert found[name][1] == pytest.approx(length, abs=1e-3)
    assert {"first", "second", "aside", "v100-0  nvidia-v100", "cpu-0  cpu", "critical path"} <= set(words(root))


def test_the_critical_path_is_outlined_and_joined(cli: Any, cluster: Path) -> None:
    root = drawn(cli, cluster, a_chain())
    outlined = {name for name, (_, _, shape) in bars(root).items() if shape.attrib["stroke"] == "#222222"}
    assert outlined == {"first", "second"}
    joins = [line for line in root.iter(f"{SVG}polyline") if "stroke-dasharray" in line.attrib]
    assert len(joins) == 1


def test_the_text_on_hover_says_what_the_table_says(cli: Any, cluster: Path) -> None:
    title = bars(drawn(cli, cluster, a_chain()))["second"]
    told = ElementTree.tostring(drawn(cli, cluster, a_chain()), encoding="unicode")
    assert title is not None
    for line in (
        "second of default/chain",
        "10.0s to 40.0s: 30 s (estimated)",
        "1 worker(s) on nvidia-v100: v100-0 x1",
        "1.5 kJ at 50 W",
        "on the critical path",
    ):
        assert line in told


def test_power_adds_up_to_the_energy_of_the_plan(cli: Any, cluster: Path) -> None:
    root = drawn(cli, cluster, a_chain())
    assert "110 W" in words(root)
    assert "2.55 kJ" in words(root)
    titles = [title.text for title in root.iter(f"{SVG}title")]
    assert "energy added up: 2.55 kJ" in titles


def test_several_jobs_have_colours_of_their_own_and_tasks_at_the_same_time_their_lanes(cli: Any, cluster: Path) -> None:
    root = drawn(cli, cluster, a_chain("one"), a_chain("two"))
    shapes = [group.find(f"{SVG}rect") for group in root.iter(f"{SVG}g")]
    assert {shape.attrib["fill"] for shape in shapes if shape is not None} == set(COLOURS[:2])
    corners = [(shape.attrib["x"], shape.attrib["y"]) for shape in shapes if shape is not None]
    assert len(set(corners)) == len(corners) == 6
    assert {"default/one", "default/two"} <= set(words(root))


def test_a_worker_shows_on_each_of_its_nodes(cli: Any, cluster: Path) -> None:
    job = a_job("wide").task("t").gpus(1, "nvidia-v100").workers(4, 4).runtime({"nvidia-v100": 10})
    root = drawn(cli, cluster, job.manifest())
    assert [word for word in words(root) if word.startswith("t x")] == ["t x2", "t x2"]


def test_a_job_without_run_times_is_named_and_the_others_are_drawn(cli: Any, cluster: Path) -> None:
    blind = a_job("blind").task("t").cpus(1).manifest()
    root = drawn(cli, cluster, a_chain(), blind)
    assert any("default/blind: no run time is known for t" in word for word in words(root))
    assert "first" in bars(root)


def test_tasks_that_wait_until_further_notice_are_named_and_not_drawn() -> None:
    option = Option("cpu", 5.0, Demand(1.0))
    month = NOW + 31 * 86400
    assignments = {
        "now": Assignment("now", option, ("cpu-0",), NOW, NOW + 5),
        "held": Assignment("held", option, ("cpu-0",), month, month + 5),
        "behind": Assignment("behind", option, ("cpu-0",), month + 5, month + 10),
    }
    job = msgspec.convert(a_job("waits").task("now").cpus(1).manifest(), HeteroJob)
    chart = chart_of([PlannedJob(job, JobPlan("heft", schedule=Schedule(assignments), held=("held",)), None, NOW)])
    assert [bar.task for row in chart.rows for lane in row.lanes for bar in lane] == ["now"]
    assert chart.seconds == 5.0
    assert "waiting for a node until further notice: held" in chart.left_out[0]
    assert "makespan not known" in chart.captions[0]


def test_nothing_to_draw_is_a_no(cli: Any, cluster: Path) -> None:
    blind = yaml.safe_dump(a_job("blind").task("t").cpus(1).manifest())
    path = cluster.parent / "plan.svg"
    result = cli("plan", "-f", "-", "--cluster", cluster, "--plot", path, input=blind)
    assert result.exit_code == 1
    assert "there is no plan to draw" in result.stderr
    assert not path.exists()


def test_a_place_that_cannot_be_written_is_named(cli: Any, cluster: Path) -> None:
    plan = yaml.safe_dump(a_chain())
    result = cli("plan", "-f", "-", "--cluster", cluster, "--plot", "/no/such/place.svg", input=plan)
    assert (result.exit_code, "--plot: /no/such/place.svg" in result.stderr) == (1, True)


def test_five_hundred_tasks_stay_readable_and_light(cli: Any, cluster: Path) -> None:
    job = a_job("many")
    for index in range(500):
        job.task(f"task-{index:03d}").cpus(1).runtime({"cpu": 5})
    path = cluster.parent / "plan.svg"
    root = drawn(cli, cluster, job.manifest())
    assert len(bars(root)) == 500
    assert path.stat().st_size < 500 * 500
    assert float(root.attrib["height"]) < 3000


def test_what_users_wrote_is_escaped_and_signs_that_xml_forbids_are_left_out() -> None:
    parts = [text('<b>&"\x00', 1, 2.5), element("g", {"class_": "a<b"}, title="x & y")]
    root = ElementTree.fromstring(document(10, 10, "a & b", "c < d", "", parts))
    assert root.attrib["width"] == "10"
    assert [each.text for each in root.iter(f"{SVG}text")] == ['<b>&"']
    assert [each.text for each in root.iter(f"{SVG}title")] == ["a & b", "x & y"]


@pytest.mark.parametrize(("value", "written"), [(1.0, "1"), (0.004, "0"), (2.5, "2.5"), (100.0, "100"), (-0.001, "0")])
def test_numbers_are_short(value: float, written: str) -> None:
    assert number(value) == written


@pytest.mark.parametrize(
    ("words", "room", "shown"),
    [("features", 8, "features"), ("map-hep2-017", 8, "map-…017"), ("map-hep2-017", 3, "m…7"), ("abcdef", 4, "ab…f")],
)
def test_a_name_that_is_too_long_keeps_both_ends(words: str, room: int, shown: str) -> None:
    assert shortened(words, room) == shown
