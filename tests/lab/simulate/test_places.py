"""A scheduler's scratch pad gives devices away as the simulator will: what it finds fits, and what it keeps stays."""

from __future__ import annotations

from collections.abc import Callable

from heterosched_lab.simulate.engine import simulate
from heterosched_lab.simulate.places import Places
from heterosched_lab.simulate.types import Action, Conditions, NodeLoss, SimJob, SimNode, Start, Stop, View

NODES = [SimNode("a", "t4", 4), SimNode("b", "t4", 2), SimNode("c", "t4", 1), SimNode("d", "a100", 1)]


def seen(jobs: list[SimJob], look: Callable[[View], None], first: list[Start], conditions: Conditions) -> None:
    """Shows the view at 5 s, after some starts at 0 s."""

    class Looking:
        name, round_seconds = "looking", 0.0

        def decide(self, view: View) -> list[Action]:
            if view.now < 5:
                return list(first)
            look(view)
            raise KeyboardInterrupt

    assert simulate([*jobs, SimJob("bell", 5.0, {"t4": 1.0})], NODES, Looking(), conditions).partial


def job(name: str, workers: int = 1, share: float = 1.0) -> SimJob:
    return SimJob(name, 0.0, {"t4": 50.0}, workers=workers, share=share)


def test_the_fullest_node_first_then_the_fewest_nodes() -> None:
    def look(view: View) -> None:
        places = Places(view)
        assert places.find(job("x"), "t4") == (2,)
        assert places.find(job("x", 2), "t4") == (1, 1)
        assert places.find(job("x", 3), "t4") == (0, 0, 0)
        assert places.find(job("x", 2), "t4") is None
        assert places.find(job("x"), "a100") == (3,)
        assert places.find(job("x"), "h100") is None
        assert places.free == [1, 0, 0, 0]

    seen([job("y")], look, [], Conditions())


def test_gangs_spread_where_no_node_holds_them() -> None:
    def look(view: View) -> None:
        assert Places(view).find(job("x", 6), "t4") == (0, 0, 0, 0, 1, 1)

    seen([job("y")], look, [], Conditions())


def test_parts_go_where_whole_devices_stay_whole() -> None:
    def look(view: View) -> None:
        places = Places(view)
        assert places.find(job("x", 3, 0.4), "t4") == (1, 1, 1)
        assert places.find(job("x"), "t4") == (0,)
        assert not places.take(job("x", 2, 0.6), (1, 1))
        assert places.take(job("x", 1, 0.2), (1,))

    seen([job("half", share=0.5)], look, [Start(0, (2,))], Conditions())


def test_what_is_stopped_is_free_unless_it_is_kept() -> None:
    def look(view: View) -> None:
        assert Places(view).find(job("x", 6), "t4") is None
        assert Places(view, [0]).find(job("x", 6), "t4") == (0, 0, 0, 0, 1, 1)
        places = Places(view, [0])
        places.keep(0)
        assert places.find(job("x", 5), "t4") is None
        assert places.find(job("x", 4), "t4") == (0, 0, 0, 0)

    seen([job("pair", 2), job("one")], look, [Start(0, (1, 1)), Start(1, (2,))], Conditions())


def test_nodes_that_are_down_have_no_room() -> None:
    def look(view: View) -> None:
        assert view.lost == {0}
        assert Places(view).find(job("x", 4), "t4") is None
        assert Places(view).find(job("x", 3), "t4") == (1, 1, 2)

    seen([job("y")], look, [], Conditions(losses=(NodeLoss(0, 3.0),)))


def test_a_stop_and_a_keep_are_no_change() -> None:
    class Keeping:
        name, round_seconds = "keeping", 5.0

        def decide(self, view: View) -> list[Action]:
            places = Places(view, map(int, view.running))
            for own in map(int, view.running):
                places.keep(own)
            stops: list[Action] = [Stop(int(own)) for own in view.running]
            again = [Start(int(own), view.placed[int(own)]) for own in view.running]
            new = [Start(int(own), found) for own in view.waiting if (found := places.find(view.jobs[own], "t4"))]
            return [*stops, *again, *new]

    jobs = [job("pair", 2), job("half", share=0.5), job("one")]
    log = simulate(jobs, NODES, Keeping(), Conditions(switch_seconds=9.0))
    assert len(log) == 3
    assert log.finish.tolist() == [50, 50, 50]
