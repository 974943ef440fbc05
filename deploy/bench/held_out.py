"""The portfolio against SAGA's HEFT on problems that nobody looked at while it was made.

Every workflow on a fleet and at a bandwidth by lot, and random layered graphs; the portfolio's own lot is another too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random
from typing import Any

import peer
from bench_graphs import compare, layered, summary
from wfinstances import Workflow, bandwidth, folder, load

SEED = 20_261
GRAPHS = 60


def cases(sample: int) -> Iterator[peer.Case]:
    """The problems; `sample` takes every N-th workflow and so much fewer graphs."""
    data, draw = folder(), Random(SEED)
    for path in sorted(data.glob("*.json.gz"))[::sample] if data else []:
        yield _case(f"workflow|{path.name.split('.')[0]}", load(path), draw)
    for number in range(max(1, GRAPHS // sample)):
        width = draw.randint(2, 40)
        tasks = draw.randint(2 * width, 600)
        cost, edges = layered(tasks, width, SEED + number)
        yield _case(f"layered|{number}", Workflow(f"layered-{number}", cost, edges), draw)


def _case(key: str, flow: Workflow, draw: Random) -> peer.Case:
    speeds = [round(math.exp(draw.uniform(math.log(0.5), math.log(8.0))), 3) for _ in range(draw.randint(3, 40))]
    ratio = math.exp(draw.uniform(math.log(0.05), math.log(20.0)))
    return peer.Case(key, flow.cost, flow.edges, speeds, bandwidth(flow, speeds, ratio))


def figures(sample: int) -> dict[str, Any]:
    """Mean and worst ratio, for workflows and for layered graphs. Raises NoPeer."""
    found = list(cases(sample))
    ratios = compare(found, {"portfolio": "portfolio"}, seed=SEED)[0]["portfolio"]
    kinds = {kind: kind + "|" for kind in ("workflow", "layered")}
    return {
        "seed": SEED,
        "objective": "time alone (policy Performance)",
        **summary(ratios, lambda key: True),
        **{
            kind: summary(ratios, lambda key, start=start: key.startswith(start))  # type: ignore[misc]
            for kind, start in kinds.items()
            if any(key.startswith(start) for key in ratios)
        },
        "ratios": ratios,
    }
